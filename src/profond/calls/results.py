"""What is given back: predictions, an evaluation, an explanation; each shows itself on a terminal and in a notebook."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profond.calls.notebook import inline
from profond.core.errors import ProfondError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from profond.explain.recurrence.replay import Recurrence
    from profond.explain.why.attribution import Attribution
    from profond.measures.measured import Measured
    from profond.measures.report import Report, Samples
    from profond.serve.prediction import Prediction

_SHOWN = 20


class Predictions(list["Prediction"]):
    """A list of predictions.

    Args:
        refused: what could not be used, and why.
    """

    def __init__(self, found: Sequence[Prediction], refused: Mapping[str, ProfondError]) -> None:
        super().__init__(found)
        self.refused = dict(refused)

    def rows(self) -> list[dict[str, Any]]:
        """One for each prediction, as in the table that ``--csv`` writes."""
        return [prediction.row() for prediction in self]

    def __repr__(self) -> str:
        lines = [prediction.line() for prediction in self[:_SHOWN]]
        if len(self) > _SHOWN:
            lines.append(f"… and {len(self) - _SHOWN:,} more")
        if self.refused:
            lines.append(f"{len(self.refused)} could not be used")
        return "\n".join(lines) or "no predictions"

    def _repr_html_(self) -> str:
        rows = self.rows()[:_SHOWN]
        if not rows:
            return html.escape(repr(self))
        head = "".join(f"<th>{html.escape(str(name))}</th>" for name in rows[0])
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_cell(value))}</td>" for value in row.values()) + "</tr>"
            for row in rows
        )
        more = f"<p>… and {len(self) - _SHOWN:,} more</p>" if len(self) > _SHOWN else ""
        return f"<table><tr>{head}</tr>{body}</table>{more}"


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What an evaluation found.

    Args:
        report: numbers, tables and figures, as the task makes them.
        samples: those that were measured.
        title: of the run and the data.
        folder: where it was written to.
    """

    report: Report
    samples: Samples
    title: str
    folder: Path

    @property
    def metrics(self) -> Mapping[str, Measured]:
        """Each with its 95 % interval, unit and direction: ``metrics["accuracy"].value``."""
        return self.report.metrics

    @property
    def count(self) -> int:
        """Samples seen."""
        return self.report.count

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """By name, such as ``mistakes``; drawn when they are first asked for."""
        from profond.calls.notebook import show_figures

        show_figures()
        return {name: draw(self.samples, self.title) for name, draw in self.report.pictures.items()}

    def table(self, name: str = "predictions") -> list[dict[str, Any]]:
        """The rows of a table that was written into the run's folder. Raises: UnknownName."""
        import csv

        from profond.core.errors import UnknownName

        path = self.folder / f"{name}.csv"
        if name not in self.report.tables or not path.is_file():
            raise UnknownName("table", name, self.report.tables)
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def __repr__(self) -> str:
        names = {name: number.title or name.replace("_", " ") for name, number in self.metrics.items()}
        width = max(map(len, names.values()), default=0)
        lines = [f"{self.title}: {self.count:,} samples"]
        for name, number in self.metrics.items():
            lines.append(f"{names[name]:<{width}}  {number.written:>10}  {number.range}".rstrip())
        return "\n".join([*lines, *self.report.lines])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>" + "".join(inline(figure) for figure in self.figures.values())


@dataclass(frozen=True, repr=False)
class Explanation:
    """Why a network says what it says of one sample.

    Args:
        said: what the network says, as people read it.
        answers: of each method, by its name: ``answers["grad_cam"].values`` is an array (h, w), and
            ``answers["recurrence"].layers[0].gradient`` one number for each step.
        figure: the drawing.
        notes: what had to be converted, and which method the network does not allow.
    """

    said: str
    answers: Mapping[str, Attribution | Recurrence]
    figure: Figure
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "\n".join([f"{self.said}, explained by {', '.join(self.answers)}", *self.notes])

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>{inline(self.figure)}"


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
