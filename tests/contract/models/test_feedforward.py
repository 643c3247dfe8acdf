"""What every feedforward network must do; a new one is tested here by being registered."""

from __future__ import annotations

import math

import pytest
import torch
from contract.models.family import Family
from contract.models.feedforward import CLASSES, FEEDFORWARD, logits
from contract.models.promises import *  # noqa: F403
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from profond import models
from profond.core.errors import ConfigError
from profond.explain.network.summary import summarise

FAMILY = FEEDFORWARD
DEEP = 8
"""Layers from which on a network without normalisation would be killed by the usual rate."""


# NOTE a fixture of the module, not a mark: pytest then runs all tests of one model before those of the next, and
# `build` makes each model once.
@pytest.fixture(scope="module", params=FAMILY.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def family() -> Family:
    return FAMILY


def build(name: str) -> nn.Module:
    return FAMILY.build(name)


def sample(name: str, count: int, seed: int = 1) -> Tensor:
    return FAMILY.inputs(name, count, seed)


def assert_equal_up_to_rounding(found: Tensor, expected: Tensor) -> None:
    """Sums taken in another order: float32's rounding grows with the greatest number, not with each one."""
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * max(1.0, float(expected.abs().max())))


def test_it_gives_finite_logits_for_each_sample(name: str) -> None:
    model = FAMILY.shared(name)
    for count in (1, 3):
        with torch.no_grad():
            output = model(sample(name, count))
        assert output.shape == (count, CLASSES)
        assert output.isfinite().all()


def test_it_takes_as_many_classes_as_it_says_or_refuses(name: str) -> None:
    shape = models.example_shape(name)
    with torch.device("meta"):  # shapes without numbers
        try:
            model = models.create(name, input_shape=shape, num_classes=3)
        except ConfigError:
            with pytest.raises(ConfigError, match="classes"):
                models.create(name, input_shape=shape, num_classes=3)
        else:
            assert model.eval()(torch.empty(2, *shape)).shape == (2, 3)
        with pytest.raises(ConfigError, match="classes"):
            models.create(name, input_shape=shape, num_classes=0)


def test_an_impossible_input_is_refused_in_words(name: str) -> None:
    for shape in ((), (0,), (1, 0, 0)):
        with pytest.raises(ConfigError) as refusal:
            models.create(name, input_shape=shape, num_classes=CLASSES)
        assert refusal.value.help


def test_one_batch_can_be_overfitted(name: str) -> None:
    model = build(name).train()
    for part in model.modules():
        if isinstance(part, nn.Dropout | nn.Dropout2d):
            part.eval()
    inputs = sample(name, 8)
    with torch.no_grad():
        scores = logits(model(inputs))
    alive = (scores != 0).any(0).nonzero().flatten()
    targets = alive[torch.arange(8) % len(alive)]
    # Of a network that ends in a ReLU, as SqueezeNet does, a sample whose units have all died can learn nothing.
    lost = int((scores >= 0).all())
    learned = 0.05 + lost * math.log(CLASSES) / len(targets)
    layers = [part for part in model.modules() if isinstance(part, _ConvNd | nn.Linear)]
    normalised = any(isinstance(part, _NormBase | nn.GroupNorm | nn.LayerNorm) for part in model.modules())
    usual = 1e-3 if sum(one.numel() for one in model.parameters()) > 1_000_000 else 3e-3
    rate = 1e-4 if len(layers) >= DEEP and not normalised else usual
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    for _ in range(300):
        loss = nn.functional.cross_entropy(logits(model(inputs)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < learned:
            break
    assert loss < learned
    assert (logits(model(inputs)).argmax(1) == targets).sum() >= len(targets) - lost


def test_samples_of_a_batch_do_not_meet_in_eval_mode(name: str) -> None:
    model, inputs = FAMILY.shared(name), sample(name, 4)
    changed = inputs.clone()
    changed[1:] = sample(name, 3, seed=9)
    with torch.no_grad():
        found = model(inputs)
        assert torch.equal(found[0], model(changed)[0])
        assert_equal_up_to_rounding(found[2:3], model(inputs[2:3]))


def test_channels_last_gives_the_same_logits(name: str) -> None:
    layout = {3: torch.channels_last, 4: torch.channels_last_3d}.get(len(models.example_shape(name)))
    if layout is None:
        pytest.skip("only images and clips have another layout")
    model, inputs = build(name).eval(), sample(name, 3)
    with torch.no_grad():
        expected = model(inputs)
        model.to(memory_format=layout)
        assert_equal_up_to_rounding(model(inputs.contiguous(memory_format=layout)), expected)


def test_it_trains_a_step_in_bf16(name: str) -> None:
    model = build(name).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = logits(model(sample(name, 4)))
        loss = nn.functional.cross_entropy(output.float(), torch.arange(4))
    loss.backward()
    assert loss.isfinite()
    assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())


def test_its_head_can_be_replaced(name: str) -> None:
    model = build(name).eval()
    seen: list[Tensor] = []
    handle = model.get_submodule(model.head).register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.no_grad():
        model(sample(name, 1))
        handle.remove()
        model.set_submodule(model.head, nn.Sequential(nn.Flatten(), nn.Linear(seen[0][0].numel(), 3)))
        assert model(sample(name, 2)).shape == (2, 3)


def test_its_summary_counts_every_parameter_once(name: str) -> None:
    model = FAMILY.shared(name)
    summary = summarise(model, models.example_shape(name))
    assert summary.parameters == sum(one.numel() for one in model.parameters())
    for layer in summary.layers:
        if layer.formula and " is " not in layer.formula:
            assert eval(layer.formula.replace("·", "*").replace(",", "")) == layer.parameters, layer
    weights = sum(math.prod(one.shape) for one in model.parameters() if one.ndim > 1)
    assert weights == 0 or summary.multiply_adds > 0
