"""Published tables are fetched by name, and read as they were published."""

from __future__ import annotations

import json

import numpy as np
import pytest

from profond.cli import run
from profond.core.errors import MissingError, UnknownName
from profond.data.timetable.asked import Asked
from profond.data.timetable.published import fetch_table, names, published
from profond.data.timetable.read import read_table


@pytest.mark.parametrize(("name", "count", "missing"), [("airline", 144, 0), ("traffic", 17_544, 0)])
def test_a_published_table_is_read_without_a_word_about_it(name: str, count: int, missing: int) -> None:
    try:
        path = fetch_table(name)
    except MissingError as error:
        pytest.skip(f"{name} cannot be had here: {error.message.splitlines()[-1].strip()}")
    table = read_table(path, Asked(target=published(name).target))
    assert len(table.series) == 1
    assert len(table.series[0].values) == count
    assert np.isnan(table.series[0].values).sum() == missing


def test_tables_are_listed_beside_data_sets_and_others_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list", "--json"]) == 0
    listed = {row["name"] for row in json.loads(capsys.readouterr().out)["data"]}
    assert {*names(), "mnist"} <= listed
    with pytest.raises(UnknownName, match="airlin"):
        fetch_table("airlin")
