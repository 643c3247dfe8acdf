"""A forecast as a run keeps it: what each method learned, so that a new table is forecast without the old one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, DataError, ProfondError
from profond.core.files import storage_errors, write_bytes
from profond.core.run import Run
from profond.data.timetable.asked import Asked
from profond.data.timetable.table import TimeTable
from profond.forecasting.forecast import Forecast, Forecasts, Seen, continued, look_at, naive_for, to_one_end
from profond.forecasting.method import Forecaster, State
from profond.forecasting.restore import restored
from profond.measures.series import margins

KIND = "forecast"
SETTINGS, ARRAYS = "forecast.json", "methods.safetensors"


@dataclass(frozen=True)
class Named:
    """A method of which only what it learned is here: its name and its season."""

    name: str
    steps: int
    forecaster: Forecaster
    learns = True

    def least(self, horizon: int) -> int:
        return 1

    def fit(self, history: Any, end: int, horizon: int) -> Forecaster:
        return self.forecaster


@dataclass(frozen=True)
class KeptSeries:
    """One series of a run: its method and the widths (h,) of its interval, or what learned bounds are moved by.

    Args:
        known: columns known in advance that the method learned from.
        hidden: columns that it did not see, since they hold later values of the series.
    """

    ids: tuple[str, ...]
    method: Named
    widths: NDArray[np.float64]
    known: tuple[str, ...]
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept:
    """What a run knows.

    Args:
        name: of the run.
        asked, frequency: how its table was read; with the columns that methods learned from, asked for or not.
        every: one step of its calendar.
        sentences: what its backtest said, by language.
    """

    name: str
    horizon: int
    level: float
    asked: Asked
    frequency: str | None
    every: str
    holidays: str | None
    series: tuple[KeptSeries, ...]
    sentences: Mapping[str, tuple[str, ...]]

    @property
    def forecasters(self) -> dict[str, Forecaster]:
        """What learned, by its method's name."""
        return {one.method.name: one.method.forecaster for one in self.series}


def keep(run: Run, forecasts: Forecasts, sentences: Mapping[str, tuple[str, ...]]) -> None:
    """Write what the methods learned into a run."""
    numbers: dict[int, int] = {}  # a forecaster that several series share is kept once
    methods: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    series = []
    for one in forecasts.series:
        number = numbers.setdefault(id(one.forecaster), len(methods))
        if number == len(methods):
            state = one.forecaster.state()
            methods.append({"name": one.method.name, "steps": one.method.steps, "settings": dict(state.settings)})
            arrays |= {f"{number}/{name}": np.ascontiguousarray(array) for name, array in state.arrays.items()}
        widths = [None if math.isnan(width) else float(width) for width in one.widths]
        hidden = [name for name, _ in one.moved]
        known = {"known": list(one.known), "hidden": hidden}
        series.append({"ids": list(one.series.ids), "method": number, "widths": widths, **known})
    from safetensors.numpy import save  # only what writes needs it

    write_bytes(run.file(ARRAYS), save(arrays))
    fields = {
        "horizon": forecasts.horizon,
        "level": forecasts.level,
        "every": forecasts.table.calendar.every,
        "holidays": forecasts.holidays,
        "columns": _learned_from(forecasts),
        "methods": methods,
        "series": series,
        "sentences": {language: list(lines) for language, lines in sentences.items()},
    }
    run.write(SETTINGS, fields)


def _learned_from(forecasts: Forecasts) -> dict[str, list[str]]:
    """Columns that a later table must have, as the same: a method that learned from them cannot do without."""
    learned = {one.method.name for one in forecasts.series if one.method.learns}
    table = forecasts.table
    past = table.past_names if learned - {"ridge"} else ()
    return {"past": list(past), "future": list(table.future_names if learned else ())}


def open_kept(run: Run) -> Kept:
    """Raises: ConfigError for a run that is no forecast, or is damaged."""
    if run.state.get("kind") != KIND or not run.holds(SETTINGS):
        raise ConfigError(f"{run.path} holds no forecast", "`profond forecast TABLE --horizon N` makes such a run")
    from safetensors import SafetensorError
    from safetensors.numpy import load

    settings, config = run.read(SETTINGS), run.config
    try:
        with storage_errors(run.path):
            arrays = load(run.file(ARRAYS).read_bytes())
        methods = []
        for number, one in enumerate(settings["methods"]):
            start = f"{number}/"
            own = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
            learned = restored(one["name"], State(one["settings"], own))
            methods.append(Named(one["name"], int(one["steps"]), learned))
        series = tuple(
            KeptSeries(
                tuple(one["ids"]),
                methods[one["method"]],
                np.array([math.nan if width is None else width for width in one["widths"]]),
                tuple(one["known"]),
                tuple(one.get("hidden", ())),  # older runs hid none
            )
            for one in settings["series"]
        )
        reading: dict[str, Any] = {
            name: tuple(one) if isinstance(one, list) else one for name, one in config["reading"].items()
        }
        frequency = reading.pop("frequency")
        reading |= {role: tuple(names) for role, names in settings.get("columns", {}).items() if names}
        horizon, level, holidays = int(settings["horizon"]), float(settings["level"]), settings["holidays"]
        if horizon < 1 or not 0.5 <= level < 1 or not isinstance(holidays, str | None):
            raise ValueError(f"horizon {horizon}, level {level:g}, holidays {holidays!r}")
        if any(one.widths.shape != (horizon,) for one in series) or any(one.steps < 0 for one in methods):
            raise ValueError("widths or steps that do not fit")
        sentences = {language: tuple(lines) for language, lines in settings["sentences"].items()}
        return Kept(
            name=run.name,
            horizon=horizon,
            level=level,
            asked=Asked(**reading),
            frequency=frequency,
            every=settings["every"],
            holidays=holidays,
            series=series,
            sentences=sentences,
        )
    except ConfigError:
        raise
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ConfigError(f"{run.path} is damaged: {error!r}", "forecast again without --from") from None


def reading_of(asked: Asked, frequency: str | None) -> dict[str, Any]:
    """How a table is read, for ``config.json``."""
    return {**asdict(asked), "frequency": frequency}


def forecast_from(kept: Kept, table: TimeTable, horizon: int | None = None) -> Forecasts:
    """Forecast a table by what a run learned; nothing is learned anew.

    Args:
        horizon: at most the run's own, which it is when left out.

    Raises: DataError for a table of another calendar, without a column that the run needs, or with fewer values than a
        method looks back at; ConfigError for a horizon that the run did not learn.
    """
    horizon = horizon or kept.horizon
    if horizon > kept.horizon:
        raise ConfigError(
            f"{kept.name} forecasts {kept.horizon:,} steps, and {horizon:,} are asked for",
            "forecast without --from to learn a longer horizon",
        )
    if table.calendar.every != kept.every:
        raise DataError(
            f"{table.cells.path.name} has one value every {table.calendar.every}, {kept.name} learned from one every"
            f" {kept.every}",
            "forecast without --from, or say --frequency",
        )
    table.check_ahead(kept.horizon)
    table = replace(table, series=to_one_end(table))
    known = {one.ids: one for one in kept.series}
    if len(kept.series) == len(table.series) == 1:  # a file with the months after, whatever it calls its column
        known = {table.series[0].ids: kept.series[0]}
    made, strangers = [], []
    for series in table.series:
        own = known.get(series.ids)
        seen = look_at(table, series, kept.horizon, kept.holidays, None if own is None else own.hidden)
        if own is None:
            strangers.append(series.name)
            method, away = naive_for(seen.history, kept.horizon)
            widths = margins(away, kept.level)
            one = continued(seen, method, method.fit(seen.history, len(seen.history), kept.horizon), widths)
        else:
            try:
                one = _by_its_own(kept, table, seen, own)
            except ProfondError:
                raise
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError) as error:
                raise ConfigError(
                    f"{kept.name} is damaged: what it kept of {own.method.name} does not fit: {error}",
                    "forecast again without --from",
                ) from None
        made.append(replace(one, values=one.values[:horizon]))
    return Forecasts(table, horizon, kept.level, tuple(made), kept.holidays, kept.name, tuple(strangers))


def _by_its_own(kept: Kept, table: TimeTable, seen: Seen, own: KeptSeries) -> Forecast:
    """A series by the method that the run chose for it."""
    absent = [name for name in own.known if name not in seen.known]
    if absent:
        said = "stops too early" if absent[0] in table.future_names else "is not there"
        raise DataError(
            f"{kept.name} needs {absent[0]!r} for all {kept.horizon} steps ahead, and in {table.cells.path.name} it"
            f" {said}",
            f"add {kept.horizon} rows with {absent[0]!r} and no value, or forecast without --from",
        )
    columns = [*map(seen.known.index, own.known), *([-1] if kept.holidays else [])]
    history = replace(seen.history, known=seen.history.known[:, columns])
    settings = own.method.forecaster.state().settings
    needed = int(settings.get("lags") or settings.get("season") or 1)
    if len(history) < needed:
        raise DataError(
            f"{table.cells.path.name} has {len(history):,} values of {seen.series.name}, and {own.method.name} looks"
            f" back at {needed:,}",
            "give a table with more of the past",
        )
    return continued(replace(seen, history=history), own.method, own.method.forecaster, own.widths)


def load_kept(path: Path | str, runs: Path | str = "runs") -> Kept:
    """What a run knows, by its folder, its name or ``last``. Raises: ConfigError, MissingError."""
    from profond.core.find_run import find_run

    return open_kept(find_run(path, runs, kind=KIND))
