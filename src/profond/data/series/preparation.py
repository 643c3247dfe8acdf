"""From a recording to what the model takes: which axis is time, which columns are channels, how long, at what rate."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, DataError, MissingError
from profond.data.series.read import Missing, Recording
from profond.data.series.text import Decimal

Axis = Literal["rows", "columns"]
Keep = Literal["start", "middle", "end"]
Ends = Literal["mean", "missing"]
_TIME = re.compile(
    r"(time|times|t|timestamps?|datetime|date|temps|horodatage|heure|instant|zeit|elapsed|index|idx|step|steps|frame"
    r"|seconds?|secs?|s|ms|millis(econds?)?|)"
)
_UNIT = re.compile(r"\s*[\[(].*?[\])]\s*$|[ _-]+(s|ms|us|ns|sec|secs|seconds|utc)$")


@dataclass(frozen=True)
class Preparation:
    """How a recording becomes (channels, length); stored with the run, so that serving does the same.

    Args:
        channels: how many there are.
        length: in steps of time. Longer series are cut, shorter ones followed by what ``ends`` says.
        keep: which part of a longer series stays.
        time: whether rows or columns of a file follow each other in time.
        names: the channels' columns, by which they are found in a file with a header.
        time_column: the column with the time, which is left out: its name, or its number from 1; None: there is none.
        rate: of sounds, samples in a second; others are resampled to it.
        decimal: of texts.
        missing: what is done about empty cells and NaN.
        table: the series were rows of a table, laid out like this; ``""`` where each had a file of its own.
        label: of a table, the column with the class: its name or its number from 1.
        id: of a long table, the column that says to which series a row belongs.
        targets: of a table, the columns with numbers that are estimated, instead of a label.
        ends: what follows a series that is shorter than others: the mean of its channel in train, up to ``length``; or
            nothing, for a model that takes any length: NaN up to the longest that it is put together with.
        cut: whether longer series are cut to ``length``; without it they stay as long as they are.
    """

    channels: int
    length: int
    keep: Keep = "start"
    time: Axis = "rows"
    names: tuple[str, ...] = ()
    time_column: str | None = None
    rate: int | None = None
    decimal: Decimal = "auto"
    missing: Missing = "refuse"
    table: Literal["", "wide", "long", "ts"] = ""
    label: str | None = None
    id: str | None = None
    targets: tuple[str, ...] = ()
    ends: Ends = "mean"
    cut: bool = True

    @property
    def any_length(self) -> bool:
        """Whether a shorter series stays as short as it is."""
        return self.ends == "missing"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def signal(self, found: Recording, notes: list[str] | None = None) -> NDArray[np.float32]:
        """A recording's channels over time: float32 (channels, time), as long as it is.

        Raises: DataError naming the file when it does not have these channels.
        """
        if found.is_sound != (self.rate is not None):
            kinds = ("a sound", "none") if found.is_sound else ("no sound", "sounds")
            raise DataError(f"{found.path} is {kinds[0]}, the others are {kinds[1]}", "give it data of the same kind")
        values = found.values if self.time == "rows" else found.values.T
        chosen = self._columns(found, values.shape[1])
        signal = np.ascontiguousarray(values[:, chosen].T)
        if self.missing == "interpolate":
            filled(signal, str(found.path), notes)
        if found.rate is not None and self.rate is not None and found.rate != self.rate:
            signal = resampled(signal, found.rate, self.rate)
            if notes is not None:
                notes.append(f"resampled from {found.rate} to {self.rate} Hz")
        return signal

    def fitted(self, signal: NDArray[np.float32], fill: Sequence[float]) -> NDArray[np.float32]:
        """Cut, or followed by ``fill`` (one number for each channel, or one for all), to the length; as long as it is,
        where the model takes any length: float32 (channels, time).
        """
        if len(signal) != self.channels:
            raise DataError(
                f"a series of {len(signal)} channels was given, but there are {self.channels}", "give the same channels"
            )
        spare = signal.shape[1] - self.length
        if self.any_length and (spare < 0 or not self.cut):
            return np.ascontiguousarray(signal)
        if spare >= 0:
            first = {"start": 0, "middle": spare // 2, "end": spare}[self.keep]
            return np.ascontiguousarray(signal[:, first : first + self.length])
        whole = np.empty((self.channels, self.length), np.float32)
        whole[:] = np.asarray(fill, dtype=np.float32).reshape(-1, 1)
        whole[:, : signal.shape[1]] = signal
        return whole

    def _columns(self, found: Recording, width: int) -> list[int]:
        if self.names and found.names and self.time == "rows":
            column_of = {name: column for column, name in enumerate(found.names)}
            if lacking := [name for name in self.names if name not in column_of]:
                raise DataError(
                    f"{found.path} has no column {listed(lacking, ' and no column ')}; it has {listed(found.names)}",
                    "every series needs the same channels, by the same names",
                )
            return [column_of[name] for name in self.names]
        columns = list(range(width))
        if self.time_column is not None and width != self.channels and found.rising:  # only texts have one
            at = [number for number in columns if str(number + 1) == self.time_column] or [0]
            columns.remove(at[0])
        if len(columns) != self.channels:
            raise DataError(
                f"{found.path} has {len(columns)} channels, the others have {self.channels}"
                f" ({found.values.shape[0]}×{found.values.shape[1]} numbers, time in {self.time})",
                "every series needs the same channels; time=rows or time=columns says which axis is time",
            )
        return columns


def listed(names: Sequence[str], between: str = ", ", shown: int = 4) -> str:
    """The first few names, in quotes."""
    return between.join(map(repr, names[:shown])) + (" …" if len(names) > shown else "")


def decide_time(found: Sequence[Recording], asked: Literal["auto", "rows", "columns"], notes: list[str]) -> Axis:
    """Whether rows or columns follow each other in time.

    In sounds and texts rows do, unless every text is one row. In arrays of two axes the axis that differs from file to
    file is time; where both are always the same, it is the longer one. Raises: DataError where that says nothing.
    """
    if asked != "auto":
        return asked
    shapes = {one.values.shape for one in found}
    rows, columns = {shape[0] for shape in shapes}, {shape[1] for shape in shapes}
    if any(one.is_sound or one.names for one in found) or columns == {1}:
        return "rows"
    if any(one.rising for one in found):  # texts
        if rows == {1} and min(columns) > 1:
            notes.append("every file is one row: its columns are taken as time (else time=rows)")
            return "columns"
        return "rows"
    height, width = next(iter(shapes))
    if len(rows) > 1 and len(columns) == 1:
        time: Axis = "rows"
        why = f"all have {width} columns, and rows of many numbers"
    elif len(columns) > 1 and len(rows) == 1:
        time = "columns"
        why = f"all have {height} rows, and columns of many numbers"
    elif len(shapes) == 1 and height != width:
        time = "rows" if height > width else "columns"
        why = f"all are {height}×{width}, and the longer axis is time"
    else:
        shown = ", ".join(f"{one.path.name} {one.values.shape[0]}×{one.values.shape[1]}" for one in found[:3])
        raise DataError(
            f"it cannot be seen which axis of the arrays is time: {shown}",
            "say it: --set data.time=rows, or --set data.time=columns",
        )
    notes.append(f"{time} are taken as time: {why} (else time={'columns' if time == 'rows' else 'rows'})")
    return time


def decide_columns(found: Sequence[Recording], asked: str, notes: list[str]) -> tuple[tuple[str, ...], str | None]:
    """The channels' names, where the files say them, and the column that holds the time and is left out.

    Without a word, that is a column called time, t, date, index … that rises in every file, or holds dates; in files
    without header the first of several, where it rises in equal steps in every file.

    Args:
        asked: ``"auto"``, ``"none"``, a name, or a number from 1.

    Raises: DataError for a column that is not there.
    """
    texts = [one for one in found if one.rising]
    if not texts:
        return (), None
    names, width = texts[0].names, texts[0].values.shape[1]
    if len(set(names)) < len(names):
        names = ()  # two columns of one name: only their places tell them apart
    if asked == "none":
        return names, None
    if asked != "auto":
        for one in texts:
            known = [*one.names, *(str(number) for number in range(1, one.values.shape[1] + 1))]
            if asked not in known:
                shown = listed(one.names) or f"{width} columns without names"
                raise DataError(
                    f"{one.path} has no column {asked!r} for the time; it has {shown}",
                    "name a column, or give its number from 1, or time_column=none",
                )
        number = names.index(asked) if asked in names else int(asked) - 1
        return tuple(name for column, name in enumerate(names) if column != number), asked
    if width < 2:
        return names, None
    if names:
        for name in names:
            same = [one.names.index(name) if name in one.names else -1 for one in texts]
            if looks_like_time(name) and all(at >= 0 and one.rising[at] for one, at in zip(texts, same, strict=True)):
                notes.append(f"column {name!r} is taken as the time and left out (else time_column=none)")
                return tuple(other for other in names if other != name), name
        return names, None
    if all(one.even and one.even[0] for one in texts):
        notes.append("column 1 rises in equal steps: taken as the time and left out (else time_column=none)")
        return (), "1"
    return (), None


def looks_like_time(name: str) -> bool:
    """Whether a column's name says that it holds the time: ``time (s)``, ``Temps``, ``t_ms``, ``timestamp``."""
    plain = _UNIT.sub("", name.strip().lower()).strip()
    return bool(_TIME.fullmatch(plain))


def decide_rate(found: Sequence[Recording], asked: int | None, notes: list[str], warnings: list[str]) -> int | None:
    """To which rate sounds are brought: the one that most have. Raises: ConfigError for an impossible one."""
    rates = Counter(one.rate for one in found if one.rate is not None)
    if not rates:
        if asked is not None:
            raise ConfigError(f"rate is {asked}, but the series are no sounds", "only .wav files have a rate")
        return None
    if asked is not None:
        if not 1 <= asked <= 768_000:
            raise ConfigError(f"rate is {asked}", "use samples in a second, such as 16000")
        return asked
    common = max(rates, key=lambda rate: (rates[rate], -rate))
    if len(rates) > 1:
        shown = ", ".join(f"{rate} Hz ({count})" for rate, count in rates.most_common(4))
        warnings.append(
            f"sounds of {len(rates)} rates are resampled to {common} Hz, which most have: {shown}; rate= sets another,"
            " and if one class has its own rate, the network may learn that"
        )
    return common


def filled(signal: NDArray[np.float32], source: str, notes: list[str] | None = None) -> None:
    """Fill gaps from the values beside them, in a straight line; at the ends with the nearest. In place."""
    gaps = np.isnan(signal)
    if not gaps.any():
        return
    steps = np.arange(signal.shape[1])
    for channel, gap in zip(signal, gaps, strict=True):
        if gap.all():
            raise DataError(f"{source} has a channel without any number", "delete the file, or the channel")
        channel[gap] = np.interp(steps[gap], steps[~gap], channel[~gap])
    if notes is not None:
        notes.append("gaps were filled from the values beside them")


def resampled(signal: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    """Another rate by a polyphase filter, which takes away what the lower rate cannot hold."""
    try:
        from scipy.signal import resample_poly  # half a second that only sounds of several rates should pay
    except ImportError as error:
        raise MissingError("sounds are brought to another rate by SciPy, which is not here", "install scipy") from error

    common = math.gcd(rate, wanted)
    resampled = resample_poly(signal, wanted // common, rate // common, axis=1)
    return np.ascontiguousarray(resampled, dtype=np.float32)
