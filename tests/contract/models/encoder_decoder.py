"""Encoder-decoders: tokens or pictures in, scores of each token of a text out."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from contract.models.family import Family
from torch import Tensor, nn

from profond import models
from profond.core.tokens import END, SPECIAL, START

VOCABULARY, OUTPUT = 13, 11
FIRST = len(SPECIAL)


def reads_tokens(name: str) -> bool:
    return "vocabulary" in inspect.signature(models.registry.load(name)).parameters


def settings(name: str) -> dict[str, Any]:
    shape = {} if reads_tokens(name) else {"input_shape": models.example_shape(name)}
    return {**shape, **({"vocabulary": VOCABULARY} if reads_tokens(name) else {}), "output_vocabulary": OUTPUT}


def sentences(vocabulary: int, lengths: list[int], seed: int, ends: bool = False) -> Tensor:
    """Random tokens, 0 behind each one's end."""
    random = torch.Generator().manual_seed(seed)
    tokens = torch.randint(FIRST, vocabulary, (len(lengths), max(lengths)), generator=random)
    for row, length in enumerate(lengths):
        tokens[row, length:] = 0
        if ends:
            tokens[row, 0], tokens[row, length - 1] = START, END
    return tokens


def inputs(name: str, count: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """What is read, of unlike length, and texts of unlike length."""
    if reads_tokens(name):
        read = sentences(VOCABULARY, [2 + (3 * row) % 5 for row in range(count)], seed)
    else:
        read = torch.randn(count, *models.example_shape(name), generator=torch.Generator().manual_seed(seed))
    return read, sentences(OUTPUT, [6 - row % 4 for row in range(count)], seed + 100, ends=True)


def scores(output: Any) -> Tensor:
    assert isinstance(output, Tensor)
    return output


def call(model: nn.Module, given: tuple[Tensor, Tensor]) -> Any:
    return model(*given)


ENCODER_DECODER = Family("encoder_decoder", settings, inputs, scores, call)
