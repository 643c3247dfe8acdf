"""DenseNet: counts, growth, and sizes."""

from __future__ import annotations

import pytest
import torch

from profond import models
from profond.core.errors import ConfigError
from profond.models.densenet import DenseBlock, DenseNet
from profond.weights.names.densenet import keras_layers, torchvision_names

NORM = {"epsilon": 1e-5, "momentum": 0.1}


@pytest.mark.parametrize(
    ("name", "parameters", "keras"),
    [
        ("densenet121", 7_978_856, 8_062_504),
        ("densenet169", 14_149_480, 14_307_880),
        ("densenet201", 20_013_928, 20_242_984),
    ],
)
def test_it_has_as_many_parameters_as_published(name: str, parameters: int, keras: int) -> None:
    with torch.device("meta"):
        model = models.create(name)
    statistics = sum(one.numel() for buffer, one in model.named_buffers() if "running" in buffer)
    assert sum(one.numel() for one in model.parameters()) == parameters
    assert parameters + statistics == keras


def test_a_block_passes_its_input_on_and_adds_its_growth() -> None:
    block = DenseBlock(6, count=3, growth=4, dropout=0.0, norm=NORM).eval()
    inputs = torch.randn(2, 6, 5, 5)
    maps = block(inputs)
    assert maps.shape == (2, 18, 5, 5)
    assert torch.equal(maps[:, :6], inputs)
    assert torch.equal(maps[:, 6:10], block[0](inputs))
    assert torch.equal(maps[:, 10:14], block[1](maps[:, :10]))


def test_dropout_follows_every_layer_when_asked_for() -> None:
    def dropouts(share: float) -> int:
        model = DenseNet((3, 32, 32), 10, layers=(2, 3), dropout=share)
        return sum(isinstance(part, torch.nn.Dropout) for part in model.modules())

    assert (dropouts(0.0), dropouts(0.2)) == (0, 5)


@pytest.mark.parametrize(("small", "side"), [(False, 29), (True, 8)])
def test_the_smallest_image_leaves_one_pixel_and_a_smaller_one_is_refused(small: bool, side: int) -> None:
    settings = {"num_classes": 3, "layers": (1, 1, 1, 1), "growth": 4, "small_images": small}
    model = DenseNet((2, side, side), **settings).eval()
    image = torch.zeros(1, 2, side, side)
    assert model.body(model.stem(image)).shape[-2:] == (1, 1)
    assert model(image).shape == (1, 3)
    with pytest.raises(ConfigError, match=f"{side}×{side}"):
        DenseNet((2, side, side - 1), **settings)


def test_every_tensor_has_a_name_in_keras_and_in_torchvision() -> None:
    with torch.device("meta"):
        model = models.create("densenet169")
    named = [f"{path}.{name}" for _, path in keras_layers(model) for name in model.get_submodule(path).state_dict()]
    assert sorted(named) == sorted(model.state_dict()) == sorted(torchvision_names(model).values())


@pytest.mark.parametrize("settings", [{"layers": ()}, {"layers": (2, 0)}, {"growth": 0}, {"dropout": 1.0}])
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="densenet"):
        models.create("densenet121", **settings)
