"""What the verbs say: results on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from profond.core.names import as_text
from profond.core.run import SCHEMA_VERSION, Run

if TYPE_CHECKING:
    from profond.evaluation.summary import Summary
    from profond.measures.report import Report


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
    from profond.evaluation.summary import Summary

    state = run.state
    if as_json:
        print_json(
            command,
            run=str(run.path),
            metrics=metrics_json(Summary.of(run)),
            seconds=state.get("seconds"),
            **({"features_seconds": state["features_seconds"]} if "features_seconds" in state else {}),
            warnings=state.get("warnings", []),
        )
        return
    tell_summary(Summary.of(run))
    features = f" ({state['features_seconds']:.1f} s of it for the features)" if "features_seconds" in state else ""
    seconds, steps, precision = state.get("seconds", 0), state.get("steps", 0), state.get("precision")
    click.echo(f"{'training':<24}{seconds:.1f} s{features}, {steps:,} steps, {precision}")
    click.echo(f"{'run':<24}{run.path}")


def tell_summary(summary: Summary) -> None:
    """A line for each metric of each evaluation, and the report's sentences about the last."""
    rows = [
        (f"{evaluation} {measured.title or name}", measured)
        for evaluation, metrics in summary.metrics.items()
        for name, measured in metrics.items()
    ]
    width = max([23, *(len(title) for title, _ in rows)])
    for title, measured in rows:
        click.echo(as_text(f"{title:<{width}} {measured}"))
    for line in summary.said:
        click.echo(as_text(line))


def metrics_json(summary: Summary) -> dict[str, Any]:
    """Metrics by evaluation and name, with interval, unit and direction."""
    return {
        evaluation: {name: measured.to_json() for name, measured in metrics.items()}
        for evaluation, metrics in summary.metrics.items()
    }


def tell_report(report: Report) -> None:
    """A table of the metrics, and the report's sentences below it."""
    titles = {name: measured.title or name for name, measured in report.metrics.items()}
    values = [measured.written for measured in report.metrics.values()]
    width, wide = max(map(len, titles.values())), max(9, *map(len, values))
    click.echo(f"{'':{width}}  {'value':>{wide}}   95 % interval")
    for (name, measured), value in zip(report.metrics.items(), values, strict=True):
        click.echo(f"{titles[name]:{width}}  {value:>{wide}}   {measured.range}".rstrip())
    if report.lines:
        click.echo("\n" + "\n".join(report.lines))


@contextlib.contextmanager
def progress_bar(total: int, label: str, unit: str, *, hidden: bool) -> Iterator[Callable[[int], Any]]:
    """How far it is, on standard error; gives what to call with the number of things done."""
    from profond.core.progress import bar

    if hidden:
        yield lambda count: None
    else:
        with bar(total, label, unit=unit) as shown:
            yield shown.update
