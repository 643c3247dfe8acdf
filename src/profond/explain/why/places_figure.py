"""Where a network looked for each word that it wrote of a picture: the picture once for each word, lit there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from profond.explain.draw.drawing import Panel, Sheet, fit, show

_SIDE = 150
_IN_A_ROW = 5
_LIGHT = np.array([230.0, 159.0, 0.0])


def draw_places(
    picture: Image.Image,
    words: Sequence[str],
    weights: NDArray[np.float32],
    *,
    name: str,
    model: str,
    text: str,
) -> Figure:
    """One panel for each word.

    Args:
        picture: as the model sees it.
        words: what was written, piece by piece.
        weights: (words, rows, columns) of the places; those of a word sum to 1.
        name: of the picture, for people.
        model: likewise.
        text: all that was written.
    """
    size = fit(*picture.size, (_SIDE, _SIDE))
    sheet = Sheet(f"{name}: {text}", f"{model}; orange is where it looked when it wrote the word, white nowhere")
    panels = [_panel(light(picture, row), size, word, row) for word, row in zip(words, weights, strict=True)]
    for start in range(0, len(panels), _IN_A_ROW):
        sheet.row(*panels[start : start + _IN_A_ROW], gap=18)
    return sheet.figure()


def _panel(lit: Image.Image, size: tuple[float, float], word: str, weights: NDArray[np.float32]) -> Panel:
    return Panel(*size, lambda axes: show(axes, lit, size), word, f"greatest: {100 * float(weights.max()):.0f} %")


def light(picture: Image.Image, weights: NDArray[np.float32]) -> Image.Image:
    """A pale picture, orange where the weights (rows, columns) are; the greatest of them is full."""
    shown = picture.convert("L").resize((4 * picture.width, 4 * picture.height), Image.Resampling.NEAREST)
    plane = Image.fromarray((weights / weights.max()).astype(np.float32)).resize(shown.size, Image.Resampling.BICUBIC)
    share = np.clip(np.asarray(plane, dtype=np.float64), 0, 1)[..., None]
    grey = np.asarray(shown, dtype=np.float64)[..., None]
    pale = 255 - grey * 0.75 if float(grey.mean()) < 128 else 255 - (255 - grey) * 0.75  # ink is dark on paper
    mixed = pale * (1 - 0.65 * share) + _LIGHT * 0.65 * share
    return Image.fromarray(np.rint(mixed).astype(np.uint8))
