"""What a forecast's methods say of raw values in a graph is what they say in Python."""

from typing import Any

import numpy as np
import pytest
import torch
from support.leaving import shaken
from torch import Tensor

from profond import models
from profond.core.errors import ConfigError
from profond.data.timetable.asked import Asked
from profond.forecasting.exported import calendar_channels, exported, filled
from profond.forecasting.features import calendar_features
from profond.forecasting.history import History, filled_forward
from profond.forecasting.kept import Kept, KeptSeries, Named
from profond.forecasting.method import with_bounds
from profond.forecasting.naive import Last
from profond.forecasting.network import NetworkForecaster
from profond.forecasting.ridge import Ridge
from profond.forecasting.windows import Scale, shape_of
from profond.tasks.task import Part

STEPS, HORIZON, BACK = 60, 4, 12
WIDTHS = np.arange(HORIZON) + 1.5


def history(name: str, start: int, columns: bool) -> History:
    """Two and a half days by the hour with gaps, one column of each kind."""
    random = np.random.default_rng(abs(start))
    values = 50 + 10 * np.sin(np.arange(STEPS) * 2 * np.pi / 24) + random.normal(size=STEPS)
    values[[20, 58]] = np.nan
    clock, count = start * 1_000_003 + 3600 * np.arange(STEPS + HORIZON), int(columns)
    known, past = random.normal(size=(STEPS + HORIZON, count)), random.normal(size=(STEPS, count))
    phases = np.arange(STEPS + HORIZON) % 24
    return History(values, phases, 24, known, (24,), 0, past, np.full(count, 7.0), clock, name)


def run_of(method: str, columns: bool, widths: np.ndarray = WIDTHS, **settings: Any) -> tuple[Kept, list[Any]]:
    """What a run of two series keeps, one from before 1970, and the forecaster of each."""
    histories = [history("x", -900, columns), history("y", 700, columns)]
    if method == "ridge":
        learned: list[Any] = [Ridge(9, past=columns).fit(one, STEPS, HORIZON) for one in histories]
    elif method == "last":
        learned = [Last().fit(one, STEPS, HORIZON) for one in histories]
    else:
        shape = shape_of(histories, [STEPS, STEPS], BACK, HORIZON)
        torch.manual_seed(0)
        size = {"input_shape": (shape.channels, shape.window), "num_classes": HORIZON}
        networks = [
            shaken(models.create(method, **size, **models.example_settings(method), **settings)) for _ in range(2)
        ]
        scales = {one.name: Scale.of(one.values) for one in histories}
        learned = [NetworkForecaster(method, dict(settings), shape, scales, 5, networks)] * 2
    known = ("known",) if columns else ()
    series = tuple(
        KeptSeries((one.name,), Named(method, 0, forecaster), widths, known)
        for one, forecaster in zip(histories, learned, strict=True)
    )
    return Kept("run", HORIZON, 0.9, Asked(past=("past",), static=("size",)), None, "hour", None, series, {}), learned


def in_python(part: Part, learned: Any, inputs: tuple[Tensor, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The same windows by the forecaster itself, one by one, and their bounds."""
    series, past, moment, *more = inputs
    steps, found, bounds = past.shape[1], [], []
    for number, name in enumerate(series.tolist()):
        columns = more[0][number].numpy() if more else np.empty((steps + HORIZON, 0))
        cycle = int(part.answer["cycle"])
        clock = np.arange(steps + HORIZON) if cycle else moment[number].numpy()
        phases = np.full(steps + HORIZON, int(moment[number]) if cycle else 0)
        static = columns[0, 2:3] if columns.shape[1] > 2 else np.empty(0)
        window = History(
            *(past[number].numpy(), phases, 24, columns[:, :1], (24,), 0, columns[:steps, 1:2], static, clock),
            part.answer["series"][name],
        )
        said, between = with_bounds(learned, window, np.array([steps]))
        found.append(said[0])
        bounds.append(between[0])
    return np.stack(found), np.stack(bounds)


@pytest.mark.parametrize("columns", [False, True], ids=["alone", "with columns"])
@pytest.mark.parametrize("method", ["lstm_forecaster", "nhits", "dlinear", "ridge"])
def test_raw_values_are_forecast_as_in_python(method: str, columns: bool) -> None:
    kept, learned = run_of(method, columns)
    parts = exported(kept)
    assert len(parts) == (2 if method == "ridge" else 1)
    for part, forecaster in zip(parts, learned, strict=False):
        inputs = part.examples(5, 9)
        assert bool(inputs[1].isnan().any())
        assert len(inputs) == 3 + columns
        with torch.no_grad():
            forecast, quantiles = (one.numpy() for one in part.module(*inputs))
        wanted, _ = in_python(part, forecaster, inputs)
        np.testing.assert_allclose(forecast, wanted, rtol=0, atol=1e-5)
        np.testing.assert_allclose(quantiles[..., 0], forecast - WIDTHS, rtol=0, atol=1e-9)
        np.testing.assert_allclose(quantiles[..., 1], forecast + WIDTHS, rtol=0, atol=1e-9)
        assert part.answer["quantiles"] == [0.05, 0.95]
        assert part.answer["columns"] == (["known", "past", "size"][: inputs[3].shape[2]] if columns else [])


@pytest.mark.parametrize("method", ["lstm_forecaster", "nhits", "dlinear"])
def test_bounds_that_were_learned_leave_too(method: str) -> None:
    kept, learned = run_of(method, columns=False, widths=np.array([1.5, 0.25, -0.5, -99.0]), quantiles=3)
    (part,) = exported(kept)
    inputs = part.examples(5, 9)
    with torch.no_grad():
        forecast, quantiles = (one.numpy() for one in part.module(*inputs))
    wanted, bounds = in_python(part, learned[0], inputs)
    widths = kept.series[0].widths
    np.testing.assert_allclose(forecast, wanted, rtol=0, atol=1e-5)
    np.testing.assert_allclose(quantiles[..., 0], np.minimum(bounds[..., 0] - widths, wanted), rtol=0, atol=1e-5)
    np.testing.assert_allclose(quantiles[..., 1], np.maximum(bounds[..., 1] + widths, wanted), rtol=0, atol=1e-5)
    assert (quantiles[:, :2, 1] > quantiles[:, :2, 0]).all()


def test_columns_and_clock_count() -> None:
    kept, _ = run_of("lstm_forecaster", columns=True)
    (part,) = exported(kept)
    series, past, clock, columns = part.examples(5, 9)
    with torch.no_grad():
        said = part.module(series, past, clock, columns)[0]
        others = {
            "clock": part.module(series, past, clock + 6 * 3600, columns)[0],
            "columns": part.module(series, past, clock, columns + 1)[0],
            "series": part.module(1 - series, past, clock, columns)[0],
        }
    for name, other in others.items():
        assert float((other - said).abs().max()) > 1e-3, name


def test_without_windows_to_judge_by_there_are_no_quantiles() -> None:
    kept, _ = run_of("dlinear", columns=False, widths=np.full(HORIZON, np.nan))
    (part,) = exported(kept)
    assert [one.name for one in part.outputs] == ["forecast"]
    assert part.answer["quantiles"] == []
    with torch.no_grad():
        assert part.module(*part.examples(3, 9)).shape == (3, HORIZON)


def test_a_method_that_learned_nothing_is_refused_with_what_it_says() -> None:
    kept, _ = run_of("last", columns=False)
    with pytest.raises(ConfigError, match="it repeats the last value"):
        exported(kept)


def test_of_several_methods_those_that_can_leave_do() -> None:
    kept, _ = run_of("dlinear", columns=False)
    naive, _ = run_of("last", columns=False)
    mixed = Kept(**{**vars(kept), "series": (kept.series[0], naive.series[1])})
    (part,) = exported(mixed)
    assert part.answer["series"] == ["x"]
    assert "repeats" in part.answer["left_out"]["y"]


def test_gaps_are_filled_as_in_python() -> None:
    nan = np.nan
    rows = np.array([[nan, 1, nan, nan, 2], [3, nan, nan, nan, nan], [1, 2, 3, 4, 5], [nan] * 5])
    wanted = np.stack([filled_forward(row) for row in rows])
    np.testing.assert_array_equal(filled(torch.from_numpy(rows)[:, None])[:, 0], wanted)


def test_the_calendar_is_that_of_python_before_and_after_1970() -> None:
    clock = np.random.default_rng(0).integers(-(10**10), 10**10, (50, 6))
    found = calendar_channels(torch.from_numpy(clock)).transpose(1, 2)
    np.testing.assert_allclose(found, calendar_features(clock), rtol=0, atol=1e-6)
