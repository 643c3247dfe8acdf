"""The task of two players: what the data decide, what is made, what is refused, and that a stop changes nothing."""

from __future__ import annotations

import copy
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from profond import models
from profond.core.errors import ConfigError, DataError, Interrupted, ProfondError
from profond.core.run import Run
from profond.core.spec import Quantity, Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.experiments.configuration import Chosen, Configuration, for_model
from profond.experiments.experiment import settled
from profond.tasks.generate import Generate
from profond.tasks.task import Phase
from profond.training import Training, fit

CLASSES = ("left", "right")
SMALL: dict[str, Any] = {"width": 4, "latent_size": 6}


def pictures(count: int = 16, classes: tuple[str, ...] = CLASSES, shape: tuple[int, ...] = (1, 16, 20)) -> Dataset:
    """Noise whose left or right half is brighter, between -1 and 1."""
    random = torch.Generator().manual_seed(0)
    values = torch.randint(0, 128, (count, *shape), generator=random, dtype=torch.uint8)
    targets = torch.arange(count) % 2
    values[targets == 0, ..., : shape[-1] // 2] += 127
    values[targets == 1, ..., shape[-1] // 2 :] += 127
    preprocessing = Preprocessing(size=(shape[1], shape[2]), mode="L")
    spec = Spec(shape, "chw", classes=classes)
    return Dataset("halves", spec, preprocessing, {"train": TensorSplit(values, targets, "train")}, "made").between(
        -1, 1
    )


def points(count: int = 50) -> Dataset:
    values = torch.randn(count, 2, generator=torch.Generator().manual_seed(0))
    split = TensorSplit(values, torch.zeros(count, dtype=torch.int64), "train")
    return Dataset("points", Spec((2,), "c"), Preprocessing(scale=1.0), {"train": split}, "made")


def network(name: str = "r3gan", dataset: Dataset | None = None, **settings: Any) -> Any:
    torch.manual_seed(0)
    return models.create(name, (dataset or pictures()).spec, **{**SMALL, **settings})


# -- what the data decide ---------------------------------------------------------------------------------------------


def test_few_pictures_are_augmented_and_many_are_not_and_either_is_said() -> None:
    few, notes = Generate().settle(pictures(400))
    assert few["augmented"] is True
    assert len(notes) == 1
    assert "400 pictures are few" in notes[0]
    assert "augmentation=off" in notes[0]
    many, notes = Generate().settle(pictures(5000))
    assert (many["augmented"], notes) == (False, [])
    assert Generate(augmentation="on").settle(pictures(5000))[0]["augmented"] is True
    assert Generate(augmentation="off").settle(pictures(400))[0]["augmented"] is False
    assert Generate(augmentation="on").settle(points())[0]["augmented"] is False


def test_of_too_few_pictures_it_is_said_how_many_are_needed() -> None:
    with pytest.raises(DataError, match="has 7 samples to learn from, and a generator needs 8") as refusal:
        Generate().settle(pictures(7))
    assert "hundred" in str(refusal.value.help)


def test_samples_that_are_neither_pictures_nor_points_are_refused() -> None:
    split = TensorSplit(torch.randn(20, 1, 50), torch.zeros(20, dtype=torch.int64), "train")
    series = Dataset("waves", Spec((1, 50), "ct", classes=("a",)), Preprocessing(scale=1.0), {"train": split}, "made")
    with pytest.raises(DataError, match="pictures or points"):
        Generate().settle(series)


def test_classes_that_may_be_mirrored_are_named_and_an_unknown_name_is_refused() -> None:
    assert Generate(mirrored=("right",)).settle(pictures())[0]["mirrored_labels"] == [1]
    with pytest.raises(ProfondError, match="rihgt") as refusal:
        Generate(mirrored=("rihgt",)).settle(pictures())
    assert "right" in str(refusal.value.help)


def test_only_pictures_of_classes_that_may_be_mirrored_are() -> None:
    task = Generate(mirrored=("left",), mirrored_labels=[0], augmentation="off")
    seen: list[Tensor] = []
    model = network()
    model.critic.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach()[:16].clone()))
    batch = next(iter(pictures(16).batches("train", 16)))
    task.loss(model, batch, task.phases[0])
    of_left, of_right = seen[0][0::2], seen[0][1::2]
    assert torch.equal(of_right, batch[0][1::2])
    mirrored = [not torch.equal(one, other) for one, other in zip(of_left, batch[0][0::2], strict=True)]
    assert any(mirrored)
    assert not all(mirrored)
    assert all(
        torch.equal(one.flip(-1), other)
        for one, other, turned in zip(of_left, batch[0][0::2], mirrored, strict=True)
        if turned
    )


def test_the_machine_decides_r3gans_body_once_and_says_so() -> None:
    for fast, body in ((True, "residual"), (False, "strided")):
        settings, said = models.settled("r3gan", {"body": "auto", "width": 4}, fast)
        assert settings == {"body": body, "width": 4}
        assert len(said) == 1
        assert body in said[0]
        assert models.settled("r3gan", settings, not fast) == (settings, [])


def test_a_network_brings_its_task_and_the_settings_that_suit_it() -> None:
    config = for_model("r3gan", "photos")
    assert (config.task.name, config.training.steps, config.training.learning_rate) == ("generate", 2500, 7e-4)
    assert config.training.betas == (0.0, 0.99)
    dcgan = for_model("dcgan", "photos")
    assert (dcgan.task.settings["loss"], dcgan.training.learning_rate) == ("non_saturating", 2e-4)
    assert dcgan.loader == config.loader
    named, _ = settled(Configuration(Chosen("photos"), Chosen("r3gan")), pictures())
    assert named.task.name == "generate"


# -- learning ---------------------------------------------------------------------------------------------------------


def test_the_penalty_comes_on_every_nth_step_and_weighs_n_times_as_much() -> None:
    model, batch = network(), next(iter(pictures().batches("train", 16)))

    def critic(task: Generate, step: int) -> tuple[float, bool]:
        torch.manual_seed(0)
        loss = task.loss(model, batch, Phase("critic", "critic", step=step))
        return loss.value.item(), "steepness" in loss.report

    plain, _ = critic(Generate(penalty_weight=0.0), 0)
    always, punished = critic(Generate(penalty_weight=0.5, penalty_every=1), 1)
    assert punished
    fourth = Generate(penalty_weight=0.5, penalty_every=4)
    assert [critic(fourth, step)[1] for step in range(6)] == [True, False, False, False, True, False]
    assert critic(fourth, 1)[0] == pytest.approx(plain)
    assert critic(fourth, 4)[0] - plain == pytest.approx(4 * (always - plain), rel=1e-4)


@pytest.mark.parametrize("body", ["strided", "residual"])
def test_a_critic_that_reads_classes_learns_it_from_real_pictures_and_teaches_the_generator_what_it_reads(
    body: str,
) -> None:
    model, (inputs, targets) = network(body=body, reads_classes=True), next(iter(pictures().batches("train", 16)))

    def loss(weight: float, phase: str) -> Any:
        torch.manual_seed(0)
        task = Generate(classes_weight=weight, augmentation="off")
        return task.loss(model, (inputs, targets), Phase(phase, phase, step=1))

    torch.manual_seed(0)
    made = model.generator(torch.randn(16, model.latent_size), targets)
    for phase, shown in (("critic", inputs), ("generator", made)):
        _, read = model.critic(shown, targets, True)
        wrong = F.cross_entropy(read, targets)
        found, without = loss(3.0, phase), loss(0.0, phase)
        torch.testing.assert_close(found.value - without.value, 3 * wrong, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found.report["misread"], wrong, rtol=1e-4, atol=1e-4)
    gradient = torch.autograd.grad(loss(3.0, "generator").value, model.generator.parameters())
    assert any(bool(part.any()) for part in gradient)


def test_classes_are_read_only_where_there_are_some() -> None:
    assert (
        "misread"
        not in Generate().loss(network(), next(iter(pictures().batches("train", 16))), Generate().phases[0]).report
    )
    with pytest.raises(ConfigError, match="reads_classes needs classes"):
        network(conditional=False, reads_classes=True)


def test_the_generator_of_a_wasserstein_critic_learns_on_every_fifth_step() -> None:
    assert [phase.every for phase in Generate("wasserstein").phases] == [1, 5]
    assert [phase.every for phase in Generate("wasserstein", critic_steps=2).phases] == [1, 2]


@pytest.mark.parametrize("settings", [{}, {"body": "residual"}])
def test_a_stopped_training_with_augmentation_and_average_ends_with_the_same_bits(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """A conditional network on 16 pictures; the stop falls between two penalties."""

    class StopAt:
        def stepped(self, progress: Any) -> None:
            if progress.step == 3:
                signal.raise_signal(signal.SIGTERM)

        started = finished = lambda self, progress: None
        logged = lambda self, progress, record: None  # noqa: E731

    dataset = pictures(16)
    task = Generate(augmentation="on", mirrored=("left",), mirrored_labels=[0], penalty_every=2)
    training = Training(
        steps=7, optimizer="adam", betas=(0.0, 0.99), ema_half_life=0.2, device="cpu", log_every_steps=2
    )
    batches = dataset.batches("train", 6, shuffle=True)
    whole = network(dataset=dataset, **settings)
    stopped, resumed = copy.deepcopy(whole), copy.deepcopy(whole)
    fit(whole, task, batches, training, run=Run.create(tmp_path, "whole", {}))
    run = Run.create(tmp_path, "stopped", {})
    with pytest.raises(Interrupted):
        fit(stopped, task, batches, training, run=run, observers=[StopAt()])
    fit(resumed, task, batches, training, run=run, resume=True)
    assert all(torch.equal(one, resumed.state_dict()[name]) for name, one in whole.state_dict().items())


@pytest.mark.parametrize("name", ["r3gan", "dcgan"])
def test_batches_of_one_are_learned_from(name: str) -> None:
    dataset = pictures(9)
    training = Training(steps=2, optimizer="adam", device="cpu")
    assert fit(network(name), Generate(), dataset.batches("train", 1), training).steps == 2


# -- making -----------------------------------------------------------------------------------------------------------


def test_a_sample_depends_on_seed_and_number_alone() -> None:
    model = network()
    spec = pictures().spec
    some = Generate().generate(model, spec, count=3, seed=5, label="left")
    more = Generate().generate(model, spec, count=300, seed=5, label="left")
    other = Generate().generate(model, spec, count=3, seed=6, label="left")
    for one, same, another in zip(some, more, other, strict=False):
        torch.testing.assert_close(one.values, same.values)
        assert not torch.allclose(one.values, another.values)
    assert model.training


def test_without_a_class_each_comes_in_turn_and_with_one_all_are_of_it(tmp_path: Path) -> None:
    model, spec = network(), pictures().spec
    assert [one.label for one in Generate().generate(model, spec, count=5)] == [
        "left",
        "right",
        "left",
        "right",
        "left",
    ]
    made = Generate().generate(model, spec, count=2, label="Right")
    assert [one.label for one in made] == ["right", "right"]
    (path,) = made[0].write(tmp_path, "one")
    from PIL import Image

    with Image.open(path) as picture:
        assert (picture.size, picture.mode) == ((20, 16), "L")


def test_what_cannot_be_made_is_refused_in_words() -> None:
    task, spec = Generate(), pictures().spec
    for asked, words in (
        ({"label": "lfet"}, "lfet"),
        ({"count": 0}, "count is 0"),
        ({"truncation": 0.0}, "truncation is 0.0"),
    ):
        with pytest.raises(ProfondError, match=words) as refusal:
            task.generate(network(), spec, **asked)  # type: ignore[arg-type]
        assert refusal.value.help
    with pytest.raises(ConfigError, match="no class"):
        task.generate(network(conditional=False), spec, label="left")


def test_a_network_of_pictures_refuses_points_and_the_reverse_and_each_names_the_other() -> None:
    with pytest.raises(ConfigError) as refusal:
        models.create("r3gan", points().spec)
    assert "points_gan" in str(refusal.value.help)
    with pytest.raises(ConfigError) as refusal:
        models.create("points_gan", pictures().spec)
    assert "r3gan" in str(refusal.value.help)


def test_a_network_that_is_no_generator_is_refused() -> None:
    model = models.create("mlp", pictures().spec)
    with pytest.raises(ConfigError, match=r"no critic|no generator") as refusal:
        Generate().loss(model, next(iter(pictures().batches("train", 4))), Phase("critic"))
    assert "r3gan" in str(refusal.value.help)


def test_numbers_are_no_classes_for_a_conditional_network() -> None:
    spec = Spec((1, 16, 20), "chw", quantities=(Quantity("age"),))
    model: Any = models.create("r3gan", spec, **SMALL)
    with pytest.raises(DataError) as refusal:
        Generate().loss(model, (torch.zeros(2, 1, 16, 20), torch.tensor([3.5, 4.0])), Phase("critic"))
    assert "conditional=false" in str(refusal.value.help)
