from __future__ import annotations

import pytest
import torch
from torch import nn

from profond import models
from profond.core.errors import ConfigError
from profond.core.spec import Spec
from profond.models.mlp import MLP


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(("shape", "expected"), [((1, 28, 28), 669_706), ((3, 224, 224), 77_338_634)])
def test_the_lecture_s_two_counts_are_exact(shape: tuple[int, ...], expected: int) -> None:
    with torch.device("meta"):
        assert count(models.create("mlp", input_shape=shape, num_classes=10)) == expected


def test_the_data_tells_it_its_shape() -> None:
    spec = Spec((3, 8, 8), "chw", classes=("cat", "dog"))
    model = models.create("mlp", spec, hidden=(16,))
    assert count(model) == 3 * 8 * 8 * 16 + 16 + 16 * 2 + 2


def test_it_is_the_formula_of_the_textbook() -> None:
    model = MLP((1, 4, 4), 3, hidden=(5,), activation="tanh")
    inputs = torch.randn(7, 1, 4, 4)
    hidden, output = model.hidden[0][0], model.output
    expected = torch.tanh(inputs.reshape(7, 16) @ hidden.weight.T + hidden.bias) @ output.weight.T + output.bias
    torch.testing.assert_close(model(inputs), expected)


def test_without_hidden_layers_it_is_linear() -> None:
    model = MLP((1, 4, 4), 3, hidden=())
    one, other = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    torch.testing.assert_close(model(one) + model(other), model(one + other) + model(torch.zeros(2, 1, 4, 4)))
    assert model.stages == ()


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    model = MLP((1, 4, 4), 3, dropout=0.5)
    inputs = torch.randn(2, 1, 4, 4)
    assert not torch.equal(model(inputs), model(inputs))
    assert torch.equal(model.eval()(inputs), model(inputs))


def test_pixels_in_another_memory_order_are_the_same_pixels() -> None:
    model, inputs = MLP((3, 4, 5), 3), torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(model(inputs.contiguous(memory_format=torch.channels_last)), model(inputs))


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": "[512,0]"},
        {"hidden": "wide"},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"activation": "step"},
        {"num_classes": 0},
    ],
)
def test_impossible_settings_are_refused_with_help(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as refused:
        models.create("mlp", **{"input_shape": (1, 4, 4), "num_classes": 3, **settings})
    assert refused.value.help
