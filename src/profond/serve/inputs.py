"""The images or series that files, folders and patterns stand for; folders are listed as for training."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from profond.core.errors import DataError, ProfondError
from profond.serve.text import Text

if TYPE_CHECKING:
    from profond.data.preprocessing import Kind
    from profond.data.tree import Below, Files


class Blocked(DataError):
    """A folder that gives nothing, or not all that it holds."""


@dataclass
class Expanded:
    """What files, folders and patterns stand for.

    Args:
        paths: the images, series or texts, in the order given; those of a folder in name order.
        names: to be shown instead of some paths.
        passed_over: how many files of the folders are none by name, by suffix.
        notes: what else was not looked at, one line each.
        blocked: folders that could not be looked into.
        kind: what is meant.
    """

    paths: list[Path | Text] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    blocked: list[tuple[str, ProfondError]] = field(default_factory=list)
    kind: Kind = "images"

    @property
    def one(self) -> str:
        """What is meant, such as ``image``."""
        return "series" if self.kind == "series" else self.kind.removesuffix("s")

    def to_json(self) -> dict[str, int]:
        return {kind or "without suffix": count for kind, count in sorted(self.passed_over.items())}


def expand(given: str, found: Expanded) -> None:
    """Add what an input stands for. Raises: DataError when it is nothing."""
    import glob

    from profond.core.errors import ImageError
    from profond.data.images.foreign import unpacking
    from profond.data.series.detect import names_files
    from profond.data.tree import IMAGES, hidden, look_below

    path = Path(given).expanduser()
    if os.path.isdir(path):
        kind = IMAGES
        if found.kind == "series":
            from profond.data.series.detect import series_in

            kind = series_in(path)
        elif found.kind == "videos":
            from profond.data.clips.decode import VIDEOS

            kind = VIDEOS
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
            raise ImageError(f"{given} is an archive, not {with_article(found.one)}", f"unpack it first: {command}")
        if names_files(path):
            raise DataError(
                f"{given} is a list of files, not {with_article(found.one)}",
                f"name the files or their folder; `profond evaluate RUN --data {given}` measures a run on the list",
            )
        found.paths.append(path)
        return
    files = [Path(file) for file in glob.glob(str(path), recursive=True) if os.path.isfile(file)]
    if not files:
        raise DataError(f"nothing matches {given}", "put the pattern in quotes and check the folder")
    found.paths += sorted(files)


def texts_in(words: Sequence[str]) -> list[Text]:
    """The texts that words stand for: the rows of a table, the lines of a .txt, or a text itself.

    A word alone is a text, whatever lies there under its name; with a slash in it, what exists is a file or a folder.

    Raises: DataError.
    """
    from profond.data.text.open import texts_to_answer
    from profond.data.text.read import SUFFIXES

    found: list[Text] = []
    for given in words:
        path = os.path.expanduser(given)
        named = given.lower().endswith(SUFFIXES)
        if named and (len(given.split()) == 1 or os.path.isfile(path)):
            found += [Text(text, name, given) for name, text in texts_to_answer(Path(path))]
        elif os.sep in given and os.path.exists(path):
            kind = "a folder" if os.path.isdir(path) else "a file of another kind"
            raise DataError(f"{given} is {kind}, not a text", f"name a file that ends in {', '.join(SUFFIXES)}")
        else:
            found.append(Text(given, given))
    return found


def _with_nothing(given: str, path: Path, below: Below, kind: Files) -> DataError:
    from profond.data.images.foreign import about, counted
    from profond.data.tree import IMAGES

    if any(path.glob("*.tar")):
        return DataError(f"{given} holds tar shards", "shards are taken by `profond evaluate RUN --data` only")
    held = f", passed over: {counted(below.passed_over)}" if below.passed_over else ""
    help = about(below.passed_over) if kind is IMAGES else ""
    help = help or f"files of {kind.noun} end in {', '.join(kind.suffixes[:4])} …"
    return DataError(f"there is no {kind.one} in {given}{held}", help)


def with_article(one: str) -> str:
    return f"an {one}" if one == "image" else f"a {one}"
