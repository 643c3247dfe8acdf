"""Moving digits: handwritten digits that move and change, frame by frame; which one is it in each?

A digit of MNIST goes through the picture in a straight line and back from its borders; every few frames another one
takes its place and goes on. Some frames are hidden by noise, others blurred until hardly anything can be told: what
digit is there is known from the frames around. The digits are real, and those of the test clips were written by other
people than those of the training clips; the movement is ours, so that the label of each frame is certain.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from profond.core.errors import ConfigError
from profond.core.randomness import numpy_generator
from profond.core.spec import Spec
from profond.data import register_data
from profond.data.clips.preparation import ClipPreparation
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.sets.mnist import mnist
from profond.data.split import TensorSplit

FRAMES, SIDE, DIGIT, RATE = 20, 32, 20, 10.0
SHORTEST, LONGEST = 5, 10
"""Frames for which a digit stays."""
COVERED = 0.12
"""Share of frames at which a run of hidden frames begins, and at which one of blurred frames does."""
RUN = 3
"""Frames that are hidden or blurred in a row, at most."""
BLUR = 4.0
"""Standard deviation of the blur, in pixels."""


@register_data("moving_digits")
def moving_digits(train_clips: int = 1500, test_clips: int = 400, seed: int = 0) -> Dataset:
    """Clips of handwritten digits that move and change, 20 frames of 32×32 grey; a digit for each frame.

    Args:
        train_clips: of digits of MNIST's training set.
        test_clips: of digits of its test set.
        seed: another seed, other clips.
    """
    if not 5 <= train_clips <= 20_000 or not 5 <= test_clips <= 20_000:
        raise ConfigError(f"{train_clips} and {test_clips} clips were asked for", "use 5 to 20000 of each")
    digits = mnist()
    splits = {}
    for split, count in (("train", train_clips), ("test", test_clips)):
        known = digits.splits[split]
        assert isinstance(known, TensorSplit)
        random = numpy_generator(seed, "moving digits", split)
        splits[split] = clips(known.samples[:, 0], known.targets, count, split, random)
    values = splits["train"].samples.to(torch.float64)
    mean, std = round(float(values.mean()) / 255, 6), round(float(values.std()) / 255, 6)
    clip = ClipPreparation(RATE, FRAMES, SIDE, SIDE, colour=False)
    preprocessing = Preprocessing(mean=(mean,), std=(std,), clip=clip)
    spec = Spec((1, FRAMES, SIDE, SIDE), "cthw", (0.0, 255.0), digits.spec.classes, each="t", rate=RATE)
    return Dataset("moving_digits", spec, preprocessing, dict(splits), digits.source)


def clips(digits: Tensor, labels: Tensor, count: int, name: str, random: np.random.Generator) -> TensorSplit:
    """Clips made of these digits, with the digit of each frame, and which frames are hidden or blurred.

    Args:
        digits: uint8 (m, 28, 28).
        labels: of them, int64 (m).
        count: of clips.
        name: of the split.
    """
    small = F.interpolate(digits[:, None].float(), (DIGIT, DIGIT), mode="area")[:, 0].round().to(torch.uint8).numpy()
    known, room = labels.tolist(), SIDE - DIGIT
    samples = np.zeros((count, FRAMES, SIDE, SIDE), dtype=np.uint8)
    targets = np.empty((count, FRAMES), dtype=np.int64)
    for i in range(count):
        place, speed = random.integers(0, room + 1, 2).tolist(), random.integers(1, 3, 2).tolist()
        left, shown = 0, int(random.integers(len(known)))
        for t in range(FRAMES):
            if not left:
                before = known[shown]
                while t and known[shown] == before:
                    shown = int(random.integers(len(known)))
                left = int(random.integers(SHORTEST, LONGEST + 1))
            left -= 1
            samples[i, t, place[0] : place[0] + DIGIT, place[1] : place[1] + DIGIT] = small[shown]
            targets[i, t] = known[shown]
            for axis in (0, 1):
                place[axis] += speed[axis]
                if not 0 <= place[axis] <= room:
                    speed[axis] = -speed[axis]
                    place[axis] += 2 * speed[axis]
    hidden, blurred = _runs(count, random), _runs(count, random)
    blurred &= ~hidden
    samples[hidden] = random.integers(0, 256, (int(hidden.sum()), SIDE, SIDE), dtype=np.uint8)
    frames = torch.from_numpy(samples)
    covered = torch.from_numpy(blurred)
    frames[covered] = _blurred(frames[covered])
    marks = {"hidden": torch.from_numpy(hidden), "blurred": covered}
    return TensorSplit(frames[:, None], torch.from_numpy(targets), name, marks=marks)


def _runs(count: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Some frames in a row, here and there: bool (count, frames)."""
    begins = random.random((count, FRAMES)) < COVERED
    lengths = random.integers(1, RUN + 1, (count, FRAMES))
    covered = np.zeros((count, FRAMES), dtype=np.bool_)
    for reach in range(RUN):
        covered[:, reach:] |= (begins & (lengths > reach))[:, : FRAMES - reach]
    return covered


def _blurred(frames: Tensor) -> Tensor:
    """Pictures (m, h, w) through a Gaussian blur."""
    offsets = torch.arange(-12, 13, dtype=torch.float64)
    kernel = torch.exp(-((offsets / BLUR) ** 2) / 2)
    kernel = (kernel / kernel.sum()).to(torch.float32)
    rows = F.conv2d(frames[:, None].float(), kernel.view(1, 1, -1, 1), padding=(12, 0))
    both = F.conv2d(rows, kernel.view(1, 1, 1, -1), padding=(0, 12))
    return both[:, 0].round().clamp(0, 255).to(torch.uint8)
