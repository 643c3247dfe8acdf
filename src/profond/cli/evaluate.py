"""`profond evaluate` and `profond predict`: how good a run is, and what it says of your images."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from profond.cli import register_verb
from profond.cli.find_run import find_run
from profond.cli.inputs import input_images, report_refused, shown_name, tell_refused
from profond.cli.output import print_json, progress_bar, say, tell_report, warn
from profond.cli.pretrained import measure_pretrained, open_predictor, pretrained_options, split_words

if TYPE_CHECKING:
    from profond.core.errors import ProfondError
    from profond.serve.inference import Engine, Precision
    from profond.serve.predictor import Prediction

OUT = click.option(
    "--out", default="runs", show_default=True, help="Folder of the runs, where names and `last` are looked up."
)
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
BATCH = click.option(
    "--batch-size", type=click.IntRange(min=1), default=256, show_default=True, help="Samples at once."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
QUIET = click.option("--quiet", is_flag=True, help="No progress and no notes.")


@register_verb("evaluate", section="Use", line="Measure a run on a split, with intervals and pictures.")
@click.command()
@click.argument("run", required=False)
@pretrained_options
@click.option("--split", help="By default test, else valid, else train; other data without splits is taken whole.")
@click.option("--data", help="Other data with the same classes: a registered name, a folder or a manifest.")
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
    profond evaluate --model efficientnet_lite0 --pretrained --data photos/
    """
    from profond.core.device import choose_device
    from profond.core.errors import UsageError
    from profond.evaluation.evaluate import evaluate_run
    from profond.evaluation.kept import folder_of
    from profond.evaluation.other_data import open_other, usual_split
    from profond.experiments.experiment import load

    start = time.perf_counter()
    run, others = split_words(() if run is None else (run,), model, pretrained, weights, changes)
    if run is None:
        if others or data is None or model is None:
            raise UsageError("a network with published weights is measured on other data", "add --data photos/")
        report, name = measure_pretrained(model, weights, changes, data, split, batch_size, device, quiet)
        if as_json:
            metrics = {name: {key: measured.to_json() for key, measured in report.metrics.items()}}
            seconds = round(time.perf_counter() - start, 3)
            print_json("evaluate", model=model, metrics=metrics, count=report.count, seconds=seconds)
            return
        click.echo(f"{model} on {name}: {report.count:,} samples\n")
        tell_report(report)
        return
    found = find_run(run, out, quiet=quiet)
    processor = choose_device(device)
    experiment = load(found)
    for note in experiment.notes:
        say(note, quiet)
    other = open_other(data, experiment, split) if data is not None else None
    dataset = experiment.dataset if other is None else other.dataset
    for warning in () if other is None else dataset.warnings:
        warn(warning)
    chosen = (split or usual_split(dataset)) if other is None else other.split
    name = chosen if other is None else other.name
    with progress_bar(len(dataset.split(chosen)), "evaluate", " samples", hidden=quiet) as advance:
        report = evaluate_run(
            found,
            experiment,
            chosen,
            data=None if other is None else dataset,
            name=name,
            batch_size=batch_size,
            device=processor,
            pictures=pictures,
            progress=advance,
        )
    folder = folder_of(found, name)
    files = sorted(path.name for path in folder.iterdir())
    if as_json:
        print_json(
            "evaluate",
            run=str(found.path),
            metrics={name: {key: measured.to_json() for key, measured in report.metrics.items()}},
            count=report.count,
            split_hash=report.origin["split_hash"],
            files=[str(folder / file) for file in files],
            seconds=round(time.perf_counter() - start, 3),
        )
        return
    part = "all" if other is not None and other.whole else chosen
    click.echo(f"{found.path} on {report.origin['data']}, {part}: {report.count:,} samples\n")
    tell_report(report)
    click.echo(f"\n{folder}/\n  " + "  ".join(files))


@register_verb("predict", section="Use", line="Classify files, a folder, or standard input.")
@click.command()
@click.argument("words", nargs=-1, metavar="RUN INPUT...")
@pretrained_options
@click.option("--top", type=click.IntRange(min=1), default=3, show_default=True, help="Classes to name for each image.")
@click.option("--csv", "csv_file", type=click.Path(dir_okay=False), help="Write a table to this file as well.")
@click.option("--resize", is_flag=True, help="Convert images that do not have the run's size and channels.")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16", "int8", "auto"]),
    default="fp32",
    show_default=True,
    help="fp32 answers as evaluate does, to the sixth digit; auto takes bf16 where the device does it well, and is "
    "sooner; int8, for hundreds of images on a CPU, takes its ranges from the first of them and says how many labels "
    "stay.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "torch", "openvino"]),
    default="auto",
    show_default=True,
    help="What computes; auto takes OpenVINO for many images on a CPU, where it is installed, and is sooner.",
)
@BATCH
@DEVICE
@OUT
@JSON
@QUIET
def predict(
    words: tuple[str, ...],
    model: str | None,
    pretrained: bool,
    weights: str | None,
    changes: tuple[str, ...],
    top: int,
    csv_file: str | None,
    resize: bool,
    precision: Precision,
    engine: Engine,
    batch_size: int,
    device: str,
    out: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Say what RUN (a folder, a name, or `last`) sees in images or series, or a network with published weights.

    INPUT is a file, a folder (with those below it), a pattern such as 'photos/*.jpg', or - for standard input: an
    image or a series, or a list of paths, one a line. A run that was trained on a table of series takes tables, with
    labels or without. Prints a line for each image or series: path, label, probability, then the next
    classes. Images that cannot be used are reported and the others still predicted; the exit code is then 3.
    Folders are listed as for training: without hidden files, links followed, other files counted and passed over.

    \b
    profond predict last photos/
    profond predict last new.csv
    profond predict --model efficientnet_lite0 --pretrained photo.jpg
    """
    from profond.core.errors import UsageError

    start = time.perf_counter()
    run, inputs = split_words(words, model, pretrained, weights, changes)
    if not inputs:
        raise UsageError("no images were given", "name files, a folder, or - for standard input")
    predictor, name = open_predictor(
        run,
        out,
        model,
        weights,
        changes,
        device=device,
        resize=resize,
        precision=precision,
        engine=engine,
        quiet=quiet,
    )
    said: list[Prediction] = []
    failed: list[tuple[str, ProfondError]] = []
    with input_images(inputs, predictor.takes_series) as given:
        paths, names = given.paths, given.names
        refuse = report_refused(names, failed)
        hidden = quiet or (sys.stdout.isatty() and not as_json)  # lines and a bar on one terminal disturb each other
        with progress_bar(len(paths), "predict", " images", hidden=hidden) as advance:
            for prediction in predictor.stream(paths, top=top, batch_size=batch_size, refused=refuse):
                prediction = _renamed(prediction, names)
                if as_json or csv_file:
                    said.append(prediction)
                if not as_json:
                    click.echo(_line(prediction))
                advance(1)
    failed += given.blocked
    if csv_file:
        _write_csv(csv_file, said)
    agreement = predictor.agreement
    if as_json:
        print_json(
            "predict",
            **({"model": name, "weights": predictor.weights} if run is None else {"run": name}),
            predictions=[prediction.to_json() for prediction in said],
            refused=[{"source": source, "error": error.message} for source, error in failed],
            passed_over=given.to_json(),
            **({"agreement": {"equal": agreement[0], "of": agreement[1]}} if agreement else {}),
            seconds=round(time.perf_counter() - start, 3),
        )
    given.tell(quiet)
    if not quiet:
        if agreement:
            click.echo(f"note: int8 gave {agreement[0]} of {agreement[1]} images the network's own label", err=True)
        for note, count in predictor.conversions.items():
            noun = "series" if predictor.takes_series else "image" if count == 1 else "images"
            click.echo(f"note: {count} {noun}: {note}", err=True)
    tell_refused(failed, len(paths), "series" if given.series else "images")


def _line(prediction: Prediction) -> str:
    more = [f"{label} {probability:.4f}" for label, probability in prediction.top[1:]]
    return "\t".join([prediction.source, prediction.label, f"{prediction.probability:.4f}", *more])


def _write_csv(path: str, said: Iterable[Prediction]) -> None:
    from profond.core.files import write_text
    from profond.evaluation.kept import table

    said = list(said)
    width = max((len(prediction.top) for prediction in said), default=1)
    head = ["path", "label", "probability"]
    for place in range(2, width + 1):
        head += [f"label_{place}", f"probability_{place}"]
    rows = ([each.source, *(part for label, share in each.top for part in (label, f"{share:.6f}"))] for each in said)
    write_text(path, table(head, rows))


def _renamed(prediction: Prediction, names: dict[str, str]) -> Prediction:
    from dataclasses import replace

    return replace(prediction, source=shown_name(prediction.source, names))
