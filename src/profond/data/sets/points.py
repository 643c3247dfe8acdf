"""Points of a plane whose distribution is known, so that a generator can be held to it: ring, grid, moons, a drawing.

The mode that each point was drawn from is kept as ``marks["mode"]``, int64 (n), of ring and grid; of the moons, which
have no middles, ``marks["moon"]``.

Source: eight Gaussians in a ring, L. Metz et al., Unrolled Generative Adversarial Networks, ICLR 2017 (radius 2,
deviation 0.02); 25 Gaussians in a grid, A. Srivastava et al., VEEGAN: Reducing Mode Collapse in GANs using Implicit
Variational Learning, NeurIPS 2017 (−4 to 4, deviation 0.05). Deviation: both are scaled so that they reach from −1 to
1, as pictures do; the shares of deviation and distance are those published.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from profond.core.config import Integer
from profond.core.errors import DataError
from profond.core.randomness import numpy_generator
from profond.core.spec import Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.images.decoding import eight_bit, opening
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit

RING_DEVIATION = 0.01
GRID_DEVIATION = 0.0125
Count = Annotated[Integer, Field(ge=2, le=1_000_000)]
_LIGHTEST = 16
"""Of 255: how much darker than white a pixel must be to belong to a drawing; paper is not quite white."""
_LARGEST = 512
"""Pixels of a drawing's longer side; a larger one is made smaller first."""


@register_data("ring", splits={"train": 10_000, "test": 2_500})
def ring(train_points: Count = 10_000, test_points: Count = 2_500, seed: int = 0) -> Dataset:
    """Points of eight Gaussians in a ring, to be generated.

    Args:
        train_points: to learn from.
        test_points: to measure with.
        seed: another seed, other points.
    """
    return _of_modes("ring", ring_centres(), RING_DEVIATION, (train_points, test_points), seed)


@register_data("grid", splits={"train": 10_000, "test": 2_500})
def grid(train_points: Count = 10_000, test_points: Count = 2_500, seed: int = 0) -> Dataset:
    """Points of 25 Gaussians in a grid, to be generated.

    Args:
        train_points: to learn from.
        test_points: to measure with.
        seed: another seed, other points.
    """
    return _of_modes("grid", grid_centres(), GRID_DEVIATION, (train_points, test_points), seed)


@register_data("two_moons", splits={"train": 10_000, "test": 2_500})
def two_moons(
    train_points: Count = 10_000,
    test_points: Count = 2_500,
    noise: Annotated[float, Field(ge=0, le=1)] = 0.05,
    seed: int = 0,
) -> Dataset:
    """Points of two half circles that reach into each other, to be generated.

    Args:
        train_points: to learn from.
        test_points: to measure with.
        noise: deviation of the points from the half circles, which have a radius of 2/3.
        seed: another seed, other points.
    """
    splits = {}
    for name, count in (("train", train_points), ("test", test_points)):
        random = numpy_generator(seed, "two_moons", name)
        moon = random.integers(2, size=count)
        angle, sign = random.uniform(0, math.pi, count), 1 - 2 * moon
        half_circles = np.stack([sign * (np.cos(angle) - 0.5), sign * (np.sin(angle) - 0.25)], 1) / 1.5
        splits[name] = _split(half_circles + random.normal(0, noise, (count, 2)), name, {"moon": moon})
    return _dataset("two_moons", splits, "made here")


@register_data("drawing", splits={"train": 10_000, "test": 2_500})
def drawing(path: str = "", train_points: Count = 10_000, test_points: Count = 2_500, seed: int = 0) -> Dataset:
    """Points that lie as a drawing of yours is dark: --set data.path=mine.png; a spiral without one.

    Args:
        path: of a picture; the darker a pixel, the more points it has. Its longer side reaches from −1 to 1.
        train_points: to learn from.
        test_points: to measure with.
        seed: another seed, other points.

    Raises: DataError for a picture that is not there, or has nothing dark on it; ImageError for one that is damaged.
    """
    dark = _darkness(Path(path).expanduser()) if path else _spiral()
    height, width = dark.shape
    share = dark.ravel() / dark.sum()
    splits = {}
    for name, count in (("train", train_points), ("test", test_points)):
        random = numpy_generator(seed, "drawing", name)
        row, column = np.divmod(random.choice(dark.size, count, p=share), width)
        across, down = column + random.random(count), row + random.random(count)
        points = np.stack([across - width / 2, height / 2 - down], 1) * (2 / max(height, width))
        splits[name] = _split(points, name)
    return _dataset("drawing", splits, f"drawn after {path}" if path else "made here")


def ring_centres() -> Float[Tensor, "8 2"]:
    """The middles of the ring's modes, in their order, on a circle of radius 1."""
    angle = torch.arange(8, dtype=torch.float64) * (math.tau / 8)
    return torch.stack([angle.cos(), angle.sin()], 1).float()


def grid_centres() -> Float[Tensor, "25 2"]:
    """The middles of the grid's modes, in their order, half a unit apart."""
    side = torch.linspace(-1, 1, 5)
    return torch.cartesian_prod(side, side)


def _of_modes(
    name: str, centres: Float[Tensor, "modes 2"], deviation: float, counts: tuple[int, int], seed: int
) -> Dataset:
    splits = {}
    for split, count in zip(("train", "test"), counts, strict=True):
        random = numpy_generator(seed, name, split)
        mode = random.integers(len(centres), size=count)
        points = centres.numpy()[mode] + random.normal(0, deviation, (count, 2))
        splits[split] = _split(points, split, {"mode": mode})
    return _dataset(name, splits, "made here")


def _split(points: NDArray[np.float64], name: str, known: Mapping[str, NDArray[np.int64]] | None = None) -> TensorSplit:
    samples = torch.from_numpy(points.astype(np.float32))
    marks = {what: torch.from_numpy(numbers) for what, numbers in (known or {}).items()}
    return TensorSplit(samples, torch.zeros(len(samples), dtype=torch.int64), name, marks=marks)


def _dataset(name: str, splits: dict[str, TensorSplit], source: str) -> Dataset:
    return Dataset(name, Spec((2,), "c", (-1.0, 1.0)), Preprocessing(scale=1.0), dict(splits), source)


def _darkness(path: Path) -> NDArray[np.float64]:
    """How dark each pixel of a picture is (h, w), 0 for paper."""
    if not path.is_file():
        raise DataError(f"there is no drawing {path}", "check the path: --set data.path=mine.png")
    with opening(path) as opened:
        picture = eight_bit(opened.image, "L")
        picture.thumbnail((_LARGEST, _LARGEST))
        dark = 255.0 - np.asarray(picture, dtype=np.float64)
    dark[dark < _LIGHTEST] = 0
    if not dark.any():
        raise DataError(f"{path} is white all over, and points lie where a drawing is dark", "draw in black on white")
    return dark


def _spiral() -> NDArray[np.float64]:
    """A line that turns twice around the middle."""
    side = 128
    dark = np.zeros((side, side))
    turn = np.linspace(0, 2 * math.tau, 4000)
    radius = (0.15 + 0.75 * turn / turn[-1]) * side / 2
    rows, columns = side / 2 + radius * np.sin(turn), side / 2 + radius * np.cos(turn)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            dark[rows.astype(int) + down, columns.astype(int) + across] = 255
    return dark
