"""What the processor can do, and whether somebody has forbidden it to; without importing PyTorch."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import NamedTuple

_WITHOUT_BF16 = frozenset(
    ("sse41", "avx", "avx2", "avx2_vnni", "avx2_vnni_2", "avx512_core", "avx512_core_vnni")
)  # all others from AVX512_CORE_BF16 on have it. Source: oneDNN's guide, "CPU Dispatcher Control"
_WITHOUT_AMX = _WITHOUT_BF16 | {"avx512_core_bf16", "avx512_core_fp16", "avx10_1_512", "avx10_2_512"}


class Bf16(NamedTuple):
    """How bf16 is computed here.

    Args:
        instructions: ``"AMX"``, ``"AVX512-BF16"``, or None where it would be emulated, many times slower than fp32.
        reason: why, in words that follow a colon.
    """

    instructions: str | None
    reason: str


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bf16() -> Bf16:
    """The processor's bf16 instruction set, unless the environment keeps PyTorch or its oneDNN from using it."""
    flags = set(_cpuinfo().split())
    there = [name for name, flag in (("AMX", "amx_bf16"), ("AVX512-BF16", "avx512_bf16")) if flag in flags]
    if not there:
        return Bf16(None, "this processor has no bf16 arithmetic")
    variable, limit = _limit_of_onednn()
    told = f"this processor has {there[0]}, but {variable}={limit} keeps it from use"
    if limit.lower() in _WITHOUT_BF16:
        return Bf16(None, told)
    if limit.lower() in _WITHOUT_AMX and there[0] == "AMX":
        return Bf16("AVX512-BF16", told) if "AVX512-BF16" in there else Bf16(None, told)
    limit = os.environ.get("ATEN_CPU_CAPABILITY", "")
    if limit in ("avx2", "default"):  # PyTorch takes no other spelling of them
        return Bf16(None, f"this processor has {there[0]}, but ATEN_CPU_CAPABILITY={limit} keeps it from use")
    return Bf16(there[0], f"this processor has {there[0]}")


def processor_name() -> str:
    for line in _cpuinfo().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _limit_of_onednn() -> tuple[str, str]:
    """The variable that oneDNN obeys, and its value; the second name is the one of its earlier versions."""
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        if name in os.environ:
            return name, os.environ[name]
    return "", ""


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""
