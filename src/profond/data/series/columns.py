"""Which column of a table is what: the label or the numbers to be estimated, the series, the time, the values."""

from __future__ import annotations

import re

import numpy as np

from profond.core.errors import DataError
from profond.core.spec import Quantity
from profond.data.series.preparation import looks_like_time
from profond.data.series.signals import LONG, WIDE, cell_of, is_numeric
from profond.data.series.text import Text
from profond.data.values import TARGET, asked_columns, could_be_classes, quantity_of

LABEL = {"label", "labels", "class", "classe", "classes", "target", "étiquette", "etiquette", "category", "catégorie"}
ID = {
    "id",
    "series",
    "series_id",
    "serie",
    "série",
    "sample",
    "sample_id",
    "case",
    "case_id",
    "recording",
    "record",
    "uid",
}
ID |= {"unique_id", "recording_id"}


def named_column(text: Text, asked: str | None, setting: str) -> int | None:
    """The place of a column that was asked for. Raises: DataError."""
    if asked is None:
        return None
    asked = str(asked)
    if asked in text.names:
        return text.names.index(asked)
    width = max(len(text.names), len(text.rows[0]))
    if asked.isdigit() and 1 <= int(asked) <= width:
        return int(asked) - 1
    columns = ", ".join(map(repr, text.names[:12])) or f"{width} columns without names"
    raise DataError(
        f"{text.path} has no column {asked!r}; it has {columns}", f"{setting}= takes a name, or a number from 1"
    )


def label_column(text: Text, width: int, id: int | None, notes: list[str]) -> int:
    """The column with the class. Raises: DataError where it cannot be seen."""
    names = [plain_name(name) for name in text.names]
    label_names = LABEL if "x" in names else LABEL | {"y"}  # beside x, y is a channel
    if named := [at for at, name in enumerate(names) if name in LABEL] or [
        names.index(name) for name in label_names & {*names}
    ]:
        if len(named) == 1:
            return named[0]
        raise DataError(
            f"{text.path} has several columns that could be the label: {', '.join(text.called(at) for at in named)}",
            "say which: --set data.label=NAME",
        )
    if text.names:
        others = [at for at in range(width) if at != id and names[at] not in ("split", "group") and names[at] not in ID]
        words = [at for at in others if repeats(text, at) and not is_numeric(text, at)]
        words = [at for at in words if not looks_like_time(names[at])]
    else:
        words = [at for at in {0, width - 1} if repeats(text, at) and _few_values(text, at)]
    if len(words) == 1:
        notes.append(f"column {text.called(words[0])} is taken as the label (else label=)")
        return words[0]
    shown = ", ".join(map(repr, text.names[:12])) if text.names else f"{width} columns, no header"
    raise DataError(
        f"it cannot be seen which column of {text.path} is the label: {shown}",
        f"say it: --set data.label=NAME (or a number from 1); {WIDE}; {LONG}; for numbers to be"
        " estimated: --set data.target=NAME; a list of files"
        " is called path,label",
    )


def target_columns(text: Text, asked: str | None) -> list[int]:
    """The columns with numbers to be estimated: those asked for; or, where none is called a label, the one that is
    called value, or target and has decimals; a long table may have its signal in a column of that name.

    Raises: DataError for a column that is not there.
    """
    if asked is not None:
        if text.names:
            return asked_columns(text.path, text.names, asked)
        return [at for part in asked.split(",") if (at := named_column(text, part.strip(), "target")) is not None]
    names = [plain_name(name) for name in text.names]
    targets = [at for at, name in enumerate(names) if name == TARGET]
    if targets and (LABEL - {TARGET}).isdisjoint(names):
        cells = [cell_of(row, targets[0]) for row in text.rows]
        return [] if could_be_classes(cells) else targets[:1]
    if not LABEL.isdisjoint(names):
        return []
    called = [at for at, name in enumerate(text.names) if plain_name(Quantity.parse(name).name) in ("value", "valeur")]
    return called if len(called) == 1 and quantity_of(text.names[called[0]]) else []


def is_constant(text: Text, at: int, id: int) -> bool:
    """Whether a column of a long table says the same in all rows of a series."""
    found: dict[str, str] = {}
    return all(found.setdefault(cell_of(row, id), cell_of(row, at)) == cell_of(row, at) for row in text.rows)


def _few_values(text: Text, at: int) -> bool:
    """Whether a column without name could be a class: words or whole numbers, at least two, in all rows."""
    cells = [cell_of(row, at) for row in text.rows]
    numbers = [text.number(cell) for cell in cells]
    whole = all(number is None or (number == number and float(number).is_integer()) for number in numbers)
    return whole and 2 <= len(set(cells)) <= len(cells) / 2


def repeats(text: Text, at: int) -> bool:
    cells = [cell_of(row, at) for row in text.rows]
    return len(set(cells)) < len(cells)


def rises(text: Text, at: int) -> bool:
    numbers = [text.number(cell_of(row, at)) for row in text.rows]
    if any(number is None for number in numbers):
        return False
    return bool((np.diff(np.array(numbers, dtype=np.float64)) > 0).all())


def whole_numbers(text: Text, labels: list[str]) -> list[str]:
    """``1.0000000e+00`` is the class 1."""
    numbers = [text.number(label) for label in labels]
    if all(number is not None and number == number and float(number).is_integer() for number in numbers):
        return [str(int(number)) for number in numbers if number is not None]
    return labels


def plain_name(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())
