"""Our networks as Keras has them."""

from __future__ import annotations

import importlib
from types import ModuleType

import torch
from torch import Tensor, nn

from profond import models


def build(name: str, shape: tuple[int, ...] | None = None) -> tuple[nn.Module, ModuleType]:
    """Our model in Keras's convention, and its file of names."""
    module = models.registry.entry(name).module.rpartition(".")[2]
    names = importlib.import_module(f"profond.weights.names.{module}")
    sized = {} if shape is None else {"input_shape": shape}
    return models.create(name, num_classes=10, **sized, **names.KERAS).eval(), names


def images(height: int, width: int) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(height))
