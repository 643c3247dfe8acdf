"""MobileNets, DenseNets and NASNets beside Keras's: random weights and statistics, read from a file, equal outputs."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from profond import models
from profond.weights.keras import load_keras

# Keras writes its own files with an outdated call to numpy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FAMILY = {
    "mobilenet": ("MobileNet", "mobilenet"),
    "mobilenet_v2": ("MobileNetV2", "mobilenet_v2"),
    "densenet121": ("DenseNet121", "densenet"),
    "densenet169": ("DenseNet169", "densenet"),
    "densenet201": ("DenseNet201", "densenet"),
    "nasnet_mobile": ("NASNetMobile", "nasnet"),
    "nasnet_large": ("NASNetLarge", "nasnet"),
}
large = pytest.param("nasnet_large", marks=pytest.mark.slow)
every_network = pytest.mark.parametrize("name", [*(name for name in FAMILY if name != "nasnet_large"), large])


def original(applications: ModuleType, name: str, size: tuple[int, int], **settings: Any) -> Any:
    """Keras's network with random weights and random running statistics."""
    import keras

    if name == "nasnet_mobile" and keras.backend.backend() == "torch":
        pytest.skip("Keras's NASNetMobile does not run on its torch backend; use TensorFlow's")
    model = getattr(applications, FAMILY[name][0])(weights=None, input_shape=(*size, 3), **settings)
    random = np.random.default_rng(0)
    for weight in model.weights:
        kind, shape = weight.path.rpartition("/")[-1], tuple(weight.shape)
        if kind == "moving_variance":
            values = random.uniform(0.5, 2, shape)
        elif kind == "gamma":
            values = random.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            values = random.normal(0, 0.3, shape)
        else:
            inputs = shape[:2] if "depthwise" in weight.path or "conv_dw" in weight.path else shape[:-1]
            values = random.normal(0, np.sqrt(2 / np.prod(inputs)), shape)
        weight.assign(values.astype("float32"))
    return model


def ours(name: str, size: tuple[int, int], **settings: Any) -> nn.Module:
    names = importlib.import_module(f"profond.weights.names.{FAMILY[name][1]}")
    return models.create(name, input_shape=(3, *size), **{**names.KERAS, **settings}).eval()


def difference(found: Tensor, expected: Any) -> float:
    """The largest, relative to the largest number."""
    from keras import ops

    target = torch.from_numpy(np.array(ops.convert_to_numpy(expected)))
    assert found.shape == target.shape
    error = float((found - target).abs().max() / target.abs().max())
    print(f"largest difference {error:.1e} of the largest number")
    return error


@every_network
@pytest.mark.parametrize("size", [(64, 64), (97, 67)])
def test_logits_are_those_of_keras(
    keras_applications: ModuleType, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    theirs = original(keras_applications, name, size, classes=7, classifier_activation=None)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    model = ours(name, size, num_classes=7)
    placed = load_keras(model, tmp_path / "theirs.weights.h5")
    assert (placed.fresh, placed.unused) == ((), ())
    images = np.random.default_rng(1).normal(size=(2, *size, 3)).astype("float32")
    with torch.no_grad():
        logits = model(torch.from_numpy(images).permute(0, 3, 1, 2))
    assert difference(logits, theirs(images, training=False)) < 1e-4


@every_network
def test_maps_without_the_top_are_those_of_keras(keras_applications: ModuleType, tmp_path: Path, name: str) -> None:
    size = (80, 75)
    theirs = original(keras_applications, name, size, include_top=False)
    theirs.save(tmp_path / "theirs.h5") if name == "mobilenet" else theirs.save_weights(tmp_path / "theirs.weights.h5")
    model = ours(name, size, num_classes=7)
    (path,) = tmp_path.iterdir()
    assert load_keras(model, path, new_head=True).fresh == ("output",)
    images = np.random.default_rng(1).normal(size=(2, *size, 3)).astype("float32")
    seen: list[Tensor] = []
    model.pool.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.no_grad():
        model(torch.from_numpy(images).permute(0, 3, 1, 2))
    assert difference(seen[0].permute(0, 2, 3, 1), theirs(images, training=False)) < 1e-4


@every_network
def test_layers_are_listed_in_the_order_of_keras(keras_applications: ModuleType, name: str) -> None:
    names = importlib.import_module(f"profond.weights.names.{FAMILY[name][1]}")
    with torch.device("meta"):
        model = models.create(name)
    theirs = original(keras_applications, name, (64, 64))
    assert [layer for layer, _ in names.keras_layers(model)] == [one.name for one in theirs.layers if one.weights]


@pytest.mark.parametrize("width", [0.35, 0.5, 0.75, 1.3, 1.4])
def test_every_published_width_of_mobilenet_v2_has_the_shapes_of_keras(
    keras_applications: ModuleType, width: float
) -> None:
    with torch.device("meta"):
        model = models.create("mobilenet_v2", width=width)
    counted = [*model.parameters(), *(one for name, one in model.named_buffers() if "running" in name)]
    theirs = keras_applications.MobileNetV2(weights=None, alpha=width, input_shape=(32, 32, 3))
    assert sum(one.numel() for one in counted) == theirs.count_params()
