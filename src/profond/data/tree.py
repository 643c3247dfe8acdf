"""What lies in a folder and below it, as every verb sees it: images in name order, and what was passed over.

Hidden names and what computers leave behind by themselves are not there. A link is followed, and a folder that is
reached a second time is not listed again.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from profond.core.errors import DataError
from profond.data.images.decoding import SUFFIXES

_CLUTTER = {
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "@eadir",
    "#recycle",
    "$recycle.bin",
    "system volume information",
    "lost+found",
}
"""In lower case: of macOS, Windows, network drives and file systems."""


class Files(NamedTuple):
    """Which files are looked for in a folder.

    Args:
        noun: what people call many of them.
        suffixes: endings of their names, in small letters.
        layout: how to lay them out, for people.
    """

    noun: str
    suffixes: tuple[str, ...]
    layout: str

    def among(self, name: str) -> bool:
        """Whether a file of this name is one of them."""
        return os.path.splitext(name)[1].lower() in self.suffixes

    @property
    def one(self) -> str:
        """What people call one of them."""
        return "image" if self.noun == "images" else self.noun

    def counted(self, number: int) -> str:
        """``1 image``, ``3 images``."""
        return f"{number} {self.one if number == 1 else self.noun}"


IMAGES = Files(
    "images",
    SUFFIXES,
    "put the images of each class in a sub-folder of its own: photos/cat/1.jpg, photos/dog/2.jpg",
)


@dataclass
class Below:
    """All that was found below a folder.

    Args:
        files: those of the kind that was looked for, at any depth, in name order.
        passed_over: how many other files there are, by suffix in lower case.
        loops: links that lead back to a folder above them.
        blocked: what could not be looked into, as errors.
    """

    files: list[Path] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    loops: list[Path] = field(default_factory=list)
    blocked: list[DataError] = field(default_factory=list)

    def strict(self) -> Below:
        """The same. Raises: DataError for the first thing that could not be looked into, or leads back."""
        if self.loops:
            raise DataError(f"{shown(self.loops[0])} is a link that leads back to a folder above it", "remove the link")
        if self.blocked:
            raise self.blocked[0]
        return self


def entries(folder: Path | str) -> list[os.DirEntry[str]]:
    """What a folder holds, in name order, without hidden names and clutter. Raises: DataError."""
    try:
        with os.scandir(folder) as found:
            kept = [entry for entry in found if not hidden(entry.name)]
    except OSError as error:
        raise _unread(folder, error) from None
    return sorted(kept, key=lambda entry: entry.name)


def hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _CLUTTER


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one. Raises: DataError for a link that leads nowhere."""
    try:
        if entry.is_dir():
            return True
        if entry.is_symlink():
            os.stat(entry.path)
    except OSError as error:  # of a folder that may be listed and not entered, too
        if error.errno in (errno.EACCES, errno.EPERM):
            raise _unread(entry.path, error) from None
        why = f"{shown(entry.path)} is a link that leads nowhere: {error.strerror}"
        raise DataError(why, "remove the link") from None
    return False


def folders(folder: Path) -> list[Path]:
    """The folders directly inside. Raises: DataError."""
    return [Path(entry.path) for entry in entries(folder) if is_folder(entry)]


def look_below(top: Path, kind: Files = IMAGES) -> Below:
    """Look through a folder and all below it, however deep."""
    found = Below()
    visited: set[str] = set()
    later: list[tuple[str, tuple[str, ...]]] = [(str(top), ())]  # links, once all that is really here was seen
    for link, above in later:
        real = os.path.realpath(link)
        if any(_inside(folder, real) for folder in above):
            found.loops.append(Path(link))
            continue
        if real in visited:
            continue
        later += _real_folders(link, real, above, visited, found, kind)
    if len(later) > 1:
        found.files.sort(key=lambda path: path.parts)
    return found


def shown(path: Path | str) -> str:
    """A path for a message; of one that fills pages, its ends."""
    text = os.fspath(path)
    return text if len(text) <= 400 else f"{text[:200]} … {text[-100:]}"


def _real_folders(
    top: str, real_top: str, above: tuple[str, ...], visited: set[str], found: Below, kind: Files
) -> list[tuple[str, tuple[str, ...]]]:
    """One folder and those below it without links; gives the links to folders, and where each one really stands."""
    links = []
    waiting: list[os.DirEntry[str] | str] = [top]
    while waiting:
        next_one = waiting.pop()
        if not isinstance(next_one, str):
            try:
                if not is_folder(next_one):
                    _take(next_one, found, kind)
                    continue
            except DataError as error:
                found.blocked.append(error)
                continue
            if next_one.is_symlink():
                links.append((next_one.path, (*above, real_top + os.path.dirname(next_one.path)[len(top) :])))
                continue
            next_one = next_one.path
        real = real_top + next_one[len(top) :]
        if real in visited:
            continue
        visited.add(real)
        try:
            waiting += reversed(entries(next_one))
        except DataError as error:
            found.blocked.append(error)
    return links


def _take(entry: os.DirEntry[str], found: Below, kind: Files) -> None:
    try:
        is_file = entry.is_file()
    except OSError:
        is_file = False
    if not is_file:  # a pipe or a device, which would be waited for without end
        found.passed_over["not a file"] += 1
    elif kind.among(entry.name):
        found.files.append(Path(entry.path))
    else:
        found.passed_over[os.path.splitext(entry.name)[1].lower()] += 1


def _inside(folder: str, above: str) -> bool:
    """Whether a real folder is another, or lies in it."""
    return folder == above or folder.startswith(above if above.endswith("/") else f"{above}{os.sep}")


def _unread(folder: Path | str, error: OSError) -> DataError:
    if error.errno in (errno.EACCES, errno.EPERM):
        return DataError(f"{shown(folder)} may not be read", "change its permissions: chmod u+rx")
    if error.errno == errno.ENAMETOOLONG:
        return DataError(f"{shown(folder)} cannot be read: its path is too long", "put it into fewer folders")
    return DataError(f"{shown(folder)} cannot be read: {error.strerror}", "check the folder")
