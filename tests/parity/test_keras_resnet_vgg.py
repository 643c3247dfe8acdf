"""Our ResNets and VGGs equal Keras's, with random weights and random BatchNorm statistics."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from support.in_keras import build, images

from profond import models
from profond.explain.network.stages import stage_output

# Keras's name: our name, the stage that ends it without top, the mean scale of random BatchNorms
NETWORKS = {
    "VGG16": ("vgg16", "body.stage5", 1.0),
    "VGG19": ("vgg19", "body.stage5", 1.0),
    **{f"ResNet{depth}": (f"resnet{depth}", "body.stage4", 0.5) for depth in (50, 101, 152)},
    **{f"ResNet{depth}V2": (f"resnet{depth}v2", "last", 0.5) for depth in (50, 101, 152)},
}
Fixture = Callable[..., Any]


@pytest.mark.parametrize("theirs", NETWORKS)
def test_with_top_it_gives_kerass_logits(
    theirs: str,
    keras_applications: ModuleType,
    randomise_keras: Fixture,
    copy_keras: Fixture,
    relative_error: Fixture,
) -> None:
    name, _, gain = NETWORKS[theirs]
    original = getattr(keras_applications, theirs)(
        weights=None, classes=10, input_shape=(64, 96, 3), classifier_activation=None
    )
    randomise_keras(original, gain)
    model, names = build(name, (3, 64, 96))
    copy_keras(model, original, names.keras_layers(model))
    inputs = images(64, 96)
    with torch.no_grad():
        error = relative_error(model(inputs), original(inputs.permute(0, 2, 3, 1).numpy(), training=False))
    print(f"{theirs} with top", f"{error:.1e}")  # seen with -rP
    assert error < 1e-4


@pytest.mark.parametrize("theirs", NETWORKS)
def test_without_top_it_gives_kerass_maps_at_any_size(
    theirs: str,
    keras_applications: ModuleType,
    randomise_keras: Fixture,
    copy_keras: Fixture,
    relative_error: Fixture,
) -> None:
    name, stage, gain = NETWORKS[theirs]
    original = getattr(keras_applications, theirs)(weights=None, include_top=False, input_shape=(None, None, 3))
    randomise_keras(original, gain)
    for height, width in ((64, 64), (97, 75)):
        inputs = images(height, width)
        model, names = build(name, (3, height, width))
        copy_keras(model, original, names.keras_layers(model))
        with torch.no_grad():
            error = relative_error(
                stage_output(model, inputs, stage), original(inputs.permute(0, 2, 3, 1).numpy(), training=False)
            )
        print(f"{theirs} {height}x{width}", f"{error:.1e}")  # seen with -rP
        assert error < 1e-4


def test_kerass_vgg_for_224_pixels_fits_the_classifier_that_takes_any_size(
    keras_applications: ModuleType, randomise_keras: Fixture, copy_keras: Fixture, relative_error: Fixture
) -> None:
    original = keras_applications.VGG16(weights=None, classes=10, classifier_activation=None)
    randomise_keras(original)
    model = models.create("vgg16", num_classes=10).eval()
    _, names = build("vgg16", (3, 32, 32))
    copy_keras(model, original, names.keras_layers(model))
    inputs = images(224, 224)[:1]
    with torch.no_grad():
        error = relative_error(model(inputs), original(inputs.permute(0, 2, 3, 1).numpy(), training=False))
        assert error < 1e-4
        assert model(images(64, 64)).shape == (2, 10)
