"""What a generator makes when it is asked: pictures or points, a walk between them; each from its own noise."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image
from torch import Tensor

from profond.core.errors import UsageError
from profond.core.files import write_bytes, write_text
from profond.measures.film import FORMATS, write_film
from profond.measures.picture_sheet import as_picture, in_rows, in_square, picture_sheet
from profond.measures.points_figure import limits_of, points_picture
from profond.tasks.samples import Sample

ROWS = 20
"""Classes that a sheet has rows for; of more, samples stand in a square."""
_STATIONS, _FRAME_SECONDS = 8, 0.08
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


class Made(Sequence[Sample]):
    """Samples of one seed.

    Args:
        samples: (n, c, h, w) between -1 and 1, or points (n, d), on the CPU.
        labels: of each its class, or none of any.
        classes: their names.
    """

    def __init__(self, samples: Tensor, seed: int, labels: Sequence[int] = (), classes: Sequence[str] = ()) -> None:
        self.samples, self.seed, self.labels, self.classes = samples, seed, labels, classes

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        label = self.classes[self.labels[number]] if self.labels else ""
        return Sample(self.samples[number], self.seed, number, label)

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    @property
    def pictures(self) -> bool:
        return self.samples.ndim == 4

    def sheet(self) -> Image:
        """All in one picture: a row for each class, else a square; of points where they lie."""
        if not self.pictures:
            return points_picture(limits_of(self.samples), real=self.samples[:0], made=self.samples)
        if not 1 < len(set(self.labels)) <= ROWS:
            return picture_sheet(in_square(self.samples))
        rows, found = in_rows(self.samples, self.labels)
        return picture_sheet(rows, [self.classes[label] for label in found])

    def paths(self, path: Path, *, each: bool = False) -> list[Path]:
        if each and not self.pictures:
            raise UsageError("points are all in one table", "leave --each out")
        if not each and self.pictures:
            return [as_picture_name(path)]
        if not each:
            table = path.with_suffix(".csv")
            return [as_picture_name(path.with_suffix(".png") if path == table else path), table]
        digits = len(str(len(self) - 1))
        names = (f"{one.index:0{digits}}" + (f"-{_plain(one.label)}" if one.label else "") for one in self)
        return [path / f"{name}.png" for name in names]

    def write(self, path: Path, *, each: bool = False) -> list[Path]:
        files = self.paths(path, each=each)
        if each:
            for file, one in zip(files, self, strict=True):
                save_picture(as_picture(one.values), file)
            return files
        save_picture(self.sheet(), files[0])
        if not self.pictures:
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            names = ("x", "y", "z")[: self.samples.shape[1]] if self.samples.shape[1] <= 3 else None
            writer.writerow(names or [f"x{i}" for i in range(self.samples.shape[1])])
            writer.writerows([f"{value:.6g}" for value in point] for point in self.samples.tolist())
            write_text(files[1], text.getvalue())
        return files

    def lines(self) -> list[str]:
        return []

    def _repr_png_(self) -> bytes:
        return encoded(self.sheet(), ".png")


class Between(Sequence[Sample]):
    """Samples on their way from one noise to another, each row a way of its own.

    Args:
        rows: (n, t, c, h, w) between -1 and 1.
        closed: the last leads to the first again; else a film of it goes there and back.
        labels, classes: of each row, as in `Made`.
    """

    def __init__(
        self, rows: Tensor, seed: int, *, closed: bool, labels: Sequence[int] = (), classes: Sequence[str] = ()
    ) -> None:
        self.rows, self.seed, self.closed, self.labels, self.classes = rows, seed, closed, labels, classes

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return Made(self.rows[:, 0], self.seed, self.labels, self.classes)[index]

    def sheet(self) -> Image:
        """A row for each way, in as many steps as fit."""
        steps = self.rows.shape[1]
        last = steps if self.closed else steps - 1
        chosen = [round(i * last / (_STATIONS - (not self.closed))) for i in range(_STATIONS)]
        names = [self.classes[label] for label in self.labels]
        return picture_sheet(list(self.rows[:, chosen]), names)

    def frames(self) -> list[Image]:
        """All rows side by side, a frame for each step; there and back where the way is not closed."""
        order = list(range(self.rows.shape[1]))
        if not self.closed:
            order += order[-2:0:-1]
        return [picture_sheet(in_square(self.rows[:, step])) for step in order]

    def paths(self, path: Path, *, each: bool = False) -> list[Path]:
        if each:
            raise UsageError("--each is for single pictures, and this is a way between them", "leave --each out")
        film = path if path.suffix.lower() in FORMATS else path.with_suffix(".gif")
        return [as_picture_name(path if film != path else path.with_suffix(".png")), film]

    def write(self, path: Path, *, each: bool = False) -> list[Path]:
        sheet, film = self.paths(path, each=each)
        save_picture(self.sheet(), sheet)
        write_film(film, self.frames(), seconds=_FRAME_SECONDS, at_the_end=_FRAME_SECONDS)
        return [sheet, film]

    def lines(self) -> list[str]:
        return []

    def _repr_png_(self) -> bytes:
        return encoded(self.sheet(), ".png")


# -- files -------------------------------------------------------------------------------------------------------------


def as_picture_name(path: Path) -> Path:
    """Raises: UsageError where the suffix is none of a picture."""
    if path.suffix.lower() not in _PICTURES:
        raise UsageError(f"{path} does not say what kind of picture to write", f"end it in {', '.join(_PICTURES)}")
    return path


def _plain(label: str) -> str:
    """A class's name as a part of a file's name."""
    return re.sub(r"[^\w.-]+", "_", label)[:60]


def save_picture(picture: Image, path: Path) -> None:
    write_bytes(path, encoded(picture, path.suffix))


def encoded(picture: Image, suffix: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}.get(suffix.lower(), "PNG"))
    return buffer.getvalue()
