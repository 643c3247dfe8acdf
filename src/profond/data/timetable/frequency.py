"""The step between two stamps as people say it: hour, 15 min, month end; in English, French and pandas' letters."""

from __future__ import annotations

import re

import numpy as np

from profond.core.errors import ConfigError
from profond.data.timetable.calendar import Calendar, DaysOfTheWeek, Every, Months
from profond.data.timetable.stamp_form import DAY, Seconds

_SECONDS = {
    1: "s sec second seconds seconde secondes",
    60: "t min mins minute minutes",
    3600: "h hr hour hours hourly heure heures horaire",
    DAY: "d day days daily jour jours journalier quotidien",
    7 * DAY: "w week weeks weekly semaine semaines hebdomadaire",
}
_MONTHS = {
    1: "ms month months monthly mois mensuel",
    3: "qs quarter quarters quarterly trimestre trimestres trimestriel",
    12: "ys as year years yearly annual an ans annee année annuel",
}
_ENDS = {1: "m me month_end", 3: "q qe quarter_end", 12: "y a ye year_end"}
_WEEKDAYS = "b weekday weekdays business business_day jour_ouvré jours_ouvrés ouvré"


def asked_calendar(frequency: str, stamps: Seconds) -> Calendar:
    """The calendar that a person names, through the first stamp. Raises: ConfigError for a name that is none."""
    match = re.fullmatch(r"\s*(\d*)\s*([^\W\d].*?)\s*", frequency)
    count, name = (int(match[1] or 1), match[2].casefold().replace(" ", "_").replace("-", "_")) if match else (0, "")
    first = int(stamps[0])
    if count > 0:
        for seconds, words in _SECONDS.items():
            if name in words.split():
                return Every(count * seconds, first)
        month = int(np.int64(first).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64))
        day = (first - int(np.datetime64(month, "M").astype("datetime64[s]").astype(np.int64))) // DAY + 1
        for table, last in ((_MONTHS, False), (_ENDS, True)):
            for months, words in table.items():
                if name in words.split():
                    return Months(count * months, month, 31 if last else int(day), first % DAY)
        if name in _WEEKDAYS.split() and count == 1:
            return DaysOfTheWeek((0, 1, 2, 3, 4), first % DAY)
    raise ConfigError(
        f"the frequency {frequency!r} is not known",
        "use second, minute, hour, day, weekday, week, month, month end, quarter or year, with a number before it",
    )
