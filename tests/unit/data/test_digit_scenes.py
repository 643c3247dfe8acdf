"""Scenes are made of MNIST's digits, none in two splits, and their captions are true of the pictures."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from scipy import ndimage

from profond.core.errors import ConfigError, MissingError
from profond.data import open_dataset
from profond.data.dataset import Dataset
from profond.data.sets.digit_scenes import SIDE, Scene, compose
from profond.data.sets.mnist import mnist
from profond.data.sets.scene_words import describe
from profond.data.split import TensorSplit

SMALL = {"train_scenes": 120, "valid_scenes": 30, "test_scenes": 60}


def opened(**settings: object) -> Dataset:
    try:
        return open_dataset("digit_scenes", **{**SMALL, **settings})
    except MissingError as error:
        pytest.skip(f"MNIST cannot be had here: {error.message.splitlines()[-1].strip()}")


def captions(data: Dataset, split: str) -> list[str]:
    return [data.spec.target_text(one) for one in data.split(split).targets.tolist()]


def inks(scenes: Iterable[Scene]) -> set[bytes]:
    """The digits that stand in scenes: each one's ink, cut out where the scene says that it stands."""
    found = set()
    for scene in scenes:
        kept = scene.picture > 0
        for one in scene.digits:
            rows = kept[max(0, int(one.y) - 10) : int(one.y) + 11, int(one.x)].any()
            assert rows or kept[int(one.y), max(0, int(one.x) - 10) : int(one.x) + 11].any()
        areas, _ = ndimage.label(kept, np.ones((3, 3)))
        found |= {scene.picture[box].tobytes() for box in ndimage.find_objects(areas) if scene.picture[box].size > 60}
    return found


def test_both_languages_say_the_same_of_the_same_pictures() -> None:
    english, french = opened(), opened(language="fr")
    for split in ("train", "valid", "test"):
        pictures = [data.split(split).raw(7) for data in (english, french)]
        assert (pictures[0] == pictures[1]).all()
        scenes = compose(split, SMALL[f"{split}_scenes"])
        assert captions(english, split) == [describe(one.digits, SIDE, "en") for one in scenes]
        assert captions(french, split) == [describe(one.digits, SIDE, "fr") for one in scenes]
        assert [len(one.digits) for one in scenes[:4]] == [1, 2, 3, 1]


def test_no_digit_touches_another_or_the_frame_s_outside() -> None:
    opened()
    for scene in compose("test", 300):
        boxes = np.zeros((SIDE, SIDE), int)
        areas, count = ndimage.label(scene.picture > 0, np.ones((3, 3)))
        assert count >= len(scene.digits)
        for number, box in enumerate(ndimage.find_objects(areas), start=1):
            middle = ((box[1].start + box[1].stop) / 2, (box[0].start + box[0].stop) / 2)
            nearest = [abs(middle[0] - one.x) <= 10 and abs(middle[1] - one.y) <= 10 for one in scene.digits]
            assert sum(nearest) >= 1, "ink that is no digit's"
            boxes[box] = number
    assert count


def test_the_digits_of_the_splits_are_different_ones() -> None:
    opened()
    found = {split: inks(compose(split, 300)) for split in ("train", "valid", "test")}
    assert min(map(len, found.values())) > 400
    assert not found["train"] & found["test"]
    assert not found["train"] & found["valid"]
    assert not found["valid"] & found["test"]
    digits = mnist().split("test")
    assert isinstance(digits, TensorSplit)
    of_test = {ink for picture in digits.samples[:, 0].numpy() for ink in inks_of_one(picture)}
    assert len(found["test"] & of_test) > 0.98 * len(found["test"])


def inks_of_one(picture: np.ndarray) -> set[bytes]:
    areas, _ = ndimage.label(picture > 0, np.ones((3, 3)))
    return {picture[box].tobytes() for box in ndimage.find_objects(areas)}


def test_the_first_scenes_are_the_same_however_many_and_others_with_another_seed() -> None:
    opened()
    few, many, other = compose("train", 6), compose("train", 12), compose("train", 6, seed=1)
    assert all((one.picture == again.picture).all() for one, again in zip(few, many, strict=False))
    assert any((one.picture != again.picture).any() for one, again in zip(few, other, strict=True))


@pytest.mark.parametrize("settings", [{"train_scenes": 2}, {"test_scenes": 200_001}, {"language": "de"}])
def test_what_cannot_be_is_refused(settings: dict[str, object]) -> None:
    opened()
    with pytest.raises(ConfigError):
        open_dataset("digit_scenes", **settings)
