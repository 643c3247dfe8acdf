"""The images that a command is given: files, folders, patterns and standard input, and those that cannot be used."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from profond.core.errors import DataError, ProfondError

if TYPE_CHECKING:
    from profond.data.tree import Below

SHOWN = 100  # images that cannot be used, told one by one


class Blocked(DataError):
    """A folder that gives no image, or not all of its images."""


@dataclass
class Inputs:
    """What the words of a command stand for.

    Args:
        paths: the images, in the order given; those of a folder in name order.
        names: to be shown instead of some paths.
        passed_over: how many files of the folders are no images by name, by suffix.
        notes: what else was not looked at, one line each.
        blocked: folders that could not be looked into.
    """

    paths: list[Path] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    blocked: list[tuple[str, ProfondError]] = field(default_factory=list)

    def tell(self, quiet: bool) -> None:
        """What was passed over, on standard error; pictures that cannot be read in spite of --quiet."""
        from profond.data.foreign import about, counted, pictures

        unread = pictures(self.passed_over)
        if unread:
            click.echo(f"warning: passed over: {counted(unread)}: {about(unread)}", err=True)
        if quiet:
            return
        if self.passed_over - unread:
            click.echo(f"note: passed over: {counted(self.passed_over - unread)}", err=True)
        for note in self.notes:
            click.echo(f"note: {note}", err=True)

    def to_json(self) -> dict[str, int]:
        return {kind or "without suffix": count for kind, count in sorted(self.passed_over.items())}


@contextlib.contextmanager
def input_images(inputs: tuple[str, ...]) -> Iterator[Inputs]:
    """The images that the inputs stand for; folders are listed as for training.

    Raises: DataError when an input is nothing, or there is no image in any.
    """
    import tempfile

    from profond.data.images import is_picture

    found = Inputs()
    with contextlib.ExitStack() as stack:
        for given in inputs:
            if given == "-":
                data = sys.stdin.buffer.read()
                if not data.strip():
                    raise DataError("standard input is empty", "pipe in an image, or paths, one a line")
                if is_picture(data):
                    file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "standard-input"
                    file.write_bytes(data)
                    found.names[str(file)] = "standard input"
                    found.paths.append(file)
                else:
                    found.paths += [Path(line) for line in _lines(data)]
            else:
                _expand(given, found)
        if found.blocked and not found.paths:
            raise found.blocked[0][1]
        if not found.paths:
            raise DataError("there is no image in what was given", "name files, a folder, or - for standard input")
        yield found


def _expand(given: str, found: Inputs) -> None:
    """Add what an input stands for. Raises: DataError when it is nothing."""
    import glob

    from profond.core.errors import ImageError
    from profond.data.foreign import unpacking
    from profond.data.tree import hidden, look_below

    path = Path(given).expanduser()
    if os.path.isdir(path):
        below = look_below(path)
        found.paths += below.files
        found.passed_over += below.passed_over
        found.notes += [f"{loop} is a link that leads back to a folder above it: not followed" for loop in below.loops]
        without = [] if below.files or below.blocked else [_without_images(given, path, below)]
        if without and hidden(path.name):  # such as __MACOSX, when a shell wrote out photos/*
            found.notes.append(without[0].message)
            return
        found.blocked += [(str(path), Blocked(error.message, error.help)) for error in (*below.blocked, *without)]
        return
    if os.path.lexists(path) or not glob.has_magic(given):
        if (command := unpacking(path)) is not None and os.path.isfile(path):
            raise ImageError(f"{given} is an archive, not an image", f"unpack it first: {command}")
        found.paths.append(path)
        return
    files = [Path(file) for file in glob.glob(str(path), recursive=True) if os.path.isfile(file)]
    if not files:
        raise DataError(f"nothing matches {given}", "put the pattern in quotes and check the folder")
    found.paths += sorted(files)
    return None


def _without_images(given: str, path: Path, below: Below) -> DataError:
    from profond.data.foreign import about, counted
    from profond.data.images import SUFFIXES

    if any(path.glob("*.tar")):
        return DataError(f"{given} holds tar shards", "shards are taken by `profond evaluate RUN --data` only")
    held = f", passed over: {counted(below.passed_over)}" if below.passed_over else ""
    help = about(below.passed_over) or f"images end in {', '.join(SUFFIXES[:4])} …"
    return DataError(f"there is no image in {given}{held}", help)


def _lines(data: bytes) -> list[str]:
    text = os.fsdecode(data)
    lines = [line for line in text.split("\n") if line.strip()]
    is_text = "\0" not in text and text.encode("utf-8", "replace").decode() == text
    if "\0" in text or not (is_text or any(os.path.lexists(line) for line in lines)):  # names need not be UTF-8
        raise DataError(
            "standard input is neither an image nor a list of paths", "pipe in an image, or paths, one a line"
        )
    return [line.removesuffix("\r") for line in lines]


def report_refused(
    names: dict[str, str], failed: list[tuple[str, ProfondError]]
) -> Callable[[str, ProfondError], None]:
    """Notes images that cannot be used in ``failed``, by the names that people know."""

    def refuse(source: str, error: ProfondError) -> None:
        name = names.get(source, source)
        error.message = error.message.replace(source, name)
        failed.append((name, error))

    return refuse


def tell_refused(failed: list[tuple[str, ProfondError]], total: int) -> None:
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
    counts = [f"{len(failed) - folders} of {total} images could not be used"] if len(failed) > folders else []
    if folders:
        counts.append(f"{folders} folder{'' if folders == 1 else 's'} could not be used")
    advice = failed[0][1].help if len({error.help for _, error in failed}) == 1 else "see each line above"
    raise DataError("; ".join(counts), advice)
