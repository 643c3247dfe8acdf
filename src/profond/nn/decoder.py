"""The writer of an encoder-decoder: one token after the other, with attention on what was read.

Notable features:
- attention stands between two layers: the lower one asks, the upper one is given the answer and decides
- so in training all steps go through fused kernels at once, and in a search one step goes on from the last
- the embeddings of what is written are the output layer's weights too, where ``tied``
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.nn.attention import Attention, Memory, Score
from profond.nn.recurrent import State
from profond.nn.sequence import Recurrent


class Decoder(nn.Module):
    """Two LSTM layers with attention between them, from tokens before to the next token's scores.

        a_t = LSTM(E y_{t-1}, a_{t-1})           a_0 from the summary of what was read
        c_t = attention(a_t, memory)
        b_t = LSTM([a_t, c_t], b_{t-1})
        scores = E' tanh(W [b_t, c_t])

    Args:
        vocabulary: tokens that it can write.
        memory_size: numbers of each part of what was read.
        summary_size: numbers of the summary of what was read.
        width: numbers of an embedding.
        hidden: numbers of each layer's output.
        dropout: of embeddings, between the layers and before the output.
        score: see `Attention`.
        tied: E' is E.

    Source: as `Attention`. NOTE In Bahdanau et al. the state itself goes through attention, so that training takes one
        step at a time; that the lower layer alone asks, and the upper one is given the answer, is Y. Wu et al.,
        Google's neural machine translation system, 2016, section 3.2. The output is Luong et al.'s equation 5. Tied
        embeddings: O. Press and L. Wolf, Using the output embedding to improve language models, EACL 2017.
    """

    def __init__(
        self,
        vocabulary: int,
        memory_size: int,
        summary_size: int,
        width: int = 128,
        hidden: int = 256,
        dropout: float = 0.2,
        score: Score = "multiplicative",
        tied: bool = True,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(width))
        self.first = nn.Linear(summary_size, hidden)
        self.lower = Recurrent("lstm", width, hidden)
        self.attention = Attention(hidden, memory_size, hidden, score)
        self.upper = Recurrent("lstm", hidden + memory_size, hidden)
        self.reduce = nn.Linear(hidden + memory_size, width)
        self.output = nn.Linear(width, vocabulary)
        if tied:
            self.output.weight = self.embedding.weight
        nn.init.zeros_(self.output.bias)

    def remember(self, values: Float[Tensor, "n s m"], real: Tensor, summary: Float[Tensor, "n k"]) -> Memory:
        """What was read, with its keys."""
        return Memory(values, self.attention.key(values), real, summary)

    def start(self, memory: Memory) -> State:
        """The state before the first token: four tensors (n, h), the lower layer's two and the upper one's."""
        first = torch.tanh(self.first(memory.summary))
        zeros = torch.zeros_like(first)
        return first, zeros, zeros, zeros

    def forward(
        self, tokens: Int[Tensor, "n t"], state: State, memory: Memory
    ) -> tuple[Float[Tensor, "n t v"], Float[Tensor, "n t s"]]:
        """Scores of the token after each of those given, and where each step looked."""
        asking, _ = self.lower(self._dropped(self.embedding(tokens)), state=state[:2])
        context, weights = self.attention(asking, memory)
        answered, _ = self.upper(self._dropped(torch.cat([asking, context], 2)), state=state[2:])
        return self._scores(answered, context), weights

    def step(
        self, tokens: Int[Tensor, " n"], state: State, memory: Memory
    ) -> tuple[Float[Tensor, "n v"], State, Float[Tensor, "n s"]]:
        """One step of ``forward``, and the state after it."""
        asking, lower = self.lower.go_on(self.embedding(tokens[:, None]), state[:2])
        context, weights = self.attention(asking, memory)
        answered, upper = self.upper.go_on(torch.cat([asking, context], 2), state[2:])
        return self._scores(answered, context)[:, 0], (*lower, *upper), weights[:, 0]

    def _scores(self, answered: Tensor, context: Tensor) -> Tensor:
        reduced = torch.tanh(self.reduce(torch.cat([answered, context], 2)))
        return self.output(self._dropped(reduced))  # type: ignore[no-any-return]

    def _dropped(self, values: Tensor) -> Tensor:
        return F.dropout(values, self.dropout, self.training)
