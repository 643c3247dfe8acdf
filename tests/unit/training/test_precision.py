"""The arithmetic that is chosen, and why."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from profond.core import processor
from profond.core.device import choose_precision
from profond.training.precision import precision_for

CPU = torch.device("cpu")


@pytest.fixture
def instructions(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Says what the processor has; nothing of the environment limits it."""
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"):
        monkeypatch.delenv(name, raising=False)

    def has(flags: str) -> None:
        monkeypatch.setattr(processor, "_cpuinfo", lambda: f"model name : Some CPU\nflags : fpu avx2 {flags}\n")

    return has


def test_a_processor_with_bf16_units_uses_them(instructions: Callable[[str], None]) -> None:
    instructions("avx512_bf16 amx_bf16")
    assert str(choose_precision(CPU)) == "bf16 (this processor has AMX)"
    instructions("avx512_bf16")
    assert str(choose_precision(CPU)) == "bf16 (this processor has AVX512-BF16)"


def test_a_processor_without_stays_in_fp32(instructions: Callable[[str], None]) -> None:
    instructions("avx512f")
    assert str(choose_precision(CPU)) == "fp32 (this processor has no bf16 arithmetic)"


@pytest.mark.parametrize(
    ("variable", "limit"),
    [
        ("ONEDNN_MAX_CPU_ISA", "AVX2"),
        ("ONEDNN_MAX_CPU_ISA", "avx512_core_vnni"),
        ("DNNL_MAX_CPU_ISA", "SSE41"),
        ("ATEN_CPU_CAPABILITY", "avx2"),
        ("ATEN_CPU_CAPABILITY", "default"),
    ],
)
def test_instructions_that_the_environment_forbids_are_not_counted_on(
    instructions: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, variable: str, limit: str
) -> None:
    instructions("avx512_bf16 amx_bf16")
    monkeypatch.setenv(variable, limit)
    assert choose_precision(CPU).precision == "fp32"
    assert f"has AMX, but {variable}={limit} keeps it from use" in str(choose_precision(CPU))


@pytest.mark.parametrize(
    ("variable", "limit", "left"),
    [
        ("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16", "AVX512-BF16"),
        ("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_AMX", "AMX"),
        ("ONEDNN_MAX_CPU_ISA", "DEFAULT", "AMX"),
        ("ONEDNN_MAX_CPU_ISA", "a spelling that oneDNN passes over", "AMX"),
        ("ATEN_CPU_CAPABILITY", "avx512", "AMX"),
    ],
)
def test_a_limit_that_leaves_bf16_leaves_it(
    instructions: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, variable: str, limit: str, left: str
) -> None:
    instructions("avx512_bf16 amx_bf16")
    monkeypatch.setenv(variable, limit)
    assert choose_precision(CPU).precision == "bf16"
    assert processor.bf16().instructions == left


def test_three_dimensional_convolutions_are_kept_out_of_bf16_on_processors(
    instructions: Callable[[str], None],
) -> None:
    instructions("avx512_bf16")
    films, pictures = nn.Sequential(nn.Conv3d(1, 2, 3)), nn.Sequential(nn.Conv2d(1, 2, 3))
    assert precision_for(films, CPU).precision == "fp32"
    assert precision_for(pictures, CPU).precision == "bf16"
    assert precision_for(films, CPU, "bf16").precision == "bf16", "what is asked for is done"
