"""Generators with their critics: noise in, samples out; samples in, a score out."""

from __future__ import annotations

from typing import Any

import torch
from contract.models.family import Family
from torch import Tensor, nn

from profond import models

CLASSES = 3


def settings(name: str) -> dict[str, Any]:
    return {"input_shape": models.example_shape(name), "num_classes": CLASSES}


def labels(count: int) -> Tensor:
    return torch.arange(count) % CLASSES


def samples(shape: tuple[int, ...], count: int, seed: int = 1) -> Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def inputs(name: str, count: int, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Noise, labels, and samples for the critic."""
    size = models.create(name, **{**settings(name), **models.example_settings(name)}).latent_size
    noise = torch.randn(count, int(size), generator=torch.Generator().manual_seed(seed))  # type: ignore[arg-type]
    return noise, labels(count), samples(models.example_shape(name), count, seed)


def call(model: Any, given: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    noise, of_class, real = given
    return model(noise, of_class), model.critic(real, of_class)


def numbers(output: tuple[Tensor, Tensor]) -> Tensor:
    made, scores = output
    return torch.cat((made.flatten(1), scores[:, None]), 1)


def alone(model: nn.Module, noise: Tensor) -> Tensor:
    return model(noise)  # type: ignore[no-any-return]


GENERATOR = Family("generator", settings, inputs, numbers, call)
