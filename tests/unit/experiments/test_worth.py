"""Fine-tuning and training from scratch are compared on the same pictures, prepared alike, with as many steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from profond.core.errors import MissingError
from profond.experiments.experiment import Experiment, assemble
from profond.experiments.pretraining import ARMS, arm

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter

SMALL: dict[str, Any] = {"size": 32, "per_class": {"train": 2, "test": 3}, "epochs": 4}


@pytest.fixture(scope="module")
def sides() -> dict[str, Experiment]:
    try:
        return {name: assemble(arm(name, **SMALL)) for name in ARMS}
    except MissingError as error:
        pytest.skip(f"the published weights cannot be fetched: {error.message}")


def test_all_see_the_same_pictures_in_the_same_way(sides: dict[str, Experiment]) -> None:
    tuned = sides["fine_tuned"]
    for side in sides.values():
        for split, each in (("train", 2), ("test", 3)):
            pictures = side.dataset.split(split)
            assert torch.bincount(pictures.targets).tolist() == [each] * 10
            assert torch.equal(pictures.targets, tuned.dataset.split(split).targets)
            assert torch.equal(pictures.raw(7), tuned.dataset.split(split).raw(7))
        assert side.dataset.preprocessing == tuned.dataset.preprocessing


def test_only_the_tuned_ones_begin_with_published_weights(sides: dict[str, Experiment]) -> None:
    stem = {name: next(side.model.parameters()) for name, side in sides.items()}
    assert torch.equal(stem["fine_tuned"], stem["head_only"])
    assert not torch.equal(stem["fine_tuned"], stem["from_scratch"])
    assert torch.equal(stem["from_scratch"], stem["from_scratch_longer"])


def test_from_scratch_as_many_steps_and_three_times_as_many(sides: dict[str, Experiment]) -> None:
    def steps(side: Experiment) -> float:
        assert side.training.epochs is not None
        return side.training.epochs * len(side.batches("train", training=True))

    assert steps(sides["from_scratch"]) == steps(sides["fine_tuned"])
    assert steps(sides["from_scratch_longer"]) == 3 * steps(sides["fine_tuned"])


def test_from_scratch_all_layers_learn_from_the_start(sides: dict[str, Experiment]) -> None:
    assert not sides["from_scratch"].training.freeze
    assert not sides["from_scratch"].training.unfreeze
    assert sides["fine_tuned"].training.unfreeze
    assert all(side.training.keep == "last" for side in sides.values())
