"""`profond runs`: list, show, compare, resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from profond.cli import register_verb
from profond.cli.compare import compare
from profond.cli.find_run import find_run
from profond.cli.output import metrics_json, observers, print_json, report_run, say, tell_summary
from profond.core.errors import ConfigError
from profond.core.names import as_text
from profond.core.run import Run, all_runs
from profond.evaluation.summary import Summary
from profond.measures.measured import Measured

OUT = click.option("--out", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where runs are.")


@register_verb("runs", section="Manage", line="List, show, compare and resume runs.", together=["resume"])
@click.group()
def runs() -> None:
    """List, show, compare and resume runs.

    \b
    profond runs list
    profond runs show last
    profond runs resume last
    """


@runs.command("list")
@OUT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_runs(out: Path, as_json: bool) -> None:
    """Every run under --out, oldest first, with its state and its result: its task's headline, on the test split."""
    rows = [_row(run) for run in all_runs(out)]
    if as_json:
        print_json("runs list", runs=rows)
        return
    if not rows:
        click.echo(f"no runs under {out}; `profond train lenet5` makes one", err=True)
    width = max((len(row["run"]) for row in rows), default=0)
    for row in rows:
        result = "" if row["result"] is None else Measured.from_json(row["result"]).written
        seconds = "" if row["seconds"] is None else f"{row['seconds']:8.1f} s"
        status = row["status"] or "unknown"
        click.echo(f"{row['run']:<{width}}  {status:<11}  {result:>9}  {seconds:>10}".rstrip())


@runs.command()
@click.argument("reference", metavar="RUN")
@OUT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(reference: str, out: Path, as_json: bool) -> None:
    """The state, settings and metrics of RUN: a folder, a name under --out, or `last`."""
    run = find_run(reference, out, kind=None)
    last: dict[str, dict[str, float]] = {}
    for line in run.metrics():
        last[line["split"]] = line
    state, config = run.state, run.config
    summary = Summary.of(run)
    if as_json:
        print_json("runs show", run=str(run.path), state=state, config=config, last=last, metrics=metrics_json(summary))
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
    tell_summary(summary)


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
    laid out anew over the whole length, and the run goes on at the rate that it has there. Pictures of what it makes
    while it learns stay, and others follow.

    \b
    profond runs resume last
    profond runs resume last --epochs +10
    profond runs resume last --data /new/place/photos
    """
    from profond.core.launcher import leading

    longer, leads = epochs is not None or steps is not None, leading()
    run = find_run(reference, out, finished=None if longer else False, quiet=quiet or not leads)

    from profond.experiments.train import is_complete, resume_run

    def tell(text: str) -> None:
        say(text, quiet or not leads)

    if is_complete(run) and not longer:
        tell("this run is complete; --epochs +10 trains it longer")
    resume_run(run, data=data, epochs=epochs, steps=steps, devices=devices, observers=observers(quiet), say=tell)
    if leads:
        report_run(run, "runs resume", as_json)


runs.add_command(compare)


def _row(run: Run) -> dict[str, Any]:
    try:
        state, summary = Run.open(run.path).state, Summary.of(run)
    except ConfigError:
        return {"run": str(run.path), "status": "damaged", "headline": None, "result": None, "seconds": None}
    result = summary.result
    return {
        "run": str(run.path),
        "status": state.get("status"),
        "headline": summary.headline,
        "result": None if result is None else result.to_json(),
        **({} if result is None or summary.headline is None else {summary.headline: result.value}),
        "seconds": state.get("seconds"),
    }
