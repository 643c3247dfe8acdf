"""A ``.ts`` file of labelled series, as a table of series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from profond.core.errors import DataError
from profond.data.labels import doubts
from profond.data.series.read import Missing
from profond.data.series.table import Table
from profond.data.series.ts_file import SUFFIX, Head, read_parts
from profond.data.values import Column, quantities_of, read_values

__all__ = ["SUFFIX", "pair_of", "read_ts"]


def read_ts(path: Path, missing: Missing = "refuse") -> Table:
    """Read a ``.ts`` file with classes or numbers to be estimated; the series stay as long as they are.

    Args:
        missing: what is done about ``?`` and NaN.

    Raises: DataError naming the line.
    """
    path = Path(path)
    parts = read_parts(path, missing)
    head, signals, labels, lines = parts.head, parts.signals, parts.labels, parts.lines
    if not (head.labelled or head.targeted):
        raise DataError(
            f"{path} says that its series have no class (@classLabel false)",
            "a training needs classes, or @targetLabel",
        )
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


def _check_classes(path: Path, head: Head, labels: Sequence[str], lines: Sequence[int]) -> None:
    """Raises: DataError for a class that the head does not name."""
    if not head.labelled or not head.classes:
        return
    for label, line in zip(labels, lines, strict=True):
        if label not in head.classes:
            raise DataError(
                f"{path}, line {line}: the class {label[:40]!r} is none of @classLabel: {' '.join(head.classes[:10])}",
                "name it there, or repair the line",
            )
