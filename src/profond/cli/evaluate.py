"""`profond evaluate`: how good a run is."""

from __future__ import annotations

import time

import click

from profond.cli import register_verb
from profond.cli.adverse import tell_adverse
from profond.cli.find_run import find_run
from profond.cli.options import BATCH, DEVICE, JSON, OUT, QUIET
from profond.cli.output import print_json, progress_bar, say, tell_report, warn
from profond.cli.pretrained import measure_pretrained, pretrained_options, settings, split_words

DATA = "data."


@register_verb("evaluate", section="Use", line="Measure a run on a split, with intervals and pictures.")
@click.command()
@click.argument("run", required=False)
@pretrained_options(setting="With --data: a setting of it, such as data.target=weight; with --model: of the network.")
@click.option("--split", help="By default test, else valid, else train; other data without splits is taken whole.")
@click.option("--data", help="Other data with the same classes: a registered name, a folder or a table.")
@click.option("--judge", metavar="RUN", help="Of generated pictures: a run that tells their classes apart.")
@click.option("--inception", metavar="FILE", help="Of generated pictures: weights that FID and KID are defined by.")
@click.option(
    "--costs", metavar="TABLE", help="What confusions cost: a CSV file (true,predicted,cost), or a built-in one: signs."
)
@click.option("--adverse", is_flag=True, help="Of pictures: measure under fog, rain, night, blur …, by severity.")
@click.option("--pictures/--no-pictures", default=True, help="Draw the figures too.")
@BATCH
@DEVICE
@OUT
@JSON
@QUIET
def evaluate(
    run: str | None,
    model: str | None,
    pretrained: bool,
    weights: str | None,
    changes: tuple[str, ...],
    split: str | None,
    data: str | None,
    judge: str | None,
    inception: str | None,
    costs: str | None,
    adverse: bool,
    pictures: bool,
    batch_size: int,
    device: str,
    out: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure RUN (a folder, a name, or `last`) on a split, with 95 % intervals.

    Writes the report, its tables and its figures to RUN/evaluation/SPLIT/: of a classification the confusion matrix,
    the calibration and the worst mistakes. A network with published weights is measured on --data, whose classes are
    called as its own are; nothing is written.

    \b
    profond evaluate last --split test
    profond evaluate last --data new.csv --set data.target=weight
    profond evaluate --model efficientnet_lite0 --pretrained --data photos/
    profond evaluate last --costs costs.csv
    profond evaluate last --adverse
    profond evaluate last --judge runs/20261127-101500-fashion
    """
    from profond.core.device import choose_device
    from profond.core.errors import UsageError
    from profond.evaluation.evaluate import evaluate_run
    from profond.evaluation.kept import folder_of
    from profond.evaluation.other_data import data_to_measure
    from profond.experiments.experiment import load
    from profond.measures.costs import Costs

    start = time.perf_counter()
    table = None if costs is None else Costs.read(costs)
    of_data = [change for change in changes if change.startswith(DATA)]
    data_settings = settings([change.removeprefix(DATA) for change in of_data])
    if of_data and data is None:
        raise UsageError(f"--set {of_data[0]} is about other data", "add --data; a run's own data are as in training")
    changes = tuple(change for change in changes if change not in of_data)
    if run is not None and model is None and changes:
        raise UsageError(
            f"--set {changes[0]} is about a network, and a run has its own", "of --data: --set data.target=…"
        )
    run, others = split_words(() if run is None else (run,), model, pretrained, weights, changes)
    if run is None:
        if judge is not None or inception is not None or adverse:
            what = "--adverse is for a run" if adverse else "--judge and --inception are for what a run generates"
            raise UsageError(what, "name it: profond evaluate last …")
        if others or data is None or model is None:
            raise UsageError("a network with published weights is measured on other data", "add --data photos/")
        report, name = measure_pretrained(
            model, weights, changes, data, data_settings, split, batch_size, device, quiet
        )
        report = report if table is None else table.judged(report)
        if as_json:
            metrics = {name: {key: measured.to_json() for key, measured in report.metrics.items()}}
            seconds = round(time.perf_counter() - start, 3)
            print_json("evaluate", model=model, metrics=metrics, count=report.count, seconds=seconds)
            return
        click.echo(f"{model} on {name}: {report.count:,} samples\n")
        tell_report(report)
        return
    found = find_run(run, out, quiet=quiet)
    options = {} if judge is None else {"judge": str(find_run(judge, out, quiet=quiet).path)}
    options |= {} if inception is None else {"inception": inception}
    processor = choose_device(device)
    experiment = load(found)
    for note in experiment.notes:
        say(note, quiet)
    measured = data_to_measure(experiment, split, data, data_settings)
    for note in () if measured.other is None else measured.dataset.notes:
        say(note, quiet)
    for warning in measured.warnings:
        warn(warning)
    if adverse:
        if table is not None:
            raise UsageError("--costs are of one split, and --adverse measures many", "leave one of them out")
        tell_adverse(found, experiment, measured, batch_size, processor, pictures, as_json, quiet)
        return
    samples = measured.dataset.split(measured.split)
    with progress_bar(len(samples), "evaluate", " samples", hidden=quiet) as advance:
        report = evaluate_run(
            found,
            experiment,
            measured.split,
            data=measured.other,
            name=measured.name,
            batch_size=batch_size,
            device=processor,
            pictures=pictures,
            progress=advance,
            options=options,
            costs=table,
        )
    folder = folder_of(found, measured.name)
    files = sorted(path.name for path in folder.iterdir())
    if as_json:
        print_json(
            "evaluate",
            run=str(found.path),
            metrics={measured.name: {key: metric.to_json() for key, metric in report.metrics.items()}},
            count=report.count,
            split_hash=report.origin["split_hash"],
            files=[str(folder / file) for file in files],
            seconds=round(time.perf_counter() - start, 3),
        )
        return
    part = "all" if measured.whole else measured.split
    click.echo(f"{found.path} on {report.origin['data']}, {part}: {report.count:,} samples\n")
    tell_report(report)
    click.echo(f"\n{folder}/\n  " + "  ".join(files))
