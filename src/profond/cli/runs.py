"""`profond runs`: list, show, compare, resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from profond.cli.compare import compare
from profond.cli.find_run import find_run
from profond.cli.output import interval, observers, print_json, report_run, say
from profond.core.errors import ConfigError
from profond.core.names import as_text
from profond.core.run import Run, all_runs

OUT = click.option("--out", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where runs are.")


@click.group()
def runs() -> None:
    """List, show, compare and resume runs."""


@runs.command("list")
@OUT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_runs(out: Path, as_json: bool) -> None:
    """Every run under --out, oldest first, with its state and its test accuracy."""
    rows = [_summary(run) for run in all_runs(out)]
    if as_json:
        print_json("runs list", runs=rows)
        return
    if not rows:
        click.echo(f"no runs under {out}; `profond train lenet5` makes one", err=True)
    width = max((len(row["run"]) for row in rows), default=0)
    for row in rows:
        accuracy = "" if row["accuracy"] is None else f"{100 * row['accuracy']:6.2f} %"
        seconds = "" if row["seconds"] is None else f"{row['seconds']:8.1f} s"
        status = row["status"] or "unknown"
        click.echo(f"{row['run']:<{width}}  {status:<11}  {accuracy:>9}  {seconds:>10}".rstrip())


@runs.command()
@click.argument("reference", metavar="RUN")
@OUT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(reference: str, out: Path, as_json: bool) -> None:
    """The state, settings and metrics of RUN: a folder, a name under --out, or `last`."""
    run = find_run(reference, out)
    last: dict[str, dict[str, float]] = {}
    for line in run.metrics():
        last[line["split"]] = line
    state, config = run.state, run.config
    evaluation = run.read("evaluation.json")["metrics"] if run.holds("evaluation.json") else {}
    if as_json:
        print_json("runs show", run=str(run.path), state=state, config=config, last=last, metrics=evaluation)
        return
    for key, value in state.items():
        if key != "schema_version" and value not in (None, [], {}):
            click.echo(as_text(f"{key:<22}{value}"))
    for section, settings in config.items():
        if isinstance(settings, dict):
            shown = ", ".join(f"{k}={v}" for k, v in settings.items() if v not in (None, [], {}))
            click.echo(as_text(f"{section:<22}{shown if len(shown) < 400 else shown[:400] + ' …'}"))
    for split, line in last.items():
        numbers = "  ".join(f"{k} {v:.4g}" for k, v in line.items() if isinstance(v, float | int) and k != "epoch")
        click.echo(as_text(f"{'last ' + split:<22}{numbers}"))
    for split, metrics in evaluation.items():
        for name in ("accuracy", "top5_accuracy", "macro_f1", "ece"):
            if name in metrics:
                click.echo(as_text(f"{split + ' ' + name.replace('_', ' '):<22}{interval(name, metrics[name])}"))


@runs.command()
@click.argument("reference", metavar="RUN")
@OUT
@click.option("--data", help="Where its data are now, if they were moved; they must be the same.")
@click.option("--epochs", metavar="N|+N", help="Let the whole training have N epochs, or N more than now.")
@click.option("--steps", metavar="N|+N", help="The same in steps.")
@click.option("--devices", type=click.IntRange(min=1), help="Go on in so many processes; by default as many as before.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="No progress.")
def resume(
    reference: str,
    out: Path,
    data: str | None,
    epochs: str | None,
    steps: str | None,
    devices: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Continue a run that was stopped or killed, to the very same end; `last` is the newest unfinished one.

    With --epochs or --steps a finished run is trained longer, and `last` is the newest of all. The schedule is then
    laid out anew over the whole length, and the run goes on at the rate that it has there.

    \b
    profond runs resume last
    profond runs resume last --epochs +10
    profond runs resume last --data /new/place/photos
    """
    from profond.training.launch import leading

    longer, leads = epochs is not None or steps is not None, leading()
    run = find_run(reference, out, finished=None if longer else False, quiet=quiet or not leads)

    from profond.experiments.train import is_complete, resume_run

    tell = (lambda text: say(text, quiet)) if leads else (lambda text: None)
    if is_complete(run) and not longer:
        tell("this run is complete; --epochs +10 trains it longer")
    resume_run(
        run, data=data, epochs=epochs, steps=steps, devices=devices, observers=observers(quiet), say=tell
    )
    if leads:
        report_run(run, "runs resume", as_json)


runs.add_command(compare)


def _summary(run: Run) -> dict[str, Any]:
    accuracy = None
    try:
        state = Run.open(run.path).state
        if run.holds("evaluation.json"):
            metrics = run.read("evaluation.json")["metrics"]
            measured = metrics.get("test", metrics.get("valid", {})).get("accuracy")
            accuracy = measured["value"] if isinstance(measured, dict) else measured
    except ConfigError:
        return {"run": str(run.path), "status": "damaged", "accuracy": None, "seconds": None}
    return {
        "run": str(run.path),
        "status": state.get("status"),
        "accuracy": accuracy,
        "seconds": state.get("seconds"),
    }
