"""Attention: of everything that was read, how much of each part the next word is made from.

Notable features:
- additive, as a small network of query and key, or multiplicative, as their product: much sooner for many queries
- what only fills up a shorter sequence gets exactly no attention
- keys are made once for a sequence, however many queries follow
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

Score = Literal["additive", "multiplicative"]


class Memory(NamedTuple):
    """What was read, the batch first, so that a search can pick from it.

    Args:
        values: (n, s, m), what attention gives parts of.
        keys: (n, s, a), what queries are compared with.
        real: (n, s), False where a shorter sequence is filled up.
        summary: (n, k), what the writer begins with.
    """

    values: Float[Tensor, "n s m"]
    keys: Float[Tensor, "n s a"]
    real: Bool[Tensor, "n s"]
    summary: Float[Tensor, "n k"]


class Attention(nn.Module):
    """A weighted mean of values, its weights a softmax over scores of query q and key k = U m:

        additive:        v · tanh(W q + k)
        multiplicative:  (W q) · k / √a

    Args:
        query_size: numbers of a query.
        memory_size: numbers of each part of what was read.
        size: a, numbers of a key.
        score: how a query and a key are compared.

    Source: additive: D. Bahdanau, K. Cho and Y. Bengio, Neural machine translation by jointly learning to align and
        translate, ICLR 2015, appendix A.1.2; multiplicative: T. Luong, H. Pham and C. Manning, Effective approaches to
        attention-based neural machine translation, EMNLP 2015, section 3.1, "general"; divided by √a as in A. Vaswani
        et al., Attention is all you need, NeurIPS 2017.
    """

    def __init__(self, query_size: int, memory_size: int, size: int, score: Score = "multiplicative") -> None:
        super().__init__()
        self.query = nn.Linear(query_size, size, bias=False)
        self.key = nn.Linear(memory_size, size, bias=False)
        self.energy = nn.Linear(size, 1, bias=False) if score == "additive" else None

    def forward(
        self, queries: Float[Tensor, "n t q"], memory: Memory
    ) -> tuple[Float[Tensor, "n t m"], Float[Tensor, "n t s"]]:
        """For each query the mean of the values, and its weights."""
        asked = self.query(queries)
        if self.energy is None:
            scores = asked @ memory.keys.transpose(1, 2) / math.sqrt(asked.shape[-1])
        else:
            scores = self.energy(torch.tanh(asked[:, :, None] + memory.keys[:, None]))[..., 0]
        weights = scores.float().masked_fill(~memory.real[:, None], -math.inf).softmax(-1)
        return weights.to(memory.values.dtype) @ memory.values, weights
