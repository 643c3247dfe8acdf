"""`profond translate`: texts in another language, or pictures of another kind, by a run that learned it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from profond.cli import register_verb
from profond.cli.find_run import split_out
from profond.cli.options import BATCH, DEVICE, JSON, QUIET, RUNS
from profond.cli.pretrained import open_predictor, pretrained_options, split_words


@register_verb("translate", section="Use", line="Texts in another language, or pictures of another kind.")
@click.command()
@click.argument("run")
@click.argument("inputs", nargs=-1, metavar="[TEXT|PICTURE]...")
@click.option(
    "--file", "files", multiple=True, type=click.Path(dir_okay=False), help="Texts: a file with one in each line."
)
@click.option("--beam", type=click.IntRange(min=1), help="Texts: answers followed at once.  [default: the run's own]")
@click.option(
    "--max-length", type=click.IntRange(min=1), help="Texts: tokens of an answer at most.  [default: the run's own]"
)
@click.option("--attention", type=click.Path(dir_okay=False), help="Texts: draw where each word looked, to this file.")
@click.option(
    "--out",
    "--to",
    "out",
    type=click.Path(path_type=Path),
    metavar="FILE|FOLDER",
    help="Pictures: where to.  [default: here, photo-translated.png, and a folder photos/ to photos-translated/]",
)
@click.option(
    "--direction",
    metavar="a-to-b|b-to-a",
    help="Pictures: which way; the names of the classes will do.  [default: a-to-b]",
)
@click.option(
    "--sheet", type=click.Path(dir_okay=False, path_type=Path), help="Pictures: before and after, drawn to this file."
)
@click.option("--overwrite", is_flag=True, help="Pictures: replace files that are there already.")
@click.option(
    "--tile",
    type=click.IntRange(min=64),
    metavar="PIXELS",
    help="Pictures: cut all into tiles of this side.  [default: large ones alone, 512]",
)
@pretrained_options()
@BATCH
@DEVICE
@RUNS
@JSON
@QUIET
def translate(
    run: str,
    inputs: tuple[str, ...],
    model: str | None,
    pretrained: bool,
    weights: str | None,
    changes: tuple[str, ...],
    batch_size: int,
    device: str,
    out: Path | None,
    runs: str | None,
    as_json: bool,
    quiet: bool,
    **asked: Any,
) -> None:
    """Translate by RUN (a folder, a name, or `last`) texts or pictures, whichever it learned.

    Of texts: each TEXT, each line of files, or of standard input. Prints one line for each, in their order; an empty
    line stays one.

    Of pictures: each file, folder (with those below it), or pattern such as 'photos/*.jpg', or - for one from standard
    input. Each keeps its size, whatever that is, and its transparency. One that is too large for the memory goes
    through in tiles, with the result that it would have as a whole. Prints a line for each: the picture, and the file
    that was written. Files that are there already are kept, and that is reported.

    What cannot be used is reported and the others are still translated; the exit code is then 3.

    \b
    profond translate last "In the beginning God created the heaven and the earth."
    profond translate last --file english.txt > french.txt
    profond translate last --attention map.png "And God said, Let there be light."
    profond translate last photo.jpg --sheet sheet.png
    profond translate last photos/ --out drawings/ --direction b-to-a
    profond translate --model cyclegan_256 --weights latest_net_G_A.pth photo.jpg
    """
    from profond.core.errors import ConfigError
    from profond.tasks.task import TranslatesImages

    start = time.perf_counter()
    for option in ("attention", "sheet"):
        if asked[option] is not None:
            from profond.explain.draw.drawing import check_picture_name

            check_picture_name(Path(asked[option]))
    reference, inputs = split_words((run, *inputs), model, pretrained, weights, changes)
    folder, asked["out"] = split_out(reference, runs, out)
    predictor, name = open_predictor(reference, folder, model, weights, changes, device=device, quiet=quiet)
    said: dict[str, Any] = {"as_json": as_json, "quiet": quiet, "start": start}
    if isinstance(predictor.task, TranslatesImages):
        from profond.cli.translate_pictures import translate_pictures

        _refuse(asked, ("files", "beam", "max_length", "attention"), name, "pictures")
        wished = {key: asked[key] for key in ("out", "direction", "sheet", "overwrite", "tile")}
        translate_pictures(predictor, name, inputs, **wished, **said)
        return
    translates = getattr(predictor.task, "translates", None)
    if translates is None or not translates(predictor.spec):
        raise ConfigError(
            f"{name} does not translate: what it answers is of another kind than what it is given",
            f"`profond predict {name} INPUT` says what it does answer",
        )
    from profond.cli.output import say
    from profond.cli.translate_texts import translate_texts

    _refuse(asked, ("out", "direction", "sheet", "overwrite", "tile"), name, "texts")
    for given in inputs:
        if os.path.isfile(given):  # not Path.is_file, which raises for a text too long for a name
            say(f"note: {given} is a file, and its name is translated; --file {given} translates its lines", quiet)
    wished = {key: asked[key] for key in ("files", "beam", "max_length", "attention")}
    translate_texts(predictor, name, inputs, **wished, batch_size=batch_size, **said)


def _refuse(asked: Mapping[str, Any], options: tuple[str, ...], name: str, noun: str) -> None:
    """Raises: UsageError for an option of the other kind of run."""
    from profond.core.errors import UsageError

    for option in options:
        if asked[option]:
            flag = {"files": "--file"}.get(option, f"--{option.replace('_', '-')}")
            raise UsageError(f"{name} translates {noun}, and {flag} is not for these", "leave it out")
