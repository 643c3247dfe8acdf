"""MobileNet: counts, sizes, and Keras's way of rounding."""

from __future__ import annotations

import pytest
import torch

from profond import models
from profond.core.errors import ConfigError
from profond.models.mobilenet import MobileNet
from profond.weights.names.mobilenet import keras_layers


# Of Keras's MobileNet(alpha=...): without and with running statistics.
@pytest.mark.parametrize(
    ("width", "parameters", "keras"),
    [(0.25, 470_072, 475_544), (0.5, 1_331_592, 1_342_536), (1.0, 4_231_976, 4_253_864)],
)
def test_it_has_as_many_parameters_as_published(width: float, parameters: int, keras: int) -> None:
    with torch.device("meta"):
        model = models.create("mobilenet", width=width)
    statistics = sum(one.numel() for name, one in model.named_buffers() if "running" in name)
    assert sum(one.numel() for one in model.parameters()) == parameters
    assert parameters + statistics == keras


def test_the_features_are_a_thirty_second_of_the_image() -> None:
    model = MobileNet((3, 64, 96), width=0.25).eval()
    maps = model.blocks(model.stem(torch.zeros(1, 3, 64, 96)))
    assert maps.shape == (1, 256, 2, 3)


def test_an_odd_side_is_rounded_up_by_the_stem_and_down_by_the_blocks() -> None:
    model = MobileNet((1, 49, 49), width=0.25).eval()
    sizes = [model.stem(torch.zeros(1, 1, 49, 49))]
    for block in model.blocks:
        sizes.append(block(sizes[-1]))
    assert sorted({maps.shape[-1] for maps in sizes}, reverse=True) == [25, 12, 6, 3, 1]


def test_the_smallest_image_leaves_one_pixel_and_a_smaller_one_is_refused() -> None:
    model = MobileNet((2, 31, 40), num_classes=3, width=0.25).eval()
    assert model(torch.zeros(1, 2, 31, 40)).shape == (1, 3)
    with pytest.raises(ConfigError, match="31×31"):
        MobileNet((2, 30, 40))


@pytest.mark.parametrize("settings", [{"width": 0.0}, {"width": -1.0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="of model 'mobilenet'"):
        models.create("mobilenet", **settings)


def test_every_tensor_has_a_layer_in_keras() -> None:
    with torch.device("meta"):
        model = MobileNet()
    named = [f"{path}.{name}" for _, path in keras_layers(model) for name in model.get_submodule(path).state_dict()]
    assert sorted(named) == sorted(model.state_dict())
