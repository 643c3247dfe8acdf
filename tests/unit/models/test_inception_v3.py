"""InceptionV3: counts in both conventions, sizes, its auxiliary head, and Keras's numbering."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError
from profond.models.inception_v3 import InceptionV3
from profond.nn.auxiliary import Logits
from profond.nn.branches import Branches
from profond.weights.names.inception_v3 import KERAS, keras_layers, torchvision_names


def count(model: nn.Module) -> int:
    return sum(one.numel() for one in model.parameters())


def meta(**settings: Any) -> InceptionV3:
    with torch.device("meta"):
        model = models.create("inception_v3", **settings)
    assert isinstance(model, InceptionV3)
    return model


def test_it_has_as_many_parameters_as_the_originals() -> None:
    assert count(meta()) == 23_834_568
    assert count(meta(auxiliary=True)) == 27_161_264
    keras = meta(**KERAS)
    statistics = sum(one.numel() for name, one in keras.named_buffers() if "running" in name)
    assert (count(keras), count(keras) + statistics) == (23_817_352, 23_851_784)


def test_the_resolutions_are_those_of_the_paper() -> None:
    model, sides = meta(), {}
    for stage in model.stages:
        model.get_submodule(stage).register_forward_hook(
            lambda _, __, output, stage=stage: sides.update({stage: tuple(output.shape[1:])})
        )
    model.eval()(torch.zeros(1, 3, 299, 299, device="meta"))
    assert sides["conv5"] == (192, 71, 71)
    assert {sides[f"mixed5{letter}"] for letter in "cd"} == {(288, 35, 35)}
    assert {sides[f"mixed6{letter}"] for letter in "abcde"} == {(768, 17, 17)}
    assert sides["mixed7a"] == (1280, 8, 8)
    assert {sides[f"mixed7{letter}"] for letter in "bc"} == {(2048, 8, 8)}


def test_the_smallest_image_leaves_one_pixel_and_a_smaller_one_is_refused() -> None:
    seen: list[Tensor] = []
    model = meta(input_shape=(1, 75, 75), num_classes=3).eval()
    model.mixed7c.register_forward_hook(lambda _, __, output: seen.append(output))
    assert model(torch.zeros(1, 1, 75, 75, device="meta")).shape == (1, 3)
    assert seen[0].shape[-2:] == (1, 1)
    with pytest.raises(ConfigError, match="75×75"):
        meta(input_shape=(1, 75, 74))


def test_the_auxiliary_head_needs_the_images_of_the_paper() -> None:
    output = meta(auxiliary=True, num_classes=4).train()(torch.zeros(2, 3, 299, 299, device="meta"))
    assert isinstance(output, Logits)
    assert (output.main.shape, output.auxiliary.shape) == ((2, 4), (1, 2, 4))
    with pytest.raises(ConfigError, match="299×299") as refused:
        meta(auxiliary=True, input_shape=(3, 298, 299))
    assert "auxiliary=false" in str(refused.value.help)


@pytest.mark.parametrize(("counted", "corner"), [(True, 4 / 9), (False, 1.0)])
def test_the_average_at_the_border_counts_the_padding_or_not(counted: bool, corner: float) -> None:
    model = InceptionV3((3, 75, 75), 2, count_padding=counted)
    pools = [part for part in model.modules() if isinstance(part, nn.AvgPool2d)]
    assert len(pools) == 9
    for pool in pools:
        assert pool(torch.ones(1, 1, 5, 5))[0, 0, 0, 0].item() == pytest.approx(corner)


def test_without_scale_a_batch_norm_only_shifts() -> None:
    model = InceptionV3((3, 75, 75), 2, norm_scale=False)
    assert all(part.weight is None for part in model.modules() if isinstance(part, nn.BatchNorm2d))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model.train()(torch.randn(2, 3, 75, 75))
    logits.float().square().sum().backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in model.parameters())


def test_branches_see_the_same_maps_and_are_stacked_in_order() -> None:
    branches = Branches(same=nn.Identity(), negative=nn.Conv2d(1, 1, 1, bias=False))
    nn.init.constant_(branches.get_parameter("negative.weight"), -1.0)
    maps = torch.randn(2, 1, 3, 4)
    assert torch.equal(branches(maps), torch.cat([maps, -maps], 1))


def test_every_tensor_has_a_name_in_torchvision_and_in_keras() -> None:
    model = meta(auxiliary=True)
    assert sorted(torchvision_names(model).values()) == sorted(model.state_dict())
    model = meta(**KERAS)
    named = [f"{path}.{name}" for _, path in keras_layers(model) for name in model.get_submodule(path).state_dict()]
    assert sorted(named) == sorted(model.state_dict())


def test_layers_are_numbered_as_made_and_listed_by_their_distance_from_the_output() -> None:
    listed = keras_layers(meta(**KERAS))
    convolutions = {name: path for name, path in listed if name.startswith("conv2d")}
    # As Keras 3.15 lists them.
    assert [int((name + "_0").split("_")[1]) for name in convolutions][:18] == [
        *(0, 1, 2, 3, 4, 8, 6, 9, 5, 7, 10, 11, 15, 13, 16, 12, 14, 17)
    ]
    assert convolutions["conv2d_5"] == "mixed5b.one.convolution"
    assert convolutions["conv2d_8"] == "mixed5b.two_threes.0.convolution"
    assert convolutions["conv2d_93"] == "mixed7c.pooled.1.convolution"
