"""Cells that stand in a file's bytes are what Python's own lists, `float` and `dict` make of them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from profond.data.timetable.asked import Asked
from profond.data.timetable.cells import read_cells
from profond.data.timetable.column import Column, columns_of, factorised
from profond.data.timetable.numbers import read_numbers
from profond.data.timetable.read import read_table

NUMBERS = (
    *("0", "-0", "+1", "-1.5", ".5", "-.5", "5.", "007", "0.1", "0.30000000000000004", "123456789012345"),
    *(
        "999999999999999.9",
        "12345678901234567890",
        "1e3",
        "1.5E-07",
        "-2.675",
        "0.000000000000001",
        "",
        "?",
        "NaN",
        "n/a",
    ),
)


def column(*cells: str) -> Column:
    (found,) = columns_of("".join(f"{cell};\n" for cell in cells).encode(), ";")[:1]
    return found


def test_cells_are_texts_in_any_order_and_part() -> None:
    cells = [*(f"é{n}" for n in range(70_000)), "", "日本", "a b"]
    found = column(*cells)
    assert isinstance(found, Column)
    assert list(found) == cells
    assert list(found[3:100:7]) == cells[3:100:7]
    assert (found[-1], found[5], len(found)) == ("a b", "é5", len(cells))
    assert list(found.without_empty()) == [cell for cell in cells if cell]
    assert list(column(" a", "b\t", " ", "c d ").stripped()) == ["a", "b", "", "c d"]


def test_numbers_are_those_of_float_to_the_bit() -> None:
    chance = random.Random(0)
    cells = [*NUMBERS, *(f"{chance.uniform(-1e4, 1e4):.{chance.randrange(12)}f}" for _ in range(80_000))]
    wanted = np.array([float({"": "nan", "?": "nan", "n/a": "nan"}.get(cell, cell)) for cell in cells])
    found = read_numbers(column(*cells))
    assert found is not None
    assert found.values.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("cell", ["1-2", "--1", "1.2.3", "-", ".", "+", "1,5 €", "12a"])
def test_what_is_no_plain_number_is_read_as_from_a_list(cell: str) -> None:
    cells = ["1", "2", "3", cell]
    found, wanted = read_numbers(column(*cells)), read_numbers(cells)
    assert (found is None) == (wanted is None)
    if found is not None and wanted is not None:
        assert np.array_equal(found.values, wanted.values, equal_nan=True)
        assert (found.form, found.wrong) == (wanted.form, wanted.wrong)


def test_different_cells_are_numbered_as_they_first_appear() -> None:
    chance = random.Random(0)
    for width in (3, 8, 9, 17, 30):
        cells = [str(chance.randrange(50)) * (width // 2) for _ in range(2000)]
        cells += cells[-1:] * 5
        codes, names = factorised(column(*cells))
        assert names == list(dict.fromkeys(cells))
        assert [names[code] for code in codes] == cells
        assert np.array_equal(codes, factorised(cells)[0])


@pytest.mark.parametrize("data", ["a;b\n1;2;3\n4\n", "a;b\n1\n2;3;4\n", "a;b\n\n1;2\n", "a\n\n"])
def test_lines_with_unlike_numbers_of_cells_are_no_columns(data: str) -> None:
    assert columns_of(data.encode(), ";") is None


def test_a_table_with_quotes_is_read_as_the_same_one_without(tmp_path: Path) -> None:
    rows = [f"{n % 28 + 1}/{n // 28 + 1}/2024;{h}:00;{n * 24 + h}.5" for n in range(300) for h in range(24) if n < 336]
    plain, quoted = tmp_path / "plain.csv", tmp_path / "quoted.csv"
    rows = [row for row in rows if int(row.split("/")[1]) <= 12]
    plain.write_text("\n".join(["Date;Heure;Charge", *rows]))
    quoted.write_text("\n".join(['"Date";"Heure";"Charge"', *rows]))
    assert isinstance(read_cells(plain).columns[0], Column)
    assert not isinstance(read_cells(quoted).columns[0], Column)
    one, other = (read_table(path, Asked(), "hour") for path in (plain, quoted))
    assert one.assumed == other.assumed
    assert np.array_equal(one.series[0].values, other.series[0].values, equal_nan=True)


def test_the_order_of_a_date_is_told_by_all_dates_and_their_hours_together(tmp_path: Path) -> None:
    table = tmp_path / "american.csv"
    table.write_text(
        "Date,Time,y\n" + "".join(f"2/{d}/2024,{h:02d}:00,{d + h}\n" for d in (1, 2, 3) for h in range(24))
    )
    assert "2/1/2024 00:00 to 2/3/2024 23:00" in read_table(table).assumed[0]
    assert len(read_table(table).series[0].values) == 72
