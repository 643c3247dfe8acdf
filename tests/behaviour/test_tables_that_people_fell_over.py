"""Tables on which users of forecasting tools fell: each is forecast, or refused in words, and written as it was."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from support.more_tables import more_cases
from support.tables import Case, cases

import profond
from profond.cli import run
from profond.core.errors import DataError

CASES = [*cases(), *more_cases()]
BY_COMMAND = 8
"""One case in so many goes through the command line, with its figures and its report; the others through the call."""


def forecast(case: Case, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, what is said, and the table that is written, by the command line."""
    (folder / "table.csv").write_bytes(case.text.encode(case.encoding))
    options = ["--fast", "--runs", str(folder / "runs"), *case.options]
    code = run(["forecast", str(folder / "table.csv"), "--horizon", str(case.horizon), *options])
    out, told = capsys.readouterr()
    written = folder / "table.forecast.csv"
    return code, out + told, written.read_bytes().decode(case.encoding) if written.exists() else ""


def called(case: Case, folder: Path) -> tuple[int, str, str]:
    """The same by the call from Python, which writes nothing here."""
    (folder / "table.csv").write_bytes(case.text.encode(case.encoding))
    pairs = [
        (name.removeprefix("--"), value) for name, value in zip(case.options[::2], case.options[1::2], strict=True)
    ]
    options = {name: tuple(value for other, value in pairs if other == name) for name, _ in pairs}
    try:
        made = profond.forecast(folder / "table.csv", case.horizon, fast=True, out=None, **options)  # type: ignore[arg-type]
    except DataError as error:
        return error.exit_code, str(error), ""
    assert [path.name for path in folder.iterdir()] == ["table.csv"]
    return 0, "\n".join(made.lines()), made.table().decode(case.encoding)


def delimiter(text: str) -> str:
    return next((one for one in ";\t" if one in text.splitlines()[-1]), ",")


@pytest.mark.parametrize("case", [case for case in CASES if not case.refused], ids=lambda case: case.name)
def test_it_is_forecast_and_written_as_it_was(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_command = CASES.index(case) % BY_COMMAND == 0
    code, said, text = forecast(case, tmp_path, capsys) if by_command else called(case, tmp_path)
    assert code == 0, said
    for pattern in case.say:
        assert re.search(pattern, said), f"{pattern} is not said:\n{said}"
    assert "\r\n" in text if "\r\n" in case.text else "\r" not in text
    part = delimiter(case.text)
    lines = list(csv.reader(io.StringIO(text), delimiter=part))
    if case.columns:
        assert tuple(lines[0][: len(case.columns)]) == case.columns
    across = "across the top" in case.name
    body = lines if case.name == "no header" else lines[1:]
    stamps = [lines[0]] if across else body
    for expected, row in ((case.first, stamps[0]), (case.last, stamps[-1])):
        assert set(expected) <= set(row), f"{expected} is not in {row}"
    assert len(body) == (case.lines or case.horizon * case.series)
    raw = text.splitlines()[-1].split(part, 1)[1] if part != "," or '"' not in text else text.splitlines()[-1]
    assert re.search(case.number, raw), f"{raw} is not written as {case.number}"
    assert not re.search(r"\b(nan|inf)\b", text, re.IGNORECASE)
    if len(lines[0]) > 2 and lines[0][-1].startswith("high"):
        for row in body:
            point, low, high = (number(cell) for cell in row[-3:])
            assert case.low <= low <= point <= high
    if by_command:
        assert (tmp_path / "table.forecast.png").stat().st_size > 5000
        assert '<main lang="fr">' in (tmp_path / "table.forecast.html").read_text("utf-8")


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=lambda case: case.name)
def test_it_is_refused_in_words(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, text = forecast(case, tmp_path, capsys)
    assert code == 3
    for pattern in case.say:
        assert re.search(pattern, said)
    assert "Traceback" not in said
    assert text == ""
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize(
    "name", ["clock changes of Paris", "series of all lengths", "two columns of names", "the newest first"]
)
def test_the_order_of_the_rows_never_matters(name: str, tmp_path: Path) -> None:
    """Bit for bit: also where an hour stands there twice."""
    case = next(case for case in CASES if case.name == name)
    _, _, text = called(case, tmp_path)
    head, *body = case.text.splitlines(keepends=True)
    shuffled = [body[i] for i in np.random.default_rng(0).permutation(len(body))]
    code, said, again = called(Case(**{**vars(case), "text": head + "".join(shuffled)}), tmp_path)
    assert text
    assert code == 0, said
    assert "sorted" in said
    assert sorted(again.splitlines()) == sorted(text.splitlines())


def number(cell: str) -> float:
    """What a cell says, whatever its marks: the last point or comma stands before the decimals."""
    plain = re.sub(r"[^\d.,-]", "", cell.replace("\u2212", "-"))
    whole, mark, decimals = re.fullmatch(r"(.*?)(?:([.,])(\d{1,2}))?", plain).groups("")  # type: ignore[union-attr]
    return float(re.sub("[.,]", "", whole) + ("." + decimals if mark else ""))
