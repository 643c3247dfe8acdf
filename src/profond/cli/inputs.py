"""The images or series that a command is given, as files, folders, patterns or a pipe; and those of no use."""

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

from profond.cli.output import warn
from profond.core.errors import DataError, ProfondError

if TYPE_CHECKING:
    from profond.data.tree import Below, Files

SHOWN = 100  # images that cannot be used, told one by one


class Blocked(DataError):
    """A folder that gives nothing, or not all that it holds."""


@dataclass
class Inputs:
    """What the words of a command stand for.

    Args:
        paths: the images or series, in the order given; those of a folder in name order.
        names: to be shown instead of some paths.
        passed_over: how many files of the folders are none by name, by suffix.
        notes: what else was not looked at, one line each.
        blocked: folders that could not be looked into.
        series: whether series are meant, not images.
    """

    paths: list[Path] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    blocked: list[tuple[str, ProfondError]] = field(default_factory=list)
    series: bool = False

    def tell(self, quiet: bool) -> None:
        """What was passed over, on standard error; pictures that cannot be read in spite of --quiet."""
        from profond.data.images.foreign import about, counted, unreadable_images

        unread = Counter[str]() if self.series else unreadable_images(self.passed_over)
        if unread:
            warn(f"passed over: {counted(unread)}: {about(unread)}")
        if quiet:
            return
        if self.passed_over - unread:
            click.echo(f"note: passed over: {counted(self.passed_over - unread)}", err=True)
        for note in self.notes:
            click.echo(f"note: {note}", err=True)

    def to_json(self) -> dict[str, int]:
        return {kind or "without suffix": count for kind, count in sorted(self.passed_over.items())}


@contextlib.contextmanager
def input_images(inputs: tuple[str, ...], series: bool = False) -> Iterator[Inputs]:
    """The images that the inputs stand for, or with ``series`` the series; folders are listed as for training.

    Raises: DataError when an input is nothing, or there is none in any.
    """
    import tempfile

    from profond.data.images.decoding import is_picture

    found, one = Inputs(series=series), "series" if series else "image"
    with contextlib.ExitStack() as stack:
        for given in inputs:
            if given == "-":
                data = sys.stdin.buffer.read()
                if not data.strip():
                    raise DataError("standard input is empty", f"pipe in {_a(one)}, or paths, one a line")
                ending = _series_ending(data) if series else "" if is_picture(data) else None
                if ending is not None:
                    file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / f"standard-input{ending}"
                    file.write_bytes(data)
                    found.names[str(file)] = "standard input"
                    found.paths.append(file)
                else:
                    found.paths += [Path(line) for line in _lines(data, one)]
            else:
                _expand(given, found)
        if found.blocked and not found.paths:
            raise found.blocked[0][1]
        if not found.paths:
            raise DataError(f"there is no {one} in what was given", "name files, a folder, or - for standard input")
        yield found


def _expand(given: str, found: Inputs) -> None:
    """Add what an input stands for. Raises: DataError when it is nothing."""
    import glob

    from profond.core.errors import ImageError
    from profond.data.images.foreign import unpacking
    from profond.data.tree import IMAGES, hidden, look_below

    path = Path(given).expanduser()
    if os.path.isdir(path):
        kind = IMAGES
        if found.series:
            from profond.data.series.detect import series_in

            kind = series_in(path)
        below = look_below(path, kind)
        found.paths += below.files
        found.passed_over += below.passed_over
        found.notes += [f"{loop} is a link that leads back to a folder above it: not followed" for loop in below.loops]
        without = [] if below.files or below.blocked else [_with_nothing(given, path, below, kind)]
        if without and hidden(path.name):  # such as __MACOSX, when a shell wrote out photos/*
            found.notes.append(without[0].message)
            return
        found.blocked += [(str(path), Blocked(error.message, error.help)) for error in (*below.blocked, *without)]
        return
    if os.path.lexists(path) or not glob.has_magic(given):
        if (command := unpacking(path)) is not None and os.path.isfile(path):
            raise ImageError(
                f"{given} is an archive, not {_a('series' if found.series else 'image')}", f"unpack it first: {command}"
            )
        found.paths.append(path)
        return
    files = [Path(file) for file in glob.glob(str(path), recursive=True) if os.path.isfile(file)]
    if not files:
        raise DataError(f"nothing matches {given}", "put the pattern in quotes and check the folder")
    found.paths += sorted(files)
    return None


def _with_nothing(given: str, path: Path, below: Below, kind: Files) -> DataError:
    from profond.data.images.foreign import about, counted
    from profond.data.tree import IMAGES

    if any(path.glob("*.tar")):
        return DataError(f"{given} holds tar shards", "shards are taken by `profond evaluate RUN --data` only")
    held = f", passed over: {counted(below.passed_over)}" if below.passed_over else ""
    help = about(below.passed_over) if kind is IMAGES else ""
    help = help or f"files of {kind.noun} end in {', '.join(kind.suffixes[:4])} …"
    return DataError(f"there is no {kind.one} in {given}{held}", help)


def _a(one: str) -> str:
    return f"an {one}" if one == "image" else f"a {one}"


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
            f"standard input is neither {_a(one)} nor a list of paths", f"pipe in {_a(one)}, or paths, one a line"
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
