"""Scenes of one to three handwritten digits on a square, each with a caption that says what stands where.

The digits are MNIST's, as they were written, in places drawn here, so that the captions are certain: `describe` is the
rule, and a reader of scenes can be held to it. No digit is in two splits: train has the first 55,000 of MNIST's 60,000
to train, valid the last 5,000, and test its 10,000 to test.

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from profond.core.errors import ConfigError
from profond.core.randomness import numpy_generator
from profond.core.spec import Spec
from profond.core.tokens import Tokens
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.sets.mnist import mnist
from profond.data.sets.scene_words import Language, Placed, describe
from profond.data.split import TensorSplit
from profond.data.targets import encoded

SIDE, LARGEST = 64, 20
"""Pixels of a scene's side, and of the ink of the largest digit."""
DIGITS = 3
"""A scene has one digit, two or three, in turn."""
_VALID = 55_000
_APART = LARGEST + 2
"""Pixels between the middles of two digits of which at least two columns, or rows, without ink lie between."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """One picture, uint8 (64, 64), and what stands in it."""

    picture: Pixels
    digits: tuple[Placed, ...]


@register_data("digit_scenes", splits={"train": 20_000, "valid": 1_500, "test": 3_000})
def digit_scenes(
    train_scenes: int = 20_000,
    valid_scenes: int = 1_500,
    test_scenes: int = 3_000,
    language: Language = "en",
    seed: int = 0,
) -> Dataset:
    """Scenes of 1 to 3 handwritten digits, 64×64 grey, with captions: "a seven to the left of a three".

    Args:
        train_scenes: of digits from MNIST's first 55,000 to train.
        valid_scenes: of digits from its last 5,000 to train.
        test_scenes: of digits from its 10,000 to test.
        language: of the captions, ``"en"`` or ``"fr"``; the pictures are the same.
        seed: another seed, other scenes.
    """
    counts = {"train": train_scenes, "valid": valid_scenes, "test": test_scenes}
    for name, count in counts.items():
        if not DIGITS <= count <= 200_000:
            raise ConfigError(f"{name}_scenes of digit_scenes is {count}", f"use {DIGITS} to 200000")
    scenes = {name: compose(name, count, seed) for name, count in counts.items()}
    captions = {name: [describe(one.digits, SIDE, language) for one in made] for name, made in scenes.items()}
    text = Tokens.learn(captions["train"])
    splits = {}
    for name, made in scenes.items():
        pictures = torch.from_numpy(np.stack([one.picture for one in made]))[:, None]
        splits[name] = TensorSplit(pictures, encoded(captions[name], text), name)
    values = splits["train"].samples.to(torch.float32)
    moments = (round(float(values.mean()) / 255, 6),), (round(float(values.std()) / 255, 6),)
    preprocessing = Preprocessing((SIDE, SIDE), "L", *moments, fixed_size=True)
    spec = Spec((1, SIDE, SIDE), "chw", (0.0, 255.0), text=text)
    return Dataset("digit_scenes", spec, preprocessing, dict(splits), mnist().source)


def compose(split: str, count: int, seed: int = 0) -> list[Scene]:
    """So many scenes of a split, of one, two and three digits in turn; the first ones are the same however many."""
    digits = mnist().split("test" if split == "test" else "train")
    assert isinstance(digits, TensorSplit)
    allowed = {"train": range(_VALID), "valid": range(_VALID, len(digits)), "test": range(len(digits))}[split]
    pictures, labels = digits.samples[:, 0].numpy(), digits.targets.tolist()
    random = numpy_generator(seed, "digit_scenes", split)
    scenes = []
    for number in range(count):
        chosen = random.integers(allowed.start, allowed.stop, 1 + number % DIGITS).tolist()
        scenes.append(_placed([_ink(pictures[one]) for one in chosen], [labels[one] for one in chosen], random))
    return scenes


def _ink(picture: Pixels) -> Pixels:
    """A digit without the black around it: at most 20×20."""
    rows, columns = np.flatnonzero(picture.max(1)), np.flatnonzero(picture.max(0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _placed(inks: list[Pixels], labels: list[int], random: np.random.Generator) -> Scene:
    """Digits at places of a layout that is drawn; lying or standing is the same but for the axes."""
    turned = bool(random.integers(2))
    sizes = [ink.shape[0 if turned else 1] for ink in inks]  # along the layout
    along, across = _LAYOUTS[len(inks)](sizes, random)
    picture = np.zeros((SIDE, SIDE), np.uint8)
    placed = []
    for ink, label, a, b in zip(inks, labels, along, across, strict=True):
        x, y = (b, a) if turned else (a, b)
        height, width = ink.shape
        top, left = round(y - height / 2), round(x - width / 2)
        picture[top : top + height, left : left + width] = ink
        placed.append(Placed(label, left + width / 2, top + height / 2))
    return Scene(picture, tuple(placed))


Places = tuple[list[float], list[float]]
"""The middles of a layout's digits, along it and across."""
_NEAREST, _FARTHEST = LARGEST / 2, SIDE - LARGEST / 2
"""Between these middles every digit is in the picture."""


def _alone(sizes: list[int], random: np.random.Generator) -> Places:
    """In one of the corners: farther from the picture's middle lines than four pixels."""
    along, across = (
        float(random.uniform(*((_NEAREST, SIDE / 2 - 4) if random.integers(2) else (SIDE / 2 + 4, _FARTHEST))))
        for _ in range(2)
    )
    return [along], [across]


def _two(sizes: list[int], random: np.random.Generator) -> Places:
    """Farther apart along than across, by six pixels or more."""
    distance = random.uniform(_APART, _FARTHEST - _NEAREST)
    aside = random.uniform(-1, 1) * min(distance - 6, LARGEST)
    start = random.uniform(_NEAREST, _FARTHEST - distance)
    first = random.uniform(_NEAREST + max(0, -aside), _FARTHEST - max(0, aside))
    return [start, start + distance], [first, first + aside]


def _three(sizes: list[int], random: np.random.Generator) -> Places:
    """In a line, or two level with each other and the third aside, between them."""
    if random.integers(3) == 0:
        free = SIDE - sum(sizes) - 2 * 2
        before, after = sorted(random.integers(0, free + 1, 2).tolist())
        gap = int(random.integers(0, after - before + 1))
        starts = [before, before + gap + 2 + sizes[0], after + 2 * 2 + sizes[0] + sizes[1]]
        level = random.uniform(_NEAREST + 2, _FARTHEST - 2)
        across = (level + random.uniform(-2, 2, 3)).tolist()
        return [start + size / 2 for start, size in zip(starts, sizes, strict=True)], across
    distance = random.uniform(_APART, _FARTHEST - _NEAREST)
    start = random.uniform(_NEAREST, _FARTHEST - distance)
    away = random.uniform(_APART + 2, _FARTHEST - _NEAREST - 2)
    level = random.uniform(_NEAREST + 1, _FARTHEST - away - 1)
    across = np.array([level, level, level + away]) + random.uniform(-1, 1, 3)
    if random.integers(2):
        across = SIDE - across
    return [start, start + distance, start + distance / 2 + random.uniform(-4, 4)], across.tolist()


_LAYOUTS = {1: _alone, 2: _two, 3: _three}
