"""The proof: what was exported says the same as the network in Python, on pictures of every kind, or on examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from profond.core.errors import Unequal
from profond.data.images.decoding import eight_bit
from profond.export.leaving import LENGTHS, Leaving
from profond.export.samples import changed, pictures
from profond.runtime.engines.engine import Arrays, Engine

SAMPLES = 200
UNDECIDED = 0.2
"""Share of the inputs that may prove nothing."""
LITTLE = 1e-6
"""Of the greatest number of an input: a few times what float32 rounds away."""
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
        undecided: inputs besides, that prove nothing: rounding alone decides what the network says of them.
    """

    samples: int
    largest: float
    engine: str
    classes: bool
    undecided: int = 0

    def line(self) -> str:
        what = "labels equal, probabilities" if self.classes else "answers"
        text = f"verified on {self.samples} inputs: {what} within {self.largest:.1e}"
        return (
            f"{text}; on {self.undecided} more, such as blank ones, rounding alone decides" if self.undecided else text
        )

    def to_json(self) -> dict[str, Any]:
        own = "Profond's own answers"
        found = {"samples": self.samples, "largest": self.largest, "against": own, "engine": self.engine}
        return {**found, "undecided": self.undecided} if self.undecided else found


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

    Raises: Unequal where a label differs, or a number by more than the tolerance, and not for rounding alone; or where
    rounding decides for more than a few inputs.
    """
    classes = list(leaving.part.answer.get("classes", ())) if leaving.part.answer.get("kind") == "classes" else []
    largest, seen, undecided = 0.0, 0, 0
    names = [one.name for one in leaving.outputs]
    for what, given, prepared in _batches(leaving, own, samples):
        expected = dict(zip(names, _answers(leaving.module, prepared), strict=True))
        found = engine.run(given)
        try:
            difference = _compared(found, expected, classes, what, tolerance)
        except Unequal:
            decided = _decided(leaving, prepared, expected, tolerance)
            if decided.all():
                raise
            undecided += int((~decided).sum())
            if undecided > UNDECIDED * samples:
                raise
            found, expected = ({name: array[decided] for name, array in one.items()} for one in (found, expected))
            difference = _compared(found, expected, classes, what, tolerance)
        largest = max(largest, difference)
        seen += len(expected[names[0]])
        progress(len(expected[names[0]]))
    return Verified(seen, largest, engine_name, bool(classes), undecided)


def _answers(module: nn.Module, inputs: Sequence[Tensor]) -> list[NDArray[Any]]:
    found = module(*inputs)
    return [one.numpy() for one in ((found,) if isinstance(found, Tensor) else found)]


def _compared(found: Arrays, expected: Arrays, classes: Sequence[str], what: str, tolerance: float) -> float:
    """The largest difference. Raises: Unequal."""
    largest = max(_difference(found[name], own, name, what, tolerance) for name, own in expected.items())
    if classes:
        scores = next(iter(expected))
        labels = list(found["label"]) if "label" in found else [classes[one] for one in found[scores].argmax(1)]
        _compare_labels(expected[scores], labels, classes, what)
    return largest


def _decided(leaving: Leaving, inputs: Sequence[Tensor], own: Arrays, tolerance: float) -> NDArray[np.bool_]:
    """Of each sample, whether the network says the same when it is a little other, as rounding makes it: bool (n).

    NOTE layers that divide by a deviation make something of nothing where a picture is blank: there each of them makes
    rounding 300 times as large, and what comes out is chance.
    """
    random = torch.Generator().manual_seed(0)
    other = [
        one + LITTLE * one.abs().max() * torch.randn(one.shape, generator=random) if one.is_floating_point() else one
        for one in inputs
    ]
    again = _answers(leaving.module, other)
    decided = np.ones(len(inputs[0]), dtype=bool)
    for (name, values), near in zip(own.items(), again, strict=True):
        for index in range(len(decided)):
            try:
                _difference(near[index], values[index], name, "", tolerance)
            except Unequal:
                decided[index] = False
    return decided


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
