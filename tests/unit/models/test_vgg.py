import pytest
import torch
from torch import nn

from profond import models
from profond.core.errors import ConfigError
from profond.models.vgg import VGG


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_its_name_counts_the_layers_with_weights(depth: int) -> None:
    with torch.device("meta"):
        model = models.create(f"vgg{depth}")
    assert sum(isinstance(part, nn.Conv2d | nn.Linear) for part in model.modules()) == depth


def test_five_halvings_need_32_pixels() -> None:
    with pytest.raises(ConfigError, match="at least 32×32, not 31×40"):
        VGG((3, 31, 40), 10, hidden=8)
    model = VGG((3, 32, 32), 10, layers=(1, 1, 1, 1, 1), hidden=8).eval()
    assert model.body(torch.zeros(1, 3, 32, 32)).shape == (1, 512, 1, 1)


def test_one_classifier_takes_every_size_or_is_made_for_one() -> None:
    settings = {"layers": (1, 1, 1, 1, 1), "hidden": 8}
    anything = VGG((3, 64, 64), 4, **settings).eval()
    assert anything(torch.zeros(1, 3, 50, 90)).shape == (1, 4)
    assert anything.classifier.hidden1.linear.in_features == 512 * 49
    fixed = VGG((3, 64, 96), 4, **settings, any_size=False).eval()
    assert fixed(torch.zeros(1, 3, 64, 96)).shape == (1, 4)
    assert fixed.classifier.hidden1.linear.in_features == 512 * 2 * 3
    with pytest.raises(RuntimeError):
        fixed(torch.zeros(1, 3, 96, 96))


def test_for_224_pixels_both_classifiers_are_one() -> None:
    torch.manual_seed(0)
    settings = {"layers": (1, 1, 1, 1, 1), "hidden": 8}
    anything, fixed = VGG((3, 224, 224), 4, **settings).eval(), VGG((3, 224, 224), 4, **settings, any_size=False).eval()
    fixed.load_state_dict(anything.state_dict())
    maps = torch.randn(1, 512, 7, 7)
    assert torch.equal(anything.resize(maps), fixed.resize(maps))
    assert anything.flattened == fixed.flattened == (512, 7, 7)


def test_batch_norm_follows_every_convolution_when_it_is_asked_for() -> None:
    with torch.device("meta"):
        model = models.create("vgg16", batch_norm=True)
    assert sum(isinstance(part, nn.BatchNorm2d) for part in model.modules()) == 13


@pytest.mark.parametrize("wrong", [{"hidden": 0}, {"dropout": 1.0}, {"dropout": -0.1}, {"layers": (1, 1, 1, 1, 0)}])
def test_an_impossible_setting_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="vgg"):
        models.create("vgg11", input_shape=(3, 32, 32), **wrong)
