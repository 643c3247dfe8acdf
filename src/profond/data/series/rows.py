"""The series of tables like the one that a network was trained on, with labels or without."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.series import ts_file
from profond.data.series.preparation import Preparation, listed
from profond.data.series.signals import WIDE, Columns, is_numeric, long_signals, wide_signals
from profond.data.series.text import Text, read_text


@dataclass(frozen=True)
class Row:
    """One series of a table.

    Args:
        source: the table and the series' id, for people: ``new.csv#17``.
        values: float32 (channels, time).
    """

    source: str
    values: NDArray[np.float32]

    def __str__(self) -> str:
        return self.source


def rows_of(path: Path, preparation: Preparation) -> list[Row] | None:
    """The series of a table like the one that a network was trained on; labels are not needed, and not looked at.

    None for a text of one column, which holds one series of one channel.

    Raises: DataError when it is not laid out like that table.
    """
    found = read_rows(path, preparation)
    return None if found is None else [Row(f"{path}#{id}", signal) for id, signal in found.items()]


def read_rows(path: Path, preparation: Preparation) -> dict[str, NDArray[np.float32]] | None:
    """Likewise, float32 (channels, time) by their ids. Raises: DataError."""
    if path.suffix.lower() == ts_file.SUFFIX:
        signals = ts_file.read_parts(path, preparation.missing).signals
        return {str(number): signal for number, signal in enumerate(signals, 1)}
    text = read_text(path, preparation.decimal)
    if preparation.table == "wide" and len(text.rows) > 1 and max(map(len, (text.names, *text.rows))) == 1:
        return None
    columns = _columns_like(text, preparation)
    found = (wide_signals if preparation.table == "wide" else long_signals)(text, columns, preparation.missing)
    return dict(zip(found.ids, found.values, strict=True))


def _columns_like(text: Text, preparation: Preparation) -> Columns:
    """Which column is what, as in the table that was trained on. Raises: DataError."""
    path = text.path
    width = max(len(text.names), max(len(row) for row in text.rows))
    column_of = {name: at for at, name in enumerate(text.names)}

    def find(column: str | None) -> int | None:
        if column is None:
            return None
        if text.names:
            return column_of.get(column)
        return int(column) - 1 if column.isdigit() else None

    columns = Columns(find(preparation.label), find(preparation.id), find(preparation.time_column), None, None, [])
    columns.targets = [at for name in preparation.targets if (at := find(name)) is not None]
    if preparation.table == "wide":
        if not text.names and width == preparation.length:
            columns.label, columns.targets = None, []  # new rows without their labels
        words = {at for at in range(width) if not is_numeric(text, at)}
        named = {column_of[name] for name in ("split", "group") if name in column_of}
        columns.values = [
            at for at in range(width) if at not in {columns.label, columns.id, *columns.targets, *words, *named}
        ]
        if len(columns.values) < 2:
            raise DataError(f"{path} is not laid out like the table that was trained on", WIDE)
    elif text.names and preparation.names:
        if lacking := [name for name in preparation.names if name not in column_of]:
            raise DataError(
                f"{path} has no column {listed(lacking, ' and no column ')}; it has {listed(text.names)}",
                "it needs the columns of the table that was trained on",
            )
        columns.values = [column_of[name] for name in preparation.names]
    else:
        taken = {columns.label, columns.id, columns.time, *columns.targets}
        columns.values = [at for at in range(width) if at not in taken]
    return columns
