"""What a run says of one sample: the task's answer, and where the sample came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from profond.tasks.task import Answer, InRows


@dataclass(frozen=True)
class Prediction:
    """What the run says of one image or series.

    Whatever the task's answer holds is an attribute of the prediction too, such as the label of a classification.

    Args:
        source: the path, or ``image 0`` for the first of several in memory.
        answer: the task's.
    """

    source: str
    answer: Answer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "answer" not in self.__dict__:  # while it is copied or unpickled there is no answer
            raise AttributeError(name)
        return getattr(self.answer, name)

    def line(self) -> str:
        """One line for a terminal: the source, then the answer; columns parted by tabs."""
        return f"{self.source}\t{self.answer.line()}"

    def row(self) -> dict[str, Any]:
        """One row of a table: columns by name."""
        return {"path": self.source, **self.answer.row()}

    def rows(self) -> list[dict[str, Any]]:
        """All rows of a table: one, or as many as the answer has."""
        if isinstance(self.answer, InRows):
            return [{"path": self.source, **row} for row in self.answer.rows()]
        return [self.row()]

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source, **self.answer.to_json()}
