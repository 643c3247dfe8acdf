"""The images that a command is given: files, folders, patterns and standard input, and those that cannot be used."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from profond.core.errors import ProfondError

SHOWN = 100  # images that cannot be used, told one by one


@contextlib.contextmanager
def input_images(inputs: tuple[str, ...], series: bool = False) -> Iterator[tuple[list[Path], dict[str, str]]]:
    """The files that the inputs stand for, and names to show instead of some paths.

    Args:
        series: files of series are meant, not images.
    """
    import tempfile

    from profond.core.errors import DataError

    paths: list[Path] = []
    names: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        for given in inputs:
            if given == "-":
                data = sys.stdin.buffer.read()
                if not data.strip():
                    raise DataError("standard input is empty", "pipe in an image, or paths, one a line")
                ending = _series_ending(data) if series else None
                if ending is not None or (not series and _is_image(data)):
                    file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / f"standard-input{ending or ''}"
                    file.write_bytes(data)
                    names[str(file)] = "standard input"
                    paths.append(file)
                else:
                    paths += [Path(line) for line in _lines(data)]
            else:
                paths += _expand(given, series)
        yield paths, names


def _expand(given: str, series: bool = False) -> list[Path]:
    import glob

    from profond.core.errors import DataError
    from profond.data import images
    from profond.data.series import read

    noun, suffixes = ("series", read.SUFFIXES) if series else ("image", images.SUFFIXES)
    path = Path(given).expanduser()
    if path.is_dir():
        found = [file for file in path.rglob("*") if file.suffix.lower() in suffixes and file.is_file()]
        if not found:
            if any(path.glob("*.tar")):
                raise DataError(f"{given} holds tar shards", "shards are taken by `profond evaluate RUN --data` only")
            raise DataError(f"there is no {noun} in {given}", f"such files end in {', '.join(suffixes[:5])}")
        return sorted(found)
    if path.exists() or not glob.has_magic(given):
        return [path]
    found = [Path(file) for file in glob.glob(str(path), recursive=True) if Path(file).is_file()]
    if not found:
        raise DataError(f"nothing matches {given}", "put the pattern in quotes and check the folder")
    return sorted(found)


def _series_ending(data: bytes) -> str | None:
    """What the name of a file with this content would end in; None for a list of paths."""
    if data.startswith(b"RIFF"):
        return ".wav"
    if data.startswith(b"\x93NUMPY"):
        return ".npy"
    first = data.strip().splitlines()[0].decode("utf-8", "replace").strip()
    try:
        return None if Path(first).expanduser().exists() else ".csv"
    except OSError:  # a line of many numbers is too long for a name
        return ".csv"


def _is_image(data: bytes) -> bool:
    import io
    import warnings

    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a huge image is one too; it is refused later, by name
        try:
            with Image.open(io.BytesIO(data)):
                return True
        except Image.DecompressionBombError:
            return True
        except Exception:  # Pillow's readers raise anything for what is not theirs
            return False


def _lines(data: bytes) -> list[str]:
    from profond.core.errors import DataError

    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DataError(
            "standard input is neither an image nor a list of paths", "pipe in an image, or paths, one a line"
        )
    return [line for line in text.splitlines() if line.strip()]


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


def tell_refused(failed: list[tuple[str, ProfondError]], total: int) -> None:
    """Raises: the error of the only image; DataError that counts them when there were others."""
    from profond.core.errors import DataError

    if not failed:
        return
    if total == 1:
        raise failed[0][1]
    for _, error in failed[:SHOWN]:
        click.echo(f"error: {error.message}", err=True)
    if len(failed) > SHOWN:
        click.echo(f"… and {len(failed) - SHOWN:,} more", err=True)
    advice = failed[0][1].help if len({error.help for _, error in failed}) == 1 else "see each line above"
    raise DataError(f"{len(failed)} of {total} images could not be used", advice)
