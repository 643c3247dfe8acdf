"""What is probably not meant, as a warning at the line of the user's program."""

from __future__ import annotations

import sys
import warnings


def warn(text: str) -> None:
    """A `UserWarning` that points at the first line outside this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "profond":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level + 1)
