"""Drawings in SVG brought to pixels, on white."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from profond.core.errors import MissingError


def renderer() -> Any:
    """The module resvg_py. Raises: MissingError."""
    try:
        import resvg_py
    except ImportError:
        raise MissingError(
            "drawings are rendered by resvg-py, which is not installed", "pip install 'profond[drawn]'"
        ) from None
    return resvg_py


def render(svg: str, size: int) -> NDArray[np.uint8]:
    """A square drawing as pixels (3, size, size) on white, with no font of the system. Raises: MissingError."""
    png = renderer().svg_to_bytes(svg_string=svg, width=size, height=size, background="#ffffff", skip_system_fonts=True)
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
