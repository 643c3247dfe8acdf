"""The meter of samples, and what is told beside: against what, copies of what, and what a judge says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from profond.core.errors import ConfigError, DataError
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.open import open_dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.measures.features import of_points
from profond.measures.generated import SamplesMeter
from profond.measures.generated_beside import beside_training
from profond.measures.judge import Judge
from profond.measures.memorised import memorised, nearest
from profond.measures.modes import Modes, covered, modes_of_classes
from profond.measures.pixels import as_pixels
from profond.measures.report import Report
from profond.models import create
from profond.tasks.picture_features import inception_features, judge_of
from profond.weights.names.inception_v3 import torchvision_names

CLASSES = ("a", "b", "c")


class Generator(nn.Module):
    """A picture or point of its own for each class, moved a little by the first latent."""

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        self.middle = nn.Parameter(torch.rand(max(1, num_classes), *shape) - 0.5)
        self.noise = nn.Dropout(0.5)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        middle = self.middle[torch.zeros(len(latents), dtype=torch.int64) if labels is None else labels]
        moved = latents[:, 0].view(-1, *(1,) * (middle.ndim - 1))
        return self.noise(middle + 0.1 * moved.tanh())


class Players(nn.Module):
    def __init__(self, shape: tuple[int, ...], num_classes: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.latent_size, self.num_classes = 4, num_classes
        self.generator = Generator(shape, num_classes)
        self.scores = nn.Linear(int(np.prod(shape)), 1)

    def critic(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.scores(samples.flatten(1))[:, 0]


def data(shape: tuple[int, ...], count: int = 60) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    labels = torch.arange(count) * len(CLASSES) // count  # one class after the other
    return torch.rand(count, *shape, generator=random) * 2 - 1, labels


def passed(model: nn.Module, inputs: Tensor, labels: Tensor, size: int = 16, **settings: Any) -> SamplesMeter:
    meter = SamplesMeter(Spec(tuple(inputs.shape[1:]), "chw" if inputs.ndim == 4 else "c", classes=CLASSES), **settings)
    with torch.no_grad():
        for batch in zip(inputs.split(size), labels.split(size), strict=True):
            meter.update(model, batch)
    return meter


@pytest.mark.parametrize("shape", [(2,), (1, 6, 5)])
def test_some_of_the_samples_are_the_same_ones_in_any_order_and_any_parts(shape: tuple[int, ...]) -> None:
    model, (inputs, labels) = Players(shape, 3).eval(), data(shape)
    whole = passed(model, inputs, labels, measured=20).comparison()
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    shuffled = passed(model, inputs[order], labels[order], size=7, measured=20).comparison()
    joined = SamplesMeter(measured=20)
    for part in (slice(0, 13), slice(13, 60)):
        joined.join(passed(model, inputs[part], labels[part], measured=20).seen())
    for other in (shuffled, joined.comparison()):
        assert len(other.real) == len(other.made) == 20
        assert other.count == 60
        assert other.conditional
        for name in ("real", "made", "labels"):
            assert torch.equal(getattr(other, name), getattr(whole, name)), name
    assert joined.comparison().places.tolist() == whole.places.tolist()
    assert order[shuffled.places].tolist() == whole.places.tolist()


def test_each_real_sample_is_covered_or_not_in_the_order_of_the_split() -> None:
    model, (inputs, labels) = Players((2,), 3).eval(), data((2,))
    report = passed(model, inputs, labels).report()
    assert report.scores is not None
    assert report.scores.values.mean() == pytest.approx(report.metrics["coverage"].value)
    found = passed(model, inputs, labels).comparison()
    apart = torch.cdist(found.made, inputs)
    reach = torch.cdist(inputs, inputs).sort(1).values[:, 5]
    np.testing.assert_array_equal(report.scores.values, (apart <= reach).any(0).double().numpy())
    assert passed(model, inputs, labels, measured=30).report().scores is None


def test_a_part_of_sorted_samples_is_drawn_from_all_of_them_and_never_too_many_are_kept() -> None:
    inputs, labels = data((2,), 600)
    meter = passed(Players((2,), 3).eval(), inputs, labels, size=50, measured=30)
    assert set(meter.comparison().labels.tolist()) == {0, 1, 2}
    assert sum(len(part.keys) for part in meter.parts) <= 4 * 30 + 5 * 50


def test_samples_are_made_for_the_classes_of_the_real_ones_beside_them() -> None:
    model, (inputs, labels) = Players((1, 6, 5), 3).eval(), data((1, 6, 5))
    found = passed(model, inputs, labels).comparison()
    middles = as_pixels(model.generator.middle.detach()).float()
    apart = (found.made.float()[:, None] - middles).flatten(2).norm(dim=2)
    assert torch.equal(apart.argmin(1), found.labels)


def test_samples_are_made_in_eval_mode_and_the_model_is_left_as_it_was() -> None:
    model, (inputs, labels) = Players((2,)), data((2,))
    first, again = (passed(model.train(), inputs, labels).comparison().made for _ in range(2))
    assert torch.equal(first, again)
    assert not (first == 0).any(), "dropout was at work"
    assert model.generator.noise.training


def test_what_cannot_be_measured_is_said() -> None:
    model, (inputs, labels) = Players((2,)).eval(), data((2,))
    with pytest.raises(DataError, match="2 samples are too few"):
        passed(model, inputs[:2], labels[:2]).metrics()
    with pytest.raises(DataError, match="2 axes"):
        SamplesMeter().update(model, (inputs[:, None], labels))
    with torch.no_grad():
        model.generator.middle.fill_(torch.nan)
    with pytest.raises(ConfigError, match="not finite"):
        passed(model, inputs, labels).metrics()


def test_the_report_has_a_row_for_each_real_sample_its_protocol_and_a_picture() -> None:
    model, (inputs, labels) = Players((1, 6, 5), 3).eval(), data((1, 6, 5))
    report = passed(model, inputs, labels, measured=40).report()
    rows = list(report.tables["predictions"].rows)
    assert len(rows) == report.count == 60
    assert [row[0] for row in rows] == [CLASSES[label] for label in labels.tolist()]
    assert [float(row[1]) for row in rows] == pytest.approx(model.critic(inputs).tolist(), rel=1e-4)
    protocol = report.to_json()["protocol"]
    assert protocol["samples"] == 40
    assert "random features" in protocol["features"]
    assert "left out below" in protocol["frechet_distance"]
    assert "40 samples against as many of 60 real ones" in report.lines[0]
    assert any("not FID and KID" in line for line in report.lines)
    assert report.pictures["samples"](None, "a title").axes  # type: ignore[arg-type]


# -- beside the training data ----------------------------------------------------------------------------------------


def faces() -> tuple[Dataset, Tensor, Tensor]:
    """ORL's 320 training photos and its 80 of eight other people, small."""
    dataset = open_dataset("orl_faces", size=(28, 23)).between(-1.0, 1.0)
    train, test = (dataset.splits[name] for name in ("train", "test"))
    assert isinstance(train, TensorSplit)
    assert isinstance(test, TensorSplit)
    return dataset, train.samples, test.samples


class Given(nn.Module):
    """Makes given samples, one after the other."""

    def __init__(self, samples: Tensor) -> None:
        super().__init__()
        self.samples, self.next = samples.float() / 127.5 - 1, 0

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        self.next += len(latents)
        return self.samples[torch.arange(self.next - len(latents), self.next) % len(self.samples)]


def beside(samples: Tensor, dataset: Dataset, **more: Any) -> Report:
    model = Players(tuple(samples.shape[1:])).eval()
    model.generator = Given(samples)  # type: ignore[assignment]
    meter = SamplesMeter(dataset.spec)
    with torch.no_grad():
        for batch in dataset.batches("test", 64):
            meter.update(model, batch)
    return beside_training(meter.report(), dataset, "test", **more)


def test_a_copier_of_faces_is_flagged_and_held_out_people_are_not() -> None:
    dataset, train, test = faces()
    copier, training = beside(train, dataset), [train]
    assert copier.facts["memorised"]["found"]
    assert copier.metrics["memorised"].value > 0.9
    assert any("some are copies" in line for line in copier.lines)
    assert copier.pictures["nearest"](None, "").axes  # type: ignore[arg-type]
    others, held_out = nearest(test[0::2], training), nearest(test[1::2], training)
    assert not memorised(others, held_out).found
    assert not beside(torch.randint(0, 256, train.shape, dtype=torch.uint8), dataset).facts["memorised"]["found"]


def test_real_against_real_stands_below_each_measure_and_bad_samples_are_told_in_words() -> None:
    dataset, train, _ = faces()
    grey = beside(torch.full_like(train, 127), dataset)
    names = list(grey.metrics)
    for name in ("kernel_distance", "precision", "recall", "density", "coverage"):
        assert names.index(f"real_{name}") == names.index(name) + 1
        assert grey.metrics[f"real_{name}"].better is None
    assert "frechet_distance" not in grey.metrics, "80 samples are too few"
    assert grey.metrics["kernel_distance"].value > 3 * grey.metrics["real_kernel_distance"].value
    assert any("of the samples look real" in line for line in grey.lines)
    assert any("never made" in line for line in grey.lines)
    good = beside(train[torch.randperm(320, generator=torch.Generator().manual_seed(0))], dataset)
    assert not any("never made" in line for line in good.lines)


def test_nothing_is_held_against_the_training_data_where_these_are_measured() -> None:
    dataset, train, _ = faces()
    report = passed(
        Players((1, 28, 23)).eval(), train[:50].float() / 127.5 - 1, torch.zeros(50, dtype=torch.int64)
    ).report()
    assert beside_training(report, dataset, "train") is report


def test_modes_of_points_are_counted() -> None:
    dataset = open_dataset("ring", train_points=800, test_points=200)
    train = dataset.splits["train"]
    assert isinstance(train, TensorSplit)
    six = train.samples[train.marks["mode"] < 6]
    model = Players((2,)).eval()
    model.generator = Given((six + 1) * 127.5)  # type: ignore[assignment]
    meter = SamplesMeter(dataset.spec, of_points())
    with torch.no_grad():
        for batch in dataset.batches("test", 64):
            meter.update(model, batch)
    report = beside_training(meter.report(), dataset, "test")
    assert report.metrics["modes"].value == 6
    assert report.metrics["modes_kl"].value == pytest.approx(np.log(8 / 6), abs=0.1)
    assert report.metrics["in_a_mode"].value > 0.95
    assert "6 of 8 modes have samples" in report.lines
    moons = open_dataset("two_moons", train_points=200, test_points=50).splits["train"]
    assert isinstance(moons, TensorSplit)
    assert modes_of_classes(moons.samples.double().numpy(), moons.marks["moon"].numpy()) is None, "moons are not round"


def test_a_point_between_modes_belongs_to_none() -> None:
    modes = Modes(np.array([[0.0, 0.0], [1.0, 0.0]]), 0.1)
    labels = modes.of(np.array([[0.1, 0.2], [0.5, 0.0], [1.0, -0.29], [1.0, 0.31]]))
    assert labels.tolist() == [0, -1, 1, -1]
    metrics = covered(labels, np.array([0.5, 0.5]))
    assert metrics["modes"].value == 2
    assert metrics["in_a_mode"].value == 0.5
    assert metrics["modes_kl"].value == 0


# -- the judge, and the features of FID ------------------------------------------------------------------------------


class Brightness(nn.Module):
    """Which third of all shades the first pixel is of."""

    head = "output"

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        shade = inputs[:, :1, 0, 0]
        return self.output(-(shade - torch.tensor([0.1, 0.5, 0.9])).abs())


def test_a_judge_says_classes_in_the_order_of_the_data_and_refuses_those_that_it_does_not_know() -> None:
    judge = Judge("it", Brightness(), Preprocessing(size=(1, 1), mode="L"), ("dark", "fair", "bright"))
    pictures = torch.tensor([[10, 240, 128], [128, 128, 10]], dtype=torch.uint8).view(2, 3, 1, 1)
    assert judge.labels(pictures[:, 1:2]).tolist() == [2, 1]
    assert judge.labels(pictures[:, 1:2], ("bright", "dark", "fair")).tolist() == [0, 2]
    with pytest.raises(DataError, match="does not know green"):
        judge.labels(pictures[:, :1], ("dark", "green"))
    stacked = [str(number) for number in range(27)]
    assert judge.labels(pictures, stacked).tolist() == [0 * 9 + 2 * 3 + 1, 1 * 9 + 1 * 3 + 0]
    assert judge.features(pictures[:, :1]).shape == (2, 3)


def test_a_folder_that_cannot_judge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no run"):
        judge_of(tmp_path)
    with pytest.raises(ConfigError, match="is no file"):
        inception_features(tmp_path / "none.pth")


@pytest.mark.slow
def test_fid_and_kid_are_named_so_with_the_weights_of_2015_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = create("inception_v3", num_classes=1008, count_padding=False)
    state = model.state_dict()
    torch.save(
        {theirs: state[ours] for theirs, ours in torchvision_names(model).items()}, tmp_path / "pt_inception.pth"
    )
    features = inception_features(tmp_path / "pt_inception.pth")
    assert features(torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8)).shape == (3, 2048)
    dataset, train, test = faces()
    few = Dataset(
        "few",
        dataset.spec,
        dataset.preprocessing,
        {
            "train": TensorSplit(train[:6], torch.zeros(6).long(), "x"),
            "test": TensorSplit(test[:6], torch.zeros(6).long(), "y"),
        },
        "made here",
    )
    report = beside(train[:6], few, inception=features)
    assert report.metrics["kid"].title == "KID"
    assert "real_kid" in report.metrics
    assert "fid" not in report.metrics
    assert any("FID is left out" in line for line in report.lines)
