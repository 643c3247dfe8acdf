"""A synthetic stand-in for the German benchmark, rendered by several processes and written in its layout.

Each track depends on its seed, split, class and number alone, so it does not matter which process draws it, or when.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from PIL import Image

from profond.core.errors import DataError
from profond.core.files import storage_errors
from profond.core.progress import bar
from profond.data.images.decoding import eight_bit, opening
from profond.data.signs.drawings import drawn, masters
from profond.data.signs.names import FRAMES, SIGNS
from profond.data.signs.render import TESTED, TRAINED, Frame, track

RENDERING = 3
"""Counted up whenever what is drawn changes: what was rendered before is not taken for it."""
TRAIN_IMAGES, TEST_IMAGES = "GTSRB/Final_Training/Images", "GTSRB/Final_Test/Images"
TRUTH = "GT-final_test.csv"
COLUMNS = ("Filename", "Width", "Height", "Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2", "ClassId")
PROCESSES = 2
_LEARNED_PHOTOS = 12
"""Photos behind the signs of train; the others are behind those of test."""


class Track(NamedTuple):
    """One sign to be drawn.

    Args:
        split: 0 is train, 1 is test.
        sign: number of its class.
        number: of the track in its class.
        first: number of its first frame in its split.
    """

    split: int
    sign: int
    number: int
    first: int


class Order(NamedTuple):
    """What is to be rendered.

    Args:
        seed: another seed, other pictures.
        share: of the usual number of tracks; each class has at least two in train and one in test.
        frames: of each track.
        abroad: the drawings of other countries, of the classes that have them, and no train.
    """

    seed: int = 0
    share: float = 1.0
    frames: int = FRAMES
    abroad: bool = False


def planned(order: Order) -> list[Track]:
    """The tracks of both splits: about as many as the official archive has, though less unevenly over the classes."""
    tracks = []
    for split in (0, 1):
        first = 0
        for sign, published in enumerate(SIGNS):
            usual = 24 + 2 * (published.tracks // 7) if split == 0 else 8 + 2 * (published.test // 120)
            for number in range(max(2 - split, round(order.share * usual))):
                tracks.append(Track(split, sign, number, first))
                first += order.frames
    return tracks


def render_all(folder: Path, package: Path, photos: Sequence[Path], order: Order) -> None:
    """Render all of it into an empty folder, with a bar. Raises: DataError when a process fails, StorageError.

    Args:
        folder: of the data set.
        package: of the drawings.
        photos: what stands behind the signs.
        order: what is to be rendered.
    """
    job = json.dumps([str(folder), str(package), [str(path) for path in photos], order])
    count = len(_chosen(order))
    with storage_errors(folder), tempfile.TemporaryFile("w+") as said:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "profond.data.signs.write", job, str(part)],
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
            for part in range(PROCESSES)
        ]
        try:
            with bar(count, "rendering traffic signs", unit=" signs") as shown:
                for _ in _lines([process.stdout for process in processes if process.stdout]):
                    shown.update()
            if any(process.wait() for process in processes):
                said.seek(0)
                words = said.read().strip().splitlines() or ["it was killed"]
                raise DataError(f"traffic signs could not be rendered: {words[-1][:200]}", "try again")
        finally:
            for process in processes:
                process.kill()
                process.wait()
                if process.stdout:
                    process.stdout.close()
    _write_tables(folder)


def _lines(streams: list[IO[str]]) -> Iterator[str]:
    """Lines of several processes as they come."""
    import selectors

    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                line = key.fileobj.readline()  # type: ignore[union-attr]
                if line:
                    yield line
                else:
                    selector.unregister(key.fileobj)


def _chosen(order: Order) -> list[Track]:
    signs = drawn(order.abroad)
    return [one for one in planned(order) if one.sign in signs and not (order.abroad and one.split == 0)]


def _render_part(folder: Path, package: Path, photos: Sequence[str], order: Order, part: int) -> None:
    """Every track of this process's part, with a line of regions for each frame."""
    scenes = [_photo(Path(path)) for path in photos]
    behind = scenes[:_LEARNED_PHOTOS], scenes[_LEARNED_PHOTOS:]
    tracks = planned(order)
    tested = order.frames * sum(one.split for one in tracks)
    numbers = np.random.default_rng((order.seed, 1)).permutation(tested)  # test pictures stand in no order
    with (folder / f"rows_{part}.txt").open("w") as rows:
        mine = [one for one in _chosen(order) if one.sign % PROCESSES == part]
        drawings = masters(package, order.abroad, {one.sign for one in mine})
        for one in mine:
            conditions = TESTED if one.split else TRAINED
            place = order.seed, one.split + 2 * order.abroad, one.sign, one.number
            frames = track(drawings[one.sign], behind[one.split], conditions, place, order.frames)
            for k, frame in enumerate(frames):
                name = f"{numbers[one.first + k]:05}.ppm" if one.split else f"{one.number:05}_{k:05}.ppm"
                _write(folder, one, name, frame)
                height, width = frame.pixels.shape[:2]
                print(one.split, name, width, height, *frame.region, one.sign, file=rows)
            print(one.sign, flush=True)


def _photo(path: Path) -> Image.Image:
    with opening(path) as opened:
        return eight_bit(opened.image, "RGB")


def _write(folder: Path, one: Track, name: str, frame: Frame) -> None:
    inside = folder / (TEST_IMAGES if one.split else f"{TRAIN_IMAGES}/{one.sign:05}")
    inside.mkdir(parents=True, exist_ok=True)
    height, width = frame.pixels.shape[:2]
    (inside / name).write_bytes(b"P6\n%d %d\n255\n" % (width, height) + frame.pixels.tobytes())


def _write_tables(folder: Path) -> None:
    """The tables as the benchmark has them, from what the processes told."""
    tables: dict[Path, list[list[str]]] = {}
    for part in range(PROCESSES):
        told = folder / f"rows_{part}.txt"
        for line in told.read_text().splitlines():
            split, *row = line.split(" ")
            sign = f"{int(row[-1]):05}"
            table = folder / TRUTH if split == "1" else folder / TRAIN_IMAGES / sign / f"GT-{sign}.csv"
            tables.setdefault(table, []).append(row)
        told.unlink()
    for table, rows in tables.items():
        with table.open("w", newline="") as file:
            writer = csv.writer(file, delimiter=";", lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(sorted(rows))


def _main(job: str, part: str) -> None:
    folder, package, photos, order = json.loads(job)
    _render_part(Path(folder), Path(package), photos, Order(*order), int(part))


if __name__ == "__main__":
    _main(*sys.argv[1:])
