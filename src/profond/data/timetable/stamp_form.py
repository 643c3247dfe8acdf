"""How a column writes its dates: the parts of a written date, and new dates written alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.month_names import spelled

Seconds = NDArray[np.int64]
"""Seconds since 1970-01-01 00:00 on the table's own clock; -2**63 where nothing stands."""

MISSING = np.iinfo(np.int64).min
DAY = 86_400
YEAR_10000 = 253_402_300_800
"""Seconds since 1970 from which no stamp can be written."""
DAY_NAMES = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
}


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
        decimals: with which such a number is written; 0 for as many as it needs.
        months: names of months as the column writes them, as far as it shows them.
        offset: what stands behind each stamp, such as ``"Z"`` or ``"+01:00"``.
        ordinal: the first of a month is written ``1er``.
        said: what was assumed, for people.
    """

    parts: tuple[Part, ...] = ()
    counts: float = 0.0
    zero: int = 0
    decimals: int = 0
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

    def write(self, seconds: int, ahead: int | None = None) -> str:
        """A stamp as the column would have it.

        Args:
            seconds: on the table's own clock.
            ahead: seconds that this clock is ahead of UTC then; None where all stamps have one offset.
        """
        if self.counts:
            value = (seconds - self.zero) / self.counts
            if self.decimals:
                return f"{value:.{self.decimals}f}"
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
        return "".join(written) + (self.offset if ahead is None or not self.offset else _offset(ahead, self.offset))


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


def distinct(seconds: Seconds) -> Seconds:
    """The different stamps in their order, without the missing ones."""
    if len(seconds) < 2 or (seconds[0] != MISSING and bool((np.diff(seconds) > 0).all())):
        return seconds[seconds != MISSING]
    return np.unique(seconds[seconds != MISSING])


def _offset(ahead: int, like: str) -> str:
    """An offset from UTC, written like another: ``+02:00``, ``+0200`` or ``+02``; ``Z`` where Z is written."""
    if like == "Z" and not ahead:
        return like
    hours, minutes = divmod(abs(ahead) // 60, 60)
    mark = ":" if ":" in like or like == "Z" else ""
    short = len(like) == 3 and not minutes
    return f"{'-' if ahead < 0 else '+'}{hours:02d}" + ("" if short else f"{mark}{minutes:02d}")


def _day_name(day: np.datetime64, like: str) -> str:
    """A day's name in the language and length of another."""
    word = like.casefold().rstrip(".")
    language = "fr" if any(name.startswith(word) for name in DAY_NAMES["fr"]) else "en"
    name = DAY_NAMES[language][(int(day.astype(np.int64)) + 3) % 7]
    name = name if len(word) > 3 else name[:3]
    return (name.title() if like[:1].isupper() else name.lower()) + ("." if like.endswith(".") else "")
