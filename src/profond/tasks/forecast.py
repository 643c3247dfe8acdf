"""Forecasting: the next steps of a series, from its past and from what is known in advance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Between, Count, Positive, checked
from profond.core.errors import ConfigError, DataError
from profond.core.spec import Quantity, Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.measures.intervals import mean_interval
from profond.measures.measured import SHARE, Measured
from profond.measures.report import Report, Scores, Table
from profond.measures.series import naive_scale
from profond.nn.looped import looped
from profond.tasks import register_task
from profond.tasks.batch import called, check_finite, described, pair
from profond.tasks.names import index_of
from profond.tasks.part_inputs import network_examples, network_input
from profond.tasks.task import Example, Explained, Loss, Part, Phase, Tensors

HEADLINE = "mae"


@dataclass(frozen=True)
class Steps:
    """What was forecast of one series.

    Args:
        names: of the steps.
        values: the forecast of each step.
        quantiles: for each step its quantiles by level; empty where there are none.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]
    quantiles: tuple[Mapping[str, float], ...] = ()

    def line(self) -> str:
        largest = max(map(abs, self.values)) or 1.0
        digits = min(12, max(0, 3 - math.floor(math.log10(largest))))
        return "\t".join(f"{value:.{digits}f}" for value in self.values)

    def row(self) -> dict[str, Any]:
        cells = {name: f"{value:.7g}" for name, value in zip(self.names, self.values, strict=True)}
        for name, levels in zip(self.names, self.quantiles, strict=False):
            cells |= {f"{name} {level}": f"{value:.7g}" for level, value in levels.items()}
        return cells

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"forecast": dict(zip(self.names, self.values, strict=True))}
        return {**found, "quantiles": [dict(levels) for levels in self.quantiles]} if self.quantiles else found

    def write(self, folder: Path, name: str) -> list[Path]:
        return []


@register_task("forecast_windows")
class ForecastWindows:
    """The next steps of a series; a batch is (inputs, targets), of shapes (n, c, look-back + horizon) and (n, horizon).

    Channel 0 of the inputs is the series, and its future is not there (NaN); the others are known in advance, or NaN
    where they are not. A target that is NaN was never measured, and does not count. The networks take series that were
    brought to a deviation of about 1; an error then counts as much as it is large, whichever window it stands in.

    Args:
        quantiles: levels that the network gives for each step, such as 0.05, 0.5 and 0.95; without them it gives one
            forecast, and its loss is the absolute error.
        season: steps; MASE divides the error by that of saying the value one season ago, in train.
        naive_error: that error. The data decides it where a data set is trained on; None where it is not defined.
    """

    headline = HEADLINE
    phases: Sequence[Phase] = (Phase(),)
    transfer_settings: Mapping[str, Any] = {}

    @checked("task 'forecast_windows'")
    def __init__(
        self, quantiles: Sequence[Between] = (), season: Count = 1, naive_error: Positive | None = None
    ) -> None:
        if list(quantiles) != sorted(set(quantiles)):
            raise ConfigError(f"quantiles are {list(quantiles)}", "let them rise: 0.05, 0.5, 0.95")
        self.quantiles, self.season, self.naive_error = tuple(quantiles), season, naive_error

    # -- what the data decides ---------------------------------------------------------------------------------

    @staticmethod
    def learns(spec: Spec) -> bool:
        return False  # numbers are estimated, unless a person says --set task.name=forecast_windows

    @staticmethod
    def unsettled(settings: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in settings.items() if name != "naive_error"}

    def settle(self, dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
        """What MASE divides by, from the pasts of train."""
        train = dataset.split("train")
        if not dataset.spec.quantities or train.targets.ndim != 2:
            raise DataError(f"{dataset.name} holds no steps to forecast", "its targets are (windows, steps), numbers")
        horizon = train.targets.shape[1]
        pasts = [train.raw(index)[0, :-horizon].double().numpy() for index in range(len(train))]
        errors = [scale for past in pasts if (scale := naive_scale(past, self.season)) is not None]
        if self.naive_error is not None or not errors:
            return {"naive_error": self.naive_error}, []
        error = float(np.mean(errors))
        return {"naive_error": error}, [f"the value {self.season} steps ago is off by {error:.4g} in train"]

    # -- learning ----------------------------------------------------------------------------------------------

    def loss(self, model: nn.Module, batch: Any, phase: Phase) -> Loss:
        inputs, targets = pair(batch)
        outputs = self._outputs(called(model, inputs), targets)
        there = targets.isfinite()
        return Loss((self.errors(outputs, targets) * there).sum() / there.sum().clamp(min=1), weight=there.sum())

    def errors(self, outputs: Tensor, targets: Float[Tensor, "n h"]) -> Float[Tensor, "n h"]:
        """What the loss is the mean of: absolute errors, or the quantile loss, twice the mean over the levels.

        Source: Koenker and Bassett, "Regression quantiles", 1978.
        """
        missed = targets.nan_to_num(0.0)
        if not self.quantiles:
            return (outputs - missed).abs()
        levels = torch.tensor(self.quantiles, device=outputs.device)
        over = missed[..., None] - outputs
        return 2 * torch.maximum(levels * over, (levels - 1) * over).mean(-1)

    def _outputs(self, outputs: Any, targets: Tensor) -> Tensor:
        """Raises: DataError where the outputs are no forecast of the targets."""
        wanted = (*targets.shape, len(self.quantiles)) if self.quantiles else tuple(targets.shape)
        if not isinstance(outputs, Tensor) or tuple(outputs.shape) != wanted:
            raise DataError(
                f"the model gives {described(outputs)}, and the targets are {described(targets)}",
                "it gives (samples, steps), or (samples, steps, quantiles) where the task has quantiles",
            )
        return outputs.float()

    # -- judging and answering ---------------------------------------------------------------------------------

    def middle(self, outputs: Tensor) -> Float[Tensor, "n h"]:
        """The forecast itself: of quantiles, the one nearest to the median."""
        if not self.quantiles:
            return outputs
        nearest = min(range(len(self.quantiles)), key=lambda number: abs(self.quantiles[number] - 0.5))
        return outputs.sort(-1).values[..., nearest]

    def meter(self, spec: Spec | None = None) -> ForecastMeter:
        return ForecastMeter(self)

    def answer(self, model: nn.Module, inputs: Tensor, spec: Spec | None = None) -> Sequence[Steps]:
        outputs = called(model, inputs).float()
        check_finite(outputs)
        names = _names(spec, outputs.shape[1])
        said = self.middle(outputs).tolist()
        if not self.quantiles:
            return [Steps(names, tuple(row)) for row in said]
        # A network may give a higher level a lower number; sorted, bounds never cross.
        bounds = outputs.sort(-1).values.tolist()
        levels = [f"{level:g}" for level in self.quantiles]
        return [
            Steps(names, tuple(row), tuple(dict(zip(levels, step, strict=True)) for step in steps))
            for row, steps in zip(said, bounds, strict=True)
        ]

    def exported(self, model: nn.Module, spec: Spec) -> Sequence[Part]:
        """The forecast of each step, and its quantiles where there are such; the future of channel 0 is not looked at.

        The networks scale each window themselves, so that this is in the units of the inputs.
        """
        horizon, levels = len(spec.quantities), len(self.quantiles)
        outputs = (Tensors("forecast", (horizon,)), *([Tensors("quantiles", (horizon, levels))] if levels else []))
        answer = {
            "kind": "forecast",
            "steps": list(_names(spec, horizon)),
            "quantiles": list(self.quantiles),
            "past": spec.shape[-1] - horizon,
        }
        module, given = _ForecastSteps(looped(model), self), network_input(model, spec)
        return [Part(module, (given,), outputs, _windows(network_examples(model, spec), horizon), answer)]

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        if outputs.ndim != 2:
            raise ConfigError(
                "an explanation is about one number, and this network gives several quantiles for each step",
                "train one without quantiles",
            )
        names = _names(spec, outputs.shape[1])
        index = 0 if wanted is None else index_of(wanted, names, "step")
        values = outputs[0].tolist()
        said = f"{names[index]}\t{values[index]:.5g}"
        return Explained(index, names[index], said, tuple(zip(names, values, strict=True)), values[index])

    def card(self, spec: Spec) -> list[str]:
        lines = [f"- Forecasts: {len(spec.quantities)} steps after a past of {spec.shape[-1] - len(spec.quantities)}"]
        if self.naive_error is not None:
            lines.append(f"- MASE divides by {self.naive_error:.5g}, how far the value {self.season} steps ago is off")
        return lines

    @staticmethod
    def example(seed: int = 0) -> Example:
        """A wave with noise, and a pulse that is known in advance; some values are missing."""
        random = torch.Generator().manual_seed(seed)
        past, horizon, season = 12, 3, 6
        spec = Spec((2, past + horizon), "ct", (-4, 4), quantities=tuple(Quantity(f"step {k + 1}") for k in range(3)))
        splits: dict[str, Split] = {}
        for name, count in (("train", 90), ("valid", 31), ("test", 47)):
            time = torch.arange(past + horizon) + torch.randint(0, season, (count, 1), generator=random)
            pulse = (torch.rand(count, past + horizon, generator=random) < 0.2).float()
            noise = 0.1 * torch.randn(count, past + horizon, generator=random)
            series = torch.sin(2 * torch.pi * time / season) + pulse + noise
            targets = series[:, past:].clone()
            targets[torch.rand(count, horizon, generator=random) < 0.1] = torch.nan
            series[:, past:] = torch.nan
            splits[name] = TensorSplit(torch.stack((series, pulse), 1), targets, name)
        dataset = Dataset("waves", spec, Preprocessing(scale=1.0), splits, "made here")
        return Example(dataset, {"name": "lstm_forecaster", "hidden": 24, "seasons": (season,)})


class _ForecastSteps(nn.Module):
    def __init__(self, network: nn.Module, task: ForecastWindows) -> None:
        super().__init__()
        self.network, self.task = network, task

    def forward(self, series: Float[Tensor, "n c w"]) -> Tensor | tuple[Tensor, Tensor]:
        outputs = self.network(series).float()
        if not self.task.quantiles:
            return outputs
        return self.task.middle(outputs), outputs.sort(-1).values


def _windows(examples: Callable[[int, int], tuple[Tensor, ...]], horizon: int) -> Callable[[int, int], Any]:
    """Windows whose future is not known, and one value of whose past is missing."""

    def made(count: int, length: int) -> tuple[Tensor, ...]:
        (series,) = examples(count, length)
        series[:, 0, -horizon:] = torch.nan
        series[:1, 0, 0] = torch.nan
        return (series,)

    return made


class ForecastMeter:
    """Forecasts of a split's windows and what happened; one pass."""

    def __init__(self, task: ForecastWindows) -> None:
        self.task = task
        self.rows: list[tuple[Tensor, Tensor, Tensor]] = []

    def update(self, model: nn.Module, batch: Any) -> int:
        inputs, targets = pair(batch)
        outputs = self.task._outputs(called(model, inputs), targets)
        past = inputs[:, 0, : inputs.shape[-1] - targets.shape[1]]
        self.rows.append((targets, outputs.detach(), past[:, -1:].nan_to_num(0.0)))
        return len(targets)

    def seen(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        return self.rows

    def join(self, seen: list[tuple[Tensor, Tensor, Tensor]]) -> None:
        self.rows += seen

    def metrics(self) -> dict[str, Measured]:
        targets, outputs, _ = self._columns()
        scores = _by_window(self.task.middle(outputs), targets)
        return self._metrics(targets, outputs, Measured(float(scores.mean())))

    def report(self) -> Report:
        targets, outputs, last = self._columns()
        check_finite(outputs)
        said = self.task.middle(outputs)
        scores, constant = _by_window(said, targets), _by_window(last.expand_as(said), targets)
        names = _names(None, targets.shape[1])
        columns = [f"{name} {word}" for name in names for word in ("value", "forecast")]
        rows = [
            ["" if math.isnan(one) else f"{one:.7g}" for two in zip(*both, strict=True) for one in two]
            for both in zip(targets.tolist(), said.tolist(), strict=True)
        ]
        words = "better than" if scores.mean() < constant.mean() else "NO BETTER than"
        numbers = f"mean absolute error {scores.mean():.4g} instead of {constant.mean():.4g}"
        deviation = float(scores.std(ddof=1)) if len(scores) > 1 else 0.0
        return Report(
            HEADLINE,
            self._metrics(targets, outputs, mean_interval(float(scores.mean()), deviation, len(scores), least=0.0)),
            len(targets),
            tables={"predictions": Table(columns, rows, range(len(rows)))},
            scores=Scores(HEADLINE, scores, "", "lower"),
            lines=(f"{words} repeating the last value: {numbers}",),
        )

    def _metrics(self, targets: Tensor, outputs: Tensor, error: Measured) -> dict[str, Measured]:
        task, there = self.task, targets.isfinite()
        found = {HEADLINE: error.called("MAE", better="lower")}
        if task.naive_error is not None:
            found["mase"] = Measured(error.value / task.naive_error, better="lower", title="MASE")
        loss = float((task.errors(outputs, targets).double() * there).sum() / there.sum())
        if task.quantiles:
            bounds = outputs.sort(-1).values
            within = (targets >= bounds[..., 0]) & (targets <= bounds[..., -1])
            held = float(within[there].double().mean())
            found["held"] = Measured(held, unit=SHARE, title="between the outer quantiles")
        return {**found, "loss": Measured(loss, better="lower", title="loss")}

    def _columns(self) -> tuple[Tensor, Tensor, Tensor]:
        """Raises: DataError where no target is a number."""
        targets, outputs, last = (torch.cat(part).cpu() for part in zip(*self.rows, strict=True))
        if not targets.isfinite().any():
            raise DataError("none of the values to be forecast is there", "all targets of the split are missing")
        return targets, outputs, last


def _by_window(said: Tensor, targets: Tensor) -> np.ndarray:
    """(n,) the sum of each window's absolute errors over the mean number of values of a window: the mean of them is
    the mean over all values, wherever some are missing.
    """
    errors = (said.double() - targets.double()).abs()
    scores: np.ndarray = (errors.nansum(1) * len(targets) / targets.isfinite().sum()).numpy()
    return scores


def _names(spec: Spec | None, count: int) -> tuple[str, ...]:
    """Raises: ConfigError where a model forecasts more or fewer steps than are asked for."""
    if spec is None or not spec.quantities:
        return tuple(f"step {number + 1}" for number in range(count))
    if len(spec.quantities) != count:
        raise ConfigError(
            f"the model forecasts {count} steps, and {len(spec.quantities)} are asked for",
            "spec.json says which: restore it, or train again",
        )
    return tuple(quantity.name for quantity in spec.quantities)
