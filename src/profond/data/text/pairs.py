"""Pairs of texts, one to be read and one to be written, as a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from profond.core.errors import ConfigError, DataError, nearest
from profond.core.spec import Spec
from profond.core.tokens import PADDING, Kind, Tokens, with_ends
from profond.data.copies import equal_digests
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.data.split_column import not_a_split, split_words
from profond.data.splitting import assign, check_groups
from profond.data.targets import Targets
from profond.data.text.columns import plain
from profond.data.text.read import Cells, read_cells
from profond.data.text.texts import digest_of
from profond.nn.sequence import padded

SOURCE, TARGET = "source", "target"
NAMING = "name both columns: --set data.source=COLUMN --set data.target=COLUMN"


@dataclass(frozen=True)
class Pair:
    """A text and what is to be written of it.

    Args:
        name: the same for everybody.
        source: what is read.
        target: what is to be written.
        group: what must stay on one side of a split; empty where each pair stands alone.
        split: ``train``, ``valid`` or ``test``; empty where none was given.
    """

    name: str
    source: str
    target: str
    group: str = ""
    split: str = ""


class Pairs:
    """Pairs as they are, of which tokens are made: what a sample holds, whatever vocabulary writes it."""

    def __init__(self, pairs: Sequence[Pair], targets: Targets) -> None:
        self.pairs, self.targets = list(pairs), targets
        self.groups = [pair.group or pair.name for pair in pairs] if any(pair.group for pair in pairs) else None

    def __len__(self) -> int:
        return len(self.pairs)

    def identity(self, index: int) -> str:
        return self.pairs[index].name

    def raw(self, index: int) -> Tensor:
        """The source's code points, int64 (t)."""
        return torch.tensor([ord(letter) for letter in self.pairs[index].source], dtype=torch.int64)

    def contents(self) -> list[str]:
        """A digest of what is read of each pair."""
        return [digest_of(pair.source).hex() for pair in self.pairs]

    def subset(self, indices: Sequence[int]) -> Pairs:
        chosen = [int(i) for i in indices]
        return Pairs([self.pairs[i] for i in chosen], self.targets[torch.tensor(chosen, dtype=torch.int64)])


def as_dataset(
    name: str,
    pairs: Mapping[str, Sequence[Pair]],
    origin: str,
    *,
    kind: Kind = "pieces",
    size: int | None = None,
    longest: int = 0,
    notes: Sequence[str] = (),
    known: tuple[Tokens, Tokens] | None = None,
) -> Dataset:
    """Pairs by split as tokens. Both vocabularies are learned on train alone.

    Args:
        origin: where they came from, for people.
        kind, size, longest: of both vocabularies, as in `Tokens.learn`.
        known: both vocabularies, where a network has them already.
    """
    source, target = known or (
        Tokens.learn((getattr(pair, side) for pair in pairs["train"]), kind, size, longest=longest)
        for side in (SOURCE, TARGET)
    )
    splits: dict[str, Split] = {split: _encoded(some, source, target) for split, some in pairs.items() if some}
    reach = max(int(split.samples.shape[1]) for split in splits.values() if isinstance(split, TensorSplit))
    spec = Spec((reach,), "t", (0.0, float(len(source) - 1)), tokens=source, text=target)
    preprocessing = Preprocessing(mean=(0.0,), std=(1.0,), scale=1.0, text=source)
    return Dataset(name, spec, preprocessing, splits, origin, tuple(notes))


def _encoded(pairs: Sequence[Pair], source: Tokens, target: Tokens) -> TensorSplit:
    sources = [source.encode(pair.source) for pair in pairs]
    for pair, ids in zip(pairs, sources, strict=True):
        if not ids:
            raise DataError(f"pair {pair.name} reads a text without a word: {pair.source[:40]!r}", "take it out")
    read = _rows(sources)
    written = _rows([with_ends(target.encode(pair.target)) for pair in pairs])
    origin = Pairs(pairs, written)
    return TensorSplit(read, written, [pair.name for pair in pairs], origin.groups, origin=origin)


def _rows(tokens: Sequence[Sequence[int]]) -> Tensor:
    return padded([torch.tensor(row, dtype=torch.int64) for row in tokens], PADDING)


def rewritten(dataset: Dataset, source: Tokens, target: Tokens) -> Dataset:
    """A data set of pairs in the vocabularies of a trained network. Raises: DataError for one of something else."""
    pairs: dict[str, Sequence[Pair]] = {}
    for name, part in dataset.splits.items():
        origin = part.origin if isinstance(part, TensorSplit) else None
        if not isinstance(origin, Pairs):
            raise DataError(
                f"{dataset.name} holds no pairs of texts, and the network learned to write", "give it pairs"
            )
        pairs[name] = origin.pairs
    return as_dataset(dataset.name, pairs, dataset.source, notes=dataset.notes, known=(source, target))


# -- a table of one's own -------------------------------------------------------------------------------------------


LONGEST = 2000
"""Tokens of a text that a trained network is still measured on: memory goes with it times the vocabulary."""


def open_pairs(
    path: Path,
    source: str = SOURCE,
    target: str = TARGET,
    tokens: Kind = "pieces",
    vocabulary: int = 4000,
    longest: int = 100,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    preprocessing: dict[str, Any] | None = None,
    writing: dict[str, Any] | None = None,
) -> Dataset:
    """Open a table with two columns of texts (.csv, .tsv, .jsonl): one is read, the other is to be written.

    Args:
        path: of the table.
        source: the column that is read.
        target: the column that is to be written.
        tokens: texts are cut into ``"words"``, ``"characters"`` or ``"pieces"`` of words.
        vocabulary: how many different ones at most, of each side; the others are unknown.
        longest: tokens of a text, on both sides; longer pairs are left out.
        valid_fraction: share for ``valid`` when there is no column ``split``.
        test_fraction: likewise for ``test``.
        split_seed: another seed, another splitting.
        preprocessing: that of a trained network, with the vocabulary that it reads.
        writing: the vocabulary that a trained network writes.

    Raises: DataError, ConfigError.
    """
    if longest < 1:
        raise ConfigError(f"longest is {longest}", "use 1 token or more")
    pairs, notes = _read(path, source, target)
    pairs, told = _placed(path, pairs, {"valid": valid_fraction, "test": test_fraction}, split_seed)
    by_split = {name: [pair for pair in pairs if pair.split == name] for name in ("train", "valid", "test")}
    by_split = {name: some for name, some in by_split.items() if some}
    known: tuple[Tokens, Tokens] | None = None
    if preprocessing is not None and writing is not None:
        reading = Preprocessing.from_json(preprocessing).text
        assert reading is not None
        known = reading, Tokens.from_json(writing)
    dataset = as_dataset(
        str(path), by_split, f"pairs in {path}", kind=tokens, size=vocabulary, notes=(*notes, *told), known=known
    )
    return _without_long(dataset, max(longest, LONGEST) if known else longest)


def list_pairs(path: Path, target: str | None = None) -> NoReturn:
    """Raises: DataError, for pairs have no classes by which samples are listed."""
    raise DataError(
        f"{path} holds pairs of texts, which this does not look at", "train on it; see `profond train --help`"
    )


def are_pairs(cells: Cells) -> bool:
    """Whether a table has the columns that pairs have."""
    return {SOURCE, TARGET} <= {plain(name) for name in cells.names}


def _without_long(dataset: Dataset, longest: int) -> Dataset:
    splits: dict[str, Split] = {}
    left = 0
    for name, part in dataset.splits.items():
        assert isinstance(part, TensorSplit)
        short = (part.samples != PADDING).sum(1).le(longest) & (part.targets != PADDING).sum(1).le(longest + 2)
        left += int((~short).sum())
        if not bool(short.any()):
            raise DataError(f"no pair of {name} has at most {longest} tokens", "take more: --set data.longest=200")
        rest = part.subset(short.nonzero().flatten().tolist())
        reach = [int((rows != PADDING).sum(1).max()) for rows in (rest.samples, rest.targets)]
        tensors = rest.samples[:, : reach[0]], rest.targets[:, : reach[1]]
        names = [rest.identity(i) for i in range(len(rest))]
        splits[name] = TensorSplit(*tensors, names, rest.groups, origin=rest.origin)
    note = (f"{left} pairs with a text of more than {longest} tokens are left out (longest=)",) if left else ()
    width = max(int(part.samples.shape[1]) for part in splits.values() if isinstance(part, TensorSplit))
    spec = Spec((width,), "t", dataset.spec.range, tokens=dataset.spec.tokens, text=dataset.spec.text)
    return Dataset(dataset.name, spec, dataset.preprocessing, splits, dataset.source, (*dataset.notes, *note))


def _read(path: Path, source: str, target: str) -> tuple[list[Pair], list[str]]:
    cells = read_cells(path)
    names = [plain(name) for name in cells.names]
    places = []
    for asked in (source, target):
        if plain(asked) not in names:
            shown = ", ".join(cells.names[:12])
            raise DataError(f"{path} has no column {asked!r}; it has {shown}", nearest(plain(asked), names) or NAMING)
        if names.count(plain(asked)) > 1:
            raise DataError(f"{path} has the column {asked} twice", "rename or delete one of the two")
        places.append(names.index(plain(asked)))
    if places[0] == places[1]:
        raise DataError(f"{path}: {source!r} is to be read and to be written", NAMING)
    split, group = (names.index(name) if name in names else None for name in ("split", "group"))
    words, told = split_words([row[split].strip() for row in cells.rows]) if split is not None else ({}, [])
    pairs = []
    for number, (row, line) in enumerate(zip(cells.rows, cells.lines, strict=True), 1):
        read, written = (" ".join(row[place].split()) for place in places)
        for text, asked in ((read, source), (written, target)):
            if not text:
                raise DataError(f"{path}, line {line}: {asked} is empty", "fill it in, or delete the line")
        given = row[split].strip() if split is not None else ""
        if split is not None and given.lower() not in words:
            raise not_a_split(f"{path}, line {line}", given)
        where = words[given.lower()] if split is not None else ""
        pairs.append(Pair(str(number), read, written, row[group].strip() if group is not None else "", where))
    if len(pairs) < 2:
        raise DataError(f"{path} has {len(pairs)} pair{'' if pairs else 's'} of texts", "add a line for each pair")
    return pairs, [*cells.notes, *told, f"{cells.names[places[0]]!r} is read, {cells.names[places[1]]!r} is written"]


def _placed(path: Path, pairs: Sequence[Pair], shares: Mapping[str, float], seed: int) -> tuple[list[Pair], list[str]]:
    """Each pair in a split: its own, or one dealt here. What reads the same stays in one split, and so does a group."""
    if any(pair.split for pair in pairs):
        grouped = [pair for pair in pairs if pair.group]
        check_groups([pair.group for pair in grouped], [pair.split for pair in grouped])
        if not any(pair.split == "train" for pair in pairs):
            raise DataError(f"{path} has nothing in train", "name one split train")
        return list(pairs), []
    fractions = {"train": 1 - sum(shares.values()), **shares}
    if min(fractions.values()) < 0 or fractions["train"] <= 0:
        raise DataError(f"shares of {shares} leave nothing to train on", "use shares such as 0.1 and 0.1")
    groups = [pair.group or f"\0{pair.name}" for pair in pairs] if any(pair.group for pair in pairs) else None
    copies = equal_digests([digest_of(pair.source) for pair in pairs])
    names = [pair.name for pair in pairs]
    where = assign(names, [0] * len(pairs), groups, fractions, seed=seed, copies=copies)
    counts = Counter(where)
    shown = ", ".join(f"{name} {counts[name]}" for name in ("train", "valid", "test") if counts[name])
    told = [f"split at random, seed {seed}: {shown}"]
    if copies:
        told.append(f"{len(copies)} sets of equal sources, {sum(map(len, copies))} in all: each set is in one split")
    return [replace(pair, split=name) for pair, name in zip(pairs, where, strict=True)], told
