"""What is said of forecasts: the assumptions, what to know, a small table of methods, and the verdict in sentences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.said import in_language
from profond.forecasting.backtest import LEAST_APART, SPARSE
from profond.forecasting.classics import LIMIT_SECONDS
from profond.forecasting.forecast import Forecast, Forecasts
from profond.forecasting.method import Bounded
from profond.forecasting.stretch import worst_stretch
from profond.forecasting.verdict import ENOUGH_WINDOWS, Score, Verdict
from profond.forecasting.words import Words

SHOWN = 3
"""Names of series in a sentence."""


def report_lines(forecasts: Forecasts, verdict: Verdict, words: Words) -> list[str]:
    """All that a person reads, line by line."""
    table = forecasts.table
    lines = [words("title.read"), *(f"  {in_language(line, words.language)}" for line in table.assumed)]
    noticed = [*(in_language(line, words.language) for line in table.notes), *notes(forecasts, words)]
    if noticed:
        lines += ["", words("title.noticed"), *(f"  {line}" for line in noticed)]
    if verdict.scores:
        lines += ["", *_table(forecasts, verdict, words)]
    if classical := classic_lines(forecasts, words):
        lines += ["", *classical]
    return [*lines, "", words("title.verdict"), *(f"  {line}" for line in sentences(forecasts, verdict, words))]


def notes(forecasts: Forecasts, words: Words) -> list[str]:
    """What to know about the series."""
    table, every = forecasts.table, forecasts.series
    alone = len(every) == 1
    said = []
    if constant := [one for one in every if one.constant]:
        value = words.number(_last(constant[0].series.values), table.roles.numbers[table.roles.targets[0]].form.digits)
        key = "note.constant" if alone else "note.constant_many"
        said.append(words(key, names=_names(constant), count=len(constant), value=value))
    if short := [one for one in every if forecasts.run is None and one.backtest is None and not one.constant]:
        used = ", ".join(dict.fromkeys(words.method(one.method.name, one.method.steps) for one in short))
        key = "note.short_one" if alone else "note.short"
        said.append(words(key, count=len(short), names=_names(short), method=used))
    said += _ended(forecasts, words)
    if sparse := [one for one in every if one.zeros >= SPARSE and not one.constant]:
        share = words.percent(float(np.mean([one.zeros for one in sparse])))
        said.append(words("note.zeros", share=share, names=_names(sparse)))
        if zero := [one for one in sparse if not one.values[:, 0].any()]:
            mean = words.number(float(np.mean([np.nanmean(one.series.values) for one in zero])))
            said.append(words("note.zero_forecast", mean=mean))
    if any(one.clipped for one in every):
        said.append(words("note.clipped"))
    for name, steps in sorted({moved for one in every for moved in one.moved}):
        target = table.cells.names[table.roles.targets[0]]
        said.append(words("note.target_moved", name=name, steps=steps, target=target))
    if unknown := sorted({name for one in every for name in one.unknown}):
        steps = min(_known_ahead(one, table.future_names, unknown) for one in every)
        shown = {"names": ", ".join(unknown), "horizon": forecasts.horizon, "steps": steps}
        said.append(words("note.unknown" if steps else "note.unknown_all", **shown))
    if forecasts.holidays is not None:
        said.append(words("note.holidays", country=forecasts.holidays))
    if bare := [one for one in every if np.isnan(one.values).any()]:
        said.append(words("note.no_interval", names=_names(bare)))
    return said


def _known_ahead(one: Forecast, names: Sequence[str], chosen: Sequence[str]) -> int:
    """For how many steps after the last value the columns are known."""
    columns = [i for i, name in enumerate(names) if name in chosen]
    missing = np.atleast_1d(np.isnan(one.series.future[len(one.series.values) :, columns]).any(1))
    return int(missing.argmax()) if missing.any() else len(missing)


def _ended(forecasts: Forecasts, words: Words) -> list[str]:
    table, every = forecasts.table, forecasts.series
    ends = [one.series.start + int(np.flatnonzero(np.isfinite(one.series.values))[-1]) for one in every]
    ended = [(one, end) for one, end in zip(every, ends, strict=True) if end < max(ends)]
    if not ended:
        return []
    shown = []
    for one, end in ended[:SHOWN]:
        date = table.stamp(end)
        shown.append(words("note.ended_name", name=one.series.name, date=date))
    names = "; ".join(shown) + ("; …" if len(ended) > SHOWN else "")
    return [words("note.ended" if table.roles.layout == "long" else "note.gap", count=len(ended), names=names)]


def sentences(forecasts: Forecasts, verdict: Verdict, words: Words) -> list[str]:
    """The verdict, who forecasts, and how far the intervals can be trusted."""
    if forecasts.run is not None:
        said = [words("verdict.from_run", run=forecasts.run)]
        if forecasts.strangers:
            names = ", ".join(forecasts.strangers[:SHOWN]) + (", …" if len(forecasts.strangers) > SHOWN else "")
            said.append(words("verdict.strangers", count=len(forecasts.strangers), names=names))
        return said
    better = "" if verdict.better is None else words.difference(verdict.better)
    over_ridge = "" if verdict.over_ridge is None else words.difference(verdict.over_ridge)
    leader = words.method(verdict.scores[0].method, verdict.scores[0].steps) if verdict.scores else ""
    said = [
        words(
            f"verdict.{verdict.word}",
            better=better,
            over_ridge=over_ridge,
            network=words.method(verdict.subject),
            leader=leader,
            windows=verdict.windows,
            needed=ENOUGH_WINDOWS,
            least=LEAST_APART,
        )
    ]
    by = Counter((one.method.name, one.method.steps) for one in forecasts.series)
    if len(by) == 1:
        said.append(words("verdict.chosen", method=words.method(*next(iter(by)))))
    else:
        methods = ", ".join(
            words("verdict.count", method=words.method(*key), count=count) for key, count in by.most_common()
        )
        said.append(words("verdict.chosen_many", methods=methods))
    level, coverage = words.percent(forecasts.level), verdict.coverage
    if coverage is None:
        said.append(words("coverage.none", level=level))
    else:
        measured = {"level": level, "share": words.percent(coverage.share), "windows": coverage.windows}
        if coverage.worst is None:
            said.append(words("coverage.short", **measured))
        else:
            said.append(words("coverage.measured", **measured, worst=words.percent(coverage.worst), row=LEAST_APART))
    if any(isinstance(one.forecaster, Bounded) and one.forecaster.bounded for one in forecasts.series):
        said.append(words("coverage.learned"))
    if line := stretch_line(forecasts, words):
        said.append(line)
    return said


def classic_lines(forecasts: Forecasts, words: Words) -> list[str]:
    """A sentence for each classical method that was tried on some windows."""
    said = []
    for one in forecasts.series:
        start = f"{one.series.name}, " if len(forecasts.series) > 1 else ""
        for score in one.classics:
            values = {"method": words.method(score.name), "windows": score.windows, "asked": score.asked}
            if score.mean_error is None or score.naive_error is None or score.chosen_error is None:
                said.append(start + words("classic.none", **values, seconds=round(LIMIT_SECONDS)))
                continue
            errors = {
                "error": words.number(score.mean_error),
                "naive": words.number(score.naive_error),
                "chosen": words.number(score.chosen_error),
            }
            method = words.method(one.method.name, one.method.steps)
            key = "classic.better" if score.mean_error < score.chosen_error else "classic.tried"
            said.append(start + words(key, **values, **errors, by=method))
    return said


def stretch_line(forecasts: Forecasts, words: Words) -> str | None:
    """Where the forecast was furthest from what happened; of one series alone."""
    if len(forecasts.series) != 1 or (found := worst_stretch(forecasts.series[0])) is None:
        return None
    first, last = (forecasts.table.stamp(place) for place in (found.first, found.last))
    error, usual = words.number(found.error), words.number(found.usual)
    return words("stretch", first=first, last=last, error=error, usual=usual)


def methods_table(forecasts: Forecasts, verdict: Verdict, words: Words) -> tuple[str, list[str], list[list[str]]]:
    """How each method did on the same windows: what the table is of, the heads of its columns, its rows."""
    alone = len(forecasts.series) == 1
    heads = [
        words("head.method"),
        *(["MAE", "MASE"] if alone else ["MASE", words("head.series")]),
        words("head.better"),
    ]
    tests = [one.backtest for one in forecasts.series if one.backtest is not None]
    key = "table.windows" if any(test.apart for test in tests) else "table.overlap"
    said = words(key, windows=max(len(test.origins) for test in tests), horizon=forecasts.horizon)
    caption = said + ("" if alone else "; " + words("table.means"))
    return caption, heads, [_row(score, alone, words) for score in verdict.scores]


def _table(forecasts: Forecasts, verdict: Verdict, words: Words) -> list[str]:
    caption, heads, rows = methods_table(forecasts, verdict, words)
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in (heads, *rows)
    ]
    return [caption, *(f"  {line}".rstrip() for line in lines)]


def _row(score: Score, alone: bool, words: Words) -> list[str]:
    name = words.method(score.method, score.steps)
    better = "" if score.better is None else words.difference(score.better)
    scaled = words("table.undefined") if score.scaled is None else words.number(score.scaled, 3)
    if not alone:
        return [name, scaled, words.number(score.series, 0), better]
    error = "" if score.mean_error is None else words.number(score.mean_error)
    if score.best_naive:
        return [words("table.best", method=name), error, scaled, words("table.reference")]
    return [name, error, scaled, better]


def to_json(forecasts: Forecasts, verdict: Verdict, words: Words) -> dict[str, Any]:
    """All of it for programs: numbers that are missing are null."""
    table = forecasts.table
    coverage = verdict.coverage
    return {
        "horizon": forecasts.horizon,
        "level": forecasts.level,
        "every": table.calendar.every,
        "zone": table.zone,
        "layout": table.roles.layout,
        "assumed": [in_language(line, words.language) for line in table.assumed],
        "notes": [*(in_language(line, words.language) for line in table.notes), *notes(forecasts, words)],
        "methods": [score.to_json() for score in verdict.scores],
        "verdict": {
            "word": verdict.word,
            "windows": verdict.windows,
            "better_than_best_naive": None if verdict.better is None else verdict.better.to_json(),
            "sentences": sentences(forecasts, verdict, words),
        },
        "classics": [score.to_json() for one in forecasts.series for score in one.classics],
        "learned_by": forecasts.run,
        "coverage": None
        if coverage is None
        else {"share": coverage.share, "worst_of_30": coverage.worst, "windows": coverage.windows},
        "series": [_series_json(forecasts, one) for one in forecasts.series],
    }


def measured(forecasts: Forecasts, verdict: Verdict) -> dict[str, Any]:
    """What lists of runs show of forecasts: the headline, the metrics that were measured, over how many windows."""
    tests = [one.backtest for one in forecasts.series if one.backtest is not None]
    scaled = [test.mean_error(test.best) / test.scale for test in tests if test.scale]
    metrics: dict[str, Any] = {}
    if scaled and np.isfinite(np.mean(scaled)):
        metrics["mase"] = {"value": float(np.mean(scaled)), "better": "lower", "title": "MASE"}
    if verdict.coverage is not None:
        metrics["coverage"] = {"value": verdict.coverage.share, "unit": "share", "title": "coverage"}
    windows = max((len(test.origins) for test in tests), default=0)
    return {"headline": "mase", "metrics": {"test": metrics}, "samples": {"test": windows}}


def _series_json(forecasts: Forecasts, one: Forecast) -> dict[str, Any]:
    table, test = forecasts.table, one.backtest
    places = one.series.end + np.arange(forecasts.horizon)
    scaled = None if test is None or test.scale is None else test.mean_error(test.best) / test.scale
    return {
        "ids": list(one.series.ids),
        "method": one.method.name,
        **({"season": one.method.steps} if one.method.steps else {}),
        "mase": scaled if scaled is None or math.isfinite(scaled) else None,
        "stamps": [table.stamp(int(place)) for place in places],
        **{name: _numbers(one.values[:, i]) for i, name in enumerate(("forecast", "low", "high"))},
    }


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _last(values: NDArray[np.float64]) -> float:
    return float(values[np.isfinite(values)][-1])


def _names(chosen: Sequence[Forecast]) -> str:
    names = [one.series.name for one in chosen]
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
