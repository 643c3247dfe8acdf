"""A model made ready to answer fast gives the same answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from support.processor import MAY_USE_BF16
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from profond import models
from profond.core.device import together
from profond.core.errors import ConfigError, MissingError
from profond.serve import compiled, inference
from profond.serve.compiled import Compiled, Name
from profond.serve.inference import Engine, folded, prepared
from profond.tasks.classify import Classify

CPU = torch.device("cpu")
same_largest = Classify().same_answers


@pytest.fixture
def untyped() -> Iterator[None]:
    """Shapes are not run-checked: a traced network is given stand-ins for its inputs, which have none."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "googlenet", "lenet5", "mlp"])
def test_bf16_with_folded_normalisation_answers_nearly_as_float32(name: str) -> None:
    shape = models.example_shape(name)
    torch.manual_seed(0)
    model = models.create(name, input_shape=shape, num_classes=10).train()
    with torch.no_grad():
        for _ in range(3):  # so that running statistics fit
            model(torch.randn(16, *shape))
    model.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    inputs = torch.randn(8, *shape)
    with torch.no_grad():
        expected = model(inputs)
    found = prepared(model, CPU, "bf16")(inputs)
    assert found.dtype == torch.float32
    assert float((found - expected).abs().max() / expected.abs().max()) < 0.1
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121"])
def test_float32_is_what_evaluation_computes_with_the_normalisation_folded(name: str) -> None:
    torch.manual_seed(0)
    model = models.create(name, input_shape=(3, 32, 32), num_classes=10).train()
    with torch.no_grad():
        for _ in range(3):  # so that running statistics fit
            model(torch.randn(16, 3, 32, 32))
    model.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    inputs = torch.randn(8, 3, 32, 32)
    ready = prepared(model, CPU)
    with torch.no_grad():
        expected, found = model(inputs).softmax(1), ready(inputs).softmax(1)
    assert float((found - expected).abs().max()) < 1e-5
    assert torch.equal(found.argmax(1), expected.argmax(1))
    norms = [sum(isinstance(part, _BatchNorm) for part in each.modules()) for each in (model, ready)]
    assert norms[1] < norms[0]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_network_without_normalisation_is_not_copied() -> None:
    model = models.create("lenet5", input_shape=(1, 32, 32), num_classes=10).eval()
    assert prepared(model, CPU) is model


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet", "mobilenet_v2", "efficientnet_lite0", "xception", "convnet3d"]
)
def test_every_normalisation_behind_a_convolution_becomes_part_of_it(name: str) -> None:
    shape = models.example_shape(name)
    torch.manual_seed(0)
    model = models.create(name, input_shape=shape, num_classes=10).eval()
    norms = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    for norm in norms:
        norm.running_mean.normal_(0, 0.1)
        norm.running_var.uniform_(0.5, 2)
    inputs = torch.randn(2, *shape)
    with torch.no_grad():
        found = folded(model)
        torch.testing.assert_close(found(inputs), model(inputs), rtol=1e-3, atol=1e-4)
    assert norms
    assert not any(isinstance(part, _BatchNorm) for part in found.modules())


class Shared(nn.Module):
    """Uses its convolution twice, once without the normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.convolution(self.norm(self.convolution(inputs)))


class Branching(nn.Module):
    """Which way it goes, a trace cannot know."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.norm(self.convolution(inputs)) if inputs.sum() > 0 else inputs


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("model", [Shared(), Branching()])
def test_what_cannot_be_folded_stays_as_it_was(model: nn.Module) -> None:
    model.eval()
    model.norm.running_mean.fill_(0.5)
    inputs = torch.rand(2, 3, 4, 4)
    with torch.no_grad():
        assert torch.equal(folded(model)(inputs), model(inputs))
    assert any(isinstance(part, _BatchNorm) for part in folded(model).modules())


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["openvino", "onnx"])
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "googlenet", "lenet5"])
def test_an_engine_gives_the_networks_answers(name: str, engine: Engine) -> None:
    shape = models.example_shape(name)
    torch.manual_seed(0)
    model = models.create(name, input_shape=shape, num_classes=10).eval()
    ready = prepared(model, CPU, engine=engine)
    assert isinstance(ready, Compiled)
    ready.prepare(torch.randn(4, *shape), 4)
    run = ready.run
    for count in (4, 3, 6):  # a smaller batch is filled up, a larger one goes through in parts
        inputs = torch.randn(count, *shape)
        with torch.no_grad():
            torch.testing.assert_close(ready(inputs), model(inputs), rtol=1e-3, atol=1e-4)
    assert ready.run is run
    assert ready.is_ready(shape, 4)
    assert not ready.is_ready(shape, 5)


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
def test_nothing_is_compiled_inside_a_forward(engine: Engine) -> None:
    ready = prepared(nn.Flatten(), CPU, engine=engine)
    with pytest.raises(ConfigError, match="not made ready for these inputs"):
        ready(torch.rand(2, 3, 4))
    ready.prepare(torch.rand(2, 3, 4), 2)
    assert ready(torch.rand(5, 3, 4)).shape == (5, 12)
    with pytest.raises(ConfigError, match="not made ready for these inputs"):
        ready(torch.rand(2, 3, 5))
    ready.prepare(torch.rand(6, 3, 5), 6)
    assert ready.is_ready((3, 5), 6)


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
def test_tokens_stay_whole_numbers_in_an_engine(engine: Engine) -> None:
    model = nn.Sequential(nn.Embedding(9, 3), nn.Flatten()).eval()
    ready = prepared(model, CPU, engine=engine)
    tokens = torch.randint(0, 9, (4, 5))
    ready.prepare(tokens, 3)
    with torch.no_grad():
        torch.testing.assert_close(ready(tokens), model(tokens))


@MAY_USE_BF16
def test_openvino_in_bf16_answers_nearly_as_float32() -> None:
    torch.manual_seed(0)
    model = models.create("resnet18", input_shape=(3, 64, 64), num_classes=10).eval()
    inputs = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        expected = model(inputs)
    ready = prepared(model, CPU, "bf16", "openvino")
    ready.prepare(inputs, 4)
    found = ready(inputs)
    assert float((found - expected).abs().max() / expected.abs().max()) < 0.1


@pytest.fixture(scope="module")
def told_apart() -> tuple[nn.Module, torch.Tensor]:
    """A small network that has learned to tell four kinds of noise apart, and such noise."""
    torch.manual_seed(0)
    kinds = torch.randn(4, 3, 32, 32)
    model = models.create("convnet2d", input_shape=(3, 32, 32), num_classes=4)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(20):
        targets = torch.randint(0, 4, (32,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(kinds[targets] + torch.randn(32, 3, 32, 32)), targets).backward()
        optimizer.step()
    return model.eval(), kinds[torch.arange(96) % 4] + torch.randn(96, 3, 32, 32)


def test_8_bits_give_the_networks_labels(told_apart: tuple[nn.Module, torch.Tensor], capfd: Any) -> None:
    model, inputs = told_apart
    ready = prepared(model, CPU, "int8", "auto", same_largest)
    assert isinstance(ready, Compiled)
    ready.prepare(inputs, 16)
    with torch.no_grad():
        expected = model(inputs)
    found = torch.cat([ready(part) for part in (inputs[:16], *inputs[16:].split(7))])
    equal, tried = ready.agreement
    assert tried == 64
    assert equal >= 0.9 * tried
    assert (found.argmax(1) == expected.argmax(1)).float().mean() >= 0.9
    assert not torch.allclose(found, expected, rtol=1e-4)  # it is another arithmetic
    assert capfd.readouterr().out == ""


def test_8_bits_are_refused_where_nothing_says_when_two_answers_are_the_same(
    told_apart: tuple[nn.Module, torch.Tensor],
) -> None:
    with pytest.raises(ConfigError, match="this task has no measure for that"):
        prepared(told_apart[0], CPU, "int8", "auto")


def test_8_bits_are_refused_where_they_change_labels(told_apart: tuple[nn.Module, torch.Tensor]) -> None:
    model, inputs = told_apart
    with pytest.raises(ConfigError, match="31 are too few"):
        prepared(model, CPU, "int8", "auto", same_largest).prepare(inputs[:31], 16)
    strange = Compiled(model, "openvino", "int8", same_answers=same_largest)
    own = iter(torch.randint(0, 4, (64,)).tolist())
    strange.model = nn.Sequential(model, Relabelled(own))
    with pytest.raises(ConfigError, match=r"changes too much in Sequential: \d+ of 64 images") as caught:
        strange.prepare(inputs, 16)
    assert "--precision auto" in str(caught.value.help)
    assert strange.run is None


class Relabelled(nn.Module):
    """Answers at random, but not while it is traced."""

    def __init__(self, labels: Any) -> None:
        super().__init__()
        self.labels = labels

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        if torch.jit.is_tracing():
            return outputs
        return nn.functional.one_hot(torch.tensor([next(self.labels) for _ in outputs]), 4).float()


def test_openvino_leaves_nothing_at_home_and_reports_to_nobody(tmp_path: Path) -> None:
    code = """
import sys, torch
from torch import nn
from profond.serve.compiled import Compiled
model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2)).eval()
ready = Compiled(model, "openvino", "int8", agree=0.0, same_answers=lambda own, found: own[:, 0] == found[:, 0])
ready.prepare(torch.randn(40, 3, 8, 8), 8)
assert "nncf" in sys.modules and "openvino" in sys.modules
assert not any(name.startswith("openvino_telemetry") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "HOME": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


class Unsteady(nn.Module):
    """Answers otherwise each time, which a trace cannot know."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.convolution = nn.Conv2d(3, 2, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.convolution(inputs).mean((2, 3)) + self.calls


class Picky(nn.Module):
    """Fails while it is traced."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if torch.jit.is_tracing():
            raise ValueError("not while I am watched")
        return inputs.mean((2, 3))


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
@pytest.mark.parametrize(("model", "message"), [(Unsteady(), "other answers"), (Picky(), "while I am watched")])
def test_what_an_engine_cannot_give_is_refused_or_left_to_torch(model: nn.Module, message: str, engine: Name) -> None:
    inputs = torch.ones(2, 3, 8, 8)
    with pytest.raises(ConfigError, match=message) as caught:
        prepared(model, CPU, engine=engine).prepare(inputs, 2)
    assert "--engine torch" in str(caught.value.help)
    otherwise = nn.Flatten()
    ready = Compiled(model, engine, otherwise=otherwise)
    ready.prepare(inputs, 2)
    assert message in ready.refusal
    assert ready.is_ready((3, 8, 8), 100)  # it is not tried again
    for _ in range(2):
        assert torch.equal(ready(inputs), otherwise(inputs))


def test_an_engine_is_asked_for_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "installed", lambda package: False)
    for engine, name in (("openvino", "OpenVINO"), ("onnx", "ONNX Runtime")):
        with pytest.raises(MissingError, match=f"{name} is not installed"):
            prepared(nn.Flatten(), CPU, engine=engine)
    monkeypatch.setattr(compiled, "installed", lambda package: package != "nncf")
    with pytest.raises(MissingError, match="NNCF is not installed"):
        prepared(nn.Flatten(), CPU, "int8", "auto", same_largest)
    with pytest.raises(ConfigError, match="OpenVINO's"):
        prepared(nn.Flatten(), CPU, "int8", "torch")
    with pytest.raises(ConfigError, match="OpenVINO's here, not ONNX Runtime's"):
        prepared(nn.Flatten(), CPU, "int8", "onnx", same_largest)
    with pytest.raises(ConfigError, match="in fp32 here"):
        prepared(nn.Flatten(), CPU, "bf16", "onnx")
    for engine in ("openvino", "onnx"):
        with pytest.raises(ConfigError, match="on the CPU"):
            prepared(nn.Flatten(), torch.device("cuda"), engine=engine)


def test_the_fastest_engine_that_is_installed_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepared(nn.Flatten(), CPU, engine="auto").engine == "openvino"
    monkeypatch.setattr(inference, "installed", lambda package: package != "openvino")
    assert prepared(nn.Flatten(), CPU, engine="auto").engine == "onnx"
    assert not isinstance(prepared(nn.Linear(2, 2), CPU, "bf16", "auto"), Compiled)  # which ONNX Runtime does not do
    monkeypatch.setattr(inference, "installed", lambda package: False)
    assert isinstance(prepared(nn.Flatten(), CPU, engine="auto"), nn.Flatten)


def test_networks_that_no_engine_can_take_are_left_to_torch_or_refused_in_words() -> None:
    stepwise, any_length = nn.Flatten(), nn.Flatten()
    stepwise.step = lambda: None
    any_length.any_length = True
    for model, message in ((stepwise, "part by part"), (any_length, "takes any length")):
        assert prepared(model, CPU, engine="auto") is model
        for engine in ("openvino", "onnx"):
            with pytest.raises(ConfigError, match=message):
                prepared(model, CPU, engine=engine)


def test_a_cpu_is_given_as_many_samples_at_once_as_its_caches_bear() -> None:
    assert together((3, 224, 224), CPU) == 16
    assert together((1, 28, 28), CPU) > 1000
    assert together((3, 4000, 4000), CPU) == 1
    assert together((3, 224, 224), torch.device("cuda")) > 1_000_000
