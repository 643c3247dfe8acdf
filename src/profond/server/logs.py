"""One JSON object a line, on standard error: what happened, and nothing of what was sent."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_on = True


def silence(quiet: bool) -> None:
    """Whether only what went wrong is said."""
    global _on
    _on = not quiet


def say(event: str, *, level: str = "info", **facts: Any) -> None:
    """Write one line."""
    if not _on and level == "info":
        return
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    try:
        sys.stderr.write(json.dumps({"time": now, "level": level, "event": event, **facts}) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads it any longer: answering goes on
        pass


def fault(error: BaseException) -> None:
    """What went wrong in our own code, and where; not with what, for that may be what was sent."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}"
    say("fault", level="error", error=type(error).__name__, where=where)


class Lines(logging.Handler):
    """What uvicorn has to say, such as of a request that is no HTTP, in lines like ours."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            fault(record.exc_info[1])
        else:
            say("http", level=record.levelname.lower(), message=record.getMessage().strip())


def take_over() -> None:
    """Have uvicorn's warnings come as lines of ours."""
    logger = logging.getLogger("uvicorn")
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    if not any(isinstance(one, Lines) for one in logger.handlers):
        logger.addHandler(Lines())
