"""Attention against its equations, and what fills up shorter sequences."""

from __future__ import annotations

import pytest
import torch

from profond.nn.attention import Attention, Memory, Score


def made(score: Score, real: torch.Tensor) -> tuple[Attention, Memory, torch.Tensor]:
    torch.manual_seed(0)
    attention, values = Attention(5, 6, 4, score).double(), torch.randn(3, 7, 6, dtype=torch.float64)
    memory = Memory(values, attention.key(values), real, torch.zeros(3, 1))
    return attention, memory, torch.randn(3, 2, 5, dtype=torch.float64)


@pytest.mark.parametrize("score", ["additive", "multiplicative"])
def test_the_weights_are_the_equations(score: Score) -> None:
    attention, memory, queries = made(score, torch.ones(3, 7, dtype=torch.bool))
    context, weights = attention(queries, memory)
    for n in range(3):
        for t in range(2):
            asked = attention.query.weight @ queries[n, t]
            keys = [attention.key.weight @ value for value in memory.values[n]]
            if attention.energy is None:
                scores = torch.stack([asked @ key / 2 for key in keys])  # √4
            else:
                scores = torch.stack([attention.energy.weight[0] @ torch.tanh(asked + key) for key in keys])
            torch.testing.assert_close(weights[n, t].double(), scores.softmax(0), rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(context[n, t], scores.softmax(0) @ memory.values[n], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("score", ["additive", "multiplicative"])
def test_what_fills_up_gets_nothing_and_changes_nothing(score: Score) -> None:
    real = torch.arange(7) < torch.tensor([7, 3, 1])[:, None]
    attention, memory, queries = made(score, real)
    context, weights = attention(queries, memory)
    assert not weights.masked_select(~real[:, None].expand_as(weights)).any()
    torch.testing.assert_close(weights.sum(2), torch.ones(3, 2))
    disturbed = memory._replace(values=torch.where(real[..., None], memory.values, 1e6))
    torch.testing.assert_close(attention(queries, disturbed)[0], context)
