"""Files that cannot be read: found before training begins, and refused or left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

from profond.core.device import usable_cores
from profond.core.errors import DataError, ImageError
from profond.core.progress import track
from profond.data.images.decoding import opening, size_of
from profond.data.listing import Listing, Sample
from profond.data.locations import Location, Member, relative
from profond.data.tree import IMAGES, Files

T = TypeVar("T")
Unreadable = Literal["refuse", "skip"] | tuple[str, ...]
"""What is done about files that cannot be read; or the names of those that were left out when a run began."""

MOST_GLANCED_AT = 50_000
_TAIL = 4096
"""Bytes at a file's end in which its end mark is looked for; cameras write some of their own behind it."""


def without_unreadable(
    listing: Listing, unreadable: Unreadable, decode: Callable[[Location], object] | None = None, kind: Files = IMAGES
) -> Listing:
    """Leave out what cannot be read, before anything is dealt to splits.

    With ``"skip"`` every file is decoded once to find out. Given names, these are left out and nothing is decoded.

    Args:
        decode: how a file of another kind than pictures is read; it raises a DataError where it cannot be.
        kind: of the files.

    Raises: DataError when a class has no file left.
    """
    if unreadable == "refuse":
        return listing
    names = [relative(sample.path, listing.root) for sample in listing.samples]
    if unreadable == "skip":
        failures = _each(decode or _decoded, listing.samples, f"looking for damage in {listing.name}")
        skipped = [(name, f.message) for name, f in zip(names, failures, strict=True) if isinstance(f, DataError)]
    else:
        left_out = set(unreadable)
        skipped = [(name, "left out when the run began") for name in names if name in left_out]
    if not skipped:
        return listing
    gone = {name for name, _ in skipped}
    samples = tuple(sample for name, sample in zip(names, listing.samples, strict=True) if name not in gone)
    if empty := [name for name in listing.classes if name not in {sample.label for sample in samples}]:
        raise DataError(
            f"no {kind.one} can be read of class {', '.join(empty[:5])}",
            f"`profond data check {listing.name}` lists those that cannot",
        )
    shown = ", ".join(name for name, _ in skipped[:3]) + (" …" if len(skipped) > 3 else "")
    warning = f"{len(skipped)} of {len(names)} {kind.noun} cannot be read and are left out: {shown}"
    return replace(
        listing, samples=samples, warnings=(*listing.warnings, warning), skipped=(*listing.skipped, *skipped)
    )


def glance(listing: Listing) -> list[tuple[int, int]]:
    """Width and height of every picture from the start of its file, whose end is looked at, too.

    Of very many, every second is looked at, or every third, and so on. What is damaged between start and end is found
    only when it is decoded.

    Raises: ImageError that counts those that cannot be read.
    """
    step = -(-len(listing.samples) // MOST_GLANCED_AT) or 1
    found = _each(_glanced, listing.samples[::step], f"looking at the files of {listing.name}")
    refuse([one for one in found if isinstance(one, DataError)], len(found), listing.name)
    return [one for one in found if not isinstance(one, DataError)]


def refuse(failures: Sequence[DataError], total: int, name: str, kind: Files = IMAGES) -> None:
    """Raises: ImageError that tells of one, or counts several; DataError for files of another kind than pictures."""
    if not failures:
        return
    error = ImageError if kind is IMAGES else DataError
    skip = "--set data.unreadable=skip leaves out what cannot be read"
    ordered = sorted(failures, key=lambda error: error.message)
    if len(ordered) == 1:
        raise error(ordered[0].message, f"{ordered[0].help}; {skip}; `profond data check {name}` looks at all of them")
    shown = "; ".join(error.message for error in ordered[:3]) + ("; …" if len(ordered) > 3 else "")
    helps = {failure.help for failure in ordered}
    same = f"{helps.pop()}; " if kind is not IMAGES and len(helps) == 1 else ""  # such as a setting that fills gaps
    raise error(
        f"{len(ordered)} of {total} {kind.noun} cannot be read: {shown}",
        f"{same}{skip}; `profond data check {name}` lists them",
    )


def _each(read: Callable[[Location], T], samples: Sequence[Sample], label: str) -> list[T | DataError]:
    def work(sample: Sample) -> T | DataError:
        try:
            return read(sample.path)
        except DataError as error:
            return error

    with ThreadPoolExecutor(min(8, usable_cores())) as pool:
        return list(track(pool.map(work, samples), len(samples), label))


def _decoded(location: Location) -> None:
    with opening(location):
        pass


def _glanced(location: Location) -> tuple[int, int]:
    size, kind = size_of(location)
    if not _ends(location, kind):
        _decoded(location)  # it tells what is wrong, or that nothing is
    return size


def _ends(location: Location, kind: str) -> bool:
    """Whether the file has the end mark of its format; False where that cannot be told cheaply."""
    length = location.size if isinstance(location, Member) else location.stat().st_size
    if length <= _TAIL:  # a small picture inside, for a preview, could have the mark
        return False
    tail = _tail(location, length)
    if kind in ("JPEG", "MPO"):
        return b"\xff\xd9" in tail
    if kind == "PNG":
        return b"IEND" in tail
    return False


def _tail(location: Location, length: int) -> bytes:
    path, start = (location.archive, location.offset) if isinstance(location, Member) else (location, 0)
    with Path(path).open("rb", buffering=0) as file:
        file.seek(start + length - _TAIL)
        return file.read(_TAIL)
