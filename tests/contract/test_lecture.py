"""What every item of the lecture must do; a new one is tested here by being registered.

That its short version runs, and what it states holds, is tests/behaviour/test_the_lecture_holds.py.
"""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path

import pytest
from support.command_line import understood
from support.french import french_faults
from support.items import calls, needed_by

import profond.lecture
from profond.cli import run
from profond.lecture import registry
from profond.lecture.outcome import Options
from profond.lecture.page import page
from profond.lecture.words import LANGUAGES, read_catalogue

CATALOGUE = Path(profond.lecture.__file__).parent / "catalogue"
ITEMS = pytest.mark.parametrize("item", registry.names())


@ITEMS
@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_it_says_is_in_the_catalogue_of_each_language(item: str, language: str) -> None:
    missing = needed_by(item) - set(read_catalogue(language))
    assert missing == set(), f"write them into lecture/catalogue/{language}/{item}.json"


@ITEMS
def test_its_words_stand_in_a_file_of_its_own_in_each_language(item: str) -> None:
    for language in LANGUAGES:
        file = CATALOGUE / language / f"{item}.json"
        assert f"{item}.title" in json.loads(file.read_text(encoding="utf-8"))


@ITEMS
def test_its_french_is_set_as_french(item: str) -> None:
    faults = {key: french_faults(line) for key, line in read_catalogue("fr").items() if key.startswith(f"{item}.")}
    assert {key: found for key, found in faults.items() if found} == {}


@ITEMS
def test_its_verdict_can_fail(item: str) -> None:
    for kind, call in calls(item):
        if kind == "Claim":
            given = {word.arg: word.value for word in call.keywords}
            holds = given.get("holds", call.args[1] if len(call.args) > 1 else None)
            assert holds is not None
            assert not (isinstance(holds, ast.Constant) and holds.value is True), f"line {call.lineno} always holds"


@ITEMS
def test_it_takes_the_options_and_nothing_else(item: str) -> None:
    parameters = list(inspect.signature(registry.load(item)).parameters.values())
    assert [one.annotation for one in parameters] in ([Options], ["Options"])


@ITEMS
def test_what_it_lets_a_reader_try_can_be_typed(item: str) -> None:
    understood(registry.entry(item).config["try_it"])


@ITEMS
def test_it_is_listed_and_has_its_place_on_the_page(item: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lecture", "list", "--json", "--language", "fr"]) == 0
    rows = {row["item"]: row for row in json.loads(capsys.readouterr().out)["items"]}
    assert rows[item]["title"] == read_catalogue("fr")[f"{item}.title"]
    assert rows[item]["stated"] == read_catalogue("fr")[f"{item}.stated"]
    assert f'<section id="{item}"' in page({item: None})
