"""One JSON object a line, on standard error: what happened, and nothing of what was sent."""

from __future__ import annotations

import json
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
