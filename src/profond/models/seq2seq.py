"""From a sequence of tokens to another one: reads all of it, and looks at it again for each word that it writes.

Notable features:
- the encoder reads in both directions, so that what it says of a word knows what stands before and behind it
- attention: for each token that is written, a weighted mean of what was read
- one network for sequences of any length: what fills up a shorter one changes nothing

Source: D. Bahdanau, K. Cho and Y. Bengio, Neural machine translation by jointly learning to align and translate, ICLR
    2015. Deviations: LSTM cells in the place of GRU ones, which have faster kernels; two decoder layers with attention
    between them, see `profond.nn.decoder`; the first state comes from the last outputs of both directions.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.config import Count, Share
from profond.core.tokens import START
from profond.models import register_model
from profond.nn.attention import Memory, Score
from profond.nn.decoder import Decoder
from profond.nn.recurrent import State
from profond.nn.sequence import Recurrent, mask, token_lengths


@register_model("seq2seq")
class Seq2Seq(nn.Module):
    """An encoder-decoder with attention, which reads a text and writes one, such as its translation.

    Args:
        vocabulary: tokens that it reads.
        output_vocabulary: tokens that it writes.
        width: numbers of an embedding.
        hidden: numbers of each layer's output; the encoder has half of them in each direction.
        layers: of the encoder.
        dropout: of embeddings, between layers and before the output.
        attention: how it compares, see `profond.nn.attention.Attention`.
        tied: the embeddings of what is written are the output layer's weights too.
    """

    family = "encoder_decoder"
    stages = ("embedding", "encoder", "decoder.lower", "decoder.attention", "decoder.upper")
    head = "decoder.output"
    any_length = True
    example_shape = (8,)
    example_settings: ClassVar[dict[str, object]] = {"width": 12, "hidden": 16, "dropout": 0.0}

    def __init__(
        self,
        vocabulary: int,
        output_vocabulary: int,
        width: Count = 128,
        hidden: Count = 256,
        layers: Count = 1,
        dropout: Share = 0.2,
        attention: Score = "multiplicative",
        tied: bool = True,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(width))
        self.encoder = Recurrent("lstm", width, hidden // 2, layers, bidirectional=True, dropout=dropout)
        size = self.encoder.output_size
        self.decoder = Decoder(output_vocabulary, size, size, width, hidden, dropout, attention, tied)

    def forward(self, inputs: Int[Tensor, "n s"], targets: Int[Tensor, "n t"] | None = None) -> Float[Tensor, "n u v"]:
        """Scores of each token of the targets but the first, given all before it; of the first one to be written where
        there are no targets.

        Args:
            inputs: tokens; 0 fills up shorter ones.
            targets: tokens from the start to the end; 0 fills up shorter ones.
        """
        before = inputs.new_full((inputs.shape[0], 1), START) if targets is None else targets[:, :-1]
        memory = self.encode(inputs)
        scores: Tensor = self.decoder(before, self.start(memory), memory)[0]
        return scores

    def encode(self, inputs: Int[Tensor, "n s"]) -> Memory:
        """What was read."""
        lengths = token_lengths(inputs)
        read = F.dropout(self.embedding(inputs), self.dropout, self.training)
        outputs, last = self.encoder(read, lengths)
        outputs = F.dropout(outputs, self.dropout, self.training)
        return self.decoder.remember(outputs, mask(lengths, inputs.shape[1]), last)

    def start(self, memory: Memory) -> State:
        """The state before the first token."""
        return self.decoder.start(memory)

    def step(
        self, tokens: Int[Tensor, " n"], state: State, memory: Memory
    ) -> tuple[Float[Tensor, "n v"], State, Float[Tensor, "n s"]]:
        """From the token before: scores of the next one, the state after it, and where it looked."""
        return self.decoder.step(tokens, state, memory)
