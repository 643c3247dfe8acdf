"""One sample drawn into a figure, whatever it is, and the colours of the words beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT, WRONG = "#20242c", "#8a93a3", "#b3261e"


def draw_sample(axes: Axes, sample: NDArray[Any], x: float, y: float, side: float) -> None:
    """One sample in a square of ``side`` inches whose top is at ``y`` and whose middle is at ``x``."""
    if sample.ndim == 4:  # a clip: its middle frame
        sample = sample[:, sample.shape[1] // 2]
    if sample.ndim == 2:
        _draw_signal(axes, sample, x, y, side)
        return
    pixels = sample.transpose(1, 2, 0).astype(np.float32)
    top = 255.0 if sample.dtype == np.uint8 or pixels.max() > 1 else 1.0
    pixels = np.clip(pixels / top, 0, 1)
    pixels = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1].repeat(3, axis=2)
    tall, wide = pixels.shape[:2]
    scale = side / max(tall, wide)
    half = wide * scale / 2
    extent = (x - half, x + half, y + (side + tall * scale) / 2, y + (side - tall * scale) / 2)
    axes.imshow(
        pixels, extent=extent, interpolation="nearest" if max(tall, wide) < 100 else "antialiased", aspect="auto"
    )


def _draw_signal(axes: Axes, sample: Sequence[Any] | NDArray[Any], x: float, y: float, side: float) -> None:
    values = np.asarray(sample, dtype=np.float64)
    values = values[:, : np.flatnonzero(~np.isnan(values).all(0))[-1] + 1]  # without what is not there
    low, high = np.nanmin(values), np.nanmax(values)
    height = (values - low) / max(high - low, 1e-12)
    across = np.linspace(x - side / 2, x + side / 2, values.shape[1])
    for channel in height:
        axes.plot(across, y + 0.05 + (1 - channel) * (side - 0.1), linewidth=0.8)
