"""Learning-rate schedules, and settings checked at the door."""

from __future__ import annotations

from typing import Any

import pytest

from profond.core.errors import ConfigError
from profond.training import Training
from profond.training.schedule import rate_factor


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "linear"])
def test_the_rate_rises_to_one_and_falls_to_nearly_zero(schedule: Any) -> None:
    training = Training(schedule=schedule, warmup=0.25)
    factors = [
        rate_factor(
            training,
            step,
            100,
        )
        for step in range(100)
    ]
    assert factors[:25] == sorted(factors[:25])
    assert factors[24] == pytest.approx(1)
    assert factors[25:] == sorted(factors[25:], reverse=True)
    assert factors[-1] < 0.02
    assert all(0 < factor <= 1 for factor in factors)


def test_a_late_fall_begins_half_way() -> None:
    factors = [rate_factor(Training(schedule="late_linear"), step, 8) for step in range(8)]
    assert factors == pytest.approx([1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


@pytest.mark.parametrize("schedule", ["cosine", "linear", "late_linear"])
def test_a_fall_ends_at_the_lowest_rate(schedule: Any) -> None:
    factors = [rate_factor(Training(schedule=schedule, lowest_rate=0.1), step, 1000) for step in range(1000)]
    assert factors[0] == pytest.approx(1)
    assert factors[-1] == pytest.approx(0.1, abs=2e-3)
    assert min(factors) >= 0.1


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_a_constant_rate_stays(schedule: Any) -> None:
    assert {rate_factor(Training(schedule=schedule), step, 10) for step in range(10)} == {1.0}


def test_a_sweep_is_exponential() -> None:
    training = Training(rate_sweep=(1e-4, 1.0))
    factors = [rate_factor(training, step, 5) for step in range(5)]
    assert factors == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0.0), ("steps", -1), ("learning_rate", 0.0), ("learning_rate", float("nan")), ("warmup", 1.0),
        ("gradient_clip", 0.0), ("accumulate", 0), ("ema", 1.0), ("patience", 0), ("momentum", 1.0), ("seed", -1),
        ("weight_decay", -0.1), ("betas", (0.9, 1.0)), ("log_every_steps", 0), ("devices", 0),
    ],
)  # fmt: skip
def test_an_impossible_setting_is_refused_by_name(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=setting):
        Training(**{setting: value})


def test_two_kinds_of_average_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="give one of them"):
        Training(ema=0.9, ema_half_life=0.1)


def test_epochs_and_steps_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="give one of them"):
        Training(epochs=1, steps=1)
