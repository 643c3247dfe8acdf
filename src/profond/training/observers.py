"""What may watch a training: it sees every step, log line and the end, and changes nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from torch import nn


@dataclass
class Progress:
    """Where a training stands.

    Args:
        step: steps done.
        total_steps: of the whole run.
        epoch: passes begun, from 0.
        seconds: of training so far, earlier parts of a resumed run included.
        model: the model as it is; look, do not touch.
    """

    step: int
    total_steps: int
    epoch: int
    seconds: float
    model: nn.Module


_SECONDS_BETWEEN_LINES = 5.0  # where there is no terminal, so that logs stay readable


class Observer(Protocol):
    def started(self, progress: Progress) -> None: ...

    def stepped(self, progress: Progress) -> None: ...

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None: ...

    def finished(self, progress: Progress) -> None: ...


class ProgressBar:
    """A bar with the time left and the latest metrics; plain lines when the stream is no terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._bar: Any = None
        self._shown: dict[str, str] = {}
        self._told_at = 0.0

    def started(self, progress: Progress) -> None:
        if self.stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=progress.total_steps, initial=progress.step, file=self.stream, unit="step", dynamic_ncols=True
            )

    def stepped(self, progress: Progress) -> None:
        if self._bar is not None:
            self._bar.update(progress.step - self._bar.n)

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        kept = ("step", "epoch", "split", "seconds", "learning_rate")
        prefix = "valid " if record["split"] == "valid" else ""
        numbers = {f"{prefix}{k}": f"{v:.4g}" for k, v in record.items() if k not in kept}
        if self._bar is not None:
            self._shown.update(numbers)
            self._bar.set_postfix(self._shown, refresh=False)
            return
        now = time.monotonic()
        last = progress.step == progress.total_steps
        if record["split"] != "valid" and not last and now - self._told_at < _SECONDS_BETWEEN_LINES:
            return
        self._told_at = now
        remaining = progress.seconds / max(1, progress.step) * (progress.total_steps - progress.step)
        metrics = "  ".join(f"{name} {value}" for name, value in numbers.items())
        print(
            f"step {progress.step}/{progress.total_steps}  epoch {record['epoch']:.2f}  {metrics}  "
            f"{progress.seconds:.1f} s, about {remaining:.0f} s left",
            file=self.stream,
            flush=True,
        )

    def finished(self, progress: Progress) -> None:
        if self._bar is not None:
            self._bar.close()


class TensorBoard:
    """The same numbers as ``metrics.jsonl``, for TensorBoard, in the run's folder."""

    def __init__(self, folder: Any) -> None:
        self.folder = folder
        self._writer: Any = None

    def started(self, progress: Progress) -> None:
        from tensorboardX import SummaryWriter

        # NOTE purge_step hides what a killed run had logged past its checkpoint
        self._writer = SummaryWriter(str(self.folder), purge_step=progress.step, flush_secs=10)

    def stepped(self, progress: Progress) -> None:
        pass

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        for name, value in record.items():
            if name not in ("step", "epoch", "split", "seconds"):
                self._writer.add_scalar(f"{record['split']}/{name}", value, record["step"])

    def finished(self, progress: Progress) -> None:
        self._writer.close()
