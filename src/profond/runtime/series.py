"""Series from files and arrays, as an exported network takes them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, DataError
from profond.data.series.preparation import Preparation
from profond.data.series.read import read_recording

_KINDS = ((b"\x93NUMPY", ".npy"), (b"RIFF", ".wav"))
"""How files that are no text begin."""


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

    @property
    def channels(self) -> int:
        return self.preparation.channels

    @property
    def length(self) -> int | None:
        """In steps of time; None where series stay as long as they are."""
        return None if self.preparation.any_length else self.preparation.length

    def decoded(self, body: bytes) -> NDArray[np.float32]:
        """A file with one series (.csv, .npy or .wav, by its beginning): (1, channels, time). Raises: DataError."""
        ending = next((ending for start, ending in _KINDS if body.startswith(start)), ".csv")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"series{ending}")  # the readers of series take files, and say their ending
            path.write_bytes(body)
            try:
                found = read_recording(path, self.preparation.decimal, self.preparation.missing)
                signal = self.preparation.signal(found)
            except DataError as error:
                raise DataError(error.message.replace(str(path), "the series"), error.help) from None
        return self.preparation.fitted(signal, self.fill)[None]

    def fitted(self, series: NDArray[Any]) -> NDArray[np.float32]:
        """Arrays (n, channels, time) of any length. Raises: DataError."""
        if series.ndim != 3 or series.dtype.kind not in "fiu" or not series.size:
            received = f"{series.dtype} {'×'.join(map(str, series.shape))}"
            raise DataError(f"the series are {received}", f"give float32 (number, {self.channels}, time)")
        if not np.isfinite(series).all():
            raise DataError("the series have missing or infinite values", "fill them in")
        return np.stack([self.preparation.fitted(one, self.fill) for one in series.astype(np.float32)])
