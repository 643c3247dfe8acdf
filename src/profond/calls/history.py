"""The metrics of a training, step by step: a small table that draws itself."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from profond.core.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_PLACE = ("step", "epoch", "split", "seconds")
_SHOWN = 10


class History(Sequence[Mapping[str, Any]]):
    """What ``metrics.jsonl`` of a run holds: one row for each line, with ``step`` and ``split``.

        trained.history[-1]["loss"]
        steps, losses = trained.history.column("loss", "valid")
        trained.history.figure()

    ``pandas.DataFrame(trained.history)`` makes a data frame of it.

    Args:
        rows: in the order in which they were logged.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = list(rows)

    @classmethod
    def of(cls, run: Run) -> History:
        """Raises: ConfigError when the file is damaged."""
        return cls(list(run.metrics()))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> History: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | History:
        return History(self.rows[index]) if isinstance(index, slice) else self.rows[index]

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)

    @property
    def splits(self) -> list[str]:
        """``train``, and ``valid`` where something was validated on."""
        return list(dict.fromkeys(row["split"] for row in self.rows))

    @property
    def metrics(self) -> list[str]:
        """Names of all that was measured."""
        return list(dict.fromkeys(name for row in self.rows for name in row if name not in _PLACE))

    def column(self, metric: str, split: str | None = None) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The steps at which a metric was measured, and its values (n), (n).

        Args:
            split: by default the last one that has this metric: ``valid`` where there is one.

        Raises: UnknownName.
        """
        from profond.core.errors import UnknownName

        if metric not in self.metrics:
            raise UnknownName("metric", metric, self.metrics)
        having = [name for name in self.splits if any(metric in row for row in self.rows if row["split"] == name)]
        if split is not None and split not in having:
            raise UnknownName("split", split, having)
        chosen = split or having[-1]
        rows = [row for row in self.rows if row["split"] == chosen and metric in row]
        return np.array([row["step"] for row in rows]), np.array([row[metric] for row in rows], dtype=np.float64)

    def figure(self, *metrics: str) -> Figure:
        """Each metric over the steps, a line for each split.

        Args:
            metrics: by default all but the learning rate.

        Raises: UnknownName.
        """
        from matplotlib.figure import Figure

        from profond.calls.notebook import show_figures

        show_figures()
        chosen = metrics or [name for name in self.metrics if name != "learning_rate"] or self.metrics
        figure = Figure(figsize=(4.5 * max(1, len(chosen)), 3.2), layout="constrained")
        for axes, metric in zip(figure.subplots(1, max(1, len(chosen)), squeeze=False)[0], chosen, strict=False):
            self.column(metric)
            for split in self.splits:
                rows = [(row["step"], row[metric]) for row in self.rows if row["split"] == split and metric in row]
                if rows:
                    axes.plot(*zip(*rows, strict=True), marker="." if len(rows) < 50 else "", label=split)
            axes.set_xlabel("step")
            axes.set_title(metric.replace("_", " "))
            axes.legend(frameon=False)
        return figure

    def __repr__(self) -> str:
        if not self.rows:
            return "History: nothing was logged yet"
        names = ["step", "split", *self.metrics]
        shown = self.rows[-_SHOWN:]
        cells = [names, *([_cell(row.get(name)) for name in names] for row in shown)]
        widths = [max(len(row[place]) for row in cells) for place in range(len(names))]
        lines = ["  ".join(f"{text:>{width}}" for text, width in zip(row, widths, strict=True)) for row in cells]
        if len(self.rows) > _SHOWN:
            lines.insert(1, f"… {len(self.rows) - _SHOWN} rows before these")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from profond.calls.notebook import inline

        return f"<pre>{html.escape(repr(self))}</pre>" + (inline(self.figure()) if self.rows else "")


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
