"""What is learned, as numbers: the class of each sample, or the quantities that were measured."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Shaped
from torch import Tensor

from profond.core.tokens import Tokens, with_ends
from profond.data.listing import Listing, Sample
from profond.nn.sequence import padded

Targets = Shaped[Tensor, " n *quantities"]
"""int64 (n) classes; or float32 (n) or (n, quantities) numbers, which never become integers."""


def as_targets(given: Tensor) -> Tensor:
    """Whole numbers as int64, which are classes; numbers with a point as float32, which are quantities."""
    return given.to(torch.float32 if given.is_floating_point() else torch.int64)


def targets_of(samples: Sequence[Sample], listing: Listing) -> Tensor:
    """The targets of some samples of a listing: int64 (n), or float32 (n, quantities)."""
    if listing.quantities:
        rows = [sample.values for sample in samples]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(samples), len(listing.quantities))
    label_of = {name: i for i, name in enumerate(listing.classes)}
    return torch.tensor([label_of[sample.label] for sample in samples], dtype=torch.int64)


def encoded(texts: Sequence[str], tokens: Tokens) -> Tensor:
    """Texts as targets: int64 (n, t), from start to end, 0 behind shorter ones."""
    return padded([torch.tensor(with_ends(tokens.encode(text))) for text in texts], 0)


def strata(targets: Tensor) -> list[int]:
    """By what a split keeps shares alike: the class of each sample; numbers are all dealt together."""
    return [0] * len(targets) if targets.is_floating_point() else targets.tolist()
