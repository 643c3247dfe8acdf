"""More tables as people have them: other months, clocks, units, layouts; each with what a right reading forecasts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from support.tables import LONG_FRENCH, SHORT_ENGLISH, SHORT_FRENCH, Case, case, days, french, hours, months, rows, wave

LONG_ENGLISH = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def more_cases() -> Iterator[Case]:
    yield from _dates()
    yield from _clocks()
    yield from _numbers()
    yield from _layouts()


def _dates() -> Iterator[Case]:
    every_month = months(date(2014, 5, 1), 90)
    named = [f"{LONG_FRENCH[one.month - 1].capitalize()} {one.year}" for one in every_month]
    yield case("long French months", named, 7, wave(90, 12), part=";", cell=french, number=r"\d+,\d")
    yield case(
        "capital English months",
        [f"{LONG_ENGLISH[o.month - 1].upper()} {o.year}" for o in every_month],
        5,
        wave(90, 12),
    )
    yield case(
        "French months and short years",
        [f"{SHORT_FRENCH[o.month - 1].rstrip('.')}-{o:%y}" for o in every_month],
        5,
        wave(90, 12),
    )
    yield case(
        "the month first in words",
        [f"{SHORT_ENGLISH[o.month - 1]} {o.day:02}, {o.year}" for o in days(date(2022, 4, 1), 300)],
        7,
        [f"{v}" for v in wave(300, 7)],
        part=";",
    )
    quarters = months(date(2003, 4, 1), 70, step=3)
    for name, form in {
        "quarters with a hyphen": "{0.year}-Q{1}",
        "quarters first": "Q{1} {0.year}",
        "French quarters last": "{0.year}-T{1}",
        "quarters in words": "{0.year} T{1}",
    }.items():
        yield case(name, [form.format(one, (one.month + 2) // 3) for one in quarters], 5, wave(70, 4))
    ends = [one - timedelta(days=1) for one in months(date(2003, 4, 1), 70, step=3)]
    yield case("quarter ends", [f"{one:%d/%m/%Y}" for one in ends], 6, wave(70, 4), say=("quarter end",))
    weeks = [date(2018, 3, 5) + timedelta(weeks=i) for i in range(200)]
    for name, form in {
        "ISO weeks without a hyphen": "{0}W{1:02}",
        "weeks with S": "{0}-S{1:02}",
        "ISO weeks and their day": "{0}-W{1:02}-1",
    }.items():
        yield case(name, [form.format(*one.isocalendar()[:2]) for one in weeks], 9, wave(200, 52))
    seconds = [int(one.replace(tzinfo=UTC).timestamp()) for one in hours(datetime(2023, 5, 3), 24 * 30)]
    yield case("microseconds since 1970", [str(one * 1_000_000) for one in seconds], 24, wave(720, 24))
    yield case("seconds with a fraction", [f"{one}.0" for one in seconds], 24, wave(720, 24))
    yield case(
        "Excel days with hours",
        [f"{44_900 + i / 24:.6f}" for i in range(24 * 30)],
        24,
        wave(720, 24),
        say=("Excel", "hour"),
    )
    yield case("year ends", [f"{year}-12-31" for year in range(1950, 2020)], 3, wave(70, 11), say=("year end",))
    yield case(
        "the day of the week first", [f"{o:%a} {o:%d/%m/%Y}" for o in days(date(2023, 1, 9), 300)], 7, wave(300, 7)
    )
    yield case("slashes, year first", [f"{o:%Y/%m/%d}" for o in days(date(2023, 1, 9), 300)], 7, wave(300, 7))
    yield case(
        "a clock at midnight",
        [f"{o:%Y-%m-%d} 00:00:00" for o in days(date(2023, 1, 9), 300)],
        7,
        wave(300, 7),
        say=("every day",),
    )


def _clocks() -> Iterator[Case]:
    for place, start in {
        "America/New_York": datetime(2023, 1, 20, tzinfo=UTC),
        "Europe/London": datetime(2022, 9, 1, tzinfo=UTC),
        "Australia/Sydney": datetime(2023, 8, 1, tzinfo=UTC),
    }.items():
        local = [one.astimezone(ZoneInfo(place)) for one in hours(start, 24 * 110)]
        yield case(
            f"clock changes of {place}",
            [f"{o:%d/%m/%Y %H:%M}" for o in local],
            24,
            wave(len(local), 24),
            say=("summer time",),
        )
    half = [o.astimezone(ZoneInfo("Europe/Paris")) for o in hours(datetime(2023, 9, 20, tzinfo=UTC), 48 * 50, 30)]
    yield case(
        "half hours over a clock change",
        [f"{o:%Y-%m-%d %H:%M}" for o in half],
        24,
        wave(len(half), 48),
        say=("summer time",),
    )
    local = [o.astimezone(ZoneInfo("Europe/Paris")) for o in hours(datetime(2023, 9, 1, tzinfo=UTC), 24 * 80)]
    utc = [f"{o.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for o in local]
    text = rows(("utc", "local", "load"), utc[:-24], [f"{o:%Y-%m-%d %H:%M}" for o in local[:-24]], wave(1896, 24))
    yield Case("two clocks", text, 24, (utc[-24],), (utc[-1],))
    text = rows(("local", "utc", "load"), [f"{o:%Y-%m-%d %H:%M}" for o in local[:-24]], utc[:-24], wave(1896, 24))
    yield Case("two clocks, the other first", text, 24)
    summer = [f"{o:%Y-%m-%d %H:%M:%S%z}" for o in local]
    yield case("offsets without a colon that change", summer, 24, wave(len(local), 24), say=("summer time",))
    at = hours(datetime(2024, 1, 1), 24 * 20)
    yield case("seconds with thousandths", [f"{o:%Y-%m-%dT%H:%M:%S}.000" for o in at], 24, wave(480, 24))
    yield case("hours without minutes", [f"{o:%Y-%m-%d %H}h" for o in at], 24, wave(480, 24))


def _numbers() -> Iterator[Case]:
    stamps = [f"{one:%d/%m/%Y}" for one in days(date(2023, 3, 1), 250)]
    values = wave(250, 7, level=12_000.0)
    narrow = [f"{v:,.2f}".replace(",", "\u202f").replace(".", ",") for v in values]
    yield case(
        "euros with narrow spaces",
        stamps,
        7,
        [f"{one}\u00a0€" for one in narrow],
        part=";",
        end="\r\n",
        number="\\d\u202f\\d{3},\\d\\d\u00a0€",
        encoding="utf-8-sig",
    )
    yield case("pounds with commas", stamps, 7, [f'"£{v:,.2f}"' for v in values], number=r'"£\d\d,\d{3}\.\d\d"')
    yield case("kilowatt hours", stamps, 7, [f"{v:.1f} kWh" for v in values], part="\t", number=r"\d+\.\d kWh")
    yield case("per cent without a space", stamps, 7, [f"{v / 1000:.1f}%" for v in values], number=r"\d+\.\d%")
    yield case(
        "brackets for less than nothing",
        stamps,
        7,
        [f"({-v:.1f})" if v < 0 else f"{v:.1f}" for v in wave(250, 7, level=4.0)],
    )
    yield case(
        "Swiss thousands",
        stamps,
        7,
        [f"{v:,.2f}".replace(",", "’") for v in values],
        part=";",
        number="\\d\\d['’]\\d{3}\\.\\d\\d",
    )
    yield case(
        "whole numbers with spaces",
        stamps,
        7,
        [f"{v:,.0f}".replace(",", " ") for v in values],
        part=";",
        number=r"\d\d \d{3}",
    )
    yield case("powers of ten", stamps, 7, [f"{v:.4e}" for v in values], number=r"\d+")
    infinite: list[object] = [*values]
    infinite[99] = "inf"
    broken = case("an infinity", stamps, 7, infinite)
    yield Case(**{**vars(broken), "refused": True, "say": ("line 101", "inf")})


def _layouts() -> Iterator[Case]:
    daily = days(date(2023, 1, 2), 260)
    values = wave(260, 7)
    plain = rows(("date", "sales"), daily[:253], values[:253])
    usual = {"horizon": 7, "first": ("2023-09-12",), "last": ("2023-09-18",)}
    yield Case("comment lines", "# exported by a program\n# second line, with a comma\n" + plain, **usual)  # type: ignore[arg-type]
    yield Case("a title above", "Ventes du magasin\n\n" + plain.replace(",", ";"), **usual)  # type: ignore[arg-type]
    yield Case("a header in two lines", "date,sales\n,EUR\n" + plain.partition("\n")[2], **usual)  # type: ignore[arg-type]
    total = f"Total,{sum(values[:253]):.1f}\n"
    yield Case("a total row at the end", plain + total, **usual, say=("Total|total",))  # type: ignore[arg-type]
    yield Case("old line ends", plain.replace("\n", "\r\n") + "\r\n\r\n", **usual)  # type: ignore[arg-type]
    yield Case(
        "everything in quotes", "".join('"' + line.replace(",", '","') + '"\n' for line in plain.splitlines()), **usual
    )  # type: ignore[arg-type]
    heads = ("date", "Lyon", "Nice", "Lille")
    cities = [wave(260, 7, seed) for seed in range(3)]
    yield Case(
        "a column a city",
        rows(heads, daily[:253], *(one[:253] for one in cities), part=";", cell=french),
        7,
        ("2023-09-12",),
        ("2023-09-18",),
        series=3,
        lines=7,
        columns=heads,
        number=r"\d+,\d",
        options=("--target", "Lyon", "--target", "Nice", "--target", "Lille"),
    )
    across = [f"{SHORT_ENGLISH[o.month - 1]}-{o:%y}" for o in months(date(2016, 1, 1), 72)]
    lines = [("region", "product", *across[:66])]
    lines += [(r, p, *wave(66, 12, i)) for i, (r, p) in enumerate([("N", "a"), ("N", "b"), ("S", "a")])]
    yield Case(
        "names of months across the top",
        "".join(",".join(map(str, row)) + "\n" for row in lines),
        6,
        (across[66],),
        (across[71],),
        series=3,
        lines=3,
        columns=("region", "product"),
    )
    monthly = months(date(2015, 1, 1), 96)
    text = rows(
        ("Année", "Mois", "CA"),
        [o.year for o in monthly[:90]],
        [LONG_FRENCH[o.month - 1] for o in monthly[:90]],
        wave(90, 12),
        part=";",
        cell=french,
    )
    yield Case("a year and the name of a month", text, 6, ("2022", "juillet"), ("2022", "décembre"), number=r"\d+,\d")
    quarters = months(date(2003, 1, 1), 64, step=3)
    text = rows(
        ("year", "quarter", "gdp"),
        [o.year for o in quarters[:60]],
        [(o.month + 2) // 3 for o in quarters[:60]],
        wave(60, 4),
    )
    yield Case("a year and a quarter", text, 4, ("2018", "1"), ("2018", "4"))
    hourly = hours(datetime(2023, 11, 1), 24 * 30)
    text = rows(
        ("day", "hour", "mw"), [f"{o:%Y-%m-%d}" for o in hourly[:-24]], [o.hour for o in hourly[:-24]], wave(696, 24)
    )
    yield Case("a day and the number of an hour", text, 24, ("2023-11-30", "0"), ("2023-11-30", "23"))
    yield Case("an average row at the end", plain + "Moyenne,200.0\n", **usual, say=("Moyenne",))  # type: ignore[arg-type]
