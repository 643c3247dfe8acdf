"""What the verbs say: results on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from profond.core.run import SCHEMA_VERSION, Run


def print_json(command: str, **fields: Any) -> None:
    """One object on standard output."""
    document = {"schema_version": SCHEMA_VERSION, "command": command, **fields}
    click.echo(escaped(json.dumps(document, ensure_ascii=False, indent=2)))


def escaped(text: str) -> str:
    """JSON in which the bytes of a file's name that are no text are escapes, which are read back as the same name."""
    return text.encode("utf-8", "backslashreplace").decode()


def say(text: str, quiet: bool = False) -> None:
    if not quiet:
        click.echo(text, err=True)


def warn(text: str) -> None:
    """What is probably not meant; told whatever ``--quiet`` says."""
    click.echo(f"warning: {text}", err=True)


def observers(quiet: bool) -> Sequence[Any]:
    from profond.training import ProgressBar

    return () if quiet else (ProgressBar(),)


def report_run(run: Run, command: str, as_json: bool) -> None:
    """The result of a finished run, on standard output."""
    evaluation = run.read("evaluation.json") if run.holds("evaluation.json") else {"metrics": {}}
    state, metrics = run.state, evaluation["metrics"]
    if as_json:
        print_json(
            command,
            run=str(run.path),
            metrics=metrics,
            seconds=state.get("seconds"),
            **({"features_seconds": state["features_seconds"]} if "features_seconds" in state else {}),
            warnings=state.get("warnings", []),
        )
        return
    for split, values in metrics.items():
        for name in ("accuracy", "top5_accuracy", "macro_f1", "ece"):
            if name in values:
                click.echo(f"{split + ' ' + name.replace('_', ' '):<22}{interval(name, values[name])}")
    features = f" ({state['features_seconds']:.1f} s of it for the features)" if "features_seconds" in state else ""
    seconds, steps, precision = state.get("seconds", 0), state.get("steps", 0), state.get("precision")
    click.echo(f"{'training':<22}{seconds:.1f} s{features}, {steps:,} steps, {precision}")
    click.echo(f"{'run':<22}{run.path}")


def interval(name: str, measured: Any) -> str:
    """``99.31 %  [99.13, 99.45]``; calibration error and losses as plain numbers."""
    if not isinstance(measured, dict):
        return f"{measured:.4g}"
    value, low, high = measured["value"], measured.get("low"), measured.get("high")
    if low is None or high is None:
        return f"{value:.4f}"
    if name == "ece":
        return f"{value:.4f}  [{low:.4f}, {high:.4f}]"
    return f"{100 * value:.2f} %  [{100 * low:.2f}, {100 * high:.2f}]"


@contextlib.contextmanager
def progress_bar(total: int, label: str, unit: str, *, hidden: bool) -> Iterator[Callable[[int], Any]]:
    """How far it is, on standard error; gives what to call with the number of things done."""
    from profond.core.progress import bar

    if hidden:
        yield lambda count: None
    else:
        with bar(total, label, unit=unit) as shown:
            yield shown.update
