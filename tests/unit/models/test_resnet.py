import pytest
import torch
from torch import nn

from profond import models
from profond.core.errors import ConfigError
from profond.models.resnet import ResNet
from profond.models.resnet_v2 import ResNetV2

SMALL = {"input_shape": (3, 32, 32), "num_classes": 5, "layers": (1, 2)}


def shapes(model: nn.Module, side: int) -> list[tuple[int, ...]]:
    """Channels, height, width of every stage."""
    found: list[tuple[int, ...]] = []
    for stage in model.stages:  # type: ignore[union-attr]
        model.get_submodule(stage).register_forward_hook(lambda _, __, output: found.append(tuple(output.shape[1:])))
    model.eval()(torch.zeros(1, 3, side, side, device=next(model.parameters()).device))
    return found


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_each_stage_but_the_first_halves_the_image_and_doubles_the_maps(name: str) -> None:
    with torch.device("meta"):
        model = models.create(name)
    factor = 4 if name == "resnet50" else 1
    sizes = [(64 * factor * 2**index, 56 // 2**index, 56 // 2**index) for index in range(4)]
    assert shapes(model, 224) == [(64, 112, 112), *sizes]


def test_version_2_halves_at_the_end_of_a_stage() -> None:
    with torch.device("meta"):
        model = models.create("resnet50v2")
    assert shapes(model, 224) == [
        *((64, 112, 112), (256, 28, 28), (512, 14, 14), (1024, 7, 7), (2048, 7, 7)),
        (2048, 7, 7),
    ]


@pytest.mark.parametrize("kind", [ResNet, ResNetV2])
def test_small_images_keep_their_size_through_the_stem(kind: type[nn.Module]) -> None:
    model = kind(**SMALL, small_images=True)
    assert shapes(model, 32)[0] == (64, 32, 32)
    assert shapes(kind(**SMALL), 32)[0] == (64, 16, 16)


def test_the_stride_stands_in_the_3x3_or_as_in_the_paper_in_the_1x1() -> None:
    def strides(stride_first: bool) -> list[int]:
        first = ResNet(**SMALL, stride_first=stride_first).body.stage2[0].branch
        return [part.convolution.stride[0] for part in first]

    assert strides(False) == [1, 2, 1]
    assert strides(True) == [2, 1, 1]


def test_convolutions_have_biases_only_where_they_are_asked_for() -> None:
    def biases(**settings: bool) -> set[bool]:
        model = ResNet(**SMALL, **settings)
        return {part.bias is not None for part in model.modules() if isinstance(part, nn.Conv2d)}

    assert biases() == {False}
    assert biases(convolution_bias=True) == {True}


def test_a_block_whose_branch_gives_nothing_passes_its_input_on() -> None:
    inputs = torch.rand(2, 256, 4, 4)
    block = ResNet(**SMALL).eval().body.stage1[0].eval()
    assert not isinstance(block.shortcut, nn.Identity)  # 64 maps become 256
    block = ResNet(**SMALL).eval().body.stage2[1]
    nn.init.zeros_(block.branch[2].norm.weight)
    wide = torch.rand(2, 512, 4, 4)
    assert torch.equal(block(wide), wide)
    second = ResNetV2(**{**SMALL, "layers": (2, 1)}).eval().body.stage1[1]
    nn.init.zeros_(second.branch[2].weight)
    assert torch.equal(second(inputs), inputs[..., ::2, ::2])


def test_zeros_surround_the_stem_of_version_2_even_below_zero() -> None:
    model = ResNetV2(**SMALL)
    assert model.pool(-torch.ones(1, 64, 4, 4)).amax() == 0


def test_every_size_and_number_of_channels_is_taken() -> None:
    for shape in ((1, 1, 1), (4, 33, 70)):
        for kind in (ResNet, ResNetV2):
            model = kind(input_shape=shape, num_classes=3, layers=(1, 1)).eval()
            assert model(torch.zeros(2, *shape)).shape == (2, 3)


def test_a_network_without_blocks_is_refused() -> None:
    for kind in (ResNet, ResNetV2):
        for layers in ((), (2, 0)):
            with pytest.raises(ConfigError, match="blocks"):
                kind(num_classes=3, layers=layers)
