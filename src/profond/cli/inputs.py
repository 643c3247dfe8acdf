"""The images or series that a command is given, as files, folders, patterns or a pipe; and those of no use."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from profond.cli.output import warn
from profond.core.errors import DataError, ProfondError
from profond.data.text_encoding import decode_text
from profond.serve.inputs import Blocked, Expanded, expand, texts_in, with_article
from profond.serve.text import Text

if TYPE_CHECKING:
    from profond.data.preprocessing import Kind

SHOWN = 100  # images that cannot be used, told one by one


@dataclass
class Inputs(Expanded):
    """What the words of a command stand for."""

    def tell(self, quiet: bool) -> None:
        """What was passed over, on standard error; pictures that cannot be read in spite of --quiet."""
        from profond.data.images.foreign import about, counted, unreadable_images

        unread = Counter[str]() if self.kind != "images" else unreadable_images(self.passed_over)
        if unread:
            warn(f"passed over: {counted(unread)}: {about(unread)}")
        if quiet:
            return
        if self.passed_over - unread:
            click.echo(f"note: passed over: {counted(self.passed_over - unread)}", err=True)
        for note in self.notes:
            click.echo(f"note: {note}", err=True)


@contextlib.contextmanager
def input_of(kind: Kind, inputs: tuple[str, ...]) -> Iterator[Inputs]:
    """The images, series, videos or texts that the inputs stand for; folders are listed as for training.

    Raises: DataError when an input is nothing, or there is none in any.
    """
    import tempfile

    from profond.data.images.decoding import is_picture

    if kind == "texts":
        yield input_texts(inputs)
        return
    found = Inputs(kind=kind)
    one = found.one
    with contextlib.ExitStack() as stack:
        for given in inputs:
            if given == "-":
                data = sys.stdin.buffer.read()
                if not data.strip():
                    raise DataError("standard input is empty", f"pipe in {with_article(one)}, or paths, one a line")
                ending = _series_ending(data) if kind == "series" else "" if is_picture(data) else None
                if ending is not None:
                    file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / f"standard-input{ending}"
                    file.write_bytes(data)
                    found.names[str(file)] = "standard input"
                    found.paths.append(file)
                else:
                    found.paths += [Path(line) for line in _lines(data, one)]
            else:
                expand(given, found)
        if found.blocked and not found.paths:
            raise found.blocked[0][1]
        if not found.paths:
            raise DataError(f"there is no {one} in what was given", "name files, a folder, or - for standard input")
        yield found


def input_texts(inputs: tuple[str, ...]) -> Inputs:
    """The texts that the inputs stand for: a file's (a table, or a text in each line), standard input's lines, or an
    input itself.

    Raises: DataError when there is none.
    """
    found = Inputs(kind="texts")
    for given in inputs:
        if given == "-":
            whole, _ = decode_text(sys.stdin.buffer.read(), Path("standard input"), "pipe in texts, one a line")
            lines = whole.splitlines()
            texts = [Text(line, f"line {number}") for number, line in enumerate(lines, 1) if line.strip()]
            if not texts:
                raise DataError("standard input is empty", "pipe in texts, one a line")
        else:
            texts = texts_in([given])
        found.paths += texts
    return found


def _series_ending(data: bytes) -> str | None:
    """What the name of a file with this content would end in; None for a list of paths."""
    if data.startswith(b"RIFF"):
        return ".wav"
    if data.startswith(b"\x93NUMPY"):
        return ".npy"
    first = os.fsdecode(data.strip().splitlines()[0]).strip()
    try:
        return None if os.path.lexists(Path(first).expanduser()) else ".csv"
    except (OSError, ValueError):  # a line of many numbers is too long for a name
        return ".csv"


def _lines(data: bytes, one: str) -> list[str]:
    text = os.fsdecode(data)
    lines = [line for line in text.split("\n") if line.strip()]
    is_text = "\0" not in text and text.encode("utf-8", "replace").decode() == text
    if "\0" in text or not (is_text or any(os.path.lexists(line) for line in lines)):  # names need not be UTF-8
        raise DataError(
            f"standard input is neither {with_article(one)} nor a list of paths",
            f"pipe in {with_article(one)}, or paths, one a line",
        )
    return [line.removesuffix("\r") for line in lines]


def shown_name(source: str, names: dict[str, str]) -> str:
    """What people call a source; the series of a table, such as ``new.csv#17``, are called after it."""
    file, mark, row = source.partition("#")
    return f"{names[file]}{mark}{row}" if file in names else source


def report_refused(
    names: dict[str, str], failed: list[tuple[str, ProfondError]]
) -> Callable[[str, ProfondError], None]:
    """Notes images that cannot be used in ``failed``, by the names that people know."""

    def refuse(source: str, error: ProfondError) -> None:
        name = names.get(source, source)
        error.message = error.message.replace(source, name)
        failed.append((name, error))

    return refuse


def tell_refused(failed: list[tuple[str, ProfondError]], total: int, noun: str = "images") -> None:
    """Raises: the error of the only image; DataError that counts them when there were others."""
    if not failed:
        return
    if len(failed) == 1 and (total == 1 or isinstance(failed[0][1], Blocked)):
        raise failed[0][1]
    for _, error in failed[:SHOWN]:
        click.echo(f"error: {error.message}", err=True)
    if len(failed) > SHOWN:
        click.echo(f"… and {len(failed) - SHOWN:,} more", err=True)
    folders = sum(isinstance(error, Blocked) for _, error in failed)
    counts = (
        [f"{len(failed) - folders} of {max(total, len(failed) - folders)} {noun} could not be used"]
        if len(failed) > folders
        else []
    )
    if folders:
        counts.append(f"{folders} folder{'' if folders == 1 else 's'} could not be used")
    advice = failed[0][1].help if len({error.help for _, error in failed}) == 1 else "see each line above"
    raise DataError("; ".join(counts), advice)
