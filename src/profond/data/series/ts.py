"""A ``.ts`` file of labelled series, as the archives of time series classification have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.labels import doubts
from profond.data.series.preparation import filled
from profond.data.series.read import MAX_VALUES, Missing
from profond.data.series.table import Table
from profond.data.series.text import MAX_BYTES
from profond.data.text_encoding import bytes_of, decode_text
from profond.data.values import Column, quantities_of, read_values

SUFFIX = ".ts"
FORM = "after a line @data one series a line: its channels with colons between them, the class last"
_TRUE = ("true", "1", "yes")


@dataclass
class _Head:
    """What stands above ``@data``."""

    dimensions: int | None = None
    stamped: bool = False
    labelled: bool | None = None
    targeted: bool = False
    classes: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


def read_ts(path: Path, missing: Missing = "refuse", labelled: bool = True) -> Table:
    """Read a ``.ts`` file; the series stay as long as they are.

    Args:
        missing: what is done about ``?`` and NaN.
        labelled: whether a file without classes or numbers to be estimated is refused.

    Raises: DataError naming the line.

    Source: of the format, the documentation of aeon's ``load_from_ts_file``.
    """
    path = Path(path)
    head, rows = _taken_apart(path)
    has_label = bool(head.labelled or head.targeted)
    if labelled and not has_label:
        raise DataError(
            f"{path} says that its series have no class (@classLabel false)",
            "a training needs classes, or @targetLabel",
        )
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
    _check_classes(path, head, labels, lines)
    count = len(signals)
    values: list[tuple[float, ...]] = []
    if head.targeted:
        values = read_values(path, [Column("value", labels)], lines, decimal_comma=False)
    shown = f".ts: {count} series of {len(signals[0])} channel{'s' if len(signals[0]) > 1 else ''}"
    return Table(
        path,
        "ts",
        signals,
        [str(number) for number in range(1, count + 1)],
        labels,
        [""] * count,
        [""] * count,
        notes=(shown, *head.notes),
        warnings=tuple(doubts(labels)) if head.labelled else (),
        values=tuple(values),
        quantities=quantities_of(path, ["value"]) if head.targeted else (),
        targets=("value",) if head.targeted else (),
    )


def pair_of(path: Path) -> dict[str, Path]:
    """``NAME_TRAIN.ts`` and ``NAME_TEST.ts`` beside it, by split; empty where it is no such name or has none beside."""
    stem = path.stem
    if not stem.lower().endswith("_train"):
        return {}
    beside = path.with_name(f"{stem[:-5]}{'TEST' if stem[-5:].isupper() else 'test'}{path.suffix}")
    return {"train": path, "test": beside} if beside.is_file() else {}


def _taken_apart(path: Path) -> tuple[_Head, Iterator[tuple[int, str]]]:
    """What the head says, and the numbered lines below it."""
    data = bytes_of(path, MAX_BYTES)
    # NOTE films are called .ts too (MPEG transport streams).
    text, _ = decode_text(data, path, "a .ts file of series is text; a film is to be converted to .mp4")
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    head = _Head()
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


def _understand(path: Path, number: int, line: str, head: _Head) -> None:
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


def _check_classes(path: Path, head: _Head, labels: Sequence[str], lines: Sequence[int]) -> None:
    """Raises: DataError for a class that the head does not name."""
    if not head.labelled or not head.classes:
        return
    for label, line in zip(labels, lines, strict=True):
        if label not in head.classes:
            raise DataError(
                f"{path}, line {line}: the class {label[:40]!r} is none of @classLabel: {' '.join(head.classes[:10])}",
                "name it there, or repair the line",
            )
