"""What is said of a table is said in two languages."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import pytest

from profond.data.timetable import calendar
from profond.data.timetable.frequency import asked_calendar
from profond.data.timetable.read import read_table
from profond.data.timetable.said import Said, Step, in_language, read_catalogue
from profond.data.timetable.stamp_form import DAY


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_sentences_with_the_same_places() -> None:
    english, french = read_catalogue("en"), read_catalogue("fr")
    assert english.keys() == french.keys()
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in french.items()}


def test_a_sentence_is_english_until_another_language_is_asked_for() -> None:
    said = Said("missing", missing=66, total=1440)
    assert said == "66 of 1,440 stamps of the calendar have no row or no value: missing"
    assert in_language(said, "fr").startswith("66 des 1\u202f440 dates")
    assert in_language("any other text", "fr") == "any other text"


@pytest.mark.parametrize(
    ("asked", "french"),
    [("hour", "heure"), ("15 min", "15 minutes"), ("month end", "fin de mois"), ("weekday", "jour ouvré"),
     ("quarter", "trimestre"), ("year", "an"), ("month", "mois")],
)  # fmt: skip
def test_every_step_has_french_words(asked: str, french: str) -> None:
    step = Step(asked_calendar(asked, np.array([0, DAY])).every)
    assert f"une valeur par {french} :" in Said("days_off", step=step).in_language("fr")


def test_days_off_have_french_names() -> None:
    step = Step(calendar.DaysOfTheWeek((0, 1, 2, 3, 4, 5)).every)
    assert "jour sauf dimanche" in Said("days_off", step=step).in_language("fr")


def test_all_that_was_assumed_of_a_table_is_said_in_french_too(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("jour;ventes\n" + "".join(f"{d:02}/03/2024;{d},5\n" for d in range(1, 29)))
    (time, value) = (in_language(line, "fr") for line in read_table(tmp_path / "t.csv").assumed)
    assert time.startswith("temps : 'jour' (le jour avant le mois), une valeur par jour, de 01/03/2024 à 28/03/2024")
    assert value.startswith("valeur : 'ventes', virgule décimale")
