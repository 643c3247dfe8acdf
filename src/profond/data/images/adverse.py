"""Adverse conditions for pictures, each in severities 1 to 5: fog, rain, night, blur, occlusion, low resolution, JPEG.

What is done to a picture depends on its name, the condition and the seed alone; a higher severity does more of the
same, so that a curve over severities follows the same pictures. Lengths are shares of the picture's shorter side, so
that the conditions mean the same at any size.

Source: the idea of severities, D. Hendrycks and T. Dietterich, Benchmarking neural network robustness to common
corruptions and perturbations, ICLR 2019; these conditions and their strengths are our own.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, zoom
from torch import Tensor

from profond.core.errors import ConfigError, UnknownName
from profond.data.images.decoding import opening
from profond.data.locations import FileInMemory
from profond.data.split import ChangedSplit, Split

SEVERITIES = (1, 2, 3, 4, 5)
Pixels = NDArray[np.floating[Any]]
"""(h, w, channels), 0 to 1."""


def spoiled(raw: Tensor, condition: str, severity: int, name: str, seed: int = 0) -> Tensor:
    """One picture, uint8 (1 or 3, h, w), under a condition.

    Args:
        condition: one of `CONDITIONS`.
        severity: 1 to 5.
        name: of the picture, which decides where its rain falls and what hides it.
        seed: another seed, other rain.

    Raises: UnknownName, ConfigError.
    """
    if condition not in CONDITIONS:
        raise UnknownName("adverse condition", condition, CONDITIONS)
    if severity not in SEVERITIES:
        raise ConfigError(f"severity is {severity}", "use 1 to 5")
    random = np.random.default_rng((seed, zlib.crc32(f"{condition}/{name}".encode("utf-8", "surrogateescape"))))
    pixels = raw.permute(1, 2, 0).numpy().astype(np.float32) / 255
    changed = np.clip(CONDITIONS[condition](pixels, severity, random), 0, 1)
    return torch.from_numpy((changed * 255 + 0.5).astype(np.uint8)).permute(2, 0, 1).contiguous()


def under(split: Split, condition: str, severity: int, seed: int = 0) -> ChangedSplit:
    """The pictures of a split, uint8 (1 or 3, h, w), under a condition, made when they are needed.

    Args:
        condition, severity, seed: as `spoiled` takes them.
    """
    return ChangedSplit(split, partial(_spoiled, condition, severity, seed))


def _spoiled(condition: str, severity: int, seed: int, raw: Tensor, identity: str) -> Tensor:
    return spoiled(raw, condition, severity, identity, seed)


def _fog(pixels: Pixels, severity: int, random: np.random.Generator) -> Pixels:
    """Light scattered by the air: all goes towards a bright grey, in drifts."""
    dense = (0.3, 0.45, 0.58, 0.7, 0.8)[severity - 1]
    drifts = _cloud(pixels.shape[:2], random)
    share = np.clip(dense + 0.3 * (drifts - 0.5), 0, 0.95)[:, :, None]
    return pixels * (1 - share) + np.float32(0.82) * share


def _rain(pixels: Pixels, severity: int, random: np.random.Generator) -> Pixels:
    """Bright streaks that all fall the same way, and less contrast behind them."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    fine = 4  # streaks are thinner than a pixel of a small picture
    lean = random.uniform(-0.35, 0.35)
    image = Image.new("L", (width * fine, height * fine))
    drawing = ImageDraw.Draw(image)
    places = random.uniform(-0.1, 1.1, (150, 2))
    lengths = random.uniform(0.1, 0.3, 150)
    for (x, y), length in zip(places[: 30 * severity], lengths, strict=False):
        start = (x * width * fine, y * height * fine)
        end = (start[0] + lean * length * side * fine, start[1] + length * side * fine)
        drawing.line((*start, *end), fill=255, width=max(1, round(0.012 * side * fine)))
    streaks = np.asarray(image.resize((width, height), Image.Resampling.BOX), dtype=np.float32)[:, :, None] / 255
    veil = 0.06 * severity
    behind = pixels * (1 - veil) + np.float32(0.5) * veil
    return behind + (np.float32(0.85) - behind) * streaks * 0.8


def _night(pixels: Pixels, severity: int, random: np.random.Generator) -> Pixels:
    """Little light, and the noise of a sensor that has too little."""
    light = (0.5, 0.3, 0.18, 0.1, 0.06)[severity - 1]
    linear = pixels**2.2 * np.float32(light)
    noise = random.standard_normal(pixels.shape, dtype=np.float32)
    linear = linear + noise * np.sqrt(linear * 0.0015 + 0.00004)
    return np.clip(linear, 0, 1) ** np.float32(1 / 2.2)


def _blur(pixels: Pixels, severity: int, random: np.random.Generator) -> Pixels:
    """A lens that is out of focus."""
    deviation = (0.015, 0.025, 0.04, 0.06, 0.085)[severity - 1] * min(pixels.shape[:2])
    blurred: Pixels = gaussian_filter(pixels, (deviation, deviation, 0), mode="nearest")
    return blurred


def _occlusion(pixels: Pixels, severity: int, random: np.random.Generator) -> Pixels:
    """One dark thing before the picture, whose middle is anywhere in it."""
    height, width = pixels.shape[:2]
    side = np.sqrt((0.06, 0.12, 0.2, 0.3, 0.42)[severity - 1] * height * width)
    stretched = random.uniform(0.7, 1.4)
    middle = random.uniform(0.2, 0.8, 2) * (height, width)
    half = side / 2 * stretched, side / 2 / stretched
    down, right = np.arange(height)[:, None] - middle[0], np.arange(width)[None, :] - middle[1]
    inside = (np.abs(down) < half[0]) & (np.abs(right) < half[1])
    colour = np.asarray(random.uniform(0.1, 0.35, pixels.shape[2]), dtype=np.float32)
    return np.where(inside[:, :, None], colour, pixels)


def _low_resolution(pixels: Pixels, severity: int, random: np.random.Generator) -> Pixels:
    """As if it had been taken from further away and enlarged."""
    share = (0.5, 0.38, 0.29, 0.22, 0.17)[severity - 1]
    height, width = pixels.shape[:2]
    small = max(2, round(width * share)), max(2, round(height * share))
    image = _as_image(pixels).resize(small, Image.Resampling.BOX).resize((width, height), Image.Resampling.BILINEAR)
    return _as_pixels(image)


def _jpeg(pixels: Pixels, severity: int, random: np.random.Generator) -> Pixels:
    """Compressed until blocks show."""
    written = io.BytesIO()
    _as_image(pixels).save(written, "JPEG", quality=(30, 18, 11, 7, 4)[severity - 1])
    with opening(FileInMemory(written.getvalue(), "a JPEG")) as opened:
        return _as_pixels(opened.image)


CONDITIONS: dict[str, Callable[[Pixels, int, np.random.Generator], Pixels]] = {
    "fog": _fog,
    "rain": _rain,
    "night": _night,
    "blur": _blur,
    "occlusion": _occlusion,
    "low resolution": _low_resolution,
    "JPEG": _jpeg,
}
"""What is done, by name; each takes pixels, severity and a generator."""


def _cloud(size: tuple[int, int], random: np.random.Generator) -> Pixels:
    """Soft drifts over (h, w), 0 to 1."""
    coarse = random.random((4, 4), dtype=np.float32)
    cloud: Pixels = zoom(coarse, (size[0] / 4, size[1] / 4), order=1, grid_mode=True, mode="nearest")
    return cloud


def _as_image(pixels: Pixels) -> Image.Image:
    values = (pixels * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(values[:, :, 0] if values.shape[2] == 1 else values)


def _as_pixels(image: Image.Image) -> Pixels:
    values = np.asarray(image, dtype=np.float32) / 255
    return values[:, :, None] if values.ndim == 2 else values
