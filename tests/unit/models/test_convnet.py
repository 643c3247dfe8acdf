from __future__ import annotations

import pytest
import torch

from profond import models
from profond.core.errors import ConfigError
from profond.models.convnet import ConvNet


@pytest.mark.parametrize(
    ("name", "shape"),
    [("convnet1d", (12, 70)), ("convnet2d", (3, 17, 30)), ("convnet3d", (1, 8, 24, 20))],
)
def test_each_takes_data_of_its_own_kind(name: str, shape: tuple[int, ...]) -> None:
    model = models.create(name, input_shape=shape, num_classes=5)
    assert model(torch.randn(2, *shape)).shape == (2, 5)


def test_in_one_dimension_an_image_is_read_row_after_row() -> None:
    torch.manual_seed(0)
    image = models.create("convnet1d", input_shape=(1, 28, 28), num_classes=10).eval()
    signal = models.create("convnet1d", input_shape=(1, 784), num_classes=10).eval()
    signal.load_state_dict(image.state_dict())
    pixels = torch.randn(3, 1, 28, 28)
    assert torch.equal(image(pixels), signal(pixels.reshape(3, 1, 784)))
    assert torch.equal(image(pixels.contiguous(memory_format=torch.channels_last)), image(pixels))


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_average_pooling_makes_it_blind_to_a_shift_and_flattening_does_not(dimensions: int) -> None:
    torch.manual_seed(0)
    shape = (1, *[16] * dimensions)
    spot = torch.zeros(1, *shape)
    spot[(0, 0, *[4] * dimensions)] = 3.0
    moved = spot.roll([8] * dimensions, list(range(2, 2 + dimensions)))
    settings = {"dimensions": dimensions, "widths": (4,), "kernel": 3, "pool": 2}
    average = ConvNet(shape, 3, **settings).eval()  # type: ignore[arg-type]
    flat = ConvNet(shape, 3, **settings, summary="flatten").eval()  # type: ignore[arg-type]
    torch.testing.assert_close(average(spot), average(moved))
    assert (flat(spot) - flat(moved)).abs().max() > 1e-3


def test_dilation_widens_the_view_without_a_parameter() -> None:
    near, far = (ConvNet((1, 32, 32), 3, widths=(4, 4), dilation=d) for d in (1, (1, 4)))
    assert sum(p.numel() for p in near.parameters()) == sum(p.numel() for p in far.parameters())
    assert far.body[1][0].dilation == (4, 4)
    assert far(torch.randn(2, 1, 32, 32)).shape == (2, 3)


def test_without_batch_norm_the_convolutions_have_biases() -> None:
    plain = ConvNet((1, 16, 16), 3, widths=(4,), batch_norm=False)
    assert plain.body[0][0].bias is not None
    assert not any("running_mean" in name for name in plain.state_dict())


@pytest.mark.parametrize(
    ("shape", "settings", "named"),
    [
        ((1, 7, 28), {}, "8×8"),
        ((1, 63), {"dimensions": 1, "pool": 4}, "64"),
        ((1, 28), {}, "channels, height, width"),
        ((1, 28, 28), {"dimensions": 3}, "channels, frames, height, width"),
        ((1, 28, 28), {"kernel": 4}, "kernel"),
        ((1, 28, 28), {"dilation": (1, 2)}, "dilation"),
        ((1, 28, 28), {"dilation": 0}, "dilation"),
        ((1, 28, 28), {"widths": ()}, "widths"),
        ((1, 28, 28), {"pool": 0}, "pool"),
    ],
)
def test_what_cannot_be_built_is_refused_in_words(
    shape: tuple[int, ...], settings: dict[str, object], named: str
) -> None:
    with pytest.raises(ConfigError, match=named) as refused:
        models.create("convnet2d", input_shape=shape, num_classes=3, **settings)
    assert refused.value.help
