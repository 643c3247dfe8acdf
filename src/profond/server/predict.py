"""The command `profond-serve predict`: what an exported file says of pictures, series and texts, without a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from profond.core.errors import DataError, MissingError
from profond.runtime.answers import line
from profond.server.command import engine_option

if TYPE_CHECKING:
    from profond.runtime.exported import ExportedFile


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@engine_option()
@click.option("--threads", type=click.IntRange(0), default=0, help="That compute; 0: all cores.")
@click.option("--top", type=click.IntRange(1, 5), default=3, show_default=True, help="Classes to name.")
@click.option("--json", "as_json", is_flag=True, help="All answers as JSON.")
def predict(file: Path, inputs: Sequence[str], engine: Any, threads: int, top: int, as_json: bool) -> None:
    """Say what an exported FILE says of each INPUT: a picture, a series in a file, a table of series, or a text.

    One line each: the input, then the answer. What cannot be used is reported, and the others are still answered; the
    exit code is then 3.

    \b
    profond-serve predict signs.onnx photo.jpg
    """
    if not file.is_file():
        raise MissingError(f"{file} is not a file", "`profond export RUN` makes one")
    from profond.runtime.exported import ExportedFile  # not above: help needs no engine

    model = ExportedFile(file, engine, threads)
    model.load([1])
    said, refused = [], []
    for given in inputs:
        try:
            body = _body(model, given)
            rows = model.rows(body)
            samples = (
                {given: model.decoded(body)} if rows is None else {f"{given}#{id}": one for id, one in rows.items()}
            )
            answers = {source: model.answer(model.run(one), 0) for source, one in samples.items()}
        except DataError as error:
            refused.append({"source": given, "error": error.message})
            click.echo(f"error: {given}: {error}", err=True)
            continue
        for source, answer in answers.items():
            said.append({"source": source, **answer})
            if not as_json:
                click.echo(f"{source}\t{line(answer, top)}")
    if as_json:
        click.echo(json.dumps({"model": model.name, "predictions": said, "refused": refused}, ensure_ascii=False))
    if refused:
        raise click.exceptions.Exit(DataError.exit_code)


def _body(model: ExportedFile, given: str) -> bytes:
    """Raises: DataError for a file that cannot be read."""
    if model.takes == "texts":
        return given.encode("utf-8", "surrogateescape")
    try:
        return Path(given).read_bytes()
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror}", "check the path") from None
