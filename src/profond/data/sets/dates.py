"""Dates as people write them in English and French, and the same as ISO 8601 writes them; made here.

Source: of the task, neural machine translation of dates: A. Ng, Sequence models, Coursera, 2018.
"""

from __future__ import annotations

from datetime import date, timedelta

from profond.core.errors import ConfigError
from profond.core.randomness import numpy_generator
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.text.pairs import Pair, as_dataset
from profond.data.timetable.month_names import MONTHS

FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
}
FORMS = (
    "{day} {English} {year}",
    "{English} {day}, {year}",
    "{Monday}, {English} {day}, {year}",
    "{Eng} {day} {year}",
    "{day} {Eng} {year}",
    "the {day}{th} of {English} {year}",
    "{English} {day}{th}, {year}",
    "{jour} {French} {year}",
    "le {jour} {French} {year}",
    "{lundi} {jour} {French} {year}",
    "{day:02}.{month:02}.{year}",
    "{day}.{month}.{year}",
    "{year}/{month:02}/{day:02}",
)
"""Numbers alone are written in an order that can be told: by points, day first; by strokes, year first."""


@register_data("dates", splits={"train": 8000, "valid": 400, "test": 2000})
def dates(train: int = 8000, valid: int = 400, test: int = 2000, seed: int = 0) -> Dataset:
    """Dates from 1900 to 2099, in 13 English and French ways of writing them; each is to be written as 1998-03-07.

    No day of valid or test stands in train, in whatever way it is written.

    Args:
        train, valid, test: how many of each.
        seed: another seed, other dates.
    """
    days = (LAST - FIRST).days + 1
    counts = {"train": train, "valid": valid, "test": test}
    for name, count in counts.items():
        if count < 2:
            raise ConfigError(f"{name} is {count}", "use 2 or more")
    if sum(counts.values()) > days:
        raise ConfigError(f"{sum(counts.values())} days were asked for, and there are {days}", "use fewer")
    random = numpy_generator(seed, "dates")
    order = random.permutation(days).tolist()
    pairs: dict[str, list[Pair]] = {}
    for name, count in counts.items():
        chosen, order = order[:count], order[count:]
        forms = random.integers(len(FORMS), size=count).tolist()
        moments = [FIRST + timedelta(days=number) for number in chosen]
        pairs[name] = [
            Pair(f"{name}/{number}", written(moment, FORMS[form]), moment.isoformat())
            for number, (moment, form) in enumerate(zip(moments, forms, strict=True))
        ]
    return as_dataset("dates", pairs, "made here", kind="characters")


def written(moment: date, form: str) -> str:
    """A date in one of `FORMS`."""
    english, french = (MONTHS[language][moment.month - 1] for language in ("en", "fr"))
    last = moment.day % 10 if moment.day // 10 != 1 else 0
    return form.format(
        day=moment.day,
        month=moment.month,
        year=moment.year,
        English=english,
        Eng=english[:3],
        French=french,
        Monday=DAYS["en"][moment.weekday()],
        lundi=DAYS["fr"][moment.weekday()],
        jour="1er" if moment.day == 1 else moment.day,
        th={1: "st", 2: "nd", 3: "rd"}.get(last, "th"),
    )
