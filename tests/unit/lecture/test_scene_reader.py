"""What stands beside the captioning network finds each digit where it is, and lacks nothing but a classifier."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from profond.core.errors import MissingError
from profond.data.preprocessing import Preprocessing
from profond.data.sets.digit_scenes import SIDE, Scene, compose
from profond.data.sets.scene_words import describe
from profond.lecture.scene_reader import centred, find_digits, read_scenes


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    try:
        return compose("test", 150)
    except MissingError as error:
        pytest.skip(f"MNIST cannot be had here: {error.message.splitlines()[-1].strip()}")


class Oracle(nn.Module):
    """Knows the labels of what it is shown, in order."""

    def __init__(self, labels: list[int]) -> None:
        super().__init__()
        self.labels = labels

    def forward(self, digits: Tensor) -> Tensor:
        assert digits.shape[1:] == (1, 28, 28)
        return nn.functional.one_hot(torch.tensor(self.labels), 10)


def test_with_every_digit_known_it_says_what_the_captions_say(scenes: list[Scene]) -> None:
    whole, labels = [], []
    for scene in scenes:
        found = find_digits(scene.picture)
        nearest = [min(scene.digits, key=lambda one: abs(one.x - x) + abs(one.y - y)) for _, x, y in found]
        if len(found) == len(scene.digits):  # a pen that was lifted far makes two of one
            whole.append(scene)
            labels += [one.digit for one in nearest]
    assert len(whole) > 0.95 * len(scenes)
    pictures = torch.stack([torch.from_numpy(scene.picture)[None] for scene in whole])
    said = read_scenes(pictures, Oracle(labels), Preprocessing(), "fr")
    assert said == [describe(scene.digits, SIDE, "fr") for scene in whole]


def test_a_digit_alone_is_put_where_mnist_has_it(scenes: list[Scene]) -> None:
    for scene in scenes[:30]:
        for ink, _, _ in find_digits(scene.picture):
            digit = centred(ink).astype(float)
            assert digit.sum() == ink.sum()
            rows, columns = (digit.sum(axis) @ torch.arange(28).numpy() / digit.sum() for axis in (1, 0))
            assert abs(rows - 14) <= 0.51
            assert abs(columns - 14) <= 0.51
