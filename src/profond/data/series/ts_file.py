"""A ``.ts`` file of series, as the archives of time series classification have them, taken apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.series.preparation import filled
from profond.data.series.read import MAX_VALUES, Missing
from profond.data.series.text import MAX_BYTES
from profond.data.text_encoding import bytes_of, decode_text

SUFFIX = ".ts"
FORM = "after a line @data one series a line: its channels with colons between them, the class last"
_TRUE = ("true", "1", "yes")


@dataclass
class Head:
    """What stands above ``@data``."""

    dimensions: int | None = None
    stamped: bool = False
    labelled: bool | None = None
    targeted: bool = False
    classes: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Parts:
    """What stands in it.

    Args:
        signals: float32 (channels, time), each as long as it is.
        labels: the text behind each series; empty ones where it says that it has none.
        lines: number of each series' line, from 1.
    """

    head: Head
    signals: list[NDArray[np.float32]]
    labels: list[str]
    lines: list[int]


def read_parts(path: Path, missing: Missing = "refuse") -> Parts:
    """Read a ``.ts`` file; the series stay as long as they are.

    Args:
        missing: what is done about ``?`` and NaN.

    Raises: DataError naming the line.

    Source: of the format, the documentation of aeon's ``load_from_ts_file``.
    """
    head, rows = _taken_apart(path)
    has_label = bool(head.labelled or head.targeted)
    signals: list[NDArray[np.float32]] = []
    labels: list[str] = []
    lines: list[int] = []
    for line, text in rows:
        *channels, last = text.split(":") if has_label else (*text.split(":"), "")
        where = f"{path}, line {line}"
        if not channels or (has_label and not last.strip()):
            raise DataError(f"{where}: a series and its class are needed, and this is {text[:40]!r}", FORM)
        if head.dimensions is not None and len(channels) != head.dimensions:
            raise DataError(f"{where}: {len(channels)} channels, and @dimensions says {head.dimensions}", FORM)
        if signals and len(channels) != len(signals[0]):
            raise DataError(
                f"{where}: {len(channels)} channels, the series before have {len(signals[0])}",
                "every series needs the same channels",
            )
        signals.append(_signal(where, channels, missing))
        labels.append(last.strip())
        lines.append(line)
    if not signals:
        raise DataError(f"{path} has no series after @data", FORM)
    return Parts(head, signals, labels, lines)


def _taken_apart(path: Path) -> tuple[Head, Iterator[tuple[int, str]]]:
    """What the head says, and the numbered lines below it."""
    data = bytes_of(path, MAX_BYTES)
    # NOTE films are called .ts too (MPEG transport streams).
    text, _ = decode_text(data, path, "a .ts file of series is text; a film is to be converted to .mp4")
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    head = Head()
    for at, (number, line) in enumerate(numbered):
        if not line or line[0] in "#%":
            continue
        if line.lower() == "@data":
            if head.stamped:
                raise DataError(
                    f"{path} gives every number with its time (@timeStamps true)",
                    "write the numbers alone, or one .csv a series",
                )
            rest = [(n, row) for n, row in numbered[at + 1 :] if row and row[0] not in "#%"]
            if head.labelled is None and not head.targeted:
                head.labelled = True
            return head, iter(rest)
        if not line.startswith("@"):
            raise DataError(f"{path}, line {number}: {line[:40]!r} stands above @data", FORM)
        _understand(path, number, line, head)
    raise DataError(f"{path} has no line @data" if numbered else f"{path} is empty", FORM)


def _understand(path: Path, number: int, line: str, head: Head) -> None:
    name, *words = line[1:].split()
    yes = bool(words) and words[0].lower() in _TRUE
    match name.lower():
        case "timestamps":
            head.stamped = yes
        case "dimensions" | "dimension":
            if not words or not (words[0].isascii() and words[0].isdigit() and len(words[0]) < 10):
                raise DataError(f"{path}, line {number}: {line[:40]!r} says no number", "write @dimensions 3")
            head.dimensions = int(words[0])
        case "classlabel":
            head.labelled, head.classes = yes, tuple(words[1:])
        case "targetlabel":
            head.targeted = yes
        case _:  # names, lengths and what else the archives write: the series themselves say it
            pass


def _signal(where: str, channels: Sequence[str], missing: Missing) -> NDArray[np.float32]:
    rows = []
    for number, channel in enumerate(channels, 1):
        cells = [cell.strip() for cell in channel.split(",")]
        try:
            rows.append([float("nan") if cell in ("?", "") else float(cell) for cell in cells])
        except ValueError:
            wrong = next(cell for cell in cells if not _is_number(cell))
            raise DataError(f"{where}, channel {number}: {wrong[:40]!r} is not a number", FORM) from None
        if len(rows[-1]) != len(rows[0]):
            raise DataError(
                f"{where}: channel {number} has {len(rows[-1])} steps, the first has {len(rows[0])}",
                "the channels of a series are equally long",
            )
    if len(rows) * len(rows[0]) > MAX_VALUES:
        raise DataError(f"{where}: more than {MAX_VALUES:,} numbers in a series", "cut it")
    with np.errstate(over="ignore"):
        signal = np.array(rows, dtype=np.float64).astype(np.float32)
    wrong_ones = np.isinf(signal) if missing == "interpolate" else ~np.isfinite(signal)
    if wrong_ones.any():
        row, column = map(int, np.argwhere(wrong_ones)[0])
        what = "a missing value" if np.isnan(signal[row, column]) else "infinity, or a number too large"
        raise DataError(
            f"{where}, channel {row + 1}, step {column + 1}: {what}",
            "repair it; missing=interpolate fills gaps from the values beside them",
        )
    filled(signal, where)
    return signal


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return cell == "?"
    return True
