"""Dates that are numbers: seconds since 1970 and its fractions, and the days of spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.said import Said
from profond.data.timetable.stamp_form import DAY, StampForm, Stamps

EXCEL_ZERO = -25_569 * DAY  # 1899-12-30


def counted(texts: Sequence[str]) -> Stamps | None:
    """Epochs and spreadsheets' days."""
    sample = texts[0]
    if not re.fullmatch(r"\d+(?:[.,]\d+)?", sample):
        return None
    try:
        values = np.array([text.replace(",", ".") for text in texts], dtype=np.float64)
    except ValueError:
        return None
    # As many decimals in every stamp are how the column is written; unlike many are those that each needed.
    written = {len(text.replace(",", ".").partition(".")[2]) for text in texts[:1000]}
    decimals = written.pop() if len(written) == 1 else 0
    whole = all(text.isdigit() for text in texts[:1000])
    low, high = float(values.min()), float(values.max())
    if whole and low >= 1800 and high <= 2200 and len(sample) == 4:
        return None  # years
    if whole and _compact(texts, values):
        return None
    for unit, name in ((1.0, "seconds"), (1e-3, "milliseconds"), (1e-6, "microseconds"), (1e-9, "nanoseconds")):
        if low * unit >= 3e8 and high * unit <= 5e9:
            seconds = np.rint(values * unit).astype(np.int64)
            return Stamps(
                seconds, StampForm(counts=unit, decimals=decimals, said=Said("epoch", unit=Said(f"epoch.{name}")))
            )
    if low >= 20_000 and high <= 80_000:
        seconds = EXCEL_ZERO + np.rint(values * DAY).astype(np.int64)
        said = Said("excel")
        return Stamps(seconds, StampForm(counts=DAY, zero=EXCEL_ZERO, decimals=decimals, said=said))
    return None


def _compact(texts: Sequence[str], values: NDArray[np.float64]) -> bool:
    """Whether numbers are dates without anything between their parts: 20240131, 202401, 2024013123."""
    length = len(texts[0])
    if length not in (6, 8, 10, 12, 14) or any(len(text) != length for text in texts[:1000]):
        return False
    year = values // 10 ** (length - 4)
    month = values // 10 ** (length - 6) % 100
    return bool(((year >= 1800) & (year <= 2200) & (month >= 1) & (month <= 12)).all())
