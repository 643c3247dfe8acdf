"""A clip as pictures show it: some of its frames, each above the step at which it is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_FRAMES = 16


@dataclass(frozen=True)
class Clip:
    """A clip as the network reads it.

    Args:
        frames: uint8 (c t h w), grey or RGB.
    """

    frames: NDArray[np.uint8]

    def strip(self) -> list[tuple[int, Image.Image]]:
        """Frames at equal distances, the first and the last among them, with their steps."""
        count = self.frames.shape[1]
        steps = np.unique(np.linspace(0, count - 1, min(count, MOST_FRAMES)).round().astype(int))
        return [(int(step), Image.fromarray(self.frames[:, step].transpose(1, 2, 0).squeeze())) for step in steps]
