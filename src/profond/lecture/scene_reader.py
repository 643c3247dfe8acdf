"""Scenes of digits read without a recurrent network: find the ink, classify each digit alone, fill in the template.

This knows what a captioning network has to find out: that scenes are made of digits, where one ends and another
begins, and the rule by which they are described.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from profond.data.preprocessing import Preprocessing
from profond.data.sets.scene_words import Language, Placed, describe

_FRAME = 28
"""Pixels of the side of one of MNIST's digits, whose middle is the middle of its ink's mass."""
_SPECK = 12
"""Pixels of ink below which a part is no digit but belongs to the nearest."""
_TOUCHING = np.ones((3, 3))

Pixels = NDArray[np.uint8]


def read_scenes(pictures: Tensor, classifier: nn.Module, preprocessing: Preprocessing, language: Language) -> list[str]:
    """A caption of each picture.

    Args:
        pictures: uint8 (n, 1, side, side).
        classifier: of single digits, in eval mode.
        preprocessing: of the digits that it was trained on.
    """
    found = [find_digits(picture[0].numpy()) for picture in pictures]
    alone = [centred(ink) for digits in found for ink, _, __ in digits]
    labels: list[int] = []
    with torch.no_grad():
        for start in range(0, len(alone), 512):
            part = torch.from_numpy(np.stack(alone[start : start + 512]))[:, None]
            labels += classifier(preprocessing.normalise(part)).argmax(1).tolist()
    said, at = [], 0
    for digits in found:
        placed = [Placed(label, x, y) for label, (_, x, y) in zip(labels[at:], digits, strict=False)]
        at += len(digits)
        said.append(describe(placed, pictures.shape[-1], language) if 1 <= len(placed) <= 3 else "")
    return said


def find_digits(picture: Pixels) -> list[tuple[Pixels, float, float]]:
    """The ink of each digit, cut out, and its middle from the left and from the top.

    Parts that are no more than a pixel apart are one digit, for pens are lifted.
    """
    near = ndimage.binary_dilation(picture > 0, np.ones((2, 2)))
    areas, count = ndimage.label(near, _TOUCHING)
    areas = np.where(picture > 0, areas, 0)
    sizes = np.bincount(areas.ravel(), minlength=count + 1)
    digits = [number for number in range(1, count + 1) if sizes[number] >= _SPECK]
    found = []
    for number in digits:
        rows, columns = np.nonzero(areas == number)
        top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
        ink = np.where(areas[top:bottom, left:right] == number, picture[top:bottom, left:right], 0).astype(np.uint8)
        found.append((ink, (left + right) / 2, (top + bottom) / 2))
    return found


def centred(ink: Pixels) -> Pixels:
    """The ink as MNIST has it: the middle of its mass in the middle of 28×28; what would lie outside is cut."""
    rows, columns = ndimage.center_of_mass(ink)
    padded = np.zeros((3 * _FRAME, 3 * _FRAME), np.uint8)
    height, width = min(ink.shape[0], _FRAME), min(ink.shape[1], _FRAME)
    top, left = _shift(rows), _shift(columns)
    padded[top : top + height, left : left + width] = ink[:height, :width]
    return padded[_FRAME : 2 * _FRAME, _FRAME : 2 * _FRAME]


def _shift(middle: float) -> int:
    return round(_FRAME * 1.5 - middle)
