"""A table forecast in one call, as `profond forecast` does it; without torch where no network is asked for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError
from profond.core.files import write_bytes, write_text
from profond.core.run import Run
from profond.data.timetable.asked import Asked
from profond.data.timetable.read import read_table
from profond.data.timetable.table import TimeTable
from profond.data.timetable.write import written
from profond.forecasting.forecast import LEVEL, Forecasts
from profond.forecasting.forecast import forecast as forecast_table
from profond.forecasting.kept import KIND, forecast_from, keep, load_kept, reading_of
from profond.forecasting.method import Shared
from profond.forecasting.report import measured, report_lines, sentences, to_json
from profond.forecasting.verdict import Verdict, judge
from profond.forecasting.words import LANGUAGES, Words

MOST_HORIZON = 10_000


@dataclass(frozen=True)
class Forecasted:
    """A table's forecasts, and what they are worth.

    Args:
        forecasts: of each series, with intervals and backtests.
        verdict: methods on the same windows.
        run: the folder that keeps it; None where nothing was to be written.
        command: that makes it again.
        seconds: that it took.
    """

    forecasts: Forecasts
    verdict: Verdict
    run: Run | None
    command: str = ""
    seconds: float = 0.0
    drawn: dict[str, list[bytes]] = field(default_factory=dict, repr=False)

    @property
    def values(self) -> dict[str, NDArray[np.float64]]:
        """By the name of the series (h, 3): the forecast and the bounds of its interval."""
        return {one.series.name: one.values for one in self.forecasts.series}

    @property
    def stamps(self) -> dict[str, list[str]]:
        """By the name of the series (h): when, as the table writes it."""
        table, steps = self.forecasts.table, range(self.forecasts.horizon)
        return {o.series.name: [table.stamp(o.series.end + n) for n in steps] for o in self.forecasts.series}

    def table(self, language: str = "en") -> bytes:
        """A file like the one that was read, with the bounds of the intervals."""
        words, share = Words(language), f"{100 * self.forecasts.level:g}"
        columns = ["", words("column.low", level=share), words("column.high", level=share)]
        return written(self.forecasts.table, [one.values for one in self.forecasts.series], columns)

    def figures(self, language: str = "en") -> list[bytes]:
        """PNGs: the forecast, and the test where there was one."""
        if language not in self.drawn:
            from profond.forecasting.figure import draw, draw_test  # Matplotlib takes its time to load

            words = Words(language)
            made = (draw(self.forecasts, words), draw_test(self.forecasts, words))
            self.drawn[language] = [one for one in made if one is not None]
        return self.drawn[language]

    def page(self, language: str = "en", file: str = "") -> str:
        """The report as one HTML file in both languages, this one first."""
        from profond.forecasting.page import page

        pictures = {one: self.figures(one) for one in LANGUAGES}
        made = page(
            self.forecasts, self.verdict, pictures, language=language, file=file or self.file, command=self.command
        )
        return made

    @property
    def file(self) -> str:
        """The name of the table of forecasts."""
        return f"forecast{self.forecasts.table.cells.path.suffix or '.csv'}"

    def lines(self, language: str = "en") -> list[str]:
        """What people read, line by line."""
        return report_lines(self.forecasts, self.verdict, Words(language))

    def to_json(self, language: str = "en") -> dict[str, Any]:
        return to_json(self.forecasts, self.verdict, Words(language))

    def __str__(self) -> str:
        return "\n".join(self.lines())


def forecast(
    table: Path | str,
    horizon: int | None = None,
    *,
    time: str | None = None,
    target: str | Sequence[str] | None = None,
    id: str | Sequence[str] = (),
    frequency: str | None = None,
    decimal: str | None = None,
    dayfirst: bool | None = None,
    past: Sequence[str] = (),
    future: Sequence[str] = (),
    static: Sequence[str] = (),
    zone: str | None = None,
    missing: Sequence[str] = (),
    holidays: str | None = None,
    level: float = LEVEL,
    fast: bool = False,
    classics: bool = False,
    thorough: bool = False,
    quantiles: bool = False,
    run: Path | str | None = None,
    warm_start: Path | str | None = None,
    out: Path | str | None = "runs",
) -> Forecasted:
    """Forecast every series of a table, as `profond forecast` does.

        made = profond.forecast("sales.csv", 24, fast=True)
        made.values, made.stamps, made.verdict.word
        print(made)

    It prints nothing, and writes into its run alone.

    Args:
        table: a text file with a column of dates.
        horizon: steps to forecast; that of the run where one is given.
        time, target, id, past, future, static: columns, by name or by number from 1; seen, when left out.
        frequency: the time between two values, such as ``hour``, ``15 min``, ``month end``.
        decimal, dayfirst, zone, missing: how numbers, dates, the clock and missing values are written.
        holidays: country whose public holidays are known in advance, such as ``FR``.
        level: probability that an interval is to hold the value.
        fast: naive methods and ridge alone, without networks and without torch.
        classics: try ETS, Theta and ARIMA too, where statsforecast is installed; ``fast`` leaves them out.
        thorough: train the networks more than twice as long.
        quantiles: the networks learn the bounds of their intervals too, which are corrected by the backtest.
        run: forecast by what this run learned; nothing is learned anew.
        warm_start: a run whose networks are the start of these.
        out: where runs are kept; None writes nothing.

    Raises: DataError for a table that cannot be read as regular series; ConfigError for a setting or a run that does
        not fit; MissingError for a package that is not installed; StorageError.
    """
    mark = {"point": ".", "comma": ","}.get(decimal or "", decimal)
    ids = (id,) if isinstance(id, str) else tuple(id)
    targets = target if target is None or isinstance(target, str) else tuple(target)
    asked = Asked(time, targets, ids, tuple(past), tuple(future), mark, dayfirst, zone, tuple(missing), tuple(static))
    settings = Settings(asked, frequency, horizon, level, holidays, fast, classics, thorough, quantiles)
    return make(table, settings, run=run, warm_start=warm_start, out=out)


@dataclass(frozen=True)
class Settings:
    """What `forecast` was asked for."""

    asked: Asked
    frequency: str | None = None
    horizon: int | None = None
    level: float = LEVEL
    holidays: str | None = None
    fast: bool = False
    classics: bool = False
    thorough: bool = False
    quantiles: bool = False


def make(
    table: Path | str,
    settings: Settings,
    *,
    run: Path | str | None = None,
    warm_start: Path | str | None = None,
    out: Path | str | None = "runs",
    language: str = "en",
    command: str = "",
    tell: Callable[[str], None] = lambda name: None,
    progress: bool = False,
) -> Forecasted:
    """As `forecast`, for whoever has read the settings.

    Args:
        language: of the run's report.
        command: to be shown in it.
        tell: receives the name of each method that takes long.
        progress: show how far the networks are, on standard error.
    """
    started = time.perf_counter()
    runs = "runs" if out is None else out
    if run is not None:
        if warm_start is not None:
            raise ConfigError("a run to forecast with and a warm start were given", "give one of them")
        kept = load_kept(run, runs)
        read = read_table(table, _as_before(settings.asked, kept.asked), settings.frequency or kept.frequency)
        forecasts = forecast_from(kept, read, settings.horizon)
    else:
        if settings.horizon is None:
            raise ConfigError("no horizon is given", "say how many steps to forecast, such as 24")
        if not 1 <= settings.horizon <= MOST_HORIZON:
            raise ConfigError(
                f"a horizon of {settings.horizon:,} steps cannot be forecast", f"ask for 1 to {MOST_HORIZON:,} steps"
            )
        if not 0.5 <= settings.level < 1:
            raise ConfigError(f"the level {settings.level:g} is no probability from 0.5 to 1", "such as 0.9")
        if settings.fast and (settings.quantiles or settings.thorough):
            what = "quantiles" if settings.quantiles else "thorough"
            raise ConfigError(f"fast and {what} are asked for, and fast tries no network", "leave one of them out")
        warm = None if warm_start is None else load_kept(warm_start, runs).forecasters
        read = read_table(table, settings.asked, settings.frequency)
        shared = () if settings.fast else _networks(read, settings, progress)
        forecasts = forecast_table(
            read,
            settings.horizon,
            settings.level,
            shared=shared,
            warm=warm,
            holidays=settings.holidays,
            classics=settings.classics and not settings.fast,
            tell=tell,
        )
    made = Forecasted(forecasts, judge(forecasts), None, command, time.perf_counter() - started)
    return made if out is None else _kept(made, Path(table), settings, Path(out), language, command, started)


def _as_before(asked: Asked, before: Asked) -> Asked:
    """What is asked now, and where nothing is, what the run was asked."""
    usual = Asked()
    now = {name: value for name, value in vars(asked).items() if value != getattr(usual, name)}
    return Asked(**{**vars(before), **now})


def _networks(table: TimeTable, settings: Settings, progress: bool) -> tuple[Shared, ...]:
    """The networks to try, with a bar for each training."""
    from profond.forecasting.networks import networks  # and torch with it, which --fast does without

    assert settings.horizon is not None
    level = settings.level if settings.quantiles else None
    if not progress:
        return networks(table, settings.horizon, thorough=settings.thorough, level=level)
    from profond.core.progress import bar

    shown: list[Any] = []

    def told(name: str, part: str, share: float) -> None:
        label = f"{name}, {part}"
        if not shown or shown[-1][0] != label:
            if shown:
                shown[-1][1].close()
            shown.append((label, bar(100, label, unit="%")))
        inner = shown[-1][1]
        inner.update(round(100 * share) - inner.n)
        if share >= 1:
            inner.close()

    return networks(table, settings.horizon, thorough=settings.thorough, level=level, told=told)


def _kept(
    made: Forecasted, table: Path, settings: Settings, out: Path, language: str, command: str, started: float
) -> Forecasted:
    """The same, in a run: everything is made before anything is written, so that an error leaves nothing half done."""
    page = made.page(language)
    config = {
        "forecast": {
            "table": str(table.absolute()),
            "horizon": made.forecasts.horizon,
            "level": made.forecasts.level,
            "holidays": settings.holidays,
            "fast": settings.fast,
            "classics": settings.classics,
            "thorough": settings.thorough,
            "quantiles": settings.quantiles,
            "from": made.forecasts.run,
            "command": command,
        },
        "reading": reading_of(settings.asked, settings.frequency),
    }
    name = re.sub(r"[^\w.-]+", "_", table.stem).strip("._")[:60] or "table"
    run = Run.create(out, f"forecast-{name}", config)
    run.update(kind=KIND, status="running")
    said = {one: tuple(sentences(made.forecasts, made.verdict, Words(one))) for one in LANGUAGES}
    try:
        keep(run, made.forecasts, said)
        write_bytes(run.file(made.file), made.table(language))
        for name, picture in zip(("figure.png", "test.png"), made.figures(language), strict=False):
            write_bytes(run.file(name), picture)
        write_text(run.file("report.html"), page)
        run.write("evaluation.json", _summary(made, said[language]))
        seconds = time.perf_counter() - started
        run.update(status="done", seconds=round(seconds, 3))
    except BaseException:
        import shutil

        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return Forecasted(made.forecasts, made.verdict, run, command, seconds, made.drawn)


def _summary(made: Forecasted, said: Sequence[str]) -> Mapping[str, Any]:
    """What lists of runs show: the error of the forecasts, where it was measured."""
    return {**measured(made.forecasts, made.verdict), "lines": {"test": list(said)}}
