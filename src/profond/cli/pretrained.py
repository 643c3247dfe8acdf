"""What `predict`, `evaluate` and `features` share for published weights, and `profond weights`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from profond.cli import register_verb
from profond.cli.find_run import find_run
from profond.cli.output import print_json, progress_bar, say
from profond.core.errors import UsageError

if TYPE_CHECKING:
    from profond.measures.report import Report
    from profond.serve.inference import Engine, Precision
    from profond.serve.predictor import Predictor

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def pretrained_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--model NAME --pretrained``, instead of a run."""
    for option in reversed(
        [
            click.option("--model", metavar="NAME", help="A registered network with published weights, not a run."),
            click.option("--pretrained", is_flag=True, help="With --model: use the weights published for it."),
            click.option("--weights", metavar="SOURCE|FILE", help="Which of them, such as keras, or a file of yours."),
            click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="With --model: a setting of it."),
        ]
    ):
        command = option(command)
    return command


def split_words(
    words: tuple[str, ...], model: str | None, pretrained: bool, weights: str | None, changes: tuple[str, ...]
) -> tuple[str | None, tuple[str, ...]]:
    """(run or None, inputs): the first word is a run unless a model is named. Raises: UsageError."""
    if model is None:
        if pretrained or weights or changes:
            raise UsageError("published weights need a network", "add --model NAME; `profond weights list` shows them")
        if not words:
            raise UsageError("no run and no images were given", "`profond predict RUN photo.jpg`")
        return words[0], words[1:]
    if not pretrained and weights is None:
        raise UsageError(f"{model} has no weights yet", "add --pretrained, or --weights FILE")
    return None, words


def open_predictor(
    run: str | None,
    out: str,
    model: str | None,
    weights: str | None,
    changes: tuple[str, ...],
    *,
    device: str,
    resize: bool = False,
    precision: Precision = "fp32",
    engine: Engine = "auto",
    quiet: bool = False,
) -> tuple[Predictor, str]:
    """A predictor of a run or of published weights, and what it is called."""
    from profond.serve.predictor import Predictor

    if run is not None:
        found = find_run(run, out, quiet=quiet)
        predictor = Predictor.open(found, device=device, resize=resize, precision=precision, engine=engine)
        for note in predictor.notes:
            say(note, quiet)
        return predictor, str(found.path)
    assert model is not None
    predictor = Predictor.pretrained(
        model, weights, device=device, precision=precision, engine=engine, **settings(changes)
    )
    say(f"weights: {predictor.weights}", quiet)
    return predictor, model


def measure_pretrained(
    model: str,
    weights: str | None,
    changes: tuple[str, ...],
    data: str,
    split: str | None,
    batch_size: int,
    device: str,
    quiet: bool,
) -> tuple[Report, str]:
    """The report of published weights on other data, and what that is called."""
    from profond.core.device import choose_device, together
    from profond.evaluation.evaluate import evaluate as measure
    from profond.evaluation.other_data import matched, open_other
    from profond.tasks import task_class, task_for
    from profond.weights.pretrained import load_pretrained

    processor = choose_device(device)
    loaded = load_pretrained(model, weights, **settings(changes))
    say(f"weights: {loaded.weights}", quiet)
    other = open_other(data, loaded, split)
    batch_size = min(batch_size, together(other.dataset.spec.shape, processor))
    batches = other.dataset.batches(other.split, batch_size, device=processor)
    with progress_bar(len(other.dataset.split(other.split)), "evaluate", " samples", hidden=quiet) as advance:
        report = measure(
            loaded.model,
            task_class(task_for(loaded.spec))(),
            matched(batches, other.dataset.spec, loaded.spec, processor),
            spec=loaded.spec,
            device=processor,
            progress=advance,
        )
    return report, other.name


def settings(changes: tuple[str, ...]) -> dict[str, Any]:
    from profond.cli.models import read_change

    return dict(read_change(change) for change in changes)


@register_verb("weights", section="Find", line="List and fetch published weights.")
@click.group()
def weights() -> None:
    """Published weights: which there are, and fetch them.

    \b
    profond weights list
    profond weights fetch efficientnet_lite0
    """


@weights.command("list")
@click.argument("model", required=False)
@JSON
def list_weights(model: str | None, as_json: bool) -> None:
    """Every network with published weights, or those of MODEL."""
    from profond.data.fetch.sources import is_cached
    from profond.weights.pretrained import published
    from profond.weights.published import ROWS

    rows = list(ROWS) if model is None else published(model)
    table = [
        {
            "model": row.model,
            "source": row.source,
            "file": row.file.name,
            "from": [source.label for source in row.sources],
            "here": is_cached(row.folder, [row.file]),
            "checksum": bool(row.file.sha256 or row.file.md5),
            "note": row.note,
        }
        for row in rows
    ]
    if as_json:
        print_json("weights list", weights=table)
        return
    if not table:
        click.echo(f"no weights are published for {model}")
    for line in table:
        here = "here" if line["here"] else "    "
        unsure = "" if line["checksum"] else "; no checksum is published"
        click.echo(f"{line['model']:<20} {line['source']:<12} {here}  {line['note']}{unsure}")


@weights.command()
@click.argument("model")
@click.argument("source", required=False)
@JSON
def fetch(model: str, source: str | None, as_json: bool) -> None:
    """Fetch the published weights of MODEL, from SOURCE or the first that has them."""
    from profond.weights.pretrained import fetch as fetch_weights

    row, path = fetch_weights(model, source)
    if as_json:
        print_json("weights fetch", model=row.model, source=row.source, path=str(path))
    else:
        click.echo(f"{row.label}: {path}")
