"""Feedforward networks: samples of one shape in, one score for each class out."""

from __future__ import annotations

from typing import Any

import torch
from contract.models.family import Family
from torch import Tensor

from profond import models

CLASSES = 10


def settings(name: str) -> dict[str, Any]:
    return {"input_shape": models.example_shape(name), "num_classes": CLASSES}


def inputs(name: str, count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, *models.example_shape(name), generator=torch.Generator().manual_seed(seed))


def logits(output: Any) -> Tensor:
    """Some models give auxiliary ones beside them in training."""
    return output if isinstance(output, Tensor) else output[0]


FEEDFORWARD = Family("feedforward", settings, inputs, logits)
