"""What an evaluation leaves in a run's folder: ``evaluation/<split>/`` and the summary ``evaluation.json``."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profond.core.files import storage_errors, write_bytes, write_json, write_text
from profond.core.run import Run
from profond.evaluation.same_data import readable
from profond.evaluation.summary import SUMMARY, Summary
from profond.measures.intervals import LEVEL
from profond.measures.report import PREDICTIONS, SCHEMA_VERSION, SCORE, Report, Samples, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IDENTITY = "identity"
CONTENT = "content"
"""A column more, in predictions.csv: a digest of what each sample held."""


def folder_of(run: Run, name: str) -> Path:
    """Where the evaluation called ``name`` is kept: a split's name, or that of other data."""
    return run.file("evaluation") / re.sub(r"[^\w.-]+", "-", name).strip(".-")


def keep(
    run: Run,
    name: str,
    report: Report,
    samples: Samples,
    *,
    contents: Sequence[str] | None = None,
    pictures: bool = True,
) -> Path:
    """Write a report into the run; an earlier one of the same name is replaced as a whole.

    Args:
        contents: a digest of what each sample held.
        pictures: draw the figures too.

    Returns: the folder, with report.json, a .csv for each of the report's tables and, if asked for, a .png for each of
    its pictures. The table of the predictions gets the scores and the contents as columns.

    Raises: StorageError.
    """
    folder = folder_of(run, name)
    with _replaced(folder) as draft:
        for title, rows in report.tables.items():
            whole = _with_scores(rows, report, contents) if title == PREDICTIONS else rows
            write_text(draft / f"{title}.csv", _as_text(whole, samples))
        if pictures:
            _draw(draft, report, samples, f"{run.name}, {name}")
        write_json(draft / "report.json", report.to_json())
    _summarise(run, name, report)
    return folder


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Comma-separated text with a heading."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def png(figure: Figure, dpi: int = 110) -> bytes:
    """The figure as a PNG file's bytes."""
    with io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=dpi)
        return file.getvalue()


def _draw(folder: Path, report: Report, samples: Samples, title: str) -> None:
    for name, draw in report.pictures.items():
        write_bytes(folder / f"{name}.png", png(draw(samples, title)))


def _with_scores(given: Table, report: Report, contents: Sequence[str] | None) -> Table:
    columns: dict[str, Iterable[str]] = {}
    samples = range(report.count) if given.samples is None else given.samples
    if report.scores is not None:
        columns[SCORE] = (f"{value:.9g}" for value in report.scores.values.tolist())
    if contents is not None:
        columns[CONTENT] = [contents[int(i)] for i in samples]
    rows = ([*row, *more] for row, *more in zip(given.rows, *columns.values(), strict=True))
    return replace(given, columns=(*given.columns, *columns), rows=rows, samples=samples)


def _as_text(given: Table, samples: Samples) -> str:
    if given.samples is None:
        return table(given.columns, given.rows)
    named = ([readable(samples.identity(int(i))), *row] for i, row in zip(given.samples, given.rows, strict=True))
    return table((IDENTITY, *given.columns), named)


def _summarise(run: Run, name: str, report: Report) -> None:
    """Set this evaluation's entry in ``evaluation.json`` and leave the others."""
    old = Summary.of(run)
    metrics = {**old.metrics, name: report.metrics}
    run.write(
        SUMMARY,
        {
            "schema_version": SCHEMA_VERSION,
            "level": LEVEL,
            "headline": report.headline,
            "metrics": {
                evaluation: {key: measured.to_json() for key, measured in numbers.items()}
                for evaluation, numbers in metrics.items()
            },
            "samples": {**old.samples, name: report.count},
            "lines": {**old.lines, name: report.lines},
        },
    )


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """A fresh folder beside, moved over ``folder`` when whole: no reader finds a mixture of two evaluations."""
    draft = folder.parent / f".{folder.name}-{os.getpid()}.tmp"
    old = folder.parent / f".{folder.name}-{os.getpid()}.old"
    with storage_errors(folder):
        draft.mkdir(parents=True)
        try:
            yield draft
            if folder.exists():
                os.rename(folder, old)
            os.rename(draft, folder)
        finally:
            if old.exists() and not folder.exists():
                os.rename(old, folder)
            shutil.rmtree(draft, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
