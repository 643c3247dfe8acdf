"""Processes of their own that a test starts."""

from __future__ import annotations

import os
from pathlib import Path

import profond

SOURCES = str(Path(profond.__file__).parents[1])
"""Where the package is that is tested.

NOTE not the whole of `sys.path`, to which other tests add what no user has, such as a torchvision of another PyTorch.
"""


def environment(**more: str) -> dict[str, str]:
    """That of a process that imports the package that is tested."""
    return {**os.environ, "PYTHONPATH": SOURCES, **more}
