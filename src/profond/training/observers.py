"""What may watch a training: it sees every step, log line and the end, and changes nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
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
        kept: what is validated and kept: the average of its weights where there is one, else the model.
    """

    step: int
    total_steps: int
    epoch: int
    seconds: float
    model: nn.Module
    kept: nn.Module


_SECONDS_BETWEEN_LINES = 5.0  # where there is no terminal, so that logs stay readable
_SECONDS_BETWEEN_FLUSHES = 10.0  # of what TensorBoard reads


class Observer(Protocol):
    def started(self, progress: Progress) -> None: ...

    def stepped(self, progress: Progress) -> None: ...

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None: ...

    def finished(self, progress: Progress) -> None: ...


class Losses:
    """Keeps the loss of each record, that of all phases together; with ``log_every_steps=1`` of each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def started(self, progress: Progress) -> None:
        pass

    def stepped(self, progress: Progress) -> None:
        pass

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        found = [value for name, value in record.items() if name == "loss" or name.endswith("/loss")]
        if found:  # a validation's record has none
            self.losses.append(sum(found))

    def finished(self, progress: Progress) -> None:
        pass


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
    """The same numbers as ``metrics.jsonl``, for TensorBoard, in the run's folder.

    It is a mirror and no more: where it cannot be written, that is said once, and the training goes on without it.

    NOTE the records are written here and at once. tensorboardX's own `SummaryWriter` writes them from a thread, where
    a full disk ends the thread with a traceback and the training with it, as soon as its queue is full.

    Args:
        folder: of the run.
        warn: told why there is no mirror any more; by default a line on standard error.
    """

    def __init__(self, folder: Path | str, warn: Callable[[str], None] | None = None) -> None:
        self.folder = Path(folder)
        self.warn = warn or tell_warning
        self._file: Any = None
        self._flushed_at = 0.0

    def started(self, progress: Progress) -> None:
        with self._going_on_without():
            from tensorboardX.proto.event_pb2 import Event, SessionLog
            from tensorboardX.record_writer import RecordWriter

            now = time.time()
            name = f"events.out.tfevents.{int(now)}.{socket.gethostname()}.{os.getpid()}"
            self._file = RecordWriter(str(self.folder / name))
            self._write(Event(wall_time=now, file_version="brain.Event:2"))
            # NOTE what a killed run had logged past its checkpoint is hidden by this
            self._write(Event(wall_time=now, step=progress.step, session_log=SessionLog(status=SessionLog.START)))
            self._file.flush()

    def stepped(self, progress: Progress) -> None:
        pass

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        with self._going_on_without():
            for name, value in record.items():
                if name not in ("step", "epoch", "split", "seconds"):
                    summary = scalar(f"{record['split']}/{name}", value)
                    self._write(Event(wall_time=time.time(), step=record["step"], summary=summary))
            if time.monotonic() - self._flushed_at > _SECONDS_BETWEEN_FLUSHES:
                self._file.flush()
                self._flushed_at = time.monotonic()

    def finished(self, progress: Progress) -> None:
        if self._file is not None:
            with self._going_on_without():
                self._file.flush()
            self._close()

    def _write(self, event: Any) -> None:
        self._file.write(event.SerializeToString())

    @contextlib.contextmanager
    def _going_on_without(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._close()
            self.warn(
                f"TensorBoard's file is not written any more: {error.strerror or error}; metrics.jsonl has it all"
            )

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


def tell_warning(text: str) -> None:
    """One line on standard error."""
    with contextlib.suppress(OSError):
        print(f"warning: {text}", file=sys.stderr, flush=True)
