"""A column of dates and times as people write them: one format for the whole column, which writes new ones alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.month_names import month_number, spelled

Seconds = NDArray[np.int64]
"""Seconds since 1970-01-01 00:00 on the table's own clock; -2**63 where nothing stands."""

MISSING = np.iinfo(np.int64).min
DAY = 86_400
SAMPLE = 500
"""Cells from which it is seen that a column holds no dates, before all of them are looked at."""
EXCEL_ZERO = -25_569 * DAY  # 1899-12-30
_TOKEN = re.compile(r"\d+|[^\W\d_]+\.?|[^\w]+|_", re.UNICODE)
_OFFSET = re.compile(r"(Z|[+-]\d\d(?::?\d\d)?)$")
_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
}
_WEEKDAYS = frozenset(name.casefold()[:size] for names in _DAYS.values() for name in names for size in (3, 9))
_ORDINAL = re.compile(r"\b1er\b")
_QUARTER, _WEEK = frozenset("qt"), frozenset("ws")
_TIMES = ("H", "M", "S")


@dataclass(frozen=True)
class Part:
    """One piece of a written date.

    Args:
        field: ``Y y m d H M S f`` as in `time.strftime`; ``b`` month name, ``Q`` quarter, ``W`` ISO week, ``u`` day of
            the ISO week, ``p`` half of the day, ``a`` day's name; empty for letters that stand as they are.
        text: of a literal; of a name, how one of them is written.
        width: digits at least; 0 for as many as there are.
    """

    field: str
    text: str = ""
    width: int = 0


@dataclass(frozen=True)
class StampForm:
    """How a column writes its dates.

    Args:
        parts: in order; none for numbers that count (``counts``).
        counts: seconds that 1 stands for, for dates that are numbers; 0 otherwise.
        zero: seconds since 1970 that 0 stands for.
        months: names of months as the column writes them, as far as it shows them.
        offset: what stands behind each stamp, such as ``"Z"`` or ``"+01:00"``.
        ordinal: the first of a month is written ``1er``.
        said: what was assumed, for people.
    """

    parts: tuple[Part, ...] = ()
    counts: float = 0.0
    zero: int = 0
    months: tuple[tuple[int, str], ...] = ()
    offset: str = ""
    ordinal: bool = False
    said: str = ""

    @property
    def finest(self) -> str:
        """The smallest unit that is written: ``Y``, ``Q``, ``m``, ``W``, ``d``, ``H``, ``M`` or ``S``."""
        if self.counts:
            return "S" if self.counts <= 1 else "d"
        fields = {part.field for part in self.parts}
        for one in ("S", "M", "H", "d", "u", "W", "m", "b", "Q"):
            if one in fields:
                return {"b": "m", "u": "d"}.get(one, one)
        return "Y"

    def write(self, seconds: int) -> str:
        """A stamp as the column would have it."""
        if self.counts:
            value = (seconds - self.zero) / self.counts
            return f"{value:.0f}" if value == round(value) else f"{value:.6f}".rstrip("0")
        moment = np.datetime64(int(seconds), "s")
        day = moment.astype("datetime64[D]")
        year, month = int(str(moment)[:4]), int(str(moment)[5:7])
        of_day = int(seconds) - int(day.astype("datetime64[s]").astype(np.int64))
        values = {
            "Y": year,
            "y": year % 100,
            "m": month,
            "d": int(str(moment)[8:10]),
            "H": of_day // 3600,
            "M": of_day // 60 % 60,
            "S": of_day % 60,
            "f": 0,
            "Q": (month + 2) // 3,
        }
        if any(part.field in ("W", "u") for part in self.parts):
            iso = day.astype(object).isocalendar()
            values |= {"Y": iso.year, "W": iso.week, "u": iso.weekday}
        if any(part.field == "p" for part in self.parts):
            values["H"] = (values["H"] + 11) % 12 + 1
        written: list[str] = []
        for part in self.parts:
            if part.field == "b":
                written.append(dict(self.months).get(month) or spelled(month, part.text))
            elif part.field == "p":
                half = "pm" if of_day >= DAY // 2 else "am"
                written.append(half.upper() if part.text.isupper() else half)
            elif part.field == "a":
                written.append(_day_name(day, part.text))
            elif part.field:
                ending = "er" if self.ordinal and part.field == "d" and values["d"] == 1 else ""
                written.append(f"{values[part.field]:0{part.width}d}{ending}")
            else:
                written.append(part.text)
        return "".join(written) + self.offset


@dataclass(frozen=True)
class Stamps:
    """A column that was read.

    Args:
        seconds: on the table's own clock; `MISSING` where nothing stands or what stands is no date of this form.
        form: how they are written.
        offsets: seconds that each stamp's clock is ahead of UTC, where the column says it.
        wrong: positions of cells that are not empty and no date of this form.
        others: other ways to read the column, as likely as this one until the calendar is seen.
    """

    seconds: Seconds
    form: StampForm
    offsets: Seconds | None = None
    wrong: tuple[int, ...] = ()
    others: tuple[Stamps, ...] = ()


def read_stamps(cells: Sequence[str], *, dayfirst: bool | None = None) -> Stamps | None:
    """A column as dates, or None where less than nine tenths of what stands in it is one.

    Where the order of day, month and year is not told by the numbers, the way that makes the most regular calendar
    comes first, and the others are kept.

    Args:
        dayfirst: whether the day stands before the month, where it is known.
    """
    filled = np.array([bool(cell) for cell in cells])
    texts = [cell for cell in cells if cell]
    if not texts:
        return None
    if len(texts) > 2 * SAMPLE and _counted(texts[:SAMPLE]) is None and _written(texts[:SAMPLE], dayfirst) is None:
        return None
    found = _counted(texts) or _written(texts, dayfirst)
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


# -- numbers that count ------------------------------------------------------------------------------------------------


def _counted(texts: Sequence[str]) -> Stamps | None:
    """Epochs and spreadsheets' days."""
    sample = texts[0]
    if not re.fullmatch(r"\d+(?:[.,]\d+)?", sample):
        return None
    try:
        values = np.array([text.replace(",", ".") for text in texts], dtype=np.float64)
    except ValueError:
        return None
    whole = all(text.isdigit() for text in texts[:1000])
    low, high = float(values.min()), float(values.max())
    if whole and low >= 1800 and high <= 2200 and len(sample) == 4:
        return None  # years
    if whole and _compact(texts, values):
        return None
    for unit, name in ((1.0, "seconds"), (1e-3, "milliseconds"), (1e-6, "microseconds"), (1e-9, "nanoseconds")):
        if low * unit >= 3e8 and high * unit <= 5e9:
            seconds = np.rint(values * unit).astype(np.int64)
            return Stamps(seconds, StampForm(counts=unit, said=f"{name} since 1970"))
    if low >= 20_000 and high <= 80_000:
        seconds = EXCEL_ZERO + np.rint(values * DAY).astype(np.int64)
        said = "Excel's days since 1899-12-30"
        return Stamps(seconds, StampForm(counts=DAY, zero=EXCEL_ZERO, said=said))
    return None


def _compact(texts: Sequence[str], values: NDArray[np.float64]) -> bool:
    """Whether numbers are dates without anything between their parts: 20240131, 202401, 2024013123."""
    length = len(texts[0])
    if length not in (6, 8, 10, 12, 14) or any(len(text) != length for text in texts[:1000]):
        return False
    year = values // 10 ** (length - 4)
    month = values // 10 ** (length - 6) % 100
    return bool(((year >= 1800) & (year <= 2200) & (month >= 1) & (month <= 12)).all())


# -- written dates -----------------------------------------------------------------------------------------------------


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
    ordinal = any("1er " in text for text in texts)  # French writes the first of a month so, and that day alone
    if ordinal:
        texts = [_ORDINAL.sub("1", text) for text in texts]
    numbers, words, shapes = _taken_apart(texts)
    if numbers is None:
        return None
    likely: list[Stamps] = []
    for parts in _orders(shapes, numbers, words):
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
    asked = [one for one in likely if dayfirst is None or _day_first(one.form) in (dayfirst, None)]
    ranked = sorted(
        asked or likely, key=lambda one: (-_valid(one), -regularity(one.seconds), _day_first(one.form) is False)
    )
    first, *others = ranked
    equal = [one for one in others if _valid(one) == _valid(first) and not np.array_equal(one.seconds, first.seconds)]
    order = _day_first(first.form)
    said = "" if order is None else "day before month" if order else "month before day"
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
    known = np.unique(seconds[seconds != MISSING])
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


def _taken_apart(texts: Sequence[str]) -> tuple[NDArray[np.int64] | None, list[list[str]], list[str]]:
    """Numbers (n, k) of each text, its words, and the shape that all of them have: ``"9/9/9 9:9"``, names as ``w``."""
    shape = [
        piece if not piece[0].isalnum() else "9" if piece[0].isdigit() else "w" for piece in _TOKEN.findall(texts[0])
    ]
    shape = [_literal(piece, text) for piece, text in zip(shape, _TOKEN.findall(texts[0]), strict=True)]
    if "9" not in shape:
        return None, [], shape
    fast = _fixed(texts, shape)
    if fast is not None:
        return fast, [], shape
    width = shape.count("9")
    numbers = np.full((len(texts), width), -1, dtype=np.int64)
    if "w" not in shape:
        expected = "".join(shape)
        shapes = re.sub(r"\d+", "9", "\n".join(texts)).split("\n")
        same = np.fromiter((one == expected for one in shapes), dtype=bool, count=len(texts))
        found = _digits("\n".join(text for text, good in zip(texts, same, strict=True) if good))
        if found and max(map(len, found)) <= 14:
            numbers[same] = np.array(found).astype(np.int64).reshape(-1, width)
        return numbers, [], shape
    pattern = re.compile("".join(_pattern(piece) for piece in shape))
    kinds = [piece for piece in shape if piece in ("9", "w")]
    words: list[list[str]] = []
    for i, text in enumerate(texts):
        match = pattern.fullmatch(text)
        groups = list(zip(match.groups(), kinds, strict=True)) if match else []
        words.append([group for group, kind in groups if kind == "w"])
        row = [int(group) for group, kind in groups if kind == "9"]
        if row and max(row) < 10**14:
            numbers[i] = row
    return numbers, words, shape


def _literal(piece: str, text: str) -> str:
    """Single letters such as T, Q, W stand as they are; names of months, of days and of the halves of a day vary."""
    if piece != "w":
        return piece
    word = text.casefold().rstrip(".")
    varies = month_number(text) or word in _WEEKDAYS or word in ("am", "pm")
    return "w" if varies else text


def _pattern(piece: str) -> str:
    if piece == "9":
        return r"(\d+)"
    if piece == "w":
        return r"([^\W\d_]+\.?)"
    if piece.isspace():
        return r"\s+"
    return re.escape(piece)


def _fixed(texts: Sequence[str], shape: Sequence[str]) -> NDArray[np.int64] | None:
    """The numbers of texts that are all as long as the first and have the same letters between them; else None."""
    first = texts[0]
    if "w" in shape or not first.isascii():
        return None
    length = len(first)
    try:
        array = np.array(texts, dtype=np.str_).astype("S")
    except UnicodeEncodeError:
        return None
    if array.dtype.itemsize != length or min(map(len, texts)) != length:
        return None
    letters = array.view(np.uint8).reshape(len(texts), length)
    is_digit = (letters >= 48) & (letters <= 57)
    expected = np.array([letter.isdigit() for letter in first])
    same = np.frombuffer(first.encode(), dtype=np.uint8)
    if not (is_digit == expected).all() or not (letters[:, ~expected] == same[~expected]).all():
        return None
    columns, place = [], 0
    for piece in _TOKEN.findall(first):
        if piece[0].isdigit():
            value = np.zeros(len(texts), dtype=np.int64)
            for offset in range(len(piece)):
                value = value * 10 + (letters[:, place + offset] - 48)
            columns.append(value)
        place += len(piece)
    return np.stack(columns, 1)


def _orders(shape: Sequence[str], numbers: NDArray[np.int64], words: Sequence[Sequence[str]]) -> list[list[Part]]:
    """What each number and word of the shape may be: all ways that the sizes of the numbers allow."""
    good = numbers[(numbers >= 0).all(1)]
    if not len(good):
        return []
    most, least = good.max(0), good.min(0)
    pieces: list[list[str]] = []
    at_word = at_number = 0
    previous = ""
    clock = _clock(shape)
    for index, piece in enumerate(shape):
        if piece == "9":
            i = at_number
            at_number += 1
            if index in clock:
                pieces.append([clock[index]])
            elif previous.casefold() in _QUARTER and most[i] <= 4:
                pieces.append(["Q"])
            elif previous.casefold() in _WEEK and most[i] <= 53:
                pieces.append(["W"])
            elif pieces and pieces[-2:-1] == [["W"]] and most[i] <= 7:
                pieces.append(["u"])
            else:
                pieces.append(_fields(int(least[i]), int(most[i]), shape))
        elif piece == "w":
            sample = next((row[at_word] for row in words if row), "")
            at_word += 1
            word = sample.casefold().rstrip(".")
            pieces.append(["p"] if word in ("am", "pm") else ["b"] if _are_months(words, at_word - 1) else ["a"])
        else:
            pieces.append([""])
        previous = piece if piece != "9" else previous
    ways: list[list[str]] = [[]]
    for choices in pieces:
        ways = [[*way, choice] for way in ways for choice in choices if not choice or choice not in way]
    return [
        [Part(field, "" if field else piece) for field, piece in zip(way, shape, strict=True)]
        for way in ways
        if _is_a_date(way)
    ]


def _clock(shape: Sequence[str]) -> dict[int, str]:
    """Which numbers are hours, minutes, seconds and fractions: those around a colon, or with h between them."""
    found: dict[int, str] = {}
    for index, piece in enumerate(shape):
        if piece.strip() in (":", "h", "H") and index and shape[index - 1] == "9":
            known = len([one for one in found.values() if one in _TIMES])
            if not known:
                found[index - 1] = "H"
            if index + 1 < len(shape) and shape[index + 1] == "9":
                found[index + 1] = _TIMES[min(2, max(1, len([one for one in found.values() if one in _TIMES])))]
    seconds = next((index for index, field in found.items() if field == "S"), None)
    if (
        seconds is not None
        and shape[seconds + 1 : seconds + 2] in (["."], [","])
        and shape[seconds + 2 : seconds + 3] == ["9"]
    ):
        found[seconds + 2] = "f"
    return found


def _fields(least: int, most: int, shape: Sequence[str]) -> list[str]:
    if most >= 10**13:
        return ["YmdHMS"] if len(shape) == 1 else []
    if most >= 10**11:
        return ["YmdHM"] if len(shape) == 1 else []
    if most >= 10**9:
        return ["YmdH"] if len(shape) == 1 else []
    if most >= 10_000_000:
        return ["Ymd"]
    if most >= 100_000:
        return ["Ym"] if len(shape) == 1 else []
    if most >= 1000:
        return ["Y"] if least >= 1000 else []
    if most > 99:
        return []
    choices = []
    if most <= 31 and least >= 1:
        choices.append("d")
    if most <= 12 and least >= 1:
        choices.append("m")
    choices.append("y")
    return choices


def _are_months(words: Sequence[Sequence[str]], at: int) -> bool:
    seen = {row[at] for row in words if row}
    return bool(seen) and all(month_number(word) for word in seen)


def _is_a_date(way: Sequence[str]) -> bool:
    fields = [field for field in way if field]
    joined = "".join(fields)
    year = "Y" in joined or "y" in joined
    month = "m" in joined or "b" in joined
    if joined == "y" or not year or ("m" in joined and "b" in joined) or ("Y" in joined and "y" in joined):
        return False
    if "d" in joined and not month:
        return False
    if any(one in joined for one in _TIMES) and "d" not in joined and "u" not in joined:
        return False
    middle = [field for field in fields if field in ("Y", "y", "m", "b", "d")]
    return middle not in (
        ["d", "Y", "m"],
        ["m", "Y", "d"],
        ["d", "y", "m"],
        ["m", "y", "d"],
        ["Y", "d", "m"],
        ["y", "d", "m"],
    )


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
    hour, minute, second = (fields.get(one, np.zeros(count, dtype=np.int64)) for one in _TIMES)
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
    digits = [piece for piece in _TOKEN.findall(texts[0]) if piece[0].isdigit()]
    rows = [row for row in map(_digits, texts[:2000]) if len(row) == len(digits)]
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


_digits: Callable[[str], list[str]] = re.compile(r"\d+").findall


def _offset_seconds(mark: str) -> int:
    if mark in ("", "Z"):
        return 0
    digits = mark[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if mark[0] == "-" else seconds


def _day_name(day: np.datetime64, like: str) -> str:
    """A day's name in the language and length of another."""
    word = like.casefold().rstrip(".")
    language = "fr" if any(name.startswith(word) for name in _DAYS["fr"]) else "en"
    name = _DAYS[language][(int(day.astype(np.int64)) + 3) % 7]
    name = name if len(word) > 3 else name[:3]
    return (name.title() if like[:1].isupper() else name.lower()) + ("." if like.endswith(".") else "")
