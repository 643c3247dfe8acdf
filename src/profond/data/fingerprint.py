"""A sample reduced to two short codes: one for equal, one for nearly equal."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from profond.data.images import eight_bit, strips

SIDE = 16
NEAR = 3.0
NEAR_WORST = 24
_BLOCK = 512
_PAIRS = 4096


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a sample for comparing.

    Args:
        exact: a hash of shape and pixels, equal only for equal pictures, whatever file format holds them.
        shape: the picture shrunk to 16×16 colour, uint8 (768,); None for signals and clips.
        size: height and width of the picture; (0, 0) for others.
    """

    exact: bytes
    shape: NDArray[np.uint8] | None
    size: tuple[int, int]


def of_image(image: Image.Image) -> Fingerprint:
    """Of a picture as the model sees it: 8-bit colour, transparency on white."""
    colour = eight_bit(image, "RGB")
    small = np.asarray(colour.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.uint8).reshape(-1)
    digest = hashlib.blake2b(digest_size=16, salt=_salt(colour.size))
    for _, strip in strips(colour):
        digest.update(strip.tobytes())
    return Fingerprint(digest.digest(), small, (colour.height, colour.width))


def of_pixels(sample: NDArray[Any]) -> Fingerprint:
    """Of a raw sample: (1 or 3, h, w) uint8 is a picture, all else is only compared for equality."""
    if sample.dtype == np.uint8 and sample.ndim == 3 and sample.shape[0] in (1, 3):
        height, width = sample.shape[1:]
        planes = np.broadcast_to(sample, (3, height, width)).transpose(1, 2, 0)
        return of_image(Image.fromarray(np.ascontiguousarray(planes)))
    digest = hashlib.blake2b(np.ascontiguousarray(sample).tobytes(), digest_size=16).digest()
    return Fingerprint(digest, None, (0, 0))


def near_groups(prints: Sequence[Fingerprint]) -> list[list[int]]:
    """Sets of pictures, each nearly equal to another of its set: 16×16 versions differ by less than 3 of 255 on
    average and by less than 24 anywhere.

    Found are copies that were resized, re-compressed or converted; not crops, mirror images or other photographs of
    the same thing. All pairs are compared, through one matrix product for each block of rows.
    """
    if len(prints) < 2:
        return []
    shapes = np.stack([p.shape for p in prints if p.shape is not None]).astype(np.float32)
    assert len(shapes) == len(prints)
    # NOTE mean |a - b| < NEAR and max |a - b| < NEAR_WORST give |a - b|² < NEAR × NEAR_WORST × length: a cheap sieve.
    bound = NEAR * NEAR_WORST * shapes.shape[1]
    squares = np.square(shapes).sum(1)
    sets = Sets(len(shapes))
    for start in range(0, len(shapes), _BLOCK):
        block = shapes[start : start + _BLOCK]
        distance = squares[start : start + _BLOCK, None] + squares[None, start:] - 2 * (block @ shapes[start:].T)
        rows, columns = np.nonzero(np.triu(distance < bound, 1))
        for first in range(0, len(rows), _PAIRS):
            a, b = rows[first : first + _PAIRS] + start, columns[first : first + _PAIRS] + start
            difference = np.abs(shapes[a] - shapes[b])
            near = (difference.mean(1) < NEAR) & (difference.max(1) < NEAR_WORST)
            for i, j in zip(a[near].tolist(), b[near].tolist(), strict=True):
                sets.join(i, j)
    return sets.groups()


class Sets:
    """Numbers 0 to n - 1 in sets that are joined until those that belong together are together."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def join(self, one: int, other: int) -> None:
        a, b = sorted((self._root(one), self._root(other)))
        self._parent[b] = a

    def groups(self) -> list[list[int]]:
        """The sets of more than one, in order."""
        found: dict[int, list[int]] = {}
        for i in range(len(self._parent)):
            found.setdefault(self._root(i), []).append(i)
        return [group for group in found.values() if len(group) > 1]

    def _root(self, i: int) -> int:
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i


def _salt(size: tuple[int, int]) -> bytes:
    return size[0].to_bytes(8, "big") + size[1].to_bytes(8, "big")
