"""Pairs of texts, one to be read and one to be written, as a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from profond.core.spec import Spec
from profond.core.tokens import Kind, Tokens, with_ends
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.nn.sequence import padded


@dataclass(frozen=True)
class Pair:
    """A text and what is to be written of it.

    Args:
        name: the same for everybody.
        source: what is read.
        target: what is to be written.
        group: what must stay on one side of a split; empty where each pair stands alone.
    """

    name: str
    source: str
    target: str
    group: str = ""


def as_dataset(
    name: str,
    pairs: Mapping[str, Sequence[Pair]],
    origin: str,
    *,
    kind: Kind = "pieces",
    size: int | None = None,
    longest: int = 0,
    notes: Sequence[str] = (),
) -> Dataset:
    """Pairs by split as tokens. Both vocabularies are learned on train alone.

    Args:
        origin: where they came from, for people.
        kind, size, longest: of both vocabularies, as in `Tokens.learn`.
    """
    train = pairs["train"]
    source = Tokens.learn((pair.source for pair in train), kind, size, longest=longest)
    target = Tokens.learn((pair.target for pair in train), kind, size, longest=longest)
    splits: dict[str, Split] = {split: _encoded(some, source, target) for split, some in pairs.items()}
    longest_source = max(int(split.samples.shape[1]) for split in splits.values() if isinstance(split, TensorSplit))
    spec = Spec((longest_source,), "t", (0.0, float(len(source) - 1)), tokens=source, text=target)
    preprocessing = Preprocessing(mean=(0.0,), std=(1.0,), scale=1.0, text=source)
    return Dataset(name, spec, preprocessing, splits, origin, tuple(notes))


def _encoded(pairs: Sequence[Pair], source: Tokens, target: Tokens) -> TensorSplit:
    read = _rows([source.encode(pair.source) for pair in pairs])
    written = _rows([with_ends(target.encode(pair.target)) for pair in pairs])
    groups = [pair.group or pair.name for pair in pairs] if any(pair.group for pair in pairs) else None
    return TensorSplit(read, written, [pair.name for pair in pairs], groups)


def _rows(tokens: Sequence[Sequence[int]]) -> Tensor:
    return padded([torch.tensor(row, dtype=torch.int64) for row in tokens], 0)
