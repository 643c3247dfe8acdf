"""Texts that `profond translate` is given, and what becomes of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.cli.inputs import report_refused, tell_refused
from profond.cli.output import print_json, say

if TYPE_CHECKING:
    from profond.core.errors import ProfondError
    from profond.serve.prediction import Prediction
    from profond.serve.predictor import Predictor

SHOWN = 5  # texts of which something is told


def translate_texts(
    predictor: Predictor,
    name: str,
    texts: Sequence[str],
    files: Sequence[str],
    *,
    beam: int | None,
    max_length: int | None,
    attention: str | None,
    batch_size: int,
    as_json: bool,
    quiet: bool,
    start: float,
) -> None:
    """A line for each text, in their order. Raises: DataError for texts that cannot be used, after the others."""
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
