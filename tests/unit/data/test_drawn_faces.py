"""Drawn faces: what is known of each is what is drawn."""

from __future__ import annotations

import pytest
import torch

from profond.core.errors import MissingError
from profond.data import open_dataset
from profond.data.sets.drawn_faces import CLASSES


@pytest.fixture(scope="module")
def faces():
    try:
        return open_dataset("drawn_faces")
    except MissingError as error:
        pytest.skip(error.message)


def test_what_is_known_of_a_face_can_be_its_class(faces):
    assert faces.spec.classes == ()
    for what, names in CLASSES.items():
        opened = open_dataset("drawn_faces", classes=what)
        assert opened.spec.classes == names
        for name, split in opened.splits.items():
            assert torch.equal(split.targets, faces.split(name).marks[what])
            assert torch.equal(split.samples, faces.split(name).samples)
            assert set(split.targets.tolist()) == set(range(len(names)))


def test_the_colour_that_is_known_of_the_clothes_is_the_one_that_is_seen(faces):
    from profond.data.sets.drawn_faces import _CLOTHES

    split = faces.split("train")
    for clothes, colour in enumerate(_CLOTHES):
        wearing = split.samples[split.marks["clothes"] == clothes][:, :, -8:].flatten(2).transpose(1, 2)
        wanted = torch.tensor([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
        near = (wearing.int() - wanted).abs().amax(2) <= 2
        assert float((near.sum(1) > 20).float().mean()) > 0.9  # long hair may cover them


@pytest.mark.slow
def test_a_smaller_number_has_the_first_faces_and_another_seed_has_others(faces, tmp_path, monkeypatch):
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path))
    few = open_dataset("drawn_faces", train_faces=6, test_faces=2)
    assert torch.equal(few.split("train").samples, faces.split("train").samples[:6])
    other = open_dataset("drawn_faces", train_faces=6, test_faces=2, seed=1)
    assert not torch.equal(other.split("train").samples, few.split("train").samples)
