"""Networks that read tokens: of all of a text scores of each class, or at each step scores of what follows."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from contract.models.family import Family
from torch import Tensor

from profond import models
from profond.core.tokens import SPECIAL

VOCABULARY, CLASSES = 13, 3
LENGTHS = (7, 3, 5, 1, 6)


def settings(name: str) -> dict[str, Any]:
    writes = "output_vocabulary" in inspect.signature(models.registry.load(name)).parameters
    return {"vocabulary": VOCABULARY, **({"output_vocabulary": VOCABULARY} if writes else {"num_classes": CLASSES})}


def inputs(name: str, count: int, seed: int = 1) -> Tensor:
    """Texts of unlike length, 0 behind each one's end; in the first one every token is there."""
    random = torch.Generator().manual_seed(seed)
    lengths = [VOCABULARY, *(LENGTHS[row % len(LENGTHS)] for row in range(1, count))]
    tokens = torch.randint(len(SPECIAL), VOCABULARY, (count, VOCABULARY), generator=random)
    tokens[0] = torch.arange(VOCABULARY).roll(-1)
    for row, length in enumerate(lengths):
        tokens[row, length:] = 0
    return tokens


def scores(output: Any) -> Tensor:
    assert isinstance(output, Tensor)
    return output


TEXT = Family("text", settings, inputs, scores)
LANGUAGE = Family("language", settings, inputs, scores)
