"""From a listing of texts to a data set of tokens; the vocabulary is that of what is learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from profond.core.errors import ConfigError, DataError
from profond.core.spec import Spec
from profond.core.tokens import UNKNOWN, Kind, Tokens
from profond.data.dataset import Dataset
from profond.data.listing import Listing
from profond.data.locations import relative
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.data.targets import targets_of
from profond.data.text.texts import Texts
from profond.nn.sequence import padded

FEW = 1000
"""Texts to learn from, below which a word that is there once counts too."""


@dataclass(frozen=True)
class Writing:
    """How texts become tokens.

    Args:
        tokens: words, characters or pieces.
        vocabulary: entries at most.
        lower: capitals are written small.
        longest: tokens of a text that are read; the rest is cut off.
    """

    tokens: Kind = "words"
    vocabulary: int = 20_000
    lower: bool = True
    longest: int = 400

    def __post_init__(self) -> None:
        if self.longest < 1 or self.vocabulary < 5:
            raise ConfigError(
                f"longest is {self.longest} and vocabulary {self.vocabulary}", "use at least 1 token and 5 entries"
            )

    def learn(self, texts: Sequence[str]) -> Tokens:
        least = 2 if self.tokens == "words" and len(texts) >= FEW else 1
        return Tokens.learn(texts, self.tokens, self.vocabulary, self.lower, least, self.longest)


def build_texts(
    listing: Listing,
    texts: Sequence[str],
    writing: Writing,
    preprocessing: dict[str, Any] | None = None,
    source: str = "",
) -> Dataset:
    """A data set of texts that are all placed in splits.

    Args:
        texts: one for each sample of the listing.
        preprocessing: that of a trained network, whose vocabulary is used then.

    Raises: DataError where a text has no token.
    """
    rows_of = {
        name: [i for i, one in enumerate(listing.samples) if one.split == name] for name in ("train", "valid", "test")
    }
    rows_of = {name: chosen for name, chosen in rows_of.items() if chosen}
    known = None if preprocessing is None else Preprocessing.from_json(preprocessing)
    if known is not None and known.text is None:
        raise DataError(
            "these are texts, and the network was trained on something else", "give it what it was trained on"
        )
    tokens = (
        known.text if known is not None else writing.learn([texts[i] for i in rows_of.get("train", range(len(texts)))])
    )
    assert tokens is not None
    splits: dict[str, Split] = {}
    for name, chosen in rows_of.items():
        samples = [listing.samples[i] for i in chosen]
        groups = [one.group or f"\0{one.path}" for one in samples] if any(one.group for one in samples) else None
        names = [relative(one.path, listing.root) for one in samples]
        origin = Texts([texts[i] for i in chosen], targets_of(samples, listing), names, groups)
        splits[name] = written(origin, tokens)
    return of_tokens(
        Dataset(
            listing.name,
            Spec((1,), "t", classes=listing.classes, quantities=listing.quantities),
            Preprocessing(scale=1.0, text=tokens),
            splits,
            source or f"texts in {listing.root}",
            listing.notes,
            listing.warnings,
            listing.skipped,
        )
    )


def of_tokens(dataset: Dataset) -> Dataset:
    """A data set of texts whose specification says how long they are, what they are written in, and what was cut."""
    tokens = dataset.preprocessing.text
    assert tokens is not None
    parts = [part for part in dataset.splits.values() if isinstance(part, TensorSplit)]
    longest = max(int(part.samples.shape[1]) for part in parts)
    notes = list(dataset.notes)
    what = f"{len(tokens):,} {tokens.kind} of train"
    unknown, total = _unknown(parts)
    notes.append(
        f"texts of up to {longest} tokens, written in {what}; {unknown / max(1, total):.1%} of all are unknown"
    )
    if tokens.longest and longest == tokens.longest:
        full = sum(int((part.samples[:, -1] != 0).sum()) for part in parts if part.samples.shape[1] == longest)
        notes.append(f"{full} texts have {longest} tokens or more, and what is beyond is not read (longest=)")
    spec = replace(dataset.spec, shape=(longest,), range=(0.0, float(len(tokens) - 1)), tokens=tokens)
    return replace(dataset, spec=spec, notes=tuple(notes))


def written(origin: Texts, tokens: Tokens) -> TensorSplit:
    """Texts in tokens. Raises: DataError for one that has none."""
    rows: list[Tensor] = []
    for index, text in enumerate(origin.texts):
        ids = tokens.encode(text)
        if not ids:
            raise DataError(f"{origin.identity(index)} is a text without a word: {text[:40]!r}", "take it out")
        rows.append(torch.tensor(ids, dtype=torch.int32))
    names = [origin.identity(i) for i in range(len(origin))]
    return TensorSplit(padded(rows, 0), origin.targets, names, origin.groups, origin=origin)


def retold(dataset: Dataset, known: Preprocessing) -> Dataset:
    """A registered data set of texts in the vocabulary of a trained network. Raises: DataError for other data."""
    assert known.text is not None
    splits: dict[str, Split] = {}
    for name, part in dataset.splits.items():
        origin = part.origin if isinstance(part, TensorSplit) else None
        if not isinstance(origin, Texts):
            raise DataError(f"{dataset.name} holds no texts, and the network was trained on texts", "give it texts")
        splits[name] = written(origin, known.text)
    return replace(dataset, splits=splits, preprocessing=known, _hashes={}, _contents={})


def _unknown(parts: Sequence[TensorSplit]) -> tuple[int, int]:
    """How many tokens are unknown, of how many."""
    return (
        sum(int((part.samples == UNKNOWN).sum()) for part in parts),
        sum(int((part.samples != 0).sum()) for part in parts),
    )
