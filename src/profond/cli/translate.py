"""`profond translate`: texts in another language, or in another way of writing, by a run that learned it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli import register_verb
from profond.cli.inputs import report_refused, tell_refused
from profond.cli.options import BATCH, DEVICE, JSON, OUT, QUIET
from profond.cli.output import print_json, say
from profond.cli.pretrained import open_predictor

if TYPE_CHECKING:
    from profond.core.errors import ProfondError
    from profond.serve.prediction import Prediction
    from profond.serve.predictor import Predictor

SHOWN = 5  # texts of which something is told


@register_verb("translate", section="Use", line="Texts in another language, by a run that learned to translate.")
@click.command()
@click.argument("run")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--file", "files", multiple=True, type=click.Path(dir_okay=False), help="A file with a text in each line."
)
@click.option("--beam", type=click.IntRange(min=1), help="Answers followed at once.  [default: the run's own]")
@click.option("--max-length", type=click.IntRange(min=1), help="Tokens of an answer at most.  [default: the run's own]")
@click.option("--attention", type=click.Path(dir_okay=False), help="Draw where each word looked, to this file.")
@BATCH
@DEVICE
@OUT
@JSON
@QUIET
def translate(
    run: str,
    texts: tuple[str, ...],
    files: tuple[str, ...],
    beam: int | None,
    max_length: int | None,
    attention: str | None,
    batch_size: int,
    device: str,
    out: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Translate by RUN (a folder, a name, or `last`) each TEXT, each line of files, or of standard input.

    Prints one line for each text, in their order; an empty line stays one. Texts that cannot be used are reported and
    the others still translated; the exit code is then 3.

    \b
    profond translate last "In the beginning God created the heaven and the earth."
    profond translate last --file english.txt > french.txt
    profond translate last --attention map.png "And God said, Let there be light."
    """
    from profond.core.errors import ConfigError

    start = time.perf_counter()
    if attention is not None:
        from profond.explain.draw.drawing import check_picture_name

        check_picture_name(Path(attention))
    predictor, name = open_predictor(run, out, None, None, (), device=device, quiet=quiet)
    translates = getattr(predictor.task, "translates", None)
    if translates is None or not translates(predictor.spec):
        raise ConfigError(
            f"{name} does not translate: what it answers is of another kind than what it is given",
            f"`profond predict {name} INPUT` says what it does answer",
        )
    wished = {"beam": beam, "max_length": max_length}
    options = {key: value for key, value in wished.items() if value is not None}
    given = list(_given(texts, files))
    real = [text for text, may_be_empty in given if text.strip() or not may_be_empty]
    failed: list[tuple[str, ProfondError]] = []
    answers = predictor.stream(real, batch_size=batch_size, refused=report_refused({}, failed), **options)
    said = _in_order(given, answers, failed, as_json, keep=as_json or attention is not None)
    if as_json:
        print_json(
            "translate",
            run=name,
            translations=[{"source": source, **answer.answer.to_json()} for source, answer in said],
            refused=[{"source": source, "error": error.message} for source, error in failed],
            seconds=round(time.perf_counter() - start, 3),
        )
    if not quiet:
        for note in _notes(predictor, real):
            click.echo(f"note: {note}", err=True)
    if attention is not None and said:
        _draw(predictor, said, attention)
        say(f"attention: {attention}", quiet)
    tell_refused(failed, len(real), "texts")


def _given(texts: Sequence[str], files: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Each text, and whether it may be empty, as a line of a file may."""
    from profond.core.errors import DataError
    from profond.data.text.read import read_whole
    from profond.data.text_encoding import decode_text

    for text in texts:
        if text != "-":
            yield text, False
    for file in files:
        whole, _ = read_whole(Path(file), "give a file with a text in each line")
        yield from ((line, True) for line in whole.splitlines())
    if "-" in texts or not (texts or files):
        if sys.stdin.isatty():
            click.echo("type a text in each line, then Ctrl-D", err=True)
        data = sys.stdin.buffer.read()
        if not data.strip():
            raise DataError("standard input is empty", "give texts, --file FILE, or pipe in a text in each line")
        whole, _ = decode_text(data, Path("standard input"), "pipe in a text in each line")
        yield from ((line, True) for line in whole.splitlines())


def _in_order(
    given: Sequence[tuple[str, bool]],
    answers: Iterator[Prediction],
    failed: list[tuple[str, ProfondError]],
    as_json: bool,
    keep: bool,
) -> list[tuple[str, Prediction]]:
    """Print what is answered, a line for each text; what was refused, or is empty, is an empty line.

    Returns: texts with their answers, where they are to be kept.
    """
    kept: list[tuple[str, Prediction]] = []
    waiting = next(answers, None)
    for text, may_be_empty in given:
        if not text.strip() and may_be_empty:
            if not as_json:
                click.echo("")
            continue
        if waiting is None or waiting.source != text:
            if not as_json and len(given) > 1:
                click.echo("")
            continue
        if not as_json:
            click.echo(waiting.answer.line())
        if keep:
            kept.append((text, waiting))
        waiting = next(answers, None)
    return kept


def _notes(predictor: Predictor, texts: Sequence[str]) -> Iterator[str]:
    """What the network never saw: signs, and texts of such a length."""
    tokens = predictor.preprocessing.text
    if tokens is None:
        return
    unseen: dict[str, None] = {}
    longer = 0
    for text in texts:
        unseen |= dict.fromkeys(tokens.unknown(text))
        longer += len(tokens.cut(text)) > predictor.spec.shape[0]
    if unseen:
        shown = ", ".join(repr(one) for one in list(unseen)[:SHOWN]) + (" …" if len(unseen) > SHOWN else "")
        yield f"never seen in training, and read as unknown: {shown}"
    if longer:
        yield (
            f"{longer} text{' is' if longer == 1 else 's are'} longer than any in training ({predictor.spec.shape[0]}"
            f" {tokens.kind}): translate sentence by sentence"
        )


def _draw(predictor: Predictor, said: Sequence[tuple[str, Prediction]], path: str) -> None:
    from profond.core.errors import ConfigError
    from profond.explain.draw.drawing import save_figure
    from profond.explain.why.attention_figure import Looked, draw_attention

    read, written = predictor.spec.tokens, predictor.spec.text
    looked: list[Any] = []
    for source, prediction in said:
        if read is None or written is None or prediction.attention is None:
            raise ConfigError("this network has no attention on words", "leave --attention out")
        pieces = read.pieces(read.encode(source))
        looked.append(Looked.of(pieces, prediction.pieces, prediction.attention, (read.kind, written.kind)))
    save_figure(draw_attention(looked, "Where each word looked"), path)
