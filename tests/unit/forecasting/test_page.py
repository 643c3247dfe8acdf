"""The report of a forecast as a page."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

import profond


@pytest.mark.parametrize(
    ("level", "shown"), [(1000 / 7, r"\d{3}\.\d{3}"), (0.1 / 7, r"0\.0\d{6}"), (1e6 / 7, r"\d{3},\d{3}\.\d{2}")]
)
def test_numbers_with_a_dozen_decimals_are_shown_with_six_figures(tmp_path: Path, level: float, shown: str) -> None:
    days = [date(2024, 1, 1) + timedelta(day) for day in range(60)]
    lines = [f"{day},{level * (1 + day.weekday() / 10):.15f}" for day in days]
    table = tmp_path / "long.csv"
    table.write_text("\n".join(["day,value", *lines]))
    page = profond.forecast(table, 7, fast=True, out=None).page("en")
    cells = re.findall(r'<td class="amount">([\d.,]+)</td>', page.split('<main lang="fr">')[0])
    assert len([cell for cell in cells if re.fullmatch(shown, cell)]) >= 7
    assert not [cell for cell in cells if len(re.sub(r"\D", "", cell).lstrip("0")) > 8]
