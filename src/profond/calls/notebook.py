"""Progress and figures where a notebook shows them."""

from __future__ import annotations

import base64
import html
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from profond.training.observers import Observer, Progress

_SECONDS_BETWEEN_LOOKS = 0.2


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, which shows HTML and pictures."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def observers(progress: bool | None) -> Sequence[Observer]:
    """What watches a training.

    Args:
        progress: None shows it in a notebook and on a terminal, and nothing where nobody looks.
    """
    shown = progress if progress is not None else not os.environ.get("PROFOND_QUIET")
    if shown and in_notebook():
        show_figures()
        return (NotebookProgress(),)
    from profond.training.observers import ProgressBar  # not above: opening a run must not import torch

    return (ProgressBar(),) if shown and (progress or sys.stderr.isatty()) else ()


def show_figures() -> None:
    """Have a notebook draw a Matplotlib figure that is the last word of a cell, as it does after ``%matplotlib``."""
    if not in_notebook():
        return
    formatter = sys.modules["IPython"].get_ipython().display_formatter.formatters["image/png"]
    from matplotlib.figure import Figure

    try:
        formatter.lookup_by_type(Figure)
    except KeyError:
        formatter.for_type(Figure, png)


def png(figure: Figure) -> bytes:
    """A figure as a picture."""
    import io

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi, facecolor="white", bbox_inches="tight")
    return buffer.getvalue()


def inline(figure: Figure) -> str:
    """A figure as HTML that needs no file beside it."""
    return f'<img src="data:image/png;base64,{base64.b64encode(png(figure)).decode()}">'


class NotebookProgress:
    """A bar with the time left and the latest metrics, in the output of a cell.

    NOTE not tqdm's own: its bar for notebooks needs ipywidgets, and shows nothing in a notebook that is kept.
    """

    def __init__(self) -> None:
        self._shown: Any = None
        self._metrics: dict[str, str] = {}
        self._looked_at = 0.0

    def started(self, progress: Progress) -> None:
        from IPython.display import display

        shown: Any = display  # IPython has no types
        self._shown = shown(self._bundle(progress), raw=True, display_id=True)

    def stepped(self, progress: Progress) -> None:
        if time.monotonic() - self._looked_at > _SECONDS_BETWEEN_LOOKS:
            self._update(progress)

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        aside = ("step", "epoch", "split", "seconds", "learning_rate")
        prefix = "valid " if record["split"] == "valid" else ""
        self._metrics |= {f"{prefix}{name}": f"{value:.4g}" for name, value in record.items() if name not in aside}

    def finished(self, progress: Progress) -> None:
        self._update(progress)

    def _update(self, progress: Progress) -> None:
        self._looked_at = time.monotonic()
        if self._shown is not None:
            self._shown.update(self._bundle(progress), raw=True)

    def _bundle(self, progress: Progress) -> dict[str, str]:
        left = progress.seconds / max(1, progress.step) * (progress.total_steps - progress.step)
        words = f"step {progress.step} of {progress.total_steps}, {progress.seconds:.1f} s"
        if progress.step < progress.total_steps:
            words += f", about {left:.0f} s left" if progress.step else ""
        metrics = "  ".join(f"{name} {value}" for name, value in self._metrics.items())
        bar = f'<progress value="{progress.step}" max="{progress.total_steps}" style="width: 20em"></progress>'
        return {
            "text/plain": f"{words}  {metrics}".strip(),
            "text/html": f"<div>{bar} {html.escape(words)}<br><small>{html.escape(metrics)}</small></div>",
        }
