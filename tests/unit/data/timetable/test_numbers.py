"""Numbers as people write them: marks and units are decided for a whole column, and written back."""

from __future__ import annotations

import numpy as np
import pytest

from profond.data.timetable.numbers import read_numbers


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1.5", "-2", "3e2"], [1.5, -2, 300]),
        (["1,5", "2,25"], [1.5, 2.25]),
        (["1 234,5", "12 000,0"], [1234.5, 12000]),
        (["1\u202f234,5", "7,0"], [1234.5, 7]),
        (["1,234.5", "7.0"], [1234.5, 7]),
        (["1.234,5", "7,0"], [1234.5, 7]),
        (["1'234.5", "7.0"], [1234.5, 7]),
        (["12,5 %", "0,5 %"], [12.5, 0.5]),
        (["€ 3.50", "€ 4.00"], [3.5, 4]),
        (["\u22123.5", "2.0"], [-3.5, 2]),
    ],
)
def test_they_are_read_and_written_as_they_were(cells: list[str], values: list[float]) -> None:
    numbers = read_numbers(cells)
    assert numbers is not None
    assert numbers.values.tolist() == values
    assert numbers.wrong == ()
    again = read_numbers([numbers.form.write(value) for value in values], numbers.form.decimal)
    assert again is not None
    assert again.values.tolist() == values


def test_what_could_be_either_mark_follows_the_delimiter_or_is_told() -> None:
    thousand, decimal = read_numbers(["1,234", "5,678"]), read_numbers(["1,234", "5,678"], comma_likely=True)
    told = read_numbers(["1,234", "5,678"], ",")
    assert thousand is not None
    assert decimal is not None
    assert told is not None
    assert thousand.values.tolist() == [1234, 5678]
    assert decimal.values.tolist() == told.values.tolist() == [1.234, 5.678]


def test_words_for_nothing_are_missing_and_others_are_named() -> None:
    numbers = read_numbers(["1", "NA", "", "rupture", "5", "6", "inf", "8"])
    assert numbers is not None
    assert np.isnan(numbers.values).tolist() == [False, True, True, True, False, False, True, False]
    assert numbers.wrong == (3, 6)


def test_words_are_no_numbers() -> None:
    assert read_numbers(["Paris", "Lyon", "S00", "S01"]) is None


def test_a_number_that_is_missing_is_an_empty_cell_and_there_is_no_minus_zero() -> None:
    numbers = read_numbers(["1,50 €", "2,25 €"])
    assert numbers is not None
    assert numbers.form.write(float("nan")) == ""
    assert numbers.form.write(-0.001) == "0,00 €"


@pytest.mark.parametrize(
    "cells",
    [
        ["$1,234.50", "-$680.47"],
        ["$1,234.50", "($107.42)", "($8.00)"],
        ["12\u2019345", "7\u2019000"],
        ["\u22123,50 °C", "2,00 °C"],
    ],
)
def test_signs_and_marks_are_written_back_as_they_were(cells: list[str]) -> None:
    numbers = read_numbers(cells)
    assert numbers is not None
    assert numbers.wrong == ()
    assert [numbers.form.write(float(value)) for value in numbers.values] == cells
