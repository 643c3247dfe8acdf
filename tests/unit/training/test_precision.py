"""The arithmetic that is chosen, and why."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from profond.core import device as devices
from profond.core.device import choose_precision
from profond.training.precision import precision_for

CPU = torch.device("cpu")


def test_a_processor_with_bf16_units_uses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "bf16_instructions", lambda: "AMX")
    assert choose_precision(CPU).precision == "bf16"
    assert "AMX" in str(choose_precision(CPU))


def test_a_processor_without_stays_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "bf16_instructions", lambda: None)
    assert choose_precision(CPU).precision == "fp32"


def test_three_dimensional_convolutions_are_kept_out_of_bf16_on_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "bf16_instructions", lambda: "AVX512-BF16")
    films, pictures = nn.Sequential(nn.Conv3d(1, 2, 3)), nn.Sequential(nn.Conv2d(1, 2, 3))
    assert precision_for(films, CPU).precision == "fp32"
    assert precision_for(pictures, CPU).precision == "bf16"
    assert precision_for(films, CPU, "bf16").precision == "bf16", "what is asked for is done"
