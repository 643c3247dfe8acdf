"""What mistakes cost: not every confusion is as dear as another."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, nearest
from profond.core.records import read_text
from profond.measures.classes import ClassFindings
from profond.measures.cost_figure import cost_matrix
from profond.measures.intervals import mean_interval
from profond.measures.report import Report, Table

COLUMNS = ("true", "predicted", "cost")
BUILT_IN = "cost_tables"
SHOWN = 5
_WILD = frozenset("*?[")


@dataclass(frozen=True)
class Rule:
    """What it costs to take one class for another: names, or patterns such as ``speed limit *``."""

    true: str
    predicted: str
    cost: float


@dataclass(frozen=True)
class Costs:
    """What each confusion of two classes costs.

    Args:
        name: of the table, for people.
        rules: of those that fit a confusion the last counts; where none fits, the confusion costs 1. What is right
            costs nothing.
        strict: a name that no class has is a mistake; a built-in table knows classes that some data have not, and their
            names in several languages.
    """

    name: str
    rules: tuple[Rule, ...]
    strict: bool = True

    @classmethod
    def read(cls, reference: str) -> Costs:
        """A built-in table by its name, or a CSV file with the columns ``true``, ``predicted`` and ``cost``.

        Raises: ConfigError for a table that is not one, or is not there.
        """
        known = sorted(one.name.removesuffix(".csv") for one in _folder().iterdir() if one.name.endswith(".csv"))
        if reference in known:
            return cls(
                reference,
                tuple(_rules(_folder().joinpath(f"{reference}.csv").read_text("utf-8"), reference)),
                strict=False,
            )
        path = Path(reference).expanduser()
        if not path.is_file():
            near = nearest(reference, known) or f"a CSV file with the columns {','.join(COLUMNS)}"
            raise ConfigError(f"there is no table of costs {reference!r}", f"{near}; built in: {', '.join(known)}")
        try:
            text = read_text(path)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} cannot be read: {error}", "save it as CSV in UTF-8") from None
        return cls(path.name, tuple(_rules(text, str(path))))

    def matrix(self, classes: Sequence[str]) -> NDArray[np.float64]:
        """The cost of each confusion, (true, predicted). Raises: ConfigError for a name that is no class here."""
        known = f"they are {', '.join(classes[:10])}{' …' if len(classes) > 10 else ''}"
        costs = np.ones((len(classes), len(classes)))
        fitting = False
        for rule in self.rules:
            rows, columns = ([fnmatchcase(name, one) for name in classes] for one in (rule.true, rule.predicted))
            for name, found in ((rule.true, rows), (rule.predicted, columns)):
                if self.strict and not any(found) and not _WILD & set(name):
                    raise ConfigError(
                        f"the costs of {self.name!r} are about {name!r}, and these classes have no such",
                        nearest(name, classes) or known,
                    )
            fitting |= any(rows) and any(columns) and (rule.true, rule.predicted) != ("*", "*")
            costs[np.ix_(np.flatnonzero(rows), np.flatnonzero(columns))] = rule.cost
        if not self.strict and not fitting:
            about = ", ".join(list(dict.fromkeys(rule.true for rule in self.rules if rule.true != "*"))[:4])
            raise ConfigError(
                f"no rule of the costs {self.name!r} fits these classes", f"it is about {about} …; {known}"
            )
        np.fill_diagonal(costs, 0)
        return costs

    def judged(self, report: Report) -> Report:
        """A report on classes with the expected cost, the dearest confusions and a picture of them besides.

        Raises: ConfigError where no classes were told apart, or the table is about others.
        """
        found = report.findings
        if not isinstance(found, ClassFindings):
            raise ConfigError("costs are of classes that are taken for each other", "leave --costs out")
        matrix = self.matrix(found.classes)
        predictions = found.predictions
        each = matrix[predictions.label, predictions.predicted]
        deviation = float(each.std(ddof=1)) if len(each) > 1 else 0.0
        expected = mean_interval(float(each.mean()), deviation, len(each), least=0)
        dearest = list(_dearest(found, matrix))
        return replace(
            report,
            metrics={**report.metrics, "expected_cost": expected.called("expected cost", better="lower")},
            tables={
                **report.tables,
                "costs": Table(("true", "predicted", "count", "cost", "cost_in_all"), [list(one) for one in dearest]),
            },
            pictures={**report.pictures, "costs": lambda samples, title: cost_matrix(found, matrix, title)},
            lines=(*report.lines, self._line(dearest)),
            facts={**report.facts, "costs": self.name},
        )

    def _line(self, dearest: Sequence[tuple[str, str, int, float, float]]) -> str:
        if not dearest:
            return f"costs ({self.name}): none, nothing was confused"
        shown = ", ".join(
            f"{true} taken for {predicted} ({count} × {cost:g})" for true, predicted, count, cost, _ in dearest[:SHOWN]
        )
        return f"dearest confusions ({self.name}): {shown}"


def _dearest(found: ClassFindings, matrix: NDArray[np.float64]) -> Iterator[tuple[str, str, int, float, float]]:
    """True class, predicted class, count, cost and their product, the greatest product first."""
    whole = found.confusion * matrix
    for cell in np.argsort(-whole, axis=None, kind="stable"):
        true, predicted = divmod(int(cell), len(matrix))
        if whole[true, predicted] <= 0:
            return
        count, cost = int(found.confusion[true, predicted]), float(matrix[true, predicted])
        yield found.classes[true], found.classes[predicted], count, cost, count * cost


def _rules(text: str, name: str) -> Iterator[Rule]:
    """Raises: ConfigError that names the line."""
    help = f"a table of costs is CSV with the columns {','.join(COLUMNS)}; classes may be patterns such as 'left *'"
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    head = [str(column).strip() for column in rows.fieldnames or ()]
    if any(column not in head for column in COLUMNS):
        raise ConfigError(f"{name} has the columns {', '.join(head) or 'none'}", help)
    rows.fieldnames = head
    for row in rows:
        true, predicted, cost = ((row[column] or "").strip() for column in COLUMNS)
        try:
            value = float(cost)
        except ValueError:
            value = float("nan")
        if not true or not predicted or not 0 <= value < float("inf"):
            raise ConfigError(f"line {rows.line_num} of {name} is {true!r}, {predicted!r}, {cost!r}", help)
        yield Rule(true, predicted, value)


def _folder() -> Traversable:
    return files("profond.measures").joinpath(BUILT_IN)
