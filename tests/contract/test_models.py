"""What everything registered as a model must do; a new model is tested here by being registered."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from profond import models
from profond.core.config import bind
from profond.core.errors import ConfigError
from profond.explain.network.summary import summarise

GOLDEN = Path(__file__).parent / "golden"
RENEW = "PROFOND_RENEW_GOLDEN={} python -m pytest tests/contract/test_models.py -k golden"
ASKED = [name for name in os.environ.get("PROFOND_RENEW_GOLDEN", "").split(",") if name]
"""Models whose structure is written anew; every other one is only read."""

CLASSES = 10
DEEP = 8
"""Layers from which on a network without normalisation would be killed by the usual rate."""

NARROW = {"alexnet": {"hidden": 64}, "vgg": {"hidden": 64}}
"""Their two hidden layers hold a hundred million weights, and do with a few what they do with all of them; the true
sizes are those of the golden structures and of test_zoo_counts.py."""


# NOTE a fixture of the module, not a mark: pytest then runs all tests of one model before those of the next, and
# `build` makes each model once.
@pytest.fixture(scope="module", params=models.registry.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def paper(name: str) -> str:
    return models.registry.entry(name).module.rpartition(".")[2]


def settings(name: str) -> dict[str, Any]:
    return {"input_shape": models.example_shape(name), "num_classes": CLASSES, **NARROW.get(paper(name), {})}


def build(name: str, seed: int = 0) -> nn.Module:
    """A model of one's own to change."""
    return copy.deepcopy(_built(name, seed))


@functools.lru_cache(maxsize=2)
def _built(name: str, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return models.create(name, **settings(name))


def sample(name: str, count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, *models.example_shape(name), generator=torch.Generator().manual_seed(seed))


def first(output: Any) -> Tensor:
    """The logits: some models give auxiliary ones beside them in training."""
    return output if isinstance(output, Tensor) else output[0]


def assert_equal_up_to_rounding(found: Tensor, expected: Tensor) -> None:
    """Sums taken in another order: float32's rounding grows with the greatest number, not with each one."""
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * max(1.0, float(expected.abs().max())))


def test_it_gives_finite_logits_for_each_sample(name: str) -> None:
    model = build(name).eval()
    for count in (1, 3):
        logits = model(sample(name, count))
        assert logits.shape == (count, CLASSES)
        assert logits.isfinite().all()


def test_it_takes_as_many_classes_as_it_says_or_refuses(name: str) -> None:
    shape = models.example_shape(name)
    try:
        model = models.create(name, input_shape=shape, num_classes=3)
    except ConfigError:
        with pytest.raises(ConfigError, match="classes"):
            models.create(name, input_shape=shape, num_classes=3)
    else:
        assert model.eval()(sample(name, 2)).shape == (2, 3)
    with pytest.raises(ConfigError, match="classes"):
        models.create(name, input_shape=shape, num_classes=0)


def test_an_impossible_input_is_refused_in_words(name: str) -> None:
    for shape in ((), (0,), (1, 0, 0)):
        with pytest.raises(ConfigError) as refusal:
            models.create(name, input_shape=shape, num_classes=CLASSES)
        assert refusal.value.help


def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = build(name).train()
    output = model(sample(name, 4))
    parts = [output] if isinstance(output, Tensor) else list(output)
    sum(part.float().square().mean() for part in parts).backward()
    without = [
        path
        for path, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.abs().sum() > 0)
    ]
    assert without == []


def test_one_batch_can_be_overfitted(name: str) -> None:
    model = build(name).train()
    for part in model.modules():
        if isinstance(part, nn.Dropout | nn.Dropout2d):
            part.eval()
    inputs = sample(name, 8)
    with torch.no_grad():
        alive = (first(model(inputs)) != 0).any(0).nonzero().flatten()
    targets = alive[torch.arange(8) % len(alive)]
    # SqueezeNet ends in a ReLU: of a sample whose units have all died, nothing can be learned.
    lost = 1 if paper(name) == "squeezenet" else 0
    learned = 0.05 + lost * math.log(CLASSES) / len(targets)
    layers = [part for part in model.modules() if isinstance(part, _ConvNd | nn.Linear)]
    normalised = any(isinstance(part, _NormBase | nn.GroupNorm | nn.LayerNorm) for part in model.modules())
    usual = 1e-3 if sum(one.numel() for one in model.parameters()) > 1_000_000 else 3e-3
    rate = 1e-4 if len(layers) >= DEEP and not normalised else usual
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    for _ in range(300):
        loss = nn.functional.cross_entropy(first(model(inputs)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < learned:
            break
    assert loss < learned
    assert (first(model(inputs)).argmax(1) == targets).sum() >= len(targets) - lost


def test_samples_of_a_batch_do_not_meet_in_eval_mode(name: str) -> None:
    model, inputs = build(name).eval(), sample(name, 4)
    changed = inputs.clone()
    changed[1:] = sample(name, 3, seed=9)
    with torch.no_grad():
        assert torch.equal(model(inputs)[0], model(changed)[0])
        assert_equal_up_to_rounding(model(inputs)[2:3], model(inputs[2:3]))


def test_saving_and_loading_give_identical_bits(name: str, tmp_path: Path) -> None:
    trained, fresh = build(name).train(), build(name, seed=7).eval()
    trained(sample(name, 4))  # so that running statistics have moved
    save_model(trained, str(tmp_path / "model.safetensors"))
    load_model(fresh, str(tmp_path / "model.safetensors"))
    with torch.no_grad():
        assert torch.equal(trained.eval()(sample(name, 3)), fresh(sample(name, 3)))
    assert {*trained.state_dict()} == {*fresh.state_dict()}


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
        output = first(model(sample(name, 4)))
        loss = nn.functional.cross_entropy(output.float(), torch.arange(4))
    loss.backward()
    assert loss.isfinite()
    assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())


def test_its_config_survives_json(name: str) -> None:
    config = models.configure(name, settings=settings(name))
    read = json.loads(json.dumps(config))
    assert bind(models.registry.load(name), read, what=name) == config
    torch.manual_seed(0)
    again = models.registry.load(name)(**bind(models.registry.load(name), read, what=name))
    with torch.no_grad():
        assert torch.equal(again.eval()(sample(name, 2)), build(name).eval()(sample(name, 2)))


def test_its_stages_and_head_are_modules_that_a_forward_pass_calls(name: str) -> None:
    model = build(name).eval()
    called: list[str] = []
    handles = [
        model.get_submodule(path).register_forward_hook(lambda *_, path=path: called.append(path))
        for path in (*models.stages_of(model), models.head_of(model))
    ]
    model(sample(name, 1))
    for handle in handles:
        handle.remove()
    assert called == [*model.stages, model.head]


def test_its_head_can_be_replaced(name: str) -> None:
    model = build(name).eval()
    seen: list[Tensor] = []
    handle = model.get_submodule(model.head).register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    model(sample(name, 2))
    handle.remove()
    model.set_submodule(model.head, nn.Sequential(nn.Flatten(), nn.Linear(seen[0][0].numel(), 3)))
    assert model(sample(name, 2)).shape == (2, 3)


def test_its_summary_counts_every_parameter_once(name: str) -> None:
    model = build(name)
    summary = summarise(model, models.example_shape(name))
    assert summary.parameters == sum(one.numel() for one in model.parameters())
    for layer in summary.layers:
        if layer.formula and " is " not in layer.formula:
            assert eval(layer.formula.replace("·", "*").replace(",", "")) == layer.parameters, layer
    weights = sum(math.prod(one.shape) for one in model.parameters() if one.ndim > 1)
    assert weights == 0 or summary.multiply_adds > 0


def test_its_structure_is_the_golden_one(name: str) -> None:
    """Names and shapes of everything stored, so that yesterday's weights still load."""
    with torch.device("meta"):  # structure without numbers
        model = models.create(name, input_shape=models.example_shape(name), num_classes=CLASSES)
    stored = {path: list(one.shape) for path, one in model.state_dict().items()}
    found = {
        "input_shape": list(models.example_shape(name)),
        "num_classes": CLASSES,
        "parameters": sum(one.numel() for one in model.parameters()),
        "tensors": len(stored),
        "sha256": hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest(),
    }
    path = GOLDEN / f"{name}.json"
    if name in ASKED:
        path.write_text(json.dumps(found, indent=2) + "\n")
    assert path.exists(), f"no golden structure yet; write it with: {RENEW.format(name)}"
    known = json.loads(path.read_text())
    assert known == found, f"weights saved before no longer fit; if that is meant: {RENEW.format(name)}"


def test_every_golden_structure_belongs_to_a_model() -> None:
    known = models.registry.names()
    assert set(ASKED) <= set(known), f"PROFOND_RENEW_GOLDEN takes names of models, comma-separated: {known}"
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(known)
