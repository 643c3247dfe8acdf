"""MobileNetV2: counts, widths, the small stem, and its two conventions."""

from __future__ import annotations

import pytest
import torch

from profond import models
from profond.core.errors import ConfigError
from profond.models.mobilenet_v2 import MobileNetV2
from profond.nn.inverted import InvertedResidual, divisible
from profond.weights.names.mobilenet_v2 import KERAS, keras_layers, torchvision_names

# Of Keras's MobileNetV2(alpha=...), without statistics; torchvision's is the one at 1.
PUBLISHED = {0.35: 1_677_128, 0.5: 1_968_680, 0.75: 2_636_424, 1.0: 3_504_872, 1.3: 5_386_792, 1.4: 6_108_776}


@pytest.mark.parametrize(("width", "parameters"), PUBLISHED.items())
def test_it_has_as_many_parameters_as_published(width: float, parameters: int) -> None:
    with torch.device("meta"):
        model = models.create("mobilenet_v2", width=width)
    assert sum(one.numel() for one in model.parameters()) == parameters


def test_keras_counts_the_statistics_too() -> None:
    with torch.device("meta"):
        model = models.create("mobilenet_v2")
    counted = [*model.parameters(), *(one for name, one in model.named_buffers() if "running" in name)]
    assert sum(one.numel() for one in counted) == 3_538_984


def test_the_small_stem_keeps_four_by_four_of_a_32_pixel_image() -> None:
    for small, side in ((False, 1), (True, 4)):
        model = MobileNetV2((3, 32, 32), 10, small_images=small).eval()
        maps = model.body(model.stem(torch.zeros(1, 3, 32, 32)))
        assert maps.shape == (1, 320, side, side)


def test_the_two_paddings_differ_on_even_sides_and_agree_on_odd_ones() -> None:
    for side, agree in ((64, False), (65, True)):
        torch.manual_seed(0)
        ours = MobileNetV2((3, side, side), 10, width=0.35).eval()
        theirs = MobileNetV2((3, side, side), 10, width=0.35, padding="same").eval()
        theirs.load_state_dict(ours.state_dict())
        image = torch.randn(1, 3, side, side)
        with torch.no_grad():
            assert torch.allclose(ours(image), theirs(image), atol=1e-5) == agree


def test_keras_settings_reach_every_normalisation() -> None:
    with torch.device("meta"):
        model = MobileNetV2(**KERAS)
    norms = [one for one in model.modules() if isinstance(one, torch.nn.BatchNorm2d)]
    assert {(one.eps, one.momentum) for one in norms} == {(1e-3, 0.001)}


def test_the_shortcut_stands_where_shape_and_stride_allow_it() -> None:
    image = torch.randn(1, 16, 8, 8)
    for block, adds in (
        (InvertedResidual(16, 16, 6), True),
        (InvertedResidual(16, 16, 6, stride=2), False),
        (InvertedResidual(16, 24, 6), False),
    ):
        torch.nn.init.zeros_(block.project.norm.weight)  # leaves what the shortcut brings
        assert torch.equal(block.eval()(image), image) if adds else block.eval()(image).count_nonzero() == 0


@pytest.mark.parametrize(("width", "rounded"), [(3.0, 8), (11.2, 16), (16.8, 16), (33.6, 32), (44.8, 48), (17.9, 24)])
def test_widths_are_multiples_of_eight_never_a_tenth_too_small(width: float, rounded: int) -> None:
    assert divisible(width) == rounded


def test_every_tensor_has_a_name_in_keras_and_in_torchvision() -> None:
    with torch.device("meta"):
        model = MobileNetV2()
    named = [f"{path}.{name}" for _, path in keras_layers(model) for name in model.get_submodule(path).state_dict()]
    assert sorted(named) == sorted(model.state_dict()) == sorted(torchvision_names(model).values())


@pytest.mark.parametrize("settings", [{"width": 0.0}, {"dropout": 1.0}])
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="of model 'mobilenet_v2'"):
        models.create("mobilenet_v2", **settings)
