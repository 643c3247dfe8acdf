"""InceptionV3, Inception-ResNet v2 and Xception equal Keras's, with random weights and random BatchNorm statistics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from support.in_keras import build, images

from profond.explain.network.stages import stage_output
from profond.weights.keras import load_keras

# Keras's name: our name, the stage that ends it without top, and the mean scale of random BatchNorms
NETWORKS = {
    "InceptionV3": ("inception_v3", "mixed7c", 1.0),
    "InceptionResNetV2": ("inception_resnet_v2", "conv6", 1.0),
    "Xception": ("xception", "exit.2", 0.5),
}
every_network = pytest.mark.parametrize("theirs", NETWORKS)
Fixture = Callable[..., Any]


def forget_numbers() -> None:
    """Keras numbers its layers from the start again."""
    import keras

    keras.backend.clear_session()


@every_network
def test_with_top_it_gives_kerass_logits(
    theirs: str,
    keras_applications: ModuleType,
    randomise_keras: Fixture,
    copy_keras: Fixture,
    relative_error: Fixture,
) -> None:
    name, _, gain = NETWORKS[theirs]
    forget_numbers()
    original = getattr(keras_applications, theirs)(
        weights=None, classes=10, input_shape=(107, 131, 3), classifier_activation=None
    )
    randomise_keras(original, gain)
    model, names = build(name)
    copy_keras(model, original, names.keras_layers(model))
    inputs = images(107, 131)
    with torch.no_grad():
        error = relative_error(model(inputs), original(inputs.permute(0, 2, 3, 1).numpy(), training=False))
    print(f"{theirs} with top", f"{error:.1e}")  # seen with -rP
    assert error < 1e-4


@every_network
def test_without_top_it_gives_kerass_maps_at_any_size(
    theirs: str,
    keras_applications: ModuleType,
    randomise_keras: Fixture,
    copy_keras: Fixture,
    relative_error: Fixture,
) -> None:
    name, stage, gain = NETWORKS[theirs]
    forget_numbers()
    original = getattr(keras_applications, theirs)(weights=None, include_top=False, input_shape=(None, None, 3))
    randomise_keras(original, gain)
    model, names = build(name)
    copy_keras(model, original, names.keras_layers(model))
    for height, width in ((75, 75), (100, 139)):
        inputs = images(height, width)
        with torch.no_grad():
            error = relative_error(
                stage_output(model, inputs, stage), original(inputs.permute(0, 2, 3, 1).numpy(), training=False)
            )
        print(f"{theirs} {height}x{width}", f"{error:.1e}")  # seen with -rP
        assert error < 1e-4


@pytest.mark.parametrize("ending", [".h5", ".weights.h5"])
@pytest.mark.parametrize(
    "theirs",
    [pytest.param(name, marks=pytest.mark.full if name == "InceptionResNetV2" else ()) for name in NETWORKS],
)
def test_a_file_is_read_wherever_its_numbers_start(
    theirs: str,
    ending: str,
    keras_applications: ModuleType,
    randomise_keras: Fixture,
    relative_error: Fixture,
    tmp_path: Path,
) -> None:
    import keras

    name, _, gain = NETWORKS[theirs]
    forget_numbers()
    for _ in range(7):  # so that its numbers begin at 7
        keras.layers.Conv2D(1, 1), keras.layers.BatchNormalization()
    original = getattr(keras_applications, theirs)(
        weights=None, classes=10, input_shape=(75, 75, 3), classifier_activation=None
    )
    assert "conv2d_7" in {layer.name for layer in original.layers}
    randomise_keras(original, gain)
    path = tmp_path / f"theirs{ending}"
    original.save_weights(path) if ending == ".weights.h5" else original.save(path)
    model, _ = build(name)
    placed = load_keras(model, path)
    assert (placed.fresh, placed.unused) == ((), ())
    inputs = images(75, 75)
    with torch.no_grad():
        assert relative_error(model(inputs), original(inputs.permute(0, 2, 3, 1).numpy(), training=False)) < 1e-4
