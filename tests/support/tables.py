"""Tables with a time column as people have them, made from a seed: each with what a right reading of it forecasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

SHORT_FRENCH = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")
LONG_FRENCH = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
DAYS_FRENCH = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
SHORT_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Case:
    """One table and what is right for it.

    Args:
        name: of the situation.
        text: the whole file.
        horizon: steps to ask for.
        first, last: cells in which the forecast's first and last stamps are written as the table writes them.
        number: pattern of a forecast as the table writes numbers.
        series: how many there are.
        encoding: of the file.
        say: patterns of what must be told.
        options: beside the horizon.
        refused: it is refused in words.
        low: no number is below.
        columns: of the output's header, as far as the table has them.
        lines: of the output without its header; a line for each series and step when left out.
    """

    name: str
    text: str
    horizon: int = 0
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    number: str = r"\d+\.\d"
    series: int = 1
    encoding: str = "utf-8"
    say: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    refused: bool = False
    low: float = float("-inf")
    columns: tuple[str, ...] = ()
    lines: int = 0


def wave(count: int, period: int, seed: int = 0, level: float = 200.0) -> list[float]:
    """A season, some noise, and a slow rise."""
    random, at = np.random.default_rng(seed), np.arange(count)
    values = level + 0.1 * level * np.sin(2 * np.pi * at / period) + 0.02 * at + random.normal(0, 3, count)
    return [float(value) for value in values.round(1)]


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=i) for i in range(count)]


def hours(first: datetime, count: int, minutes: int = 60) -> list[datetime]:
    return [first + timedelta(minutes=i * minutes) for i in range(count)]


def months(first: date, count: int, step: int = 1) -> list[date]:
    whole = [first.year * 12 + first.month - 1 + i * step for i in range(count)]
    return [date(one // 12, one % 12 + 1, 1) for one in whole]


def rows(
    heads: Sequence[str],
    *columns: Sequence[object],
    part: str = ",",
    end: str = "\n",
    cell: Callable[[object], str] = str,
) -> str:
    lines = [part.join(heads)] if heads else []
    return "".join(line + end for line in (*lines, *(part.join(map(cell, row)) for row in zip(*columns, strict=True))))


def french(value: object) -> str:
    return str(value).replace(".", ",") if isinstance(value, float) else str(value)


def case(
    name: str,
    stamps: Sequence[str],
    ahead: int,
    values: Sequence[object],
    heads: Sequence[str] = ("date", "sales"),
    **more: object,
) -> Case:
    """A table of one series whose last stamps are what is to be forecast."""
    known = len(stamps) - ahead
    layout = {key: more.pop(key) for key in ("part", "end", "cell") if key in more}
    text = rows(heads, stamps[:known], values[:known], **layout)  # type: ignore[arg-type]
    return Case(name, text, ahead, (stamps[known],), (stamps[-1],), columns=tuple(heads), **more)  # type: ignore[arg-type]


def cases() -> Iterator[Case]:
    yield from _kinds()
    yield from _ways_to_write_dates()
    yield from _ways_to_write_numbers()
    yield from _layouts()


def _kinds() -> Iterator[Case]:
    """The situations on which users of forecasting tools fell."""
    every_hour = hours(datetime(2023, 9, 1), 24 * 70 + 24)
    yield case(
        "French hours in Latin-1",
        [f"{one:%d/%m/%Y %H:%M}" for one in every_hour],
        24,
        wave(len(every_hour), 24),
        ("Horodaté", "Puissance (kW)"),
        part=";",
        end="\r\n",
        cell=french,
        number=r"\d+,\d",
        encoding="latin-1",
    )
    every_month = months(date(2017, 4, 1), 80 + 10)
    named = [f"{SHORT_FRENCH[one.month - 1]} {one.year}" for one in every_month]
    yield case("French names of months", named, 10, wave(90, 12), part=";", cell=french, encoding="utf-8-sig",
               number=r"\d+,\d")  # fmt: skip
    late = days(date(2022, 3, 1), 380 + 9)
    yield case("the day first, seen late", [f"{one:%d/%m/%Y}" for one in late], 9, wave(389, 7))
    paris = [one.astimezone(ZoneInfo("Europe/Paris")) for one in hours(datetime(2022, 3, 10, tzinfo=UTC), 24 * 260)]
    yield case("clock changes of Paris", [f"{one:%Y-%m-%d %H:%M}" for one in paris], 24, wave(len(paris), 24),
               say=("summer time",))  # fmt: skip
    ends = [one - timedelta(days=1) for one in months(date(2016, 2, 1), 90 + 15)]
    yield case("month ends over a leap February", [str(one) for one in ends], 15, wave(105, 12))
    working = [one for one in days(date(2021, 3, 1), 720) if one.weekday() < 5]
    closed = [date(2021, 5, 13), date(2021, 7, 14), date(2021, 11, 1), date(2022, 4, 18)]
    values = dict(zip(working, wave(len(working), 5), strict=True))
    kept = [one for one in working if one not in closed]
    yield case("weekdays without holidays", [str(one) for one in kept], 8, [values[one] for one in kept],
               say=("weekday",))  # fmt: skip
    holes = [i for i in range(24 * 50 + 24) if i not in {30, *range(200, 206), *range(500, 540)}]
    at = hours(datetime(2023, 2, 1), 24 * 50 + 24)
    heights = wave(len(at), 24)
    yield case("hours that are not there", [f"{at[i]:%Y-%m-%d %H:%M:%S}" for i in holes], 24,
               [heights[i] for i in holes], say=(r"\b47\b",))  # fmt: skip
    plain = [str(one) for one in days(date(2022, 5, 1), 400 + 7)]
    sold = wave(407, 7)
    twice = case("rows that stand there twice", plain, 7, sold, say=("duplicate",))
    lines = twice.text.splitlines(keepends=True)
    yield Case(**{**vars(twice), "text": "".join([*lines, *lines[40:75]]), "say": ("duplicate", r"\b35\b")})
    newest = case("the newest first", plain, 7, sold)
    head, *body = newest.text.splitlines(keepends=True)
    yield Case(**{**vars(newest), "text": head + "".join(reversed(body))})
    yield case("always the same", [f"{one:%Y-%m}" for one in months(date(2018, 3, 1), 48 + 6)], 6, [7] * 54,
               number=r"7\.00", say=("constant", "not defined"), low=7)  # fmt: skip
    random = np.random.default_rng(3)
    rare = [int(n) for n in random.integers(1, 5, 620) * (random.random(620) < 0.15)]
    yield case("mostly nothing", [str(one) for one in days(date(2021, 6, 1), 620)], 20, rare, number=r"\d+\.\d\d",
               say=("percentage errors", "median"), low=0)  # fmt: skip
    yield case("days of a spreadsheet", [str(n) for n in range(44_000, 44_400)], 9, wave(400, 7), part=";", cell=french,
               say=("Excel",), number=r"\d+,\d")  # fmt: skip
    weeks = [date.fromisocalendar(2017, 1, 1) + timedelta(weeks=i) for i in range(220)]
    named = ["{}-W{:02}".format(*one.isocalendar()[:2]) for one in weeks]
    yield case("ISO weeks over a week 53", named, 60, wave(220, 52))
    yield case("up to a leap day", [str(one) for one in days(date(2022, 1, 3), 788)][: 788 - 1], 1, wave(787, 7))
    yield case("over a leap day", [str(one) for one in days(date(2017, 2, 1), 1126)], 5, wave(1126, 7))
    percent = [f"{value / 10:.1f} %".replace(".", ",") for value in wave(70, 12)]
    yield case("per cent", [f"{one:%d/%m/%Y}" for one in months(date(2017, 1, 1), 70)], 10, percent, part=";",
               number=r"\d+,\d %", low=0)  # fmt: skip
    quoted = [f'"{value:.2f}"'.replace(".", ",") for value in wave(24 * 40, 24)]
    yield case("a decimal comma in quotes", [f"{one:%Y-%m-%dT%H:%M:%S}" for one in hours(datetime(2023, 4, 1), 960)],
               24, quoted, number=r'"\d+,\d\d"')  # fmt: skip
    text: list[object] = [*wave(300, 7)]
    text[122] = "closed"
    broken = case("a word among numbers", [str(one) for one in days(date(2022, 2, 1), 300)], 7, text)
    yield Case(**{**vars(broken), "refused": True, "say": ("line 124", "closed", "--missing")})
    yield Case(**{**vars(broken), "name": "a word that stands for nothing", "options": ("--missing", "closed")})
    mixed = [*months(date(2014, 1, 1), 48), *days(date(2018, 1, 1), 300)]
    yield Case("months, then days", rows(("date", "value"), mixed, wave(348, 7)), 7, refused=True,
               say=("frequency", "2018-01-01"))  # fmt: skip
    promotion = [int(i % 11 == 0) for i in range(500)]
    sold = [round(value + 60 * on, 1) for value, on in zip(wave(500, 7), promotion, strict=True)]
    text = rows(("date", "promo", "sales"), days(date(2022, 1, 1), 500), promotion, [*sold[:490], *[""] * 10])
    yield Case("rows of the future", text, 10, ("2023-05-06",), ("2023-05-15",), say=("promo",))


def _ways_to_write_dates() -> Iterator[Case]:
    daily = days(date(2023, 1, 9), 330)
    hourly = hours(datetime(2024, 1, 1), 24 * 30)
    monthly = months(date(2016, 1, 1), 84)
    quarters = months(date(2005, 1, 1), 60, step=3)
    for name, stamps in {
        "American dates": [f"{one.month}/{one.day}/{one.year}" for one in daily],
        "points between the parts": [f"{one:%d.%m.%Y}" for one in daily],
        "years of two digits": [f"{one:%d/%m/%y}" for one in daily],
        "nothing between the parts": [f"{one:%Y%m%d}" for one in daily],
        "French dates in words": [f"{one.day}{'er' * (one.day == 1)} {LONG_FRENCH[one.month - 1]} {one.year}"
                                  for one in daily],
        "names of days": [f"{DAYS_FRENCH[one.weekday()]} {one.day} {LONG_FRENCH[one.month - 1]} {one.year}"
                          for one in daily],
        "English dates in words": [f"{one.day} {SHORT_ENGLISH[one.month - 1]} {one.year}" for one in daily],
    }.items():  # fmt: skip
        yield case(name, stamps, 7, wave(len(stamps), 7))
    for name, stamps in {
        "halves of the day": [f"{one:%m/%d/%Y %I:%M %p}" for one in hourly],
        "milliseconds since 1970": [str(int(one.replace(tzinfo=UTC).timestamp()) * 1000) for one in hourly],
        "seconds since 1970": [str(int(one.replace(tzinfo=UTC).timestamp())) for one in hourly],
        "UTC": [f"{one:%Y-%m-%dT%H:%M:%SZ}" for one in hourly],
        "one offset": [f"{one:%Y-%m-%dT%H:%M:%S}+02:00" for one in hourly],
        "hours with h": [f"{one:%d/%m/%Y} {one.hour}h{one.minute:02}" for one in hourly],
    }.items():
        yield case(name, stamps, 24, wave(len(stamps), 24))
    for name, stamps in {
        "English names of months": [f"{SHORT_ENGLISH[one.month - 1]} {one.year}" for one in monthly],
        "short years of months": [f"{SHORT_ENGLISH[one.month - 1]}-{one:%y}" for one in monthly],
        "month and year": [f"{one:%m/%Y}" for one in monthly],
        "year and month together": [f"{one:%Y%m}" for one in monthly],
    }.items():
        yield case(name, stamps, 12, wave(len(stamps), 12))
    for name, form in {"quarters": "{0.year}Q{1}", "French quarters": "T{1} {0.year}"}.items():
        yield case(name, [form.format(one, (one.month + 2) // 3) for one in quarters], 4, wave(60, 4))
    yield case("years", [str(year) for year in range(1950, 2023)], 3, wave(73, 11), ("year", "sales"))
    every = hours(datetime(2024, 2, 1), 96 * 10, minutes=15)
    yield case("quarters of an hour", [f"{one:%Y-%m-%d %H:%M}" for one in every], 8, wave(960, 96))
    sundays_off = [one for one in daily if one.weekday() != 6]
    yield case("closed on Sundays", [str(one) for one in sundays_off], 7, wave(len(sundays_off), 6), say=("Sunday",))
    mondays = [str(date(2019, 1, 7) + timedelta(weeks=i)) for i in range(130)]
    yield case("a date a week", mondays, 4, wave(130, 52))
    berlin = [one.astimezone(ZoneInfo("Europe/Berlin")) for one in hours(datetime(2023, 9, 1, tzinfo=UTC), 24 * 80)]
    yield case("offsets that change", [one.isoformat() for one in berlin], 24, wave(len(berlin), 24),
               say=("summer time",))  # fmt: skip


def _ways_to_write_numbers() -> Iterator[Case]:
    stamps = [str(one) for one in days(date(2023, 3, 1), 300)]
    values = wave(300, 7, level=4000.0)
    for name, written, number, part in (
        ("thousands with narrow spaces", [f"{v:,.1f}".replace(",", "\u202f").replace(".", ",") for v in values],
         "\\d\u202f\\d{3},\\d", ";"),
        ("thousands with no-break spaces", [f"{v:,.1f}".replace(",", "\u00a0").replace(".", ",") for v in values],
         "\\d\u00a0\\d{3},\\d", ";"),
        ("thousands with commas in quotes", [f'"{v:,.1f}"' for v in values], r'"\d,\d{3}\.\d"', ","),
        ("thousands with points", [f"{v:,.1f}".translate(str.maketrans(",.", ".,")) for v in values],
         r"\d\.\d{3},\d", ";"),
        ("euros", [f"{v:.2f} €".replace(".", ",") for v in values], r"\d+,\d\d €", ";"),
        ("dollars", [f"${v:.2f}" for v in values], r"\$\d+\.\d\d", ","),
        ("a true minus sign", [f"{v - 4000:.1f}".replace("-", "\u2212") for v in values], r"[-\u2212]?\d+\.\d", "\t"),
    ):  # fmt: skip
        yield case(name, stamps, 7, written, part=part, number=number)
    gaps: list[object] = [*values]
    for at, word in zip(range(40, 240, 25), ("", "NA", "n/a", "NaN", "-", "null", "?", "#N/A"), strict=True):
        gaps[at] = word
    yield case("words for nothing", stamps, 7, gaps, say=(r"\b8 of\b",))


def _layouts() -> Iterator[Case]:
    at = [f"{one:%Y-%m-%d %H:%M}" for one in hours(datetime(2023, 10, 1), 24 * 30)]
    meters = [wave(720, 24, seed) for seed in range(3)]
    heads = ("time", "meter 1", "meter 2", "meter 3")
    yield Case("a column a series", rows(heads, at[:-24], *(one[:-24] for one in meters)), 24, (at[-24],), (at[-1],),
               series=3, columns=heads, lines=24)  # fmt: skip
    daily = days(date(2023, 1, 1), 260)
    keys = [(city, item) for city in ("Lyon", "Nice") for item in ("thé", "café")]
    lines = [
        (one, *key, value) for i, key in enumerate(keys) for one, value in zip(daily, wave(260, 7, i), strict=True)
    ]
    lines.sort(key=lambda line: str(line[0]))
    heads = ("date", "city", "item", "units")
    yield Case("two columns of names", rows(heads, *zip(*lines[: 4 * 253], strict=True)), 7, ("2023-09-11",),
               ("2023-09-17",), series=4, columns=heads)  # fmt: skip
    ragged = [
        (f"R{i:02}", daily[length - count + t], value)
        for i, (count, length) in enumerate([(250, 260), (9, 260), (260, 260), (120, 260), (150, 200), (30, 260)])
        for t, value in enumerate(wave(count, 7, i))
    ]
    yield Case("series of all lengths", rows(("unique_id", "ds", "y"), *zip(*ragged, strict=True)), 14, series=6,
               say=("too short", r"R04 ended on 2023-07-19"), columns=("unique_id", "ds", "y"))  # fmt: skip
    monthly = [f"{one:%Y-%m}" for one in months(date(2018, 1, 1), 66)]
    across = [("product", *monthly[:60]), *((name, *wave(60, 12, i)) for i, name in enumerate("ABCD"))]
    yield Case("dates across the top", "".join(",".join(map(str, row)) + "\n" for row in across), 6, (monthly[60],),
               (monthly[65],), series=4, lines=4)  # fmt: skip
    hourly = hours(datetime(2023, 11, 1), 24 * 40)
    parts = [(one.year, one.month, one.day, one.hour) for one in hourly]
    text = rows(("year", "month", "day", "hour", "pm"), *zip(*parts[:-24], strict=True), wave(936, 24))
    yield Case("a date in four columns", text, 24, ("2023", "12", "10", "0"), ("2023", "12", "10", "23"))
    days_, clocks = ([f"{one:{form}}" for one in hourly] for form in ("%d/%m/%Y", "%H:%M"))
    text = rows(("Date", "Heure", "Valeur"), days_[:-24], clocks[:-24], wave(936, 24), part=";", cell=french)
    yield Case("a date and a clock", text, 24, (days_[-24], "00:00"), (days_[-1], "23:00"), number=r"\d+,\d")
    text = rows((), daily[:250], wave(250, 7), part=";")
    yield Case("no header", text, 7, ("2023-09-08",), ("2023-09-14",))
    text = rows(("", "date", "sales"), range(250), daily[:250], wave(250, 7))
    yield Case("an index without a name", text, 7, ("2023-09-08",), ("2023-09-14",))
    yield case("UTF-16", [str(one) for one in daily], 7, wave(260, 7), encoding="utf-16", part="\t")
    text = rows(("date", "sales"), daily[:250], wave(250, 7), end=",\n")
    yield Case("a delimiter at the end of lines", text.replace("sales,", "sales,", 1), 7, ("2023-09-08",),
               ("2023-09-14",))  # fmt: skip
