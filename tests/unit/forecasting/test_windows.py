"""Windows are gathered for each batch from flat arrays, hold what was known at their time, and are drawn alike."""

from __future__ import annotations

import numpy as np
import torch

from profond.forecasting import windows as gathered
from profond.forecasting.features import calendar_features
from profond.forecasting.history import History
from profond.forecasting.windows import Drawn, Listed, Scale, Windows, shape_of

BACK, HORIZON = 6, 3


def history(count: int = 400, step: int = 3600, name: str = "") -> History:
    values = np.arange(count, dtype=np.float64)
    if count > 60:
        values[[50, 51]] = np.nan
    known = np.arange(count + HORIZON, dtype=np.float64)[:, None] % 5
    past = -np.arange(count, dtype=np.float64)[:, None]
    clock = np.arange(count + HORIZON) * step
    return History(values, clock % 1, 1, known, (), 0, past, np.array([3.0]), clock, name)


def of(*histories: History) -> Windows:
    ends = [len(one) for one in histories]
    shape = shape_of(histories, ends, BACK, HORIZON)
    return Windows(histories, [Scale(10.0, 2.0)] * len(histories), shape, [(0, end) for end in ends])


def test_a_window_holds_what_was_known_at_its_time() -> None:
    one, windows = history(), of(history())
    shape = windows.shape
    inputs, targets = windows.inputs(torch.tensor([50])), windows.targets(torch.tensor([50]))
    assert inputs.shape == (1, shape.channels, BACK + HORIZON)
    assert inputs[0, 0, :BACK].tolist() == [(value - 10) / 2 for value in range(44, 50)]
    assert inputs[0, 0, BACK:].isnan().all()
    expected = calendar_features(one.clock[44:53])[:, list(shape.calendar)].T
    np.testing.assert_array_equal(inputs[0, 1 : 1 + len(shape.calendar)].numpy(), expected)
    known, past, static = inputs[0, 1 + len(shape.calendar) :]
    assert known.isfinite().all()
    assert past[:BACK].isfinite().all()
    assert past[BACK:].isnan().all()
    assert static.unique().numel() == 1
    assert targets[0].isnan().tolist() == [True, True, False]
    assert float(targets[0, 2]) == (52 - 10) / 2
    assert windows.inputs(torch.tensor([52]))[0, 0, BACK - 1] == (49 - 10) / 2, "a gap is the last value before it"


def test_the_calendar_is_that_of_the_step() -> None:
    """Hours have a day and a week, days a week, and a year only where there is a whole one to learn from."""

    def columns(count: int, step: int) -> int:
        return len(shape_of([history(count, step)], [count], BACK, HORIZON).calendar)

    day, week, year = 4, 4, 2
    assert columns(400, 3600) == day + week
    assert columns(9000, 3600) == day + week + year
    assert columns(200, 86_400) == week
    assert columns(500, 86_400) == week + year
    assert columns(60, 30 * 86_400) == year
    assert columns(60, 365 * 86_400) == 0


def test_a_long_series_keeps_no_features_and_gives_the_same(monkeypatch: object) -> None:
    origins = torch.tensor([20, 300])
    kept = of(history())
    gathered.MOST_KEPT, usual = 10, gathered.MOST_KEPT
    try:
        made = of(history())
    finally:
        gathered.MOST_KEPT = usual
    assert made.calendar is None
    assert kept.calendar is not None
    assert torch.equal(made.inputs(origins).nan_to_num(), kept.inputs(origins).nan_to_num())


def test_a_batch_is_a_function_of_seed_epoch_and_number() -> None:
    windows = of(history(), history(300))
    first = [int(start) + BACK for start in windows.starts[:-1]]
    counts = [400 - BACK - HORIZON + 1, 300 - BACK - HORIZON + 1]
    batches = Drawn(windows, first, counts, 64, 5, seed=3)
    whole, later = list(batches.at(2)), list(batches.at(2, start=3))
    assert len(whole) == len(batches) == 5
    for one, other in zip(whole[3:], later, strict=True):
        assert torch.equal(one[0].nan_to_num(), other[0].nan_to_num())
    assert not torch.equal(whole[0][0].nan_to_num(), next(batches.at(3))[0].nan_to_num())
    assert not torch.equal(
        whole[0][0].nan_to_num(), next(Drawn(windows, first, counts, 64, 5, 4).at(2))[0].nan_to_num()
    )


def test_every_window_of_every_series_is_drawn_and_none_reaches_over_an_end() -> None:
    """Values tell where a window lies: they rise by one a step, and fall where one series ends."""
    windows = of(history(40), history(30))
    first = [int(start) + BACK for start in windows.starts[:-1]]
    counts = [40 - BACK - HORIZON + 1, 30 - BACK - HORIZON + 1]
    seen = set()
    for inputs, targets in Drawn(windows, first, counts, 64, 40, seed=0):
        assert (inputs[:, 0, :BACK].diff(dim=1) == 0.5).all()
        assert (targets[:, 0] - inputs[:, 0, BACK - 1] == 0.5).all()
        seen |= set(targets[:, -1].tolist())
    assert max(seen) == (39 - 10) / 2
    assert len(seen) == max(counts)


def test_given_windows_come_in_their_order() -> None:
    windows = of(history())
    parts = list(Listed(windows, torch.arange(100, 110), size=4))
    assert [len(targets) for _, targets in parts] == [4, 4, 2]
    assert torch.cat([targets[:, 0] for _, targets in parts]).tolist() == [(v - 10) / 2 for v in range(100, 110)]


def test_a_series_that_does_not_change_is_divided_by_one() -> None:
    assert Scale.of(np.full(9, 0.1)).deviation == 1.0
    assert Scale.of(np.array([np.nan, np.nan])) == Scale(0.0, 1.0)
    assert Scale.of(np.array([1.0, np.nan, 3.0])) == Scale(2.0, 1.0)
