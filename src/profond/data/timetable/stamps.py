"""A column of dates and times as people write them: one format for the whole column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.column import Column
from profond.data.timetable.month_names import month_number
from profond.data.timetable.said import Said
from profond.data.timetable.stamp_form import DAY, MISSING, Part, Seconds, StampForm, Stamps, distinct
from profond.data.timetable.stamp_numbers import counted
from profond.data.timetable.stamp_parts import TIMES, TOKEN, digits_of, possible_orders, taken_apart

SAMPLE = 500
"""Cells from which it is seen that a column holds no dates, before all of them are looked at."""
_OFFSET = re.compile(r"(Z|[+-]\d\d(?::?\d\d)?)$")
_ORDINAL = re.compile(r"\b1er\b")


def read_stamps(cells: Sequence[str], *, dayfirst: bool | None = None) -> Stamps | None:
    """A column as dates, or None where less than nine tenths of what stands in it is one.

    Where the order of day, month and year is not told by the numbers, the way that makes the most regular calendar
    comes first, and the others are kept.

    Args:
        dayfirst: whether the day stands before the month, where it is known.
    """
    texts: Sequence[str]
    if isinstance(cells, Column):
        filled, texts = cells.filled, cells.without_empty()
    else:
        filled, texts = np.array([bool(cell) for cell in cells]), [cell for cell in cells if cell]
    if not texts:
        return None
    if len(texts) > 2 * SAMPLE and counted(texts[:SAMPLE]) is None and _written(texts[:SAMPLE], dayfirst) is None:
        return None
    found = counted(texts) or _written(texts, dayfirst)
    if found is None or 10 * int((found.seconds != MISSING).sum()) < 9 * len(texts):
        return None
    return _spread(found, filled)


def _spread(found: Stamps, filled: NDArray[np.bool_]) -> Stamps:
    """From the filled cells to all of them."""

    def wide(values: Seconds) -> Seconds:
        every = np.full(len(filled), MISSING)
        every[filled] = values
        return every

    seconds = wide(found.seconds)
    wrong = tuple(np.flatnonzero(filled & (seconds == MISSING)).tolist())
    offsets = None if found.offsets is None else wide(found.offsets)
    others = tuple(_spread(other, filled) for other in found.others)
    return replace(found, seconds=seconds, offsets=offsets, wrong=wrong, others=others)


def _written(texts: Sequence[str], dayfirst: bool | None) -> Stamps | None:
    offset = _OFFSET.search(texts[0]) if re.search(r"\d[:T ]?\d\d.*(Z|[+-]\d\d(:?\d\d)?)$", texts[0]) else None
    offsets: Seconds | None = None
    ends = ""
    if offset is not None and ":" in texts[0]:
        cut = [(text[: m.start()], m.group()) if (m := _OFFSET.search(text)) else (text, "") for text in texts]
        texts, marks = [text for text, _ in cut], [mark for _, mark in cut]
        known = {mark: _offset_seconds(mark) for mark in set(marks)}
        offsets = np.array([known[mark] for mark in marks], dtype=np.int64)
        ends = marks[-1]
    # French writes the first of a month so, and that day alone.
    ordinal = any(map(str.isalpha, texts[0])) and any("1er " in text for text in texts)
    if ordinal:
        texts = [_ORDINAL.sub("1", text) for text in texts]
    numbers, words, shapes = taken_apart(texts)
    if numbers is None:
        return None
    likely: list[Stamps] = []
    for parts in possible_orders(shapes, numbers, words):
        made = _seconds(parts, numbers, words)
        if made is None:
            continue
        valid = made != MISSING
        if 10 * int(valid.sum()) < 9 * len(texts):
            continue
        form = _form(parts, numbers, words, texts)
        likely.append(Stamps(made, replace(form, offset=ends, ordinal=ordinal), offsets))
    if not likely:
        return None
    return likeliest(likely, dayfirst)


def likeliest(likely: Sequence[Stamps], dayfirst: bool | None) -> Stamps:
    """Of several ways to read a column, the one with the most dates and the most regular calendar; the others that have
    as many dates are kept in it.
    """
    asked = [one for one in likely if dayfirst is None or _day_first(one.form) in (dayfirst, None)]
    ranked = asked or likely
    if len(ranked) > 1:
        ranked = sorted(ranked, key=lambda one: (-_valid(one), -regularity(one.seconds), _day_first(one.form) is False))
    first, *others = ranked
    equal = [one for one in others if _valid(one) == _valid(first) and not np.array_equal(one.seconds, first.seconds)]
    order = _day_first(first.form)
    said = "" if order is None else Said("order.day" if order else "order.month")
    return replace(first, form=replace(first.form, said=said), others=tuple(equal))


def _valid(stamps: Stamps) -> int:
    return int((stamps.seconds != MISSING).sum())


def _day_first(form: StampForm) -> bool | None:
    """Whether the day stands before the month; None where that is not a question, as behind a year of four digits."""
    fields = [part.field for part in form.parts]
    if "m" not in fields or "d" not in fields or fields[0] == "Y":
        return None
    return fields.index("d") < fields.index("m")


def regularity(seconds: Seconds) -> float:
    """The share of steps that are the most frequent one, or months; 0 to 1. For one series or for several."""
    known = distinct(seconds)
    if len(known) < 3:
        return 0.0
    steps = np.diff(known)
    _, counts = np.unique(steps, return_counts=True)
    months = known.astype("datetime64[s]").astype("datetime64[M]")
    days = (known - months.astype("datetime64[s]").astype(np.int64)) // DAY
    monthly = len(np.unique(days)) == 1 or bool((steps >= 28 * DAY).all())
    if monthly and (np.diff(months.astype(np.int64)) > 0).all():
        _, counts_of_months = np.unique(np.diff(months.astype(np.int64)), return_counts=True)
        return float(max(counts.max(), counts_of_months.max()) / len(steps))
    return float(counts.max() / len(steps))


def _seconds(parts: Sequence[Part], numbers: NDArray[np.int64], words: Sequence[Sequence[str]]) -> Seconds | None:
    """Each row's moment; `MISSING` where a number is out of its range or a day is not in its month."""
    count = len(numbers)
    fields: dict[str, NDArray[np.int64]] = {}
    at_number = at_word = 0
    for part in parts:
        if part.field in ("b", "a", "p"):
            column = [row[at_word] if row else "" for row in words]
            at_word += 1
            if part.field == "b":
                known = {word: month_number(word) or 0 for word in set(column)}
                fields["m"] = np.array([known[word] for word in column], dtype=np.int64)
            elif part.field == "p":
                fields["p"] = np.array([word.casefold().startswith("p") for word in column], dtype=np.int64)
        elif part.field:
            value = numbers[:, at_number]
            at_number += 1
            if len(part.field) > 1:
                for one in reversed(part.field):
                    size = 10_000 if one == "Y" else 100
                    fields[one], value = value % size, value // size
            else:
                fields[part.field] = value
    good = (numbers >= 0).all(1)
    year = fields.get("Y", np.where(fields.get("y", 0) < 70, 2000, 1900) + fields.get("y", 0))
    year = np.broadcast_to(year, (count,)).astype(np.int64)
    month = fields.get("m", np.ones(count, dtype=np.int64))
    if "Q" in fields:
        good &= (fields["Q"] >= 1) & (fields["Q"] <= 4)
        month = 3 * fields["Q"] - 2
    day = fields.get("d", np.ones(count, dtype=np.int64))
    good &= (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    year, month, day = (np.where(good, value, 1) for value in (year, month, day))
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]").astype(np.int64) + day - 1
    good &= days < (first + 1).astype("datetime64[D]").astype(np.int64)
    if "W" in fields:
        week, weekday = fields["W"], fields.get("u", np.ones(count, dtype=np.int64))
        fourth = np.array([f"{one:04d}-01-04" for one in year], dtype="datetime64[D]").astype(np.int64)
        monday = fourth - (fourth + 3) % 7
        days = monday + 7 * (week - 1) + weekday - 1
        good &= (week >= 1) & (week <= 53) & (weekday >= 1) & (weekday <= 7)
    hour, minute, second = (fields.get(one, np.zeros(count, dtype=np.int64)) for one in TIMES)
    if "p" in fields:
        good &= (hour >= 1) & (hour <= 12)
        hour = hour % 12 + 12 * fields["p"]
    good &= (hour <= 24) & (minute <= 59) & (second <= 59) & ((hour < 24) | ((minute == 0) & (second == 0)))
    seconds = days * DAY + hour * 3600 + minute * 60 + second
    return np.where(good, seconds, MISSING)


def _form(
    parts: Sequence[Part], numbers: NDArray[np.int64], words: Sequence[Sequence[str]], texts: Sequence[str]
) -> StampForm:
    """The form with widths and names as the column writes them."""
    digits = [piece for piece in TOKEN.findall(texts[0]) if piece[0].isdigit()]
    rows = [row for row in map(digits_of, texts[:2000]) if len(row) == len(digits)]
    padded = [min(map(len, column)) == max(map(len, column)) > 1 for column in zip(*rows, strict=True)]
    made, at_number, at_word = [], 0, 0
    months: dict[int, str] = {}
    for part in parts:
        if part.field in ("b", "a", "p"):
            column = [row[at_word] for row in words if row]
            if part.field == "b":
                months = {number: word for word in set(column) if (number := month_number(word))}
            made.append(replace(part, text=column[0] if column else ""))
            at_word += 1
        elif part.field:
            width = 4 if part.field == "Y" else len(digits[at_number]) if padded[at_number] else 0
            for one in part.field if len(part.field) > 1 else ():
                made.append(Part(one, width=4 if one == "Y" else 2))
            if len(part.field) == 1:
                made.append(replace(part, width=width))
            at_number += 1
        else:
            made.append(part)
    return StampForm(tuple(made), months=tuple(sorted(months.items())))


def _offset_seconds(mark: str) -> int:
    if mark in ("", "Z"):
        return 0
    digits = mark[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if mark[0] == "-" else seconds
