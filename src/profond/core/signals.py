"""Ctrl-C, SIGTERM and SIGHUP, from the first line of the command line to its last.

A program of ours that is told to stop says so in one line and exits with 130, whatever it is doing:

starting    nothing is open yet: it ends at once;
working     `Stop`, a KeyboardInterrupt, is raised where it is, so that everything tidies up (once a module that is
            being imported is whole); what comes within a second
            of that is passed over, for a key is often pressed twice, and later it ends at once;
ending      all is done and said: it ends at once, with the exit code that was decided.

NOTE this is the first of our files that the command line imports, so it imports little itself. Nothing here is done by
``import profond``: the signals of a program that uses the library are its own.
"""

from __future__ import annotations

import atexit
import os
import signal
import time
from types import FrameType

INTERRUPTED = 130
SAME_PRESS_SECONDS = 1.0
"""How long after the first signal others are taken for the same one, so that nothing is left half tidied up."""

AGAIN_SECONDS = 0.02
"""How soon a signal is looked at again that came while a module was imported."""


class Stop(KeyboardInterrupt):
    """NOTE a class of our own: where KeyboardInterrupt itself leaves code that was compiled from a text, as in every
    dataclass, Python ends by killing itself with SIGINT, even if it was caught further up."""


_stage = "away"  # then starting, working, perhaps stopping, and ending
_owner = 0
_code = INTERRUPTED
_first_at = 0.0
_raised = False
_waiting = False  # a signal came while a module was imported, and is looked at again in a moment


def stopping_signals() -> tuple[signal.Signals, ...]:
    """Those that ask a program to stop; not SIGHUP where it is ignored, as under ``nohup``."""
    found = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        found.append(hang_up)
    return tuple(found)


def listen() -> None:
    """From here on this process, and it alone, answers as said above. For a program's first line."""
    global _stage, _owner
    if _stage != "away":
        return
    _stage, _owner = "starting", os.getpid()
    for number in stopping_signals():
        signal.signal(number, _answer)
    atexit.register(_hear_no_more)  # the first to be registered is the last to be called


def working() -> None:
    """From here on a signal raises KeyboardInterrupt."""
    global _stage
    if _stage == "starting":
        _stage = "working"


def asked() -> None:
    """Somebody else has taken a signal, and stops the program in good order."""
    global _stage, _first_at
    if _stage == "working":
        _stage, _first_at = "stopping", time.monotonic()


def stopping() -> bool:
    """Whether a signal has come while the program worked."""
    return _stage == "stopping" or _waiting


def swallowed() -> bool:
    """Whether a signal was raised here as an exception, and the program still goes on: somebody has swallowed it; or
    was to be, and the program came to its end before that."""
    return (_stage == "stopping" and _raised) or _waiting


def ending(code: int) -> None:
    """From here on nothing is lost by ending at once, with this exit code."""
    global _stage, _code
    _code = code
    if _stage != "away":
        _stage = "ending"


def _answer(number: int, frame: FrameType | None) -> None:
    global _raised, _waiting
    if os.getpid() != _owner:
        answer_in_a_worker(number)
    elif _stage == "working":
        _waiting = _is_importing(frame) and _come_again(number)
        if _waiting:
            return
        asked()
        _raised = True
        raise Stop
    elif _stage == "stopping":
        if time.monotonic() - _first_at > SAME_PRESS_SECONDS:
            _end(INTERRUPTED, announced=False)
    else:
        _end(INTERRUPTED if _stage == "starting" else _code, announced=_stage == "ending")


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported: libraries that are half made swallow whatever is raised there."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _come_again(number: int) -> bool:
    """Have the same signal come again in a moment; False where the system has no such clock."""
    if not hasattr(signal, "setitimer"):
        return False
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
    signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
    return True


def answer_in_a_worker(number: int) -> None:
    """A worker was forked from us: Ctrl-C goes to it too, and we end it; SIGTERM alone may be meant for it."""
    if number == signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _end(code: int, *, announced: bool) -> None:
    try:
        if not announced:
            os.write(2, b"error: stopped\n")  # not through sys.stderr, which may be in the middle of a line
    except OSError:
        pass
    os._exit(code)


def _hear_no_more() -> None:
    """Python puts the usual actions back before its libraries have ended: a signal would then be a death by signal."""
    if os.getpid() == _owner:
        for number in stopping_signals():
            signal.signal(number, signal.SIG_IGN)


def deaf_in_workers() -> None:
    """For a worker process: Ctrl-C and hanging up go to the whole group, and the parent ends its workers."""
    for number in stopping_signals():
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
