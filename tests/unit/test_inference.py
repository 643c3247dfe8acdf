"""A model made ready to answer fast gives the same answers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from profond import models
from profond.core.device import together
from profond.core.errors import ConfigError, MissingError
from profond.serve import openvino
from profond.serve.inference import prepared
from profond.serve.openvino import OpenVino

CPU = torch.device("cpu")


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


def test_float32_is_what_evaluation_computes() -> None:
    model = models.create("resnet18", input_shape=(3, 32, 32), num_classes=10).eval()
    inputs = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        expected = model(inputs)
        torch.testing.assert_close(prepared(model, CPU)(inputs), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "googlenet", "lenet5"])
def test_openvino_gives_the_networks_answers(name: str) -> None:
    shape = models.example_shape(name)
    torch.manual_seed(0)
    model = models.create(name, input_shape=shape, num_classes=10).eval()
    ready = prepared(model, CPU, engine="openvino")
    for count in (4, 3, 6):  # a smaller batch is filled up, for a larger one it is compiled anew
        inputs = torch.randn(count, *shape)
        with torch.no_grad():
            torch.testing.assert_close(ready(inputs), model(inputs), rtol=1e-3, atol=1e-4)


def test_openvino_in_bf16_answers_nearly_as_float32() -> None:
    torch.manual_seed(0)
    model = models.create("resnet18", input_shape=(3, 64, 64), num_classes=10).eval()
    inputs = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        expected = model(inputs)
    found = prepared(model, CPU, "bf16", "openvino")(inputs)
    assert float((found - expected).abs().max() / expected.abs().max()) < 0.1


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


@pytest.mark.parametrize(("model", "message"), [(Unsteady(), "other answers"), (Picky(), "while I am watched")])
def test_what_openvino_cannot_give_is_refused_or_left_to_torch(model: nn.Module, message: str) -> None:
    inputs = torch.ones(2, 3, 8, 8)
    with pytest.raises(ConfigError, match=message) as caught:
        prepared(model, CPU, engine="openvino")(inputs)
    assert "--engine torch" in str(caught.value.help)
    otherwise = nn.Flatten()
    ready = OpenVino(model, otherwise=otherwise)
    for _ in range(2):
        assert torch.equal(ready(inputs), otherwise(inputs))


def test_openvino_is_asked_for_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino, "installed", lambda: False)
    with pytest.raises(MissingError, match="not installed"):
        prepared(nn.Flatten(), CPU, engine="openvino")
    with pytest.raises(ConfigError, match="on the CPU"):
        prepared(nn.Flatten(), torch.device("cuda"), engine="openvino")


def test_a_cpu_is_given_as_many_samples_at_once_as_its_caches_bear() -> None:
    assert together((3, 224, 224), CPU) == 16
    assert together((1, 28, 28), CPU) > 1000
    assert together((3, 4000, 4000), CPU) == 1
    assert together((3, 224, 224), torch.device("cuda")) > 1_000_000
