"""What an evaluation leaves in a run's folder: ``evaluation/<split>/`` and the summary ``evaluation.json``."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from profond.core.files import storage_errors, write_bytes, write_json, write_text
from profond.core.run import Run
from profond.evaluation.report import SCHEMA_VERSION, Predictions, Report
from profond.evaluation.same_data import readable
from profond.measures.intervals import LEVEL

SUMMARY = "evaluation.json"
PREDICTIONS = ("identity", "label", "predicted", "confidence", "probability_of_label")
CONTENT = "content"
"""A column more, in predictions.csv: a digest of what each sample held."""


class Samples(Protocol):
    """The part of a split that the files need."""

    def identity(self, index: int) -> str: ...

    def raw(self, index: int) -> Tensor: ...


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

    Returns: the folder, with report.json, and for a classification predictions.csv, mistakes.csv, confusion.csv and,
    if asked for, confusion.png, calibration.png and mistakes.png.

    Raises: StorageError.
    """
    folder = folder_of(run, name)
    with _replaced(folder) as draft:
        if report.predictions is not None and report.confusion is not None:
            said, classes = report.predictions, report.classes
            rows: Iterable[list[str]] = _rows(said, classes, samples, range(len(said)))
            head: tuple[str, ...] = PREDICTIONS
            if contents is not None:
                head = (*PREDICTIONS, CONTENT)
                rows = ([*row, content] for row, content in zip(rows, contents, strict=True))
            write_text(draft / "predictions.csv", table(head, rows))
            write_text(draft / "mistakes.csv", table(PREDICTIONS, _rows(said, classes, samples, said.mistakes())))
            counts = ([name, *row] for name, row in zip(classes, report.confusion.tolist(), strict=True))
            write_text(draft / "confusion.csv", table(["true \\ predicted", *classes], counts))
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


def _rows(said: Predictions, classes: Sequence[str], samples: Samples, order: Iterable[int]) -> Iterator[list[str]]:
    for index in order:
        yield [
            readable(samples.identity(int(index))),
            classes[said.label[index]],
            classes[said.predicted[index]],
            f"{said.confidence[index]:.6f}",
            f"{said.probability_of_label[index]:.6f}",
        ]


def _draw(folder: Path, report: Report, samples: Samples, title: str) -> None:
    from profond.evaluation import figures

    write_bytes(folder / "confusion.png", figures.png(figures.confusion_matrix(report, title)))
    write_bytes(folder / "calibration.png", figures.png(figures.reliability_diagram(report, title)))
    write_bytes(folder / "mistakes.png", figures.png(figures.worst_mistakes(report, samples.raw, title)))


def _summarise(run: Run, name: str, report: Report) -> None:
    """Set this evaluation's entry in ``evaluation.json`` and leave the others."""
    old = run.read(SUMMARY) if run.holds(SUMMARY) else {}
    metrics = {key: measured.to_json() for key, measured in report.metrics.items()}
    samples = {**old.get("samples", {}), name: report.count}
    summary = {"schema_version": SCHEMA_VERSION, "level": LEVEL}
    run.write(SUMMARY, {**summary, "metrics": {**old.get("metrics", {}), name: metrics}, "samples": samples})


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
