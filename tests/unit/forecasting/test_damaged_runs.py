"""What a run kept of a forecast is a file like others: damaged, it is refused in words."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import profond
from profond.core.errors import ConfigError

ODD: dict[str, list[Any]] = {
    "horizon": [0, -5, 10**12, float("inf"), None],
    "level": [-5, float("inf")],
    "holidays": [-5, [], {}],
}
DAMAGE: list[tuple[tuple[str | int, ...], Any]] = [
    *(((name,), value) for name, values in ODD.items() for value in values),
    *((("methods", 0, "steps"), value) for value in (-5, float("inf"))),
    *((("series", 0, "widths"), value) for value in ([], [1.0], -5)),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("made")
    table = folder / "table.csv"
    days = [date(2024, 1, 1) + timedelta(n) for n in range(60)]
    table.write_text("date,y\n" + "".join(f"{day},{100 + day.day % 7}\n" for day in days))
    run = profond.forecast(table, 3, fast=True, out=folder / "runs").run
    assert run is not None
    return table, run.path


@pytest.mark.parametrize(("place", "value"), DAMAGE)
def test_a_run_whose_settings_are_damaged_is_refused(
    made: tuple[Path, Path], place: tuple[str | int, ...], value: Any
) -> None:
    table, run = made
    file = run / "forecast.json"
    whole = file.read_text()
    settings = json.loads(whole)
    inner = settings
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    file.write_text(json.dumps(settings))
    try:
        with pytest.raises(ConfigError, match="damaged"):
            profond.forecast(table, run=run, out=None)
    finally:
        file.write_text(whole)
    assert profond.forecast(table, run=run, out=None).values
