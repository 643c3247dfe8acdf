"""A text that is to be answered for: no tensor and no file, so that it costs nothing to name it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A text with a name.

    Args:
        text: as it is written.
        source: what people call it, such as a file and a line.
        file: the file of many that it is one of; empty where it came alone.
    """

    text: str
    source: str
    file: str = ""

    def __str__(self) -> str:
        return self.source
