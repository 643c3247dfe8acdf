"""The proof: what was exported says the same as the network in Python, on pictures of every kind, or on examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from profond.core.errors import Unequal
from profond.data.images.decoding import eight_bit
from profond.export.leaving import LENGTHS, Leaving
from profond.export.samples import changed, pictures
from profond.runtime.engines.engine import Engine

SAMPLES = 200
BATCHES = (1, 2, 7)
TOLERANCE = 1e-3
"""Of probabilities; of other numbers relative to their greatest, where that is more than 1."""
_LARGE = 1_000_000
"""Pixels from which on a picture comes alone, for memory."""

Batch = tuple[str, dict[str, NDArray[Any]], tuple[Tensor, ...]]
"""What it is, the inputs of the file, and those of the network as Profond prepares them."""


@dataclass(frozen=True)
class Verified:
    """What a proof found.

    Args:
        samples: inputs that were compared.
        largest: difference; relative where numbers are large.
        engine: what computed the file, with its version.
        classes: whether labels were compared as well.
    """

    samples: int
    largest: float
    engine: str
    classes: bool

    def line(self) -> str:
        what = "labels equal, probabilities" if self.classes else "answers"
        return f"verified on {self.samples} inputs: {what} within {self.largest:.1e}"

    def to_json(self) -> dict[str, Any]:
        own = "Profond's own answers"
        return {"samples": self.samples, "largest": self.largest, "against": own, "engine": self.engine}


@torch.inference_mode()
def verify(
    leaving: Leaving,
    engine: Engine,
    engine_name: str,
    own: Sequence[Image.Image] = (),
    samples: int = SAMPLES,
    tolerance: float = TOLERANCE,
    progress: Callable[[int], Any] = lambda count: None,
) -> Verified:
    """Compare answers, batches of 1, 2 and 7.

    Args:
        engine: has opened what was exported.
        own: pictures of the data that the network was trained with.
        progress: called with the number of inputs that were compared.

    Raises: Unequal where a label differs, or a number by more than the tolerance.
    """
    classes = list(leaving.part.answer.get("classes", ())) if leaving.part.answer.get("kind") == "classes" else []
    largest, seen = 0.0, 0
    names = [one.name for one in leaving.outputs]
    for what, given, prepared in _batches(leaving, own, samples):
        expected = leaving.module(*prepared)
        values = [expected] if isinstance(expected, Tensor) else list(expected)
        found = engine.run(given)
        for name, value in zip(names, values, strict=True):
            largest = max(largest, _difference(found[name], value.numpy(), name, what, tolerance))
        if classes and "label" in found:
            _compare_labels(values[0].numpy(), list(found["label"]), classes, what)
        elif classes:
            best = found[names[0]].argmax(1)
            _compare_labels(values[0].numpy(), [classes[number] for number in best], classes, what)
        seen += len(values[0])
        progress(len(values[0]))
    return Verified(seen, largest, engine_name, bool(classes))


def _difference(found: NDArray[Any], own: NDArray[Any], name: str, what: str, tolerance: float) -> float:
    """Raises: Unequal."""
    if found.shape != own.shape:
        raise _unequal(what, f"{name} is {found.shape}, and in Python {own.shape}")
    if found.dtype == np.uint8 and own.dtype == np.uint8:  # levels of pictures: a number may lie between two
        levels = int(np.abs(found.astype(np.int16) - own).max(initial=0))
        if levels > 1:
            raise _unequal(what, f"{name} differs by {levels} levels of 255, and one is allowed")
        return levels / 255
    if found.dtype.kind not in "fc":
        if not np.array_equal(found, own):
            raise _unequal(what, f"{name} differs")
        return 0.0
    finite = np.isfinite(own)
    if not np.array_equal(finite, np.isfinite(found)):
        raise _unequal(what, f"{name} is finite elsewhere")
    if not finite.any():
        return 0.0
    scale = max(1.0, float(np.abs(own[finite]).max()))
    largest = float(np.abs(found[finite].astype(np.float64) - own[finite]).max()) / scale
    if largest > tolerance:
        raise _unequal(what, f"{name} differs by {largest:.2g}, and {tolerance:g} is allowed")
    return largest


def _compare_labels(own: NDArray[Any], found: Sequence[str], classes: Sequence[str], what: str) -> None:
    """Two that are equally probable, up to rounding, may stand for each other. Raises: Unequal."""
    for row, label in zip(own, found, strict=True):
        if row[classes.index(label)] < row.max() - 1e-6:
            raise _unequal(what, f"the label is {label!r}, and in Python {classes[int(row.argmax())]!r}")


def _unequal(what: str, how: str) -> Unequal:
    return Unequal(
        f"the exported file does not say what the network says: {how} ({what})",
        "nothing was written; another --format may be right, and `profond predict` always is",
    )


def _batches(leaving: Leaving, own: Sequence[Image.Image], samples: int) -> Iterator[Batch]:
    return _of_pictures(leaving, own, samples) if leaving.pictures else _of_examples(leaving, samples)


def _of_pictures(leaving: Leaving, own: Sequence[Image.Image], samples: int) -> Iterator[Batch]:
    preprocessing = leaving.preprocessing
    assert preprocessing is not None
    mode = preprocessing.mode
    assert mode is not None
    sides = preprocessing.size or (64, 64)
    known = list(pictures(sides))
    if preprocessing.size is None:  # such networks compute every pixel, and need some
        known = [one for one in known if min(one[1].size) >= 16 and one[1].width * one[1].height < _LARGE / 8]
    given = [*known, *((f"picture {number} of the data", one) for number, one in enumerate(own))]
    left, turn = samples, 0
    while left > 0:
        if turn >= len(given) and turn % len(given) == 0:  # all have been there: those that cost little, again
            given = [one for one in given if one[1].width * one[1].height < _LARGE]
        what, image = given[turn % len(given)]
        count = min(left, BATCHES[turn % 3])
        if image.width * image.height >= _LARGE:
            count = 1
        turn += 1
        left -= count
        first = preprocessing.decode(image)  # as the decoder gives it, whatever its mode
        batch = changed(image, mode, count)
        raw = torch.stack([first, *(preprocessing.decode(one) for one in batch[1:])])
        if any(isinstance(axis, str) for axis in leaving.inputs[0].shape[:2]):
            arrays = np.stack([np.asarray(eight_bit(one, mode)) for one in batch])
            arrays = arrays[..., None] if arrays.ndim == 3 else arrays
        else:
            arrays = raw.permute(0, 2, 3, 1).contiguous().numpy()
        yield what, {leaving.inputs[0].name: arrays}, (preprocessing.normalise(raw),)


def _of_examples(leaving: Leaving, samples: int) -> Iterator[Batch]:
    left, turn = samples, 0
    free = any(isinstance(axis, str) for one in leaving.inputs for axis in one.shape)
    while left > 0:
        count = min(left, BATCHES[turn % 3])
        length = LENGTHS[turn % 2] + (turn // 2 if not free else 0)
        turn += 1
        left -= count
        given = leaving.examples(count, length)
        before = leaving.before
        prepared = given if before is None else (before(given[0]), *given[1:])
        arrays = {one.name: array.numpy() for one, array in zip(leaving.inputs, given, strict=True)}
        what = f"{count} examples" + (f" of length {length}" if free else "")
        yield what, arrays, prepared
