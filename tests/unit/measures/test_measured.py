"""A measured number is written as what it is."""

from __future__ import annotations

import pytest

from profond.measures.measured import SHARE, Measured


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (Measured(0.994, 0.99228, 0.99534, SHARE), "99.40 %  [99.23, 99.53]"),
        (Measured(0.0686, 0.0654, 0.0718, "nats"), "0.0686 nats  [0.0654, 0.0718]"),
        (Measured(12.3, 11.987, 13.0, "°C"), "12.30 °C  [11.99, 13.00]"),
        (Measured(12345.6, 9876.5, 14000, "kg"), "12346 kg  [9876, 14000]"),
        (Measured(0.00001234), "0.00001234"),
        (Measured(0.0), "0.0000"),
        (Measured(-3.25, unit="V"), "-3.2500 V"),
        (Measured(float("nan"), unit="V"), "nan V"),
    ],
)
def test_it_is_written_with_its_unit_and_its_interval(measured: Measured, words: str) -> None:
    assert str(measured) == words


def test_the_interval_of_a_table_has_the_unit_once() -> None:
    assert Measured(0.994, 0.99228, 0.99534, SHARE).range == "99.23 to 99.53 %"
    assert Measured(0.994, unit=SHARE).range == ""


def test_better_is_what_the_metric_says() -> None:
    assert Measured(2.0, better="higher").beats(1.0)
    assert not Measured(1.0, better="higher").beats(1.0)
    assert Measured(1.0, better="lower").beats(2.0)
    assert not Measured(float("nan"), better="lower").beats(2.0)
    assert not Measured(2.0).beats(1.0)


@pytest.mark.parametrize(
    "measured", [Measured(0.5, 0.25, 0.75, SHARE, "higher", "accuracy"), Measured(3.0, unit="kg"), Measured(1.5)]
)
def test_it_is_read_as_it_was_written(measured: Measured) -> None:
    assert Measured.from_json(measured.to_json()) == measured


def test_a_bare_number_is_one_too() -> None:
    assert Measured.from_json(0.5) == Measured(0.5)
