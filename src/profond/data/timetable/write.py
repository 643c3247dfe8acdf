"""Forecasts as the table that they came from would have them: its layout, its dates, its numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.table import TimeTable


def written(table: TimeTable, forecasts: Sequence[NDArray[np.float64]], columns: Sequence[str]) -> bytes:
    """A file's bytes, in the table's own encoding.

    Args:
        forecasts: for each series (horizon, k): the forecast first, then its bounds.
        columns: names of the k columns; the first is left out, it has the value's own name.
    """
    text = io.StringIO(newline="")
    delimiter = table.cells.delimiter
    writer = csv.writer(text, delimiter=delimiter, lineterminator=table.cells.newline)
    head, rows = _rows(table, forecasts, columns)
    if table.cells.header:
        writer.writerow(head)
    writer.writerows(rows)
    encoding = table.cells.encoding
    return text.getvalue().encode(encoding, "replace" if encoding == "cp1252" else "strict")


def _rows(
    table: TimeTable, forecasts: Sequence[NDArray[np.float64]], columns: Sequence[str]
) -> tuple[list[str], list[list[str]]]:
    roles, names = table.roles, table.cells.names
    form = roles.numbers[roles.targets[0]].form
    finer = finer_digits(table)

    def numbers(values: NDArray[np.float64]) -> list[str]:
        return [form.write(float(value), finer) for value in values]

    horizon = len(forecasts[0])
    if roles.layout == "across":
        stamps = table.written(table.series[0].end + np.arange(horizon))
        head = [*(names[i] for i in roles.ids), *(one[0] for one in stamps)]
        return head, [[*one.ids, *numbers(values[:, 0])] for one, values in zip(table.series, forecasts, strict=True)]
    if roles.layout == "wide":
        ends = max(one.end for one in table.series)
        stamps = table.written(ends + np.arange(horizon))
        head = [*(names[i] for i in roles.time.columns), *(one.ids[0] for one in table.series)]
        by_series = [numbers(values[:, 0]) for values in forecasts]
        rows = [[*one, *(column[t] for column in by_series)] for t, one in enumerate(stamps)]
        return head, rows
    order = sorted((*roles.ids, *roles.time.columns, *roles.targets))
    head = [*(names[i] for i in order), *columns[1:]]
    rows = []
    for one, values in zip(table.series, forecasts, strict=True):
        stamps = table.written(one.end + np.arange(horizon))
        for stamp, line in zip(stamps, values, strict=True):
            texts = numbers(line)
            cells: Mapping[int, str] = {
                **dict(zip(roles.ids, one.ids, strict=True)),
                **dict(zip(roles.time.columns, stamp, strict=False)),
                roles.targets[0]: texts[0],
            }
            rows.append([*(cells[i] for i in order), *texts[1:]])
    return head, rows


def finer_digits(table: TimeTable) -> int:
    """Decimals of forecasts beyond the table's: some for whole numbers, so that small counts are not all 0 or 1."""
    if table.roles.numbers[table.roles.targets[0]].form.digits:
        return 0
    sizes = [np.nanmedian(np.abs(one.values)) for one in table.series]
    size = float(np.median(sizes))
    return 2 if size < 100 else 1 if size < 1000 else 0
