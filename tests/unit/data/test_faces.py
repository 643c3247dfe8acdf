"""Real faces: who is on each photo, and that nobody is in two splits."""

from __future__ import annotations

import pytest
import torch

from profond.core.errors import MissingError
from profond.data import open_dataset


@pytest.fixture(scope="module")
def faces():
    try:
        return open_dataset("orl_faces")
    except MissingError as error:
        pytest.skip(f"the faces cannot be fetched: {error.message}")


def test_nobody_is_learned_from_and_tested_with(faces):
    people = {name: set(split.marks["person"].tolist()) for name, split in faces.splits.items()}
    assert people == {"train": set(range(32)), "test": set(range(32, 40))}
    for split in faces.splits.values():
        assert [int(group[1:]) - 1 for group in split.groups] == split.marks["person"].tolist()


def test_a_share_that_is_held_out_takes_whole_people(faces):
    held = faces.holdout(0.1)
    assert not set(held.split("train").groups) & set(held.split("valid").groups)
    assert len(held.split("valid")) == 30


def test_faces_have_their_own_size_or_the_one_that_is_asked_for(faces):
    whole = faces.split("test").samples
    assert tuple(whole.shape[1:]) == faces.spec.shape == (1, 112, 92)
    square = open_dataset("orl_faces", size=92).split("test").samples
    assert torch.equal(square, whole[:, :, 10:102])  # cut from the middle, not squashed
    assert open_dataset("orl_faces", size=(56, 46)).spec.shape == (1, 56, 46)
