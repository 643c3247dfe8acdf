import pytest
import torch

from profond import models
from profond.core.errors import ConfigError
from profond.models.squeezenet import Fire, SqueezeNet


@pytest.mark.parametrize(
    ("padding", "ceil_mode", "smallest"),
    [(0, True, 17), (0, False, 31), (1, True, 15), (1, False, 29), ("same", True, 15), ("same", False, 29)],
)
def test_the_smallest_image_leaves_one_pixel_and_a_smaller_one_is_refused(
    padding: int | str, ceil_mode: bool, smallest: int
) -> None:
    settings = {"num_classes": 3, "padding": padding, "ceil_mode": ceil_mode}
    model = SqueezeNet((3, smallest, smallest), **settings).eval()
    assert model.body(model.stem(torch.zeros(1, 3, smallest, smallest))).shape == (1, 512, 1, 1)
    with pytest.raises(ConfigError, match=f"at least {smallest}×{smallest}"):
        SqueezeNet((3, smallest - 1, smallest), **settings)


def test_227_pixels_become_14_or_rounded_down_13() -> None:
    inputs = torch.zeros(1, 3, 227, 227)
    for ceil_mode, side in ((True, 14), (False, 13)):
        model = SqueezeNet((3, 227, 227), 3, ceil_mode=ceil_mode).eval()
        assert model.body(model.stem(inputs)).shape[2:] == (side, side)


def test_a_fire_module_gives_both_kinds_of_maps_side_by_side() -> None:
    torch.manual_seed(0)
    fire = Fire(8, 2, 3)
    inputs = torch.randn(2, 8, 5, 5)
    outputs, squeezed = fire(inputs), fire.squeeze(inputs)
    assert torch.equal(outputs[:, :3], fire.expand1(squeezed))
    assert torch.equal(outputs[:, 3:], fire.expand3(squeezed))
    assert fire.expand3.convolution.kernel_size == (3, 3)


def test_a_class_is_scored_by_the_mean_of_its_map() -> None:
    torch.manual_seed(0)
    model = SqueezeNet((3, 48, 48), 4).eval()
    inputs = torch.randn(2, 3, 48, 48)
    maps = model.output.convolution(model.body(model.stem(inputs))).relu()
    torch.testing.assert_close(model(inputs), maps.mean((2, 3)))


@pytest.mark.parametrize("wrong", [{"padding": 2}, {"dropout": 1.0}])
def test_an_impossible_setting_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="squeezenet"):
        models.create("squeezenet1_1", input_shape=(3, 48, 48), **wrong)
