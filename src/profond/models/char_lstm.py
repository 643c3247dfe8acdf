"""A text goes on: of each character, how probable each next one is, from all that stand before it.

Notable features:
- the same network reads and writes: what it wrote is what it reads next
- a state that goes on step by step, so that writing a character costs one step, however much stands before it

Source: A. Graves, Generating Sequences With Recurrent Neural Networks, 2013, section 3. Deviations: the characters are
    vectors that are learned, layers are not joined past each other, and dropout stands between them.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.config import Count, Share
from profond.models import register_model
from profond.nn.recurrent import State
from profond.nn.sequence import Kind, Recurrent


@register_model("char_lstm")
class CharLSTM(nn.Module):
    """A recurrent network that writes a text on: at each step it says which token comes next.

    Args:
        vocabulary: tokens that it reads.
        output_vocabulary: tokens that it writes: the same ones.
        width: numbers of a token's vector.
        hidden: numbers of each layer's output.
        layers: on top of each other.
        kind: of the cells: ``lstm``, ``gru`` or ``rnn``.
        dropout: between layers and before the output.
    """

    family = "language"
    stages = ("embedding", "recurrent")
    head = "output"
    any_length = True
    example_shape = (12,)
    example_settings: ClassVar[dict[str, object]] = {"width": 8, "hidden": 8}

    def __init__(
        self,
        vocabulary: int,
        output_vocabulary: int,
        width: Count = 64,
        hidden: Count = 256,
        layers: Count = 1,
        kind: Kind = "lstm",
        dropout: Share = 0.1,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.embedding = nn.Embedding(vocabulary, width)
        self.recurrent = Recurrent(kind, width, hidden, layers, dropout=dropout)
        self.output = nn.Linear(hidden, output_vocabulary)

    def forward(self, tokens: Int[Tensor, "n t"]) -> Float[Tensor, "n t v"]:
        """Scores of what follows each token."""
        outputs, _ = self.recurrent(self.embedding(tokens))
        scores: Tensor = self.output(F.dropout(outputs, self.dropout, self.training))
        return scores

    def go_on(self, tokens: Int[Tensor, "n t"], state: State | None = None) -> tuple[Float[Tensor, "n v"], State]:
        """Scores of what follows the last of some tokens that are all real, and the state after them."""
        outputs, state = self.recurrent.go_on(self.embedding(tokens), state)
        return self.output(outputs[:, -1]), state
