"""EfficientNet-Lite: counts, scaling, and padding."""

from __future__ import annotations

import pytest
import torch

from profond import models
from profond.core.errors import ConfigError
from profond.models.efficientnet_lite import EfficientNetLite
from profond.nn.inverted import InvertedResidual
from profond.weights.names.efficientnet_lite import published_names


@pytest.mark.parametrize(
    ("name", "parameters", "blocks"),
    [
        ("efficientnet_lite0", 4_652_008, 16),
        ("efficientnet_lite1", 5_416_680, 21),
        ("efficientnet_lite2", 6_092_072, 21),
    ],
)
def test_it_has_as_many_parameters_and_blocks_as_published(name: str, parameters: int, blocks: int) -> None:
    with torch.device("meta"):
        model = models.create(name)
    assert sum(one.numel() for one in model.parameters()) == parameters
    assert sum(isinstance(one, InvertedResidual) for one in model.modules()) == blocks


def test_first_and_last_stage_do_not_grow_in_depth() -> None:
    with torch.device("meta"):
        model = EfficientNetLite(depth=3.0)
    assert [len(list(stage.children())) for stage in model.body] == [1, 6, 6, 9, 9, 12, 1]


def test_every_stride_rounds_up() -> None:
    model = EfficientNetLite((3, 65, 97), 5).eval()
    image = torch.randn(1, 3, 65, 97)
    assert model.body(model.stem(image)).shape == (1, 320, 3, 4)
    assert model(image).shape == (1, 5)


def test_the_published_padding_is_on_one_side_of_an_even_image() -> None:
    model = EfficientNetLite((1, 8, 8), 5).eval()
    torch.nn.init.ones_(model.stem.convolution.weight)
    maps = model.stem.convolution(model.stem.padding(torch.ones(1, 1, 8, 8)))[0, 0]
    assert maps[0, 0] == 9  # nothing is padded above and on the left
    assert maps[-1, -1] == 4


def test_every_tensor_has_a_name_in_the_published_files() -> None:
    with torch.device("meta"):
        model = models.create("efficientnet_lite1")
    names = published_names(model)
    assert sorted(names.values()) == sorted(model.state_dict())
    assert names["_blocks.0._bn1.weight"] == "body.0.0.depthwise.norm.weight"
    assert names["_blocks.20._expand_conv.weight"] == "body.6.0.expand.convolution.weight"


@pytest.mark.parametrize("settings", [{"width": 0.0}, {"depth": -1.0}, {"dropout": 1.0}])
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="efficientnet_lite"):
        models.create("efficientnet_lite0", **settings)
