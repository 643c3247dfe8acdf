"""`profond predict`: what a run says of your images, series and texts."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli import register_verb
from profond.cli.inputs import input_of, report_refused, shown_name, tell_refused
from profond.cli.options import BATCH, DEVICE, JSON, OUT, QUIET
from profond.cli.output import print_json, progress_bar
from profond.cli.pretrained import open_predictor, pretrained_options, split_words

if TYPE_CHECKING:
    from profond.core.errors import ProfondError
    from profond.serve.inference import Engine, Precision
    from profond.serve.prediction import Prediction
    from profond.serve.predictor import Predictor

TOP = 3  # fewer than from Python, so that a line stays short


@register_verb("predict", section="Use", line="What a run says of files, a folder, or standard input.")
@click.command()
@click.argument("words", nargs=-1, metavar="RUN INPUT...")
@pretrained_options()
@click.option("--top", type=click.IntRange(min=1), help=f"Classes to name for each image.  [default: {TOP}]")
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(dir_okay=False),
    help="Write a table to this file as well: of a video each frame.",
)
@click.option(
    "--pictures",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Draw answers that are more than a line, such as the labels of a video's frames, into this folder.",
)
@click.option("--resize", is_flag=True, help="Convert images that do not have the run's size and channels.")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16", "int8", "auto"]),
    default="fp32",
    show_default=True,
    help="fp32 answers as evaluate does, to the sixth digit; auto takes bf16 where the device does it well, and is "
    "sooner; int8, for hundreds of images on a CPU, takes its ranges from the first of them and says how many answers "
    "stay.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "torch", "onnx", "openvino"]),
    default="auto",
    show_default=True,
    help="What computes; for many images on a CPU, auto takes the fastest that is installed: OpenVINO, then ONNX "
    "Runtime.",
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
    top: int | None,
    csv_file: str | None,
    folder: Path | None,
    resize: bool,
    precision: Precision,
    engine: Engine,
    batch_size: int,
    device: str,
    out: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Say what RUN (a folder, a name, or `last`) sees in images, series or texts, or what published weights do.

    INPUT is a file, a folder (with those below it), a pattern such as 'photos/*.jpg', or - for standard input: an
    image or a series, or a list of paths, one a line. A run that was trained on a table of series takes tables, with
    labels or without; one that was trained on clips takes videos. A run on texts takes the text itself, a table with a
    column of texts, a .txt with one in each line, or lines from standard input. Prints a line for each image, series or
    video: path, then the answer, such as label, probability and the next classes, a number with its unit, or which
    label a video has from when to when. Images that cannot be used are reported and the others still predicted; the
    exit code is then 3. Folders are listed as for training: without hidden files, links followed, other files counted
    and passed over.

    \b
    profond predict last photos/
    profond predict last new.csv
    profond predict last film.mp4 --csv frames.csv --pictures drawn/
    profond predict last "a fine film"
    profond predict --model efficientnet_lite0 --pretrained photo.jpg
    """
    from profond.core.errors import UsageError
    from profond.core.files import make_folder

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
    options = _options(predictor, top)
    said: list[Prediction] = []
    written: list[Path] = []
    said_any = False
    failed: list[tuple[str, ProfondError]] = []
    if folder is not None:
        make_folder(folder)
    with input_of(predictor.takes, inputs) as given:
        paths, names = given.paths, given.names
        refuse = report_refused(names, failed)
        hidden = quiet or (sys.stdout.isatty() and not as_json)  # lines and a bar on one terminal disturb each other
        with progress_bar(len(paths), "predict", f" {given.kind}", hidden=hidden) as advance:
            for prediction in predictor.stream(paths, batch_size=batch_size, refused=refuse, **options):
                said_any = True
                prediction = replace(prediction, source=shown_name(prediction.source, names))
                if as_json or csv_file:
                    said.append(prediction)
                if folder is not None:
                    written += prediction.answer.write(folder, _picture_name(folder, prediction, written))
                if not as_json:
                    click.echo(prediction.line())
                advance(1)
    failed += given.blocked
    if csv_file:
        _write_csv(csv_file, said)
    agreement = predictor.agreement
    if as_json:
        print_json(
            "predict",
            **({"model": name, "weights": predictor.weights} if run is None else {"run": name}),
            **({} if folder is None else {"pictures": [str(path) for path in written]}),
            predictions=[prediction.to_json() for prediction in said],
            refused=[{"source": source, "error": error.message} for source, error in failed],
            passed_over=given.to_json(),
            **({"agreement": {"equal": agreement[0], "of": agreement[1]}} if agreement else {}),
            seconds=round(time.perf_counter() - start, 3),
        )
    given.tell(quiet)
    if not quiet:
        if agreement:
            click.echo(f"note: int8 gave {agreement[0]} of {agreement[1]} images the network's own answer", err=True)
        for note, count in predictor.conversions.items():
            one = given.one if count == 1 else given.kind
            click.echo(f"note: {count} {one}: {note}", err=True)
    if folder is not None and not written and said_any:
        raise UsageError("the answers of this run have no pictures", "leave --pictures out")
    tell_refused(failed, len(paths), given.kind)


def _picture_name(folder: Path, prediction: Prediction, written: Sequence[Path]) -> str:
    """That of the file; with a number, where another of the same name was drawn already."""
    stem = Path(prediction.source).stem
    return f"{stem}-{len(written)}" if folder / f"{stem}.png" in written else stem


def _options(predictor: Predictor, top: int | None) -> dict[str, Any]:
    """Of the answers. What was asked for is passed on, so that a task without such an option says so."""
    if top is None and "top" not in predictor.options:
        return {}
    return {"top": top or TOP}


def _write_csv(path: str, said: Sequence[Prediction]) -> None:
    """A row for each prediction, or for each part of it, with the columns of all of them."""
    from profond.core.files import write_text
    from profond.evaluation.kept import table

    rows = [row for prediction in said for row in prediction.rows()]
    head = list(dict.fromkeys(["path", *(column for row in rows for column in row)]))
    write_text(path, table(head, ([row.get(column, "") for column in head] for row in rows)))
