"""Attributions say what they claim: on networks whose reasons are known, and on networks of every build."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError, DataError, MissingError, UnknownName
from profond.explain.network.guard import undisturbed
from profond.explain.network.stages import feature_maps, find_module, map_stage, stage_shapes
from profond.explain.why.attribution import METHODS, Attribution, grad_cam, integrated_gradients, occlusion, smooth_grad
from profond.explain.why.subject import percent
from profond.nn.auxiliary import Logits

SIDE, PATCH = 32, 8


def noise(count: int, seed: int) -> Tensor:
    return 0.4 * torch.rand(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def stamped(images: Tensor, top: int, left: int) -> Tensor:
    """A checkerboard of 8×8 pixels on each image: the only thing that decides the class."""
    board = (torch.arange(PATCH)[:, None] // 2 + torch.arange(PATCH)[None] // 2) % 2
    images = images.clone()
    images[..., top : top + PATCH, left : left + PATCH] = board.float()
    return images


@pytest.fixture(scope="module")
def detector() -> nn.Module:
    """A small network that was taught in a second to tell images with the board from those without."""
    torch.manual_seed(0)
    model = models.create("convnet2d", input_shape=(1, SIDE, SIDE), num_classes=2, widths=(8, 16))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    places = torch.Generator().manual_seed(5)
    for step in range(120):
        inputs = noise(32, step)
        for index in range(16, 32):
            top, left = torch.randint(0, SIDE - PATCH + 1, (2,), generator=places).tolist()
            inputs[index] = stamped(inputs[index], top, left)
        targets = (torch.arange(32) >= 16).long()
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        assert (model(noise(64, 999)).argmax(1) == 0).float().mean() > 0.9
        assert (model(stamped(noise(64, 998), 12, 4)).argmax(1) == 1).float().mean() > 0.9
    return model


def share_inside(found: Attribution, top: int, left: int, border: int = 3) -> float:
    """The share of what speaks for the class that lies on the board or up to three pixels beside it."""
    plane = np.maximum(found.plane((SIDE, SIDE)), 0)
    area = plane[max(0, top - border) : top + PATCH + border, max(0, left - border) : left + PATCH + border]
    return float(area.sum() / plane.sum())


@pytest.mark.parametrize(("top", "left"), [(4, 16), (20, 4)])
@pytest.mark.parametrize("method", ["grad_cam", "integrated_gradients", "occlusion"])
def test_what_speaks_for_the_class_lies_where_the_reason_is(
    detector: nn.Module, method: str, top: int, left: int
) -> None:
    sample = stamped(noise(1, 77), top, left)[0]
    found = METHODS[method](detector, sample, 1)
    here = share_inside(found, top, left)
    there = share_inside(found, SIDE - PATCH - top, SIDE - PATCH - left)
    print(f"{method}: {here:.2f} on the board, {there:.2f} elsewhere; by area it would be 0.19")
    assert here > 0.5
    assert here > 2.5 * there


class Keyhole(nn.Module):
    """A convolutional network that is shown 8×8 pixels of the image."""

    def __init__(self, top: int, left: int) -> None:
        super().__init__()
        self.rows, self.columns = slice(top, top + PATCH), slice(left, left + PATCH)
        self.maps = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True))
        self.output = nn.Linear(6, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.output(self.maps(inputs[..., self.rows, self.columns]).mean((2, 3)))


@pytest.mark.parametrize(("top", "left"), [(4, 16), (20, 4)])
@pytest.mark.parametrize("method", ["integrated_gradients", "smooth_grad", "occlusion"])
def test_pixels_that_cannot_matter_get_nothing(method: str, top: int, left: int) -> None:
    torch.manual_seed(3)
    settings = {"window": 3, "stride": 1} if method == "occlusion" else {}
    found = METHODS[method](Keyhole(top, left), noise(1, 5)[0], 1, **settings)
    plane = np.abs(found.plane((SIDE, SIDE)))
    inside = plane[top : top + PATCH, left : left + PATCH].sum()
    border = 2 if method == "occlusion" else 0  # a window of three pixels reaches so far beyond what it must touch
    near = plane[top - border : top + PATCH + border, left - border : left + PATCH + border].sum()
    assert inside > 0.5 * plane.sum() > 0
    assert near == pytest.approx(plane.sum(), rel=1e-6)


@pytest.mark.parametrize(("name", "fill"), [("lenet5", -0.5), ("mlp", -0.5), ("resnet18", -0.5), ("mobilenet", 0.0)])
def test_integrated_gradients_add_up_to_the_difference_of_the_scores(name: str, fill: float) -> None:
    torch.manual_seed(2)
    shape = models.example_shape(name)
    model = models.create(name, input_shape=shape, num_classes=5).eval()
    sample = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    baseline = torch.full(shape, fill)
    found = integrated_gradients(model, sample, 2, baseline=baseline)
    with torch.no_grad():
        difference = float(model(sample[None])[0, 2] - model(baseline[None])[0, 2])
    assert found.facts["difference"] == pytest.approx(difference, rel=1e-4, abs=1e-5)
    assert found.values.sum(dtype=np.float64) == pytest.approx(difference, rel=0.01)


def test_integrated_gradients_of_a_linear_network_are_its_weights_times_the_input() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    sample = torch.randn(1, 4, 4)
    found = integrated_gradients(model, sample, 1, steps=1)
    expected = model[1].weight[1].detach().view(1, 4, 4) * sample
    np.testing.assert_allclose(found.values, expected.numpy(), rtol=1e-5, atol=1e-7)


def test_occlusion_is_the_fall_of_the_score_under_a_window() -> None:
    model = models.create("lenet5", input_shape=(1, 28, 28), num_classes=10).eval()
    sample = torch.rand(1, 28, 28)
    found = occlusion(model, sample, 4, window=14, stride=14, fill=0.25)
    covered = sample.clone()
    covered[:, 14:, :14] = 0.25
    with torch.no_grad():
        fall = float(model(sample[None])[0, 4] - model(covered[None])[0, 4])
    np.testing.assert_allclose(found.values[14:, :14], fall, rtol=1e-3, atol=1e-5)
    assert found.values.shape == (28, 28)


def test_grad_cam_is_what_the_paper_says() -> None:
    model = models.create("lenet5", input_shape=(1, 28, 28), num_classes=10).eval()
    sample = torch.rand(1, 28, 28)
    maps = feature_maps(model, sample, "s2")[None].requires_grad_()
    score = model.output(model.f6(model.c5(model.flatten(model.s4(model.c3(maps))))))[0, 7]
    weights = torch.autograd.grad(score, maps)[0].mean((2, 3), keepdim=True)
    expected = F.relu((weights * maps).sum(1))[0].detach().numpy()
    np.testing.assert_allclose(grad_cam(model, sample, 7, stage="s2").values, expected, rtol=1e-4, atol=1e-6)


def test_smooth_grad_is_the_same_each_time_and_leaves_the_random_state_alone() -> None:
    model = models.create("mlp", input_shape=(1, 8, 8), num_classes=3)
    sample = torch.rand(1, 8, 8)
    before = torch.get_rng_state()
    first, second = (smooth_grad(model, sample, 0, samples=4) for _ in range(2))
    assert np.array_equal(first.values, second.values)
    assert torch.equal(torch.get_rng_state(), before)
    assert not np.array_equal(first.values, smooth_grad(model, sample, 0, samples=4, seed=1).values)


class Careless(nn.Module):
    """Works in place wherever it can: on its input, with functions, and with operators."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(1, 4, 3, padding=1)
        self.two = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.output = nn.Linear(4, 3)

    def forward(self, inputs: Tensor) -> Logits:
        inputs.mul_(2)
        maps = self.one(inputs)
        F.relu(maps, inplace=True)
        after = self.two(self.relu(maps))
        after += maps
        logits = self.output(after.clamp_(min=0).mean((2, 3)))
        return Logits(logits, logits[None])


@pytest.mark.parametrize("method", METHODS)
def test_a_network_that_works_in_place_is_explained(method: str) -> None:
    torch.manual_seed(0)
    model, sample = Careless(), torch.rand(1, 12, 12)
    kept = sample.clone()
    found = METHODS[method](model, sample)
    assert np.isfinite(found.values).all()
    assert torch.equal(sample, kept)
    assert model.relu.inplace
    assert model.training


def test_a_network_inside_another_with_a_new_head_is_explained() -> None:
    inner = models.create("resnet18", input_shape=(3, 32, 32), num_classes=10)
    inner.set_submodule("output", nn.Sequential(nn.Dropout(0.5), nn.Linear(512, 20), nn.ReLU(inplace=True)))
    model = nn.Sequential(inner, nn.Linear(20, 4)).to(memory_format=torch.channels_last)
    sample = torch.randn(3, 40, 48)
    assert map_stage(model, sample) == "0.body"
    for method in METHODS.values():
        found = method(model, sample, 2)
        assert found.plane((40, 48)).shape == (40, 48)
        assert np.isfinite(found.values).all()
    assert grad_cam(model, sample, 2, stage="0.body.stage2").values.shape == (5, 6)


def test_a_network_in_bfloat16_is_explained() -> None:
    model = models.create("lenet5", input_shape=(1, 28, 28), num_classes=10).to(torch.bfloat16)
    for method in METHODS.values():
        assert np.isfinite(method(model, torch.rand(1, 28, 28), 1).values).all()


def test_signals_and_clips_are_explained() -> None:
    for name in ("convnet1d", "convnet3d"):
        shape = models.example_shape(name)
        model = models.create(name, input_shape=shape, num_classes=3)
        sample = torch.randn(shape)
        assert grad_cam(model, sample, 0).plane(shape[1:]).shape == shape[1:]
        assert occlusion(model, sample, 0, window=8, stride=8).values.shape == shape[1:]


def test_every_network_is_explained_inside_inference_mode_and_without_gradients() -> None:
    model = models.create("lenet5", input_shape=(1, 28, 28), num_classes=10)
    sample = torch.rand(1, 28, 28)
    with torch.no_grad():
        assert integrated_gradients(model, sample, 0, steps=2).values.any()
    with torch.inference_mode():
        made_there = torch.rand(1, 28, 28)
    assert grad_cam(model, made_there, 0).values.shape == (5, 5)


def test_bad_questions_are_refused_in_words() -> None:
    model = models.create("lenet5", input_shape=(1, 28, 28), num_classes=10)
    sample = torch.rand(1, 28, 28)
    with pytest.raises(UnknownName, match=r"unknown stage of LeNet5 's22'[\s\S]*did you mean 's2'"):
        grad_cam(model, sample, stage="s22")
    with pytest.raises(ConfigError, match="f6 gives 84 numbers without positions"):
        grad_cam(model, sample, stage="f6")
    with pytest.raises(ConfigError, match="no output 10"):
        smooth_grad(model, sample, 10)
    with pytest.raises(ConfigError, match="window of 29 does not fit"):
        occlusion(model, sample, window=29)
    with pytest.raises(ConfigError, match="jumps over"):
        occlusion(model, sample, window=3, stride=4)
    with pytest.raises(ConfigError, match="steps"):
        integrated_gradients(model, sample, steps=0)
    with pytest.raises(ConfigError, match="samples"):
        smooth_grad(model, sample, samples=0)
    with pytest.raises(DataError, match="no positions"):
        smooth_grad(nn.Linear(4, 2), torch.rand(4))
    with pytest.raises(ConfigError, match="not a row of them"):
        smooth_grad(nn.Conv2d(1, 2, 3), sample)
    with torch.no_grad():
        model.output.bias[0] = float("nan")
    with pytest.raises(ConfigError, match="not finite") as caught:
        grad_cam(model, sample)
    assert "fetch them again, or train again" in (caught.value.help or "")


def test_a_model_is_put_back_when_looking_fails() -> None:
    model = models.create("resnet18", input_shape=(3, 32, 32), num_classes=10).train()
    seen: list[bool] = []

    def look() -> None:
        with undisturbed(model):
            seen.extend(module.training or getattr(module, "inplace", False) for module in model.modules())
            raise RuntimeError("anything")

    with pytest.raises(RuntimeError):
        look()
    assert not any(seen)
    assert all(module.training for module in model.modules())
    assert any(getattr(module, "inplace", False) for module in model.modules())
    assert all(one.requires_grad for one in model.parameters())


def test_stages_are_listed_in_the_order_of_the_network() -> None:
    model = models.create("lenet5", input_shape=(1, 28, 28), num_classes=10)
    shapes = stage_shapes(model, torch.rand(1, 28, 28))
    assert [name for name in shapes if name in (*model.stages, model.head)] == [*model.stages, model.head]
    assert shapes["c3"] == (16, 10, 10)
    assert find_module(model, "c5.0") is model.c5[0]


def test_without_captum_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['captum'] = None\n"
        "from profond.explain.why.attribution import captum\n"
        "from profond.core.errors import MissingError\n"
        "try:\n    captum()\nexcept MissingError as error:\n    print(error.help)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "pip install captum", done.stderr
    assert MissingError.exit_code == 4


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.831, "83.1 %"), (0.00042, "0.042 %"), (0.00001, "0.001 %"), (7.7e-26, "< 0.001 %"), (0.0, "0 %")],
)
def test_tiny_probabilities_are_told_as_tiny(share: float, words: str) -> None:
    assert percent(share) == words
