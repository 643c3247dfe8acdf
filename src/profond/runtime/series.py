"""Series from files and arrays, as an exported network takes them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, DataError
from profond.data.series.preparation import Preparation
from profond.data.series.read import read_recording
from profond.data.series.rows import read_rows
from profond.data.series.ts_file import SUFFIX

_KINDS = ((b"\x93NUMPY", ".npy"), (b"RIFF", ".wav"))
"""How files that are no text begin."""
_IN_TS = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:[#%][^\n]*)?\r?\n)*@[A-Za-z]")
"""How a .ts file begins, behind its remarks."""
Found = TypeVar("Found")


@dataclass(frozen=True)
class Series:
    """What an exported file says of the series that it takes.

    Args:
        preparation: from a recording to channels over time.
        fill: what follows a short series, one number for each channel, or one for all.
    """

    preparation: Preparation
    fill: tuple[float, ...]

    @classmethod
    def from_json(cls, found: Mapping[str, Any], fill: Sequence[float] | None) -> Series:
        """Raises: ConfigError for what is no such description."""
        known = {field.name for field in fields(Preparation)}
        values: dict[str, Any] = {
            key: tuple(one) if isinstance(one, list) else one for key, one in found.items() if key in known
        }
        try:
            return cls(Preparation(**values), tuple(map(float, fill if fill is not None else (0.0,))))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"what the file says of its series is damaged: {error}", "export it again") from None

    @staticmethod
    def is_text(body: bytes) -> bool:
        """Whether a file is rows of numbers in words."""
        return not any(body.startswith(start) for start, _ in _KINDS)

    @property
    def channels(self) -> int:
        return self.preparation.channels

    @property
    def length(self) -> int | None:
        """In steps of time; None where series stay as long as they are."""
        return None if self.preparation.any_length else self.preparation.length

    def decoded(self, body: bytes) -> NDArray[np.float32]:
        """A file with one series (.csv, .npy or .wav, by its beginning): (1, channels, time).

        Raises: DataError, also for a table with several.
        """
        rows = self.rows(body)
        if rows is None:
            return self._read(body, ".csv", self._recording)
        if len(rows) > 1:
            raise DataError(f"the table has {len(rows)} series, and one is taken here", "send it to POST /predict")
        return next(iter(rows.values()))

    def rows(self, body: bytes) -> dict[str, NDArray[np.float32]] | None:
        """The series of a table like the one that was trained on, or of a .ts file, by their ids: (1, channels, time).

        None for a file of another kind, and for a text of one column, which holds one series.

        Raises: DataError.
        """
        if not self.is_text(body):
            return None
        if _IN_TS.match(body):
            return self._read(body, SUFFIX, self._rows)
        return self._read(body, ".csv", self._rows) if self.preparation.table in ("wide", "long") else None

    def _recording(self, path: Path) -> NDArray[np.float32]:
        found = read_recording(path, self.preparation.decimal, self.preparation.missing)
        return self.preparation.fitted(self.preparation.signal(found), self.fill)[None]

    def _rows(self, path: Path) -> dict[str, NDArray[np.float32]] | None:
        rows = read_rows(path, self.preparation)
        if rows is None:
            return None
        return {id: self.preparation.fitted(values, self.fill)[None] for id, values in rows.items()}

    @staticmethod
    def _read(body: bytes, ending: str, read: Callable[[Path], Found]) -> Found:
        """The readers of series take files, and say their names. Raises: DataError."""
        ending = next((known for start, known in _KINDS if body.startswith(start)), ending)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"series{ending}")
            path.write_bytes(body)
            try:
                return read(path)
            except DataError as error:
                raise DataError(error.message.replace(str(path), "the series"), error.help) from None

    def fitted(self, series: NDArray[Any]) -> NDArray[np.float32]:
        """Arrays (n, channels, time) of any length. Raises: DataError."""
        if series.ndim != 3 or series.dtype.kind not in "fiu" or not series.size:
            received = f"{series.dtype} {'×'.join(map(str, series.shape))}"
            raise DataError(f"the series are {received}", f"give float32 (number, {self.channels}, time)")
        if not np.isfinite(series).all():
            raise DataError("the series have missing or infinite values", "fill them in")
        return np.stack([self.preparation.fitted(one, self.fill) for one in series.astype(np.float32)])
