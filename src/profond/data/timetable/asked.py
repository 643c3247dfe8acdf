"""What a person said about a table, and how the names of its columns are compared."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from profond.data.timetable.cells import Cells


@dataclass(frozen=True)
class Asked:
    """What a person said about a table; None and nothing leave it to be seen.

    Args:
        time, target: columns, by name or by number from 1; several targets are one series each.
        ids: columns that together name a series.
        past, future: columns known up to now, and known in advance.
        decimal: ``"."`` or ``","``.
        dayfirst: whether the day stands before the month.
        zone: of the clock, such as ``Europe/Paris``.
        missing: words that stand for nothing, such as ``rupture``.
        static: columns that never change within a series, numbers or words.
    """

    time: str | None = None
    target: str | tuple[str, ...] | None = None
    ids: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    decimal: str | None = None
    dayfirst: bool | None = None
    zone: str | None = None
    missing: tuple[str, ...] = ()
    static: tuple[str, ...] = ()


def plain(name: str) -> str:
    """Small letters without accents, and without a unit in brackets."""
    apart = unicodedata.normalize("NFD", re.sub(r"\s*[(\[].*?[)\]]", "", name).casefold().strip())
    return re.sub(r"[\s.-]+", "_", "".join(letter for letter in apart if not unicodedata.combining(letter)))


def first_cell(cells: Cells, column: int) -> str:
    return next((cell for cell in cells.columns[column] if cell), "")
