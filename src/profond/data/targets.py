"""What is learned, as numbers: the class of each sample or step, the quantities that were measured, or tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Shaped
from torch import Tensor

from profond.core.tokens import Tokens, with_ends
from profond.data.listing import Listing, Sample
from profond.nn.sequence import padded

Targets = Shaped[Tensor, " n *more"]
"""int64 (n) classes; int64 (n, t) classes of each step, -1 behind the last, or tokens, 0 behind the last; or float32
(n) or (n, quantities) numbers, which never become integers."""


def as_targets(given: Tensor) -> Tensor:
    """Whole numbers as int64, which are classes; numbers with a point as float32, which are quantities."""
    return given.to(torch.float32 if given.is_floating_point() else torch.int64)


def targets_of(samples: Sequence[Sample], listing: Listing) -> Tensor:
    """The targets of some samples of a listing: int64 (n), int64 (n, t) of texts, or float32 (n, quantities); zeros
    where nothing is known of them."""
    if listing.text is not None:
        return encoded([sample.label for sample in samples], listing.text)
    if listing.quantities:
        rows = [sample.values for sample in samples]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(samples), len(listing.quantities))
    if listing.unlabelled:
        return torch.zeros(len(samples), dtype=torch.int64)
    label_of = {name: i for i, name in enumerate(listing.classes)}
    return torch.tensor([label_of[sample.label] for sample in samples], dtype=torch.int64)


def encoded(texts: Sequence[str], tokens: Tokens) -> Tensor:
    """Texts as targets: int64 (n, t), from start to end, 0 behind shorter ones."""
    return padded([torch.tensor(with_ends(tokens.encode(text))) for text in texts], 0)


def strata(targets: Tensor) -> list[int]:
    """By what a split keeps shares alike: the class of each sample; all others are dealt together."""
    return targets.tolist() if one_class_each(targets) else [0] * len(targets)


def one_class_each(targets: Tensor) -> bool:
    """Whether each sample has one class: not numbers, nor a class or token for each step."""
    return targets.ndim == 1 and not targets.is_floating_point()
