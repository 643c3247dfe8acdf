"""The doors to texts: a table with a column of texts, a folder of .txt files by class, and one long text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from profond.core.errors import DataError
from profond.core.spec import numbers_text
from profond.core.tokens import Kind
from profond.data.dataset import Dataset
from profond.data.images.folder import list_folder
from profond.data.labels import doubts
from profond.data.listing import Listing, Sample, class_order
from profond.data.split_column import not_a_split, split_words
from profond.data.text.build import Writing, build_texts
from profond.data.text.columns import Roles, decide
from profond.data.text.detect import TEXTS
from profond.data.text.read import read_cells, read_whole
from profond.data.text.texts import digest_of
from profond.data.values import Column, quantities_of, read_values


def open_texts(
    path: Path,
    text: str | None = None,
    target: str | None = None,
    label: str | None = None,
    tokens: Kind = "words",
    vocabulary: int = 20_000,
    lower: bool = True,
    longest: int = 400,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    preprocessing: dict[str, Any] | None = None,
) -> Dataset:
    """Open a table with a column of texts (.csv, .tsv, .jsonl), or a folder of .txt files, a sub-folder a class.

    Args:
        path: of the table, or of the folder.
        text: the column with the texts. None: the one that is called so, or whose cells are sentences.
        target: the column to be learned: of numbers, they are estimated; several have commas between them.
        label: the column with the class, even if it holds numbers.
        tokens: a text is cut into ``"words"``, ``"characters"`` or ``"pieces"`` of words.
        vocabulary: how many different ones at most; the others are unknown.
        lower: capitals are written small.
        longest: tokens of a text that are read.
        valid_fraction: share of each class for ``valid`` when there are no splits.
        test_fraction: likewise for ``test``.
        split_seed: another seed, another splitting.
        preprocessing: that of a trained network, with its vocabulary.

    Raises: DataError, ConfigError.
    """
    listing, texts = read_texts(path, text, target, label)
    listing = listing.with_splits(valid_fraction, test_fraction, split_seed)
    return build_texts(listing, texts, Writing(tokens, vocabulary, lower, longest), preprocessing)


def list_texts(path: Path, target: str | None = None) -> Listing:
    """The texts of a table or a folder as samples. Raises: DataError."""
    return read_texts(path, None, target, None)[0]


def read_texts(path: Path, text: str | None, target: str | None, label: str | None) -> tuple[Listing, list[str]]:
    """The samples of a table or a folder, and the text of each. Raises: DataError."""
    if not path.is_dir():
        return _table(path, text, target, label)
    if text or target or label:
        raise DataError(f"columns were named, and {path} is a folder without any", "leave them out")
    listing, texts, notes = list_folder(path, TEXTS), [], set[str]()
    for sample in listing.samples:
        assert isinstance(sample.path, Path)
        found, told = read_whole(sample.path, "each file holds one text")
        texts.append(found)
        notes.update(told)
    return replace(listing, notes=(*listing.notes, *notes), digests=tuple(map(digest_of, texts)), noun="texts"), texts


def texts_to_answer(path: Path) -> list[tuple[str, str]]:
    """Texts without labels, for answers: of a table the rows, of a .txt its lines; each with its name.

    Raises: DataError.
    """
    if path.suffix.lower() in (".csv", ".tsv", ".jsonl"):
        cells = read_cells(path)
        named = decide(path, cells, None, None, None, needed=False)
        rows = cells.rows if named.named else [list(cells.names), *cells.rows]
        if not rows:
            raise DataError(f"{path} has a header but no rows", "add a line for each text")
        first = cells.lines[0] - 1 if cells.lines else 0
        lines = cells.lines if named.named else [first, *cells.lines]
        return [(f"{path}#{line}", row[named.text].strip()) for line, row in zip(lines, rows, strict=True)]
    text, _ = read_whole(path, "a .txt has a text in each line")
    return [(f"{path}#{number}", line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _table(path: Path, text: str | None, target: str | None, label: str | None) -> tuple[Listing, list[str]]:
    cells = read_cells(path)
    roles = decide(path, cells, text, target, label)
    rows, lines = cells.rows, cells.lines
    if not roles.named:
        rows, lines = [list(cells.names), *rows], [max(1, lines[0] - 1), *lines]
    if not rows:
        raise DataError(f"{path} has a header but no rows", "add a line for each text")
    texts = [row[roles.text].strip() for row in rows]
    for one, line in zip(texts, lines, strict=True):
        if not one:
            raise DataError(f"{path}, line {line}: the text is empty", "fill it in, or delete the line")
    splits, told = _splits(path, roles, rows, lines)
    groups = [row[roles.group].strip() if roles.group is not None else "" for row in rows]
    notes = [*cells.notes, *told, _assumed(cells.names, roles)]
    samples = [
        Sample(path / str(number), "", split, group)
        for number, (split, group) in enumerate(zip(splits, groups, strict=True), 1)
    ]
    digests = tuple(map(digest_of, texts))
    if roles.targets:
        columns = [Column(cells.names[at], [row[at] for row in rows]) for at in roles.targets]
        values = read_values(path, columns, lines, decimal_comma=path.suffix.lower() != ".csv")
        samples = [
            replace(sample, label=numbers_text(row), values=row) for sample, row in zip(samples, values, strict=True)
        ]
        quantities = quantities_of(path, [cells.names[at] for at in roles.targets])
        return Listing(str(path), path, tuple(samples), (), tuple(notes), (), (), digests, quantities, "texts"), texts
    assert roles.label is not None
    labels = [row[roles.label].strip() for row in rows]
    for one, line in zip(labels, lines, strict=True):
        if not one:
            raise DataError(
                f"{path}, line {line}: {cells.names[roles.label]} is empty", "fill it in, or delete the line"
            )
    samples = [replace(sample, label=one) for sample, one in zip(samples, labels, strict=True)]
    classes, found = class_order(labels), tuple(doubts(labels))
    return Listing(str(path), path, tuple(samples), classes, tuple(notes), found, (), digests, (), "texts"), texts


def _splits(path: Path, roles: Roles, rows: list[list[str]], lines: list[int]) -> tuple[list[str], list[str]]:
    if roles.split is None:
        return [""] * len(rows), []
    given = [row[roles.split].strip() for row in rows]
    words, told = split_words(given)
    for one, line in zip(given, lines, strict=True):
        if one.lower() not in words:
            raise not_a_split(f"{path}, line {line}", one)
    return [words[one.lower()] for one in given], told


def _assumed(names: tuple[str, ...], roles: Roles) -> str:
    """Which column was taken as what, for people."""
    if not roles.named:
        return f"no line names the columns: column {roles.text + 1} is taken as the text"
    learned = [roles.label] if roles.label is not None else list(roles.targets)
    what, other = ("class", "") if roles.label is not None else ("number", " (for classes: --set data.label=COLUMN)")
    return f"text in column {names[roles.text]!r}, {what} in {', '.join(repr(names[at]) for at in learned)}{other}"
