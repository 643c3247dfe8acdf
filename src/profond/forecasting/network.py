"""Networks as methods of forecasting: trained on all series together, three times from different random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError, DataError
from profond.core.randomness import seed_here
from profond.forecasting.history import History
from profond.forecasting.method import Forecaster, State
from profond.forecasting.windows import Drawn, Listed, Scale, Shape, Windows, shape_of
from profond.tasks.forecast import HEADLINE, ForecastWindows
from profond.training import Training, fit
from profond.training.observers import Progress

SEEDS = (0, 1, 2)
CHECKS = 10
"""Times that the windows held out are looked at, to find how many steps are enough."""
HELD_OUT = 0.1
"""Share of the past, its last part, that the search for the number of steps holds out."""
MOST_HELD_OUT = 60
"""Horizons, at most."""
MOST_VALIDATED = 1024
"""Windows, over all series."""
GATHERED = 256
"""Windows that are gathered at once to be forecast."""
WARM_STEPS, WARM_RATE = 0.25, 0.3
"""Shares of steps and rate that a network takes which begins where another has ended."""


@dataclass(frozen=True)
class Network:
    """One kind of network; its forecast is the mean of several that began with different weights.

    How many steps are enough is found on the last part of the past, with one network; all of them then learn from all
    of the past for so many steps.

    Args:
        name: its key in the catalogue of words.
        model: a registered model of the family ``"forecaster"``.
        look_back: steps of the past that it sees.
        settings: of the model.
        steps: of the training, at most.
        batch_size: windows of a step.
        rate: the highest learning rate.
        weight_decay: of AdamW.
        precision: as in `Training`.
        seeds: one network each.
        level: the networks learn the bounds of an interval too, which is to hold the value with this probability.
        told: called before each training with what begins, and after each step with the share that is done.
    """

    name: str
    model: str
    look_back: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 400
    batch_size: int = 128
    rate: float = 3e-3
    weight_decay: float = 0.01
    precision: Any = "auto"
    seeds: tuple[int, ...] = SEEDS
    level: float | None = None
    told: Callable[[str, float], None] | None = None

    def least(self, horizon: int) -> int:
        """So many values that there is something to hold out, and a window before it."""
        return self.look_back + 3 * horizon

    def fit_all(
        self,
        histories: Sequence[History],
        ends: Sequence[int],
        horizon: int,
        *,
        learned: Forecaster | None = None,
        warm: Forecaster | None = None,
    ) -> NetworkForecaster:
        """Learn from the values of each series before its end; those with fewer than `least` are left out.

        Raises: DataError where none has as many; ConfigError for a warm start from another kind of network.
        """
        able = [number for number, end in enumerate(ends) if end >= self.least(horizon)]
        if not able:
            raise DataError(
                f"no series has {self.least(horizon)} values to learn from", "forecast fewer steps, or use --fast"
            )
        histories, ends = [histories[n] for n in able], [ends[n] for n in able]
        shape = shape_of(histories, ends, self.look_back, horizon)
        scales = [Scale.of(one.values[:end]) for one, end in zip(histories, ends, strict=True)]
        windows = Windows(histories, scales, shape, [(0, end) for end in ends])
        begun = self._begun(warm, shape)
        if isinstance(learned, NetworkForecaster):
            steps, held_out = learned.steps, learned.held_out
        elif begun is not None:
            steps, held_out = max(1, round(WARM_STEPS * begun.steps)), begun.held_out
        else:
            steps, held_out = self._enough(windows, ends)
        origins = [end - horizon + 1 - self.look_back for end in ends]
        first = [int(start) + self.look_back for start in windows.starts[:-1]]
        networks: list[nn.Module] = []
        for number, seed in enumerate(self.seeds):
            network = self._network(shape, seed)
            if begun is not None:
                network.load_state_dict(begun.networks[number].state_dict())
            batches = Drawn(windows, first, origins, self.batch_size, steps, seed)
            rate = self.rate * (1.0 if begun is None else WARM_RATE)
            fit(
                network,
                self._task,
                batches,
                self._training(steps, seed, rate),
                observers=self._watching(str(number)),
            )
            networks.append(network)
        kept = {one.name: scale for one, scale in zip(histories, scales, strict=True)}
        return NetworkForecaster(self.model, self._settings, shape, kept, steps, networks, held_out)

    @property
    def _settings(self) -> dict[str, Any]:
        """Of the model."""
        return {**self.settings, **({} if self.level is None else {"quantiles": 3})}

    @property
    def _task(self) -> ForecastWindows:
        if self.level is None:
            return ForecastWindows()
        tail = (1 - self.level) / 2
        return ForecastWindows(quantiles=(tail, 0.5, 1 - tail))

    def _begun(self, warm: Forecaster | None, shape: Shape) -> NetworkForecaster | None:
        if warm is None:
            return None
        alike = isinstance(warm, NetworkForecaster) and (warm.model, warm.settings, len(warm.networks)) == (
            *(self.model, self._settings),
            len(self.seeds),
        )
        if not alike or warm.shape.window != shape.window or warm.shape.channels != shape.channels:  # type: ignore[attr-defined]
            raise ConfigError(
                f"{self.name} cannot go on from what was learned before: network, horizon, look-back or columns differ",
                "use the same horizon and columns, or begin anew",
            )
        assert isinstance(warm, NetworkForecaster)
        return warm

    def _network(self, shape: Shape, seed: int) -> nn.Module:
        seed_here(seed, "model")
        return models.create(
            self.model, input_shape=(shape.channels, shape.window), num_classes=shape.horizon, **self._settings
        )

    def _enough(self, windows: Windows, ends: Sequence[int]) -> tuple[int, float]:
        """How many steps do best on the last part of each series, having learned from what stands before it; and the
        error there.
        """
        shape, seed = windows.shape, self.seeds[0]
        horizon, back = shape.horizon, shape.look_back
        held = [_held_out(end, back, horizon) for end in ends]
        counts = [end - out - horizon + 1 - back for end, out in zip(ends, held, strict=True)]
        later = [
            np.arange(start + end - horizon, start + end - out - 1, -max(1, horizon // 2))
            for start, end, out in zip(windows.starts, ends, held, strict=False)
        ]
        origins = np.concatenate(later)
        origins = np.sort(origins[:: -(-len(origins) // MOST_VALIDATED)])
        network, found = self._network(shape, seed), _Best()
        an_epoch = max(1, self.steps // CHECKS)
        batches = Drawn(
            windows, [int(start) + back for start in windows.starts[:-1]], counts, self.batch_size, an_epoch, seed
        )
        training = self._training(self.steps, seed, self.rate)
        watching = [found, *self._watching("search")]
        fit(
            network,
            self._task,
            batches,
            training,
            valid=Listed(windows, torch.from_numpy(origins)),
            observers=watching,
        )
        return found.step, found.error

    def _training(self, steps: int, seed: int, rate: float) -> Training:
        return Training(
            steps=steps,
            learning_rate=rate,
            weight_decay=self.weight_decay,
            schedule="one_cycle",
            warmup=0.1,
            gradient_clip=1.0,
            monitor=HEADLINE,
            precision=self.precision,
            device="cpu",  # a step is over before a GPU would have the batch
            seed=seed,
            log_every_steps=max(1, steps),
        )

    def _watching(self, part: str) -> list[Any]:
        return [] if self.told is None else [_Told(self.told, part)]


def _held_out(end: int, back: int, horizon: int) -> int:
    """Values at the end of the past on which the number of steps is found; two windows at least."""
    wanted = max(2 * horizon, min(round(HELD_OUT * end), MOST_HELD_OUT * horizon))
    return max(horizon, min(wanted, end - back - horizon - 1))


class _Best:
    """Watches for the step after which the windows held out were forecast best."""

    def __init__(self) -> None:
        self.step, self.error = 1, np.inf

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        if record["split"] == "valid" and record[HEADLINE] < self.error:
            self.step, self.error = int(record["step"]), float(record[HEADLINE])

    def started(self, progress: Progress) -> None:
        pass

    stepped = finished = started


class _Told:
    def __init__(self, told: Callable[[str, float], None], part: str) -> None:
        self.told, self.part = told, part

    def stepped(self, progress: Progress) -> None:
        self.told(self.part, progress.step / progress.total_steps)

    def started(self, progress: Progress) -> None:
        pass

    finished = started

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        pass


@dataclass(frozen=True)
class NetworkForecaster:
    """Networks that have learned.

    Args:
        model: the registered name.
        settings: of the model.
        shape: of its windows.
        scales: of each series by its name; another series is scaled by its own past.
        steps: that were enough.
        networks: in eval mode.
        held_out: error on the part of the past that was held out, in deviations of the series.
    """

    model: str
    settings: dict[str, Any]
    shape: Shape
    scales: dict[str, Scale]
    steps: int
    networks: list[nn.Module]
    held_out: float = float("inf")

    @property
    def bounded(self) -> bool:
        """Whether the networks give quantiles."""
        return "quantiles" in self.settings

    def predict(self, history: History, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        """The mean of what the networks say, (n, h). Raises: DataError where the past is too short."""
        return self.with_bounds(history, origins)[0]

    def with_bounds(
        self, history: History, origins: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The mean of what the networks say (n, h), and of their bounds (n, h, 2): itself twice without quantiles."""
        mean = self.each(history, origins).mean(0)
        return mean[..., mean.shape[2] // 2], mean[..., [0, -1]]

    def each(self, history: History, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        """What each network says, (networks, n, h, q): its quantiles, rising, or one forecast."""
        shape, first = self.shape, int(origins.min()) - self.shape.look_back
        if first < 0:
            raise DataError(
                f"{history.name or 'the series'} has {first + shape.look_back} values, and the network looks"
                f" {shape.look_back} back",
                "give it a longer past, or learn anew",
            )
        scale = self.scales.get(history.name) or Scale.of(history.values[: int(origins.min())])
        windows = Windows([history], [scale], shape, [(first, int(origins.max()) + shape.horizon)])
        rows = torch.from_numpy(np.asarray(origins) - first)
        parts = [self._said(windows.inputs(part)) for part in torch.split(rows, GATHERED)]
        said: NDArray[np.float64] = np.concatenate(parts, 1) * scale.deviation + scale.mean
        return said

    @torch.inference_mode()
    def _said(self, inputs: Tensor) -> NDArray[np.float64]:
        """(networks, n, h, q), one window after the other, on one thread: there is nothing in one window to be shared.

        NOTE a product of matrices rounds a row differently at another place among others, even of equal count: a
        forecast would depend on what stands beside it.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            said = [[network(window)[0] for window in torch.split(inputs, 1)] for network in self.networks]
        finally:
            torch.set_num_threads(threads)
        stacked = np.stack([torch.stack(rows).double().numpy() for rows in said])
        return np.sort(stacked, 3) if stacked.ndim == 4 else stacked[..., None]

    def state(self) -> State:
        """All of it but the training data."""
        arrays = {
            f"{number}/{name}": value.detach().numpy()
            for number, network in enumerate(self.networks)
            for name, value in network.state_dict().items()
        }
        scales = {name: [scale.mean, scale.deviation] for name, scale in self.scales.items()}
        facts = {"model": self.model, "settings": self.settings, "shape": asdict(self.shape), "steps": self.steps}
        error = {"held_out": self.held_out} if np.isfinite(self.held_out) else {}
        return State({**facts, **error, "scales": scales, "networks": len(self.networks)}, arrays)

    @classmethod
    def from_state(cls, state: State) -> NetworkForecaster:
        """What `state` gave, in another process. Raises: ConfigError where it does not fit."""
        facts = state.settings
        try:
            rows = {name: tuple(map(tuple, facts["shape"][name])) for name in ("known", "past", "static")}
            given = facts["shape"]
            shape = Shape(given["look_back"], given["horizon"], tuple(given["calendar"]), **rows)
            scales = {name: Scale(*pair) for name, pair in facts["scales"].items()}
            # JSON knows lists alone.
            settings: dict[str, Any] = {
                name: tuple(one) if isinstance(one, list) else one for name, one in facts["settings"].items()
            }
            networks = []
            for number in range(facts["networks"]):
                network = models.create(
                    facts["model"],
                    input_shape=(shape.channels, shape.window),
                    num_classes=shape.horizon,
                    **settings,
                )
                own = [name for name in state.arrays if name.startswith(f"{number}/")]
                found = {name.partition("/")[2]: torch.from_numpy(np.array(state.arrays[name])) for name in own}
                network.load_state_dict(found)
                networks.append(network.eval())
            error = float(facts.get("held_out", "inf"))
            return cls(facts["model"], settings, shape, scales, int(facts["steps"]), networks, error)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"what the network had learned cannot be read: {str(error).splitlines()[0]}", "forecast anew"
            ) from None
