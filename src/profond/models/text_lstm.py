"""A text to a class: the words as vectors, read in both directions, and of each number the largest of all steps.

Notable features:
- two recurrent layers of one size, one from each end, so that each step knows what stands before and behind it
- max pooling over the real steps: what speaks for a class is found wherever it stands, in texts of any length
- whole words are dropped while it learns, so that it does not hang on single ones
- the vectors are a stage of their own, at which an explanation can ask which words the answer is due to

Source: A. Conneau, D. Kiela, H. Schwenk, L. Barrault and A. Bordes, Supervised Learning of Universal Sentence
    Representations from Natural Language Inference Data, EMNLP 2017: BiLSTM with max pooling. Deviations: the vectors
    are learned here, smaller, and words are dropped (Y. Gal and Z. Ghahramani, NeurIPS 2016).
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.config import Count, Share
from profond.core.tokens import UNKNOWN
from profond.models import register_model
from profond.nn.sequence import Kind, Recurrent, mask, token_lengths


@register_model("text_lstm")
class TextLSTM(nn.Module):
    """Texts and their classes: a bidirectional recurrent network over words, pooled by their maximum.

    Args:
        vocabulary: tokens that it reads.
        num_classes: classes, or numbers to be estimated.
        width: numbers of a word's vector.
        hidden: numbers of each direction's output.
        kind: of the cells: ``lstm``, ``gru`` or ``rnn``.
        bidirectional: read from the end too.
        dropout: of vectors and of what the last layer gets.
        word_dropout: share of the words that are taken for unknown ones while it learns.
    """

    family = "text"
    stages = ("embedding", "recurrent")
    head = "output"
    any_length = True
    example_shape = (12,)
    example_settings: ClassVar[dict[str, object]] = {"width": 8, "hidden": 8}

    def __init__(
        self,
        vocabulary: int,
        num_classes: int,
        width: Count = 64,
        hidden: Count = 64,
        kind: Kind = "lstm",
        bidirectional: bool = True,
        dropout: Share = 0.5,
        word_dropout: Share = 0.1,
    ) -> None:
        super().__init__()
        self.dropout, self.word_dropout = dropout, word_dropout
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=0.1)
        with torch.no_grad():
            self.embedding.weight[0] = 0
        self.recurrent = Recurrent(kind, width, hidden, bidirectional=bidirectional)
        self.output = nn.Linear(self.recurrent.output_size, num_classes)

    def forward(self, tokens: Int[Tensor, "n t"]) -> Float[Tensor, "n k"]:
        """Scores of a batch of tokens; 0 fills up shorter texts."""
        lengths = token_lengths(tokens)
        if self.training and self.word_dropout:
            dropped = torch.rand(tokens.shape, device=tokens.device) < self.word_dropout
            tokens = tokens.masked_fill(dropped & (tokens != 0), UNKNOWN)
        return self.scored(self.embedding(tokens), lengths)

    def scored(self, vectors: Float[Tensor, "n t d"], lengths: Int[Tensor, " n"]) -> Float[Tensor, "n k"]:
        """Scores of a batch of words' vectors, ``lengths`` of which are real."""
        read = F.dropout(vectors, self.dropout, self.training)
        outputs, _ = self.recurrent(read, lengths)
        real = mask(lengths, outputs.shape[1])[..., None]
        pooled = outputs.masked_fill(~real, -torch.inf).amax(1)
        scores: Tensor = self.output(F.dropout(pooled, self.dropout, self.training))
        return scores
