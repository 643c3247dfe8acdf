"""A sample reduced to two short codes: one for equal, one for nearly equal; and a file to one that is cheap."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from profond.core.device import usable_cores
from profond.core.errors import ImageError
from profond.data.images.decoding import eight_bit, strips
from profond.data.locations import Location, Locations, Member

SIDE = 16
NEAR = 3.0
NEAR_WORST = 24
ENDS = 32 * 1024
"""Bytes at each end of a large file that its digest is of."""

READ = 20_000
"""Files of a split that are read for their digests; of a larger one every so manieth, and of the others the size."""

_BLOCK = 512
_PAIRS = 4096
_FEW = 2000


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


def of_signal(values: NDArray[np.float32]) -> Fingerprint:
    """Of a series of any length: equal for equal numbers in the same arrangement, whatever file they lie in."""
    shape = np.array(values.shape, dtype=np.int64).tobytes()
    digest = hashlib.blake2b(shape + np.ascontiguousarray(values).tobytes(), digest_size=16).digest()
    return Fingerprint(digest, None, (0, 0))


def of_tensor(samples: Tensor) -> list[str]:
    """A digest of each of n raw samples in memory, (n, …) of any type: 16 hexadecimal digits."""
    rows = samples.detach().cpu().contiguous()
    if rows.numel() == 0:
        return [""] * len(rows)
    kind = f"{rows.dtype} {tuple(rows.shape[1:])}".encode()
    data = rows.view(torch.uint8).numpy().reshape(-1).data.cast("B")
    width = len(data) // len(rows)
    start = hashlib.blake2b(kind, digest_size=8)
    digests = []
    for i in range(len(rows)):
        one = start.copy()
        one.update(data[i * width : (i + 1) * width])
        digests.append(one.hexdigest())
    return digests


def of_locations(locations: Locations) -> list[str]:
    """A digest of each file as it lies on the disk, whatever will be made of it.

    It is of all bytes of a file up to twice `ENDS`, and of the size and both ends of a larger one. Of more than `READ`
    files, only some are read, chosen by their names, and the others are known by their size: a million files would
    otherwise be opened before anything begins.

    Raises: ImageError when a file cannot be read.
    """
    every = -(-len(locations) // READ)

    def digest(index: int) -> str:
        location = locations[index]
        read = zlib.crc32(locations.identity(index).encode("utf-8", "surrogateescape")) % every == 0
        try:
            return _of_file(location, read)
        except OSError as error:
            raise ImageError(f"{location} cannot be read: {error.strerror}", "restore the file") from None

    if len(locations) < _FEW:
        return [digest(index) for index in range(len(locations))]
    with ThreadPoolExecutor(min(8, usable_cores())) as pool:  # reading waits for the disk
        return list(pool.map(digest, range(len(locations)), chunksize=256))


def _of_file(location: Location, read: bool) -> str:
    start, size = (location.offset, location.size) if isinstance(location, Member) else (0, os.stat(location).st_size)
    if not read:
        return f"{size} bytes"
    with open(location.archive if isinstance(location, Member) else location, "rb", buffering=0) as file:
        file.seek(start)
        found = hashlib.blake2b(size.to_bytes(8, "big"), digest_size=8)
        if size <= 2 * ENDS:
            found.update(file.read(size))
        else:
            found.update(file.read(ENDS))
            file.seek(start + size - ENDS)
            found.update(file.read(ENDS))
    return found.hexdigest()


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
