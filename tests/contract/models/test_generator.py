"""What every generator must do with its critic; a new one is tested here by being registered."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from contract.models.family import Family
from contract.models.generator import CLASSES, GENERATOR, labels, samples
from contract.models.promises import *  # noqa: F403
from support.processor import MAY_USE_BF16
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError
from profond.tasks.adversarial import GAMES
from profond.tasks.generate import Generate

FAMILY = GENERATOR
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
SHAPES = [(1, 28, 28), (3, 32, 32), (1, 45, 31), (3, 112, 92), (1, 128, 128)]


@pytest.fixture(scope="module", params=FAMILY.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def family() -> Family:
    return FAMILY


def makes_pictures(name: str) -> bool:
    return len(models.example_shape(name)) == 3


def built(name: str, **changes: Any) -> Any:
    return FAMILY.fresh(name, **changes)


def noise(model: Any, count: int) -> Tensor:
    return torch.randn(count, model.latent_size, generator=torch.Generator().manual_seed(3))


def variants(name: str) -> list[dict[str, Any]]:
    """Settings that make another network of it."""
    return {"r3gan": [{}, {"body": "residual"}], "dcgan": [{}, {"spectral": True}]}.get(name, [{}])


@torch.no_grad()
def test_it_makes_samples_of_the_shape_of_the_data_and_scores_them(name: str) -> None:
    shapes = SHAPES if makes_pictures(name) else [(1,), (2,), (7,)]
    for shape in shapes:
        for changes in variants(name):
            for classes in (0, CLASSES):
                model = built(name, input_shape=shape, num_classes=classes, **changes)
                of_class = labels(2) if classes else None
                made = model(noise(model, 2), of_class)
                assert made.shape == (2, *shape)
                assert made.isfinite().all()
                scores = model.critic(made, of_class)
                assert scores.shape == (2,)
                assert scores.isfinite().all()


@torch.no_grad()
def test_the_class_changes_the_sample_and_the_score_where_there_are_classes(name: str) -> None:
    for changes in variants(name):
        model = built(name, **changes)
        assert model.num_classes == CLASSES
        same = noise(model, 1).expand(CLASSES, -1)
        made = model(same, labels(CLASSES))
        scores = model.critic(made[:1].expand_as(made), labels(CLASSES))
        for one in range(CLASSES):
            for other in range(one):
                assert not torch.allclose(made[one], made[other], **CLOSE)
                assert scores[one] != scores[other]


@torch.no_grad()
def test_without_classes_or_where_it_is_not_to_know_them_it_takes_no_labels(name: str) -> None:
    for changes in ({"num_classes": 0}, {"conditional": False}):
        model = built(name, **changes)
        assert model.num_classes == 0
        assert not any(isinstance(part, nn.Embedding) for part in model.modules())
        assert model(noise(model, 2)).shape[0] == 2


@torch.no_grad()
def test_samples_of_a_batch_do_not_meet(name: str) -> None:
    model = built(name)
    latents, real = noise(model, 4), samples(models.example_shape(name), 4)
    made, scores = model(latents, labels(4)), model.critic(real, labels(4))
    for row in range(4):
        one = slice(row, row + 1)
        torch.testing.assert_close(model(latents[one], labels(4)[one]), made[one], **CLOSE)
        torch.testing.assert_close(model.critic(real[one], labels(4)[one]), scores[one], **CLOSE)


@torch.no_grad()
def test_how_pictures_lie_in_memory_changes_nothing(name: str) -> None:
    if not makes_pictures(name):
        pytest.skip("it makes points")
    for changes in variants(name):
        model = built(name, input_shape=(3, 31, 45), **changes)
        latents, real = noise(model, 3), samples((3, 31, 45), 3)
        plain = FAMILY.outputs(FAMILY.call(model, (latents, labels(3), real)))
        model = model.to(memory_format=torch.channels_last)
        real = real.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(FAMILY.outputs(FAMILY.call(model, (latents, labels(3), real))), plain, **CLOSE)


@pytest.mark.parametrize("loss", GAMES)
def test_each_player_learns_with_all_that_it_has_and_the_penalty_too(name: str, loss: Any) -> None:
    for changes in variants(name):
        model = built(name, **changes).train()
        task = Generate(loss, penalty_weight=1.0)
        batch = samples(models.example_shape(name), 4), labels(4)
        for phase in task.phases:
            model.zero_grad(set_to_none=True)
            task.loss(model, batch, phase).value.backward()
            of_phase = model.get_submodule(phase.module)
            without = [
                path
                for path, one in of_phase.named_parameters()
                if one.grad is None or not one.grad.isfinite().all() or not one.grad.abs().sum() > 0
            ]
            assert without == [], phase.name


@MAY_USE_BF16
def test_the_penalty_in_bf16_is_that_of_fp32_within_its_rounding(name: str) -> None:
    for changes in variants(name):
        model = built(name, **changes)
        batch = samples(models.example_shape(name), 8), labels(8)
        found = []
        for enabled in (False, True):
            torch.manual_seed(0)
            task = Generate(penalty_weight=1.0)
            with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                loss = task.loss(model, batch, task.phases[0])
            assert loss.value.dtype == torch.float32
            loss.value.backward()
            assert all(one.grad.isfinite().all() for one in model.critic.parameters())
            found.append(loss.report["steepness"].mean())
        assert found[1].item() == pytest.approx(found[0].item(), rel=0.05)


def test_an_impossible_input_is_refused_in_words(name: str) -> None:
    shapes = [(3, 8, 8), (2,), (1, 28)] if makes_pictures(name) else [(1, 28, 28), (0,), ()]
    for shape in shapes:
        with pytest.raises(ConfigError) as refusal:
            models.create(name, input_shape=shape)
        assert refusal.value.help
        assert name in str(refusal.value)


def test_its_settings_are_those_that_an_experiment_has(name: str) -> None:
    sections = {key.partition(".")[0] for key in models.usual_settings(name)}
    assert sections <= {"training", "loader", "task", "augment"}
