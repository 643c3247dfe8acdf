"""The layout of the German traffic sign benchmark, found anywhere below a folder, zipped or unpacked."""

from __future__ import annotations

import csv
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from profond.core.errors import DataError
from profond.data.listing import Listing, Sample
from profond.data.signs.archives import NAMES, ONLINE, TRAIN, unpacked
from profond.data.signs.archives import TEST as TEST_PICTURES
from profond.data.signs.archives import TRUTH as TEST_TRUTH
from profond.data.signs.names import FRAMES, SIGNS, Language, names
from profond.data.signs.names import ONLINE as ONLINE_COUNT
from profond.data.signs.names import TEST as TEST_COUNT
from profond.data.signs.names import TRAIN as TRAIN_COUNT

TRUTH = "GT-final_test.csv"
SYNTHETIC = "SYNTHETIC.txt"
"""A file that says of a folder in this layout that its pictures were rendered."""
PUBLISHED = (
    "published results on this archive: 99.71 % by one network, with spatial transformers (Arcos-García and others, "
    "2018), 99.85 % by several networks together, 98.84 % by people (Stallkamp and others, 2012)"
)
_CLASS = re.compile(r"\d{5}")
_TRACK = re.compile(r"(\d{5})_\d{5}\.\w+")
_COLUMNS = ("Filename", "Width", "Height", "Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2", "ClassId")
_DEPTH, _FOLDERS, _ENTRIES = 6, 200, 500
"""How deep, into how many folders and at how many entries of each is looked: a glance, for every folder is asked."""


@dataclass(frozen=True)
class Found:
    """Where the parts of the benchmark lie.

    Args:
        tables: of the training pictures, one a class, each beside its pictures.
        truth: the table of the test pictures; None where there is none.
        tested: the folder of the test pictures.
        archives: zip files that hold what is not unpacked.
        synthetic: the file that says that the pictures were rendered.
        trained: the folder of the training pictures' classes, where they have no table.
    """

    tables: tuple[Path, ...]
    truth: Path | None
    tested: Path | None
    archives: tuple[Path, ...]
    synthetic: Path | None = None
    trained: Path | None = None


def find(path: Path) -> Found | None:
    """The benchmark at or below a folder, or a part of it; None where it is not there."""
    tables: list[Path] = []
    archives: dict[str, Path] = {}
    truth = tested = synthetic = trained = None
    for folder, inside in _below(path):
        for name in NAMES:
            if name not in archives and (folder / name).is_file():
                archives[name] = folder / name
        if not tables:
            tables = [table for one in inside if (table := one / f"GT-{one.name}.csv").is_file()]
        truth = truth or _file(folder / TRUTH)
        synthetic = synthetic or _file(folder / SYNTHETIC)
        if tested is None and folder.name == "Images" and folder.parent.name == "Final_Test":
            tested = folder
        if trained is None and inside and folder.name == "Images" and folder.parent.name == "Final_Training":
            trained = folder
    if tables:
        for name in (TRAIN, ONLINE):
            archives.pop(name, None)
    elif TRAIN in archives:
        archives.pop(ONLINE, None)
    if not (tables or archives or truth or tested or trained):
        return None
    packed = tuple(archives[name] for name in sorted(archives))
    return Found(tuple(sorted(tables)), truth, tested, packed, synthetic, None if tables else trained)


def list_signs(path: Path, language: Language = "en", tests: Path | None = None) -> Listing:
    """The pictures of the benchmark below a folder, each with its region, and in train with its physical sign.

    Args:
        path: of the folder.
        language: of the classes' names.
        tests: another folder, as it is unpacked, whose test pictures are taken instead.

    Raises: DataError where its tables and its pictures do not fit, or those of train are not there.
    """
    found = find(Path(path)) or Found((), None, None, ())
    tables, truth, tested, trained = found.tables, found.truth, found.tested, found.trained
    if found.archives:
        packed = find(unpacked(found.archives)) or Found((), None, None, ())
        tables, truth, tested = tables or packed.tables, truth or packed.truth, tested or packed.tested
        trained = trained or packed.trained
    _check_train(path, tables, trained, bool(truth or tested))
    if tests is not None:
        truth, tested = _test_of(tests)
    called = names(language)
    train = [sample for table in tables for sample in _rows(table, table.parent, called, with_track=True)]
    test = _rows(truth, tested, called, with_track=False) if truth and tested else []
    notes, warnings = counted(len(train), len(test), found.synthetic)
    there = {int(table.parent.name) for table in tables}
    if found.synthetic is None and (lacking := [f"{one:05}" for one in range(len(called)) if one not in there]):
        more = " …" if len(lacking) > 5 else ""
        warnings.append(
            f"{len(lacking)} of {len(called)} classes have no folder in {tables[0].parent.parent}: "
            f"{', '.join(lacking[:5])}{more} (unpack {TRAIN} again)"
        )
    if truth is None or tested is None:
        what, archive = (TRUTH, TEST_TRUTH) if truth is None else ("Final_Test/Images", TEST_PICTURES)
        warnings.append(
            f"there are no test pictures with their classes ({what} is not there): signs of train are taken; "
            f"put {archive}, or what it unpacks to, into {path}"
        )
    samples = [*_named(train, "train"), *_named(test, "test")] if test else train
    root = Path(os.path.commonpath([tables[0].parent.parent, *([tested] if test and tested else [])]))
    return Listing(str(path), root, tuple(samples), called, tuple(notes), tuple(warnings))


def _check_train(path: Path, tables: Sequence[Path], trained: Path | None, tests: bool) -> None:
    """Raises: DataError where training pictures, or their tables, are not there."""
    again = f"unpack {TRAIN} again, with its tables"
    if trained is not None and not tables:
        raise DataError(f"{trained} has pictures and no tables such as 00000/GT-00000.csv", again)
    if not tables:
        what = "only test pictures or their classes of the benchmark" if tests else "no tables such as GT-00000.csv"
        raise DataError(
            f"{path} has {what}, and no {TRAIN}", f"put {TRAIN}, or the folder that it unpacks to, into {path}"
        )
    folder = tables[0].parent.parent
    bare = [one for one in sorted(folder.iterdir()) if _CLASS.fullmatch(one.name) and one.is_dir()]
    bare = [one for one in bare if one / f"GT-{one.name}.csv" not in tables]
    if bare:
        more = f", and {len(bare) - 1} others have none" if len(bare) > 1 else ""
        raise DataError(f"{bare[0]} has no table GT-{bare[0].name}.csv{more}", again)


def counted(train: int, test: int, synthetic: Path | None = None) -> tuple[list[str], list[str]]:
    """What the numbers of pictures say about which split this is: notes, and warnings.

    Args:
        train, test: how many pictures there are.
        synthetic: the file that says that they were rendered.
    """
    if synthetic is not None:
        return [synthetic.read_text(encoding="utf-8").strip()], []
    if train == ONLINE_COUNT:
        return [], [
            f"{train:,} training pictures: the archive of the online competition of January 2011, which torchvision "
            f"downloads, is another split than the {TRAIN_COUNT:,} of {TRAIN}; results are not comparable"
        ]
    tracks = sum(sign.tracks for sign in SIGNS)
    notes, warnings = [], []
    if train == TRAIN_COUNT:
        notes.append(f"the official training archive: {train:,} pictures = {tracks:,} signs × {FRAMES} − 1")
    else:
        warnings.append(f"{train:,} training pictures, and the official archive has {TRAIN_COUNT:,}")
    if test == TEST_COUNT:
        notes += [f"the official test archive: {test:,} pictures", PUBLISHED]
    elif test:
        warnings.append(f"{test:,} test pictures, and the official archive has {TEST_COUNT:,}")
    return notes, warnings


def _rows(table: Path, folder: Path, called: tuple[str, ...], *, with_track: bool) -> list[Sample]:
    """The pictures that a table names. Raises: DataError."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{table} cannot be read: {error}", "restore the file") from None
    reader = csv.DictReader(text.splitlines(), delimiter=";")
    if lacking := [column for column in _COLUMNS if column not in (reader.fieldnames or ())]:
        raise DataError(f"{table} has no column {lacking[0]}", f"its first line is {';'.join(_COLUMNS)}")
    there = set(os.listdir(folder))
    samples, absent = [], []
    for row in reader:
        name = row["Filename"] or ""
        try:
            number = int(row["ClassId"])
            width, height = int(row["Width"]), int(row["Height"])
            left, top, right, bottom = (int(row[column]) for column in _COLUMNS[3:7])
        except (TypeError, ValueError):
            raise DataError(f"{table}, line {reader.line_num}: not a row of numbers", "restore the file") from None
        if not 0 <= number < len(called):
            raise DataError(f"{table}, line {reader.line_num}: class {number}", f"classes are 0 to {len(called) - 1}")
        if not (0 <= left < right < width and 0 <= top < bottom < height):
            raise DataError(
                f"{table}, line {reader.line_num}: the region is not inside the picture", "restore the file"
            )
        if name not in there:
            absent.append(name)
            continue
        group = ""
        if with_track:
            track = _TRACK.fullmatch(name)
            if track is None:
                raise DataError(
                    f"{table}: {name[:40]!r} does not say its track", "00003_00017.ppm is frame 17 of sign 3"
                )
            group = f"{number:05}/{track[1]}"
        samples.append(Sample(folder / name, called[number], group=group, region=(left, top, right + 1, bottom + 1)))
    if absent:
        raise DataError(
            f"{table} names pictures that are not in {folder}, {len(absent)} in all: {', '.join(absent[:3])}",
            "unpack the archive again",
        )
    return samples


def _named(samples: list[Sample], split: str) -> Iterator[Sample]:
    return (replace(sample, split=split) for sample in samples)


def _test_of(folder: Path) -> tuple[Path | None, Path | None]:
    tested = folder / "GTSRB" / "Final_Test" / "Images"
    return _file(folder / TRUTH), tested if tested.is_dir() else None


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None


def _below(path: Path) -> Iterator[tuple[Path, list[Path]]]:
    """A folder and those below it, the nearest first; and of each the folders in it that are called as classes are."""
    waiting: list[tuple[Path, int]] = [(path, 0)]
    looked_at = 0
    while waiting and looked_at < _FOLDERS:
        folder, depth = waiting.pop(0)
        looked_at += 1
        try:
            with os.scandir(folder) as entries:
                inside = sorted(Path(entry.path) for entry in itertools.islice(entries, _ENTRIES) if entry.is_dir())
        except OSError:
            continue
        yield folder, [one for one in inside if _CLASS.fullmatch(one.name)]
        if depth < _DEPTH:
            waiting += [(one, depth + 1) for one in inside if not _CLASS.fullmatch(one.name)]
