"""What a forecast learned, as graphs: raw values in, forecasts and their interval in the series' own unit out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.data.timetable.stamp_form import DAY
from profond.forecasting.features import HARMONICS, MONDAY
from profond.forecasting.kept import Kept, KeptSeries
from profond.forecasting.network import NetworkForecaster
from profond.forecasting.ridge import RidgeForecaster
from profond.forecasting.windows import Scale
from profond.nn.looped import looped
from profond.tasks.task import Part, Tensors

_WITHOUT = {
    "last": "it repeats the last value",
    "season": "it repeats the values one season ago",
    "drift": "it goes on along the line from the first value to the last one",
    "median": "it says the median of the last values",
}


def exported(kept: Kept) -> list[Part]:
    """One graph for each forecaster of a run; networks are one for all of their series.

    Inputs, by window: ``series``, which of the names in ``answer["series"]`` it is; ``past``, its values, NaN where one
    is missing; ``clock``, seconds since 1970 on the table's own clock at each step of past and horizon, or, of a ridge
    regression, ``phase``, in which slot of its cycle the first step ahead is; and ``columns`` where the table had some,
    NaN where a value is not known.

    NOTE a value that is missing is the last one before it; at the beginning of the past the first one after, for the
    graph does not see what stood before. Nor does it know whether the series was ever negative: where it was not,
    `profond forecast` says 0 in the place of less.

    Raises: ConfigError where no method of the run has learned anything that a graph could hold.
    """
    groups: dict[int, list[KeptSeries]] = {}
    for one in kept.series:
        groups.setdefault(id(one.method.forecaster), []).append(one)
    able = [group for group in groups.values() if isinstance(_learned(group), NetworkForecaster | RidgeForecaster)]
    left_out = {_name(one): _why(one) for group in groups.values() if group not in able for one in group}
    if not able:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:3])
        raise ConfigError(
            f"{kept.name} has nothing to export: {reasons}", "a line of your own program says the same; or --thorough"
        )
    parts = []
    for number, group in enumerate(able):
        name = "" if len(able) == 1 else f"{group[0].method.name}-{number}"
        parts.append(_part(kept, group, name, left_out))
    return parts


def _learned(group: Sequence[KeptSeries]) -> Any:
    return group[0].method.forecaster


def _name(one: KeptSeries) -> str:
    return " / ".join(one.ids) if one.ids else "the series"


def _why(one: KeptSeries) -> str:
    name = one.method.name
    return f"{name} learned nothing that a graph could hold: {_WITHOUT.get(name, 'it comes from another library')}"


def _part(kept: Kept, group: Sequence[KeptSeries], name: str, left_out: dict[str, str]) -> Part:
    learned = _learned(group)
    graph = (_Networks if isinstance(learned, NetworkForecaster) else _Ridge)(learned, group)
    known = [*group[0].known, *([f"holidays of {kept.holidays}"] if kept.holidays else [])]
    window = graph.past + graph.horizon
    inputs = [Tensors("series", (), "int64"), Tensors("past", (graph.past,), "float64"), graph.moment]
    if graph.columns:
        inputs.append(Tensors("columns", (window, graph.columns), "float64"))
    outputs = [Tensors("forecast", (graph.horizon,), "float64")]
    tail = (1 - kept.level) / 2
    if graph.judged:
        outputs.append(Tensors("quantiles", (graph.horizon, 2), "float64"))
    answer = {
        "kind": "forecast",
        "steps": [f"step {number + 1}" for number in range(graph.horizon)],
        "quantiles": [round(tail, 6), round(1 - tail, 6)] if graph.judged else [],
        "method": group[0].method.name,
        "series": [_name(one) for one in group],
        "past": graph.past,
        "every": kept.every,
        "columns": [*known, *kept.asked.past, *kept.asked.static][: graph.columns],
        "cycle": graph.cycle,
        "left_out": left_out,
    }
    return Part(graph.eval(), tuple(inputs), tuple(outputs), _examples(graph, len(group)), answer, name, raw=True)


class _Graph(nn.Module):
    """What both kinds share.

    Args:
        past, columns: steps that are looked at, and columns beside the series.
        changing: how many of the columns change from step to step; the others stand behind them.
        cycle: slots of the calendar's cycle; 0 where the clock is asked for instead.
    """

    mean: Tensor
    deviation: Tensor
    widths: Tensor

    def __init__(
        self,
        past: int,
        horizon: int,
        columns: int,
        changing: int,
        cycle: int,
        scales: Sequence[Scale],
        group: Sequence[KeptSeries],
    ) -> None:
        super().__init__()
        self.past, self.horizon, self.cycle = past, horizon, cycle
        self.columns, self.changing = columns, changing
        # NOTE where the past has too few windows to judge by, there is no interval, and no number stands for none.
        self.judged = not any(math.isnan(width) for one in group for width in one.widths)
        self._keep("mean", [one.mean for one in scales])
        self._keep("deviation", [one.deviation for one in scales])
        self._keep("widths", [one.widths.tolist() for one in group])

    @property
    def moment(self) -> Tensors:
        return Tensors("phase", (), "int64") if self.cycle else Tensors("clock", (self.past + self.horizon,), "int64")

    def _keep(self, name: str, numbers: Any) -> None:
        self.register_buffer(name, torch.as_tensor(numbers, dtype=torch.float64), persistent=False)

    def _bounded(self, said: Float[Tensor, "n h q"], series: Int[Tensor, " n"]) -> Tensor | tuple[Tensor, Tensor]:
        """The forecast with its interval, around it or around the bounds that were learned; see `continued`.

        Args:
            said: quantiles, rising, or one forecast.
        """
        low, said, high = said[..., 0], said[..., said.shape[2] // 2], said[..., -1]
        if not self.judged:
            return said
        widths = self.widths[series]
        return said, torch.stack((torch.minimum(low - widths, said), torch.maximum(high + widths, said)), 2)


class _Networks(_Graph):
    """The mean of what several networks say; see `NetworkForecaster.predict`."""

    beside: Tensor

    def __init__(self, learned: NetworkForecaster, group: Sequence[KeptSeries]) -> None:
        shape = learned.shape
        beside = (*shape.known, *shape.past, *shape.static)
        scales = [learned.scales.get(_name(one)) for one in group]
        if any(one is None for one in scales):
            raise ConfigError(
                f"what {_name(group[0])} is scaled by was not kept", "forecast again, and export the new run"
            )
        super().__init__(
            shape.look_back,
            shape.horizon,
            len(beside),
            len(beside) - len(shape.static),
            0,
            [one for one in scales if one is not None],
            group,
        )
        self.calendar = list(shape.calendar)
        self.first, self.last = len(shape.known), len(shape.known) + len(shape.past)
        self.networks, self.quantiles = nn.ModuleList(map(looped, learned.networks)), learned.bounded
        self._keep("beside", [*zip(*beside, strict=True)] if beside else [])

    def forward(self, series: Tensor, past: Tensor, clock: Tensor, columns: Tensor | None = None) -> Any:
        mean, deviation = self.mean[series][:, None], self.deviation[series][:, None]
        scaled = ((filled(past[:, None])[:, 0] - mean) / deviation).float()
        channels = [torch.cat([scaled, torch.zeros_like(scaled[:, :1]).expand(-1, self.horizon)], 1)[:, None]]
        if self.calendar:
            channels.append(calendar_channels(clock)[:, self.calendar])
        if columns is not None:
            channels.append(self._beside(columns))
        window = torch.cat(channels, 1)
        each = torch.stack([network(window).double() for network in self.networks])
        each = each.sort(3).values if self.quantiles else each[..., None]
        return self._bounded(each.mean(0) * deviation[..., None] + mean[..., None], series)

    def _beside(self, columns: Float[Tensor, "n w c"]) -> Float[Tensor, "n c w"]:
        """What is known in advance, up to now and always; scaled, 0 where it is not known, as networks take it."""
        steps = columns.transpose(1, 2)
        before = torch.nan_to_num(filled(steps[:, self.first : self.last, : self.past]))
        hidden = torch.full_like(before[:, :, :1], torch.nan).expand(-1, -1, self.horizon)
        parts = [steps[:, : self.first], torch.cat([before, hidden], 2), steps[:, self.last :]]
        scaled = (torch.cat(parts, 1) - self.beside[0][:, None]) / self.beside[1][:, None]
        return torch.nan_to_num(scaled.float(), 0.0)


class _Ridge(_Graph):
    """See `RidgeForecaster.predict`."""

    of_known: Tensor
    of_past: Tensor
    weights: Tensor

    def __init__(self, learned: RidgeForecaster, group: Sequence[KeptSeries]) -> None:
        known, past = learned.known.shape[1], learned.past.shape[1]
        looks = learned.looks if past else 0
        cycle = len(learned.weights) - (learned.lags - 1) - known * learned.horizon - past * looks
        scale = Scale(learned.mean, learned.deviation)
        columns, back = known + past, max(learned.lags, looks)
        super().__init__(back, learned.horizon, columns, columns, cycle, [scale] * len(group), group)
        self.lags, self.looks, self.known = learned.lags, looks, known
        self._keep("of_known", learned.known)
        self._keep("of_past", learned.past)
        self._keep("weights", learned.weights)

    def forward(self, series: Tensor, past: Tensor, phase: Tensor, columns: Tensor | None = None) -> Any:
        values, deviation = filled(past[:, None])[:, 0], self.deviation[series][:, None]
        last, lags = values[:, -1:], values[:, self.past - self.lags :]
        slot = (phase[:, None] == torch.arange(self.cycle, device=phase.device)).double()
        parts = [(lags[:, :-1] - last) / deviation, slot]
        if columns is not None:
            steps = columns.transpose(1, 2)
            ahead, before = steps[:, : self.known, self.past :], filled(steps[:, self.known :, : self.past])
            ahead = (ahead - self.of_known[0][:, None]) / self.of_known[1][:, None]
            before = torch.nan_to_num(before[:, :, self.past - self.looks :])
            before = (before - self.of_past[0][:, None]) / self.of_past[1][:, None]
            parts += [torch.nan_to_num(part.flatten(1)) for part in (ahead, before) if part.shape[1]]
        return self._bounded((last + deviation * (torch.cat(parts, 1) @ self.weights))[..., None], series)


def filled(values: Float[Tensor, "n c t"]) -> Float[Tensor, "n c t"]:
    """A missing value is the last one before it; the first ones are the first one that is there."""
    if not values.shape[1]:
        return values
    there, steps = ~values.isnan(), torch.arange(values.shape[2], device=values.device)
    before = (there[:, :, None] & (steps <= steps[:, None])).long() * (steps + 1)  # a running maximum has no operator
    last = before.amax(3) - 1
    first = there.long().argmax(2, keepdim=True)
    return values.gather(2, torch.where(last < 0, first, last))


def calendar_channels(clock: Int[Tensor, "n w"]) -> Float[Tensor, "n 10 w"]:
    """`profond.forecasting.features.calendar_features`, in a graph."""
    since = clock - MONDAY
    waves = []
    for period, most in HARMONICS:
        share = torch.remainder(since, round(period)).double() / period
        for k in range(1, most + 1):
            angle = 2 * torch.pi * k * share
            waves += [torch.sin(angle), torch.cos(angle)]
    # NOTE of a multiple, for graphs divide whole numbers towards zero, and there were days before 1970.
    day = torch.remainder((since - torch.remainder(since, DAY)) // DAY, 7)
    return torch.stack([*waves, (day == 5).double(), (day == 6).double()], 1).float()


def _examples(graph: _Graph, count_of_series: int) -> Callable[[int, int], tuple[Tensor, ...]]:
    """Random walks by the hour, with a gap; columns of which some are not known."""

    def examples(count: int, length: int) -> tuple[Tensor, ...]:
        random = torch.Generator().manual_seed(1000 * count + length)
        series, window = torch.arange(count) % count_of_series, graph.past + graph.horizon
        walk = torch.randn(count, graph.past, generator=random, dtype=torch.float64).cumsum(1) / 4
        past = graph.mean[series][:, None] + graph.deviation[series][:, None] * walk
        past[0, : graph.past // 4] = torch.nan
        start = torch.randint(-(10**9), 2 * 10**9, (count, 1), generator=random)
        moment = torch.arange(count) % max(1, graph.cycle) if graph.cycle else start + 3600 * torch.arange(window)
        columns = torch.randn(count, window, graph.columns, generator=random, dtype=torch.float64)
        columns[:, -1:, : graph.changing] = torch.nan
        columns[:, :, graph.changing :] = columns[:, :1, graph.changing :]
        return (series, past, moment, columns) if graph.columns else (series, past, moment)

    return examples
