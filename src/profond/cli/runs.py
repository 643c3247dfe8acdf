"""`profond runs`: list, show, compare, resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from profond.core.run import SCHEMA_VERSION, Run, all_runs

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
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION, "command": "runs list", "runs": rows}, indent=2))
        return
    if not rows:
        click.echo(f"no runs under {out}; `profond train lenet5` makes one", err=True)
    width = max((len(row["run"]) for row in rows), default=0)
    for row in rows:
        accuracy = "" if row["accuracy"] is None else f"{100 * row['accuracy']:6.2f} %"
        seconds = "" if row["seconds"] is None else f"{row['seconds']:8.1f} s"
        click.echo(f"{row['run']:<{width}}  {row['status']:<11}  {accuracy:>9}  {seconds:>10}".rstrip())


@runs.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(run: Path, as_json: bool) -> None:
    """A run's state, settings and metrics."""
    opened = Run.open(run)
    last: dict[str, dict[str, float]] = {}
    for line in opened.metrics():
        last[line["split"]] = line
    evaluation = opened.read("evaluation.json")["metrics"] if opened.file("evaluation.json").exists() else {}
    if as_json:
        document = {
            "schema_version": SCHEMA_VERSION,
            "command": "runs show",
            "run": str(run),
            "state": opened.state,
            "config": opened.config,
            "last": last,
            "metrics": evaluation,
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    from profond.cli.trained import interval

    for key, value in opened.state.items():
        if key != "schema_version" and value is not None:
            click.echo(f"{key:<22}{value}")
    for section, settings in opened.config.items():
        if isinstance(settings, dict):
            shown = ", ".join(f"{k}={v}" for k, v in settings.items() if v not in (None, [], {}))
            click.echo(f"{section:<22}{shown if len(shown) < 400 else shown[:400] + ' …'}")
    for split, line in last.items():
        numbers = "  ".join(f"{k} {v:.4g}" for k, v in line.items() if isinstance(v, float | int) and k != "epoch")
        click.echo(f"{'last ' + split:<22}{numbers}")
    for split, metrics in evaluation.items():
        for name in ("accuracy", "top5_accuracy", "macro_f1", "ece"):
            if name in metrics:
                click.echo(f"{split + ' ' + name.replace('_', ' '):<22}{interval(name, metrics[name])}")


@runs.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="No progress.")
def resume(run: Path, as_json: bool, quiet: bool) -> None:
    """Continue a run that was stopped or killed, to the very same end."""
    opened = Run.open(run)

    from profond.cli.trained import observers, report_run, say
    from profond.recipes.train import resume_run

    if opened.state.get("status") == "done" and opened.file("README.md").exists():
        say("this run is complete", quiet)
    resume_run(opened, observers=observers(quiet), say=lambda text: say(text, quiet))
    report_run(opened, "runs resume", as_json)


def _summary(run: Run) -> dict[str, Any]:
    from profond.core.errors import ConfigError

    accuracy = None
    try:
        state = run.state
        if run.file("evaluation.json").exists():
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
