"""Ctrl-C, SIGTERM and SIGHUP ask the loop to stop at the next step; a second Ctrl-C stops at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from profond.core import signals
from profond.core.errors import Interrupted
from profond.core.run import Run


class StopRequest:
    """Whether a stop was asked for."""

    def __init__(self) -> None:
        self.asked = False


@contextlib.contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Within the context signals set the request; outside the main thread it is never set."""
    request, owner = StopRequest(), os.getpid()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = {number: signal.getsignal(number) for number in signals.stopping_signals()}

    def handle(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a worker that was forked meanwhile has this handler too
            signals.answer_in_a_worker(number)
            return
        if request.asked and number == signal.SIGINT:
            raise signals.Stop
        request.asked = True
        signals.asked()

    for number in previous:
        signal.signal(number, handle)
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def interrupted(step: int, total_steps: int, run: Run | None) -> Interrupted:
    """What a training that was stopped says, and how it is continued."""
    where = f"stopped at step {step} of {total_steps}"
    if run is None:
        return Interrupted(where)
    return Interrupted(f"{where}; the checkpoint is saved", f"`profond runs resume {run.path}` continues it")
