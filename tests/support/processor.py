"""What the environment keeps this processor from."""

from __future__ import annotations

import pytest

from profond.core.processor import bf16

_FOUND = bf16()
MAY_USE_BF16 = pytest.mark.skipif(
    _FOUND.instructions is None and "keeps it from use" in _FOUND.reason,
    reason="the environment keeps oneDNN from bf16 instructions, and PyTorch and OpenVINO ask the processor alone",
)
"""For what PyTorch or OpenVINO compute by oneDNN's primitives of bf16, which then refuse: no processor is like that."""
