import pytest
import torch

from profond import models
from profond.core.errors import ConfigError
from profond.models.alexnet import AlexNet


def test_the_image_becomes_maps_of_6x6() -> None:
    with torch.device("meta"):
        model = models.create("alexnet")
    maps = torch.zeros(1, 3, 224, 224, device="meta")
    sizes = []
    for stage in model.body:
        maps = stage(maps)
        sizes.append(tuple(maps.shape[1:]))
    assert sizes == [(64, 27, 27), (192, 13, 13), (256, 6, 6)]


def test_three_poolings_need_63_pixels() -> None:
    with pytest.raises(ConfigError, match="at least 63×63, not 62×80"):
        AlexNet((3, 62, 80), 10, hidden=8)
    model = AlexNet((1, 63, 63), 10, hidden=8).eval()
    assert model.body(torch.zeros(1, 1, 63, 63)).shape == (1, 256, 1, 1)
    assert model(torch.zeros(2, 1, 63, 99)).shape == (2, 10)


@pytest.mark.parametrize("wrong", [{"hidden": 0}, {"dropout": 1.0}])
def test_an_impossible_setting_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="alexnet"):
        models.create("alexnet", input_shape=(3, 64, 64), **wrong)
