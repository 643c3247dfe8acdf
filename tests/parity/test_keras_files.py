"""Keras itself writes the files, in all its formats, alone and inside another model; ours gives the same outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from profond.weights.keras import load_keras

NAMES = [
    ("start", "start"),
    ("separable_conv2d", "separable"),
    ("batch_normalization", "norm"),
    ("conv2d", "first"),
    ("depthwise_conv2d", "depthwise"),
    ("batch_normalization_1", "shift"),
    ("conv2d_1", "second"),
    ("dense", "hidden", (4, 4, 6)),
    ("dense_1", "output"),
]


class Separable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.pointwise = nn.Conv2d(4, 4, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.pointwise(self.depthwise(maps))


class Net(nn.Module):
    head = "output"

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.start = nn.Conv2d(3, 4, 3, padding=1)
        self.separable = Separable()
        self.norm = nn.BatchNorm2d(4, eps=1e-3)
        self.first = nn.Conv2d(4, 4, 3, padding=1)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.shift = nn.BatchNorm2d(4, eps=1e-3)
        self.shift.register_parameter("weight", None)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.hidden = nn.Linear(4 * 4 * 6, 5)
        self.output = nn.Linear(5, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.first(torch.relu(self.norm(self.separable(self.start(images)))))
        maps = self.second(self.shift(self.depthwise(maps)))
        return self.output(torch.relu(self.hidden(maps.flatten(1))))


def original(keras: Any, nested: bool) -> Any:
    layers = keras.layers
    inputs = layers.Input((4, 6, 3))
    maps = layers.Conv2D(4, 3, padding="same", name="start")(inputs)
    maps = layers.SeparableConv2D(4, 3, padding="same")(maps)
    maps = layers.ReLU()(layers.BatchNormalization()(maps))
    maps = layers.Conv2D(4, 3, padding="same")(maps)
    maps = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(maps)
    maps = layers.BatchNormalization(scale=False)(maps)
    maps = layers.Conv2D(4, 3, padding="same")(maps)
    vector = layers.Dense(5, activation="relu")(layers.Flatten()(maps))
    if not nested:
        return keras.Model(inputs, layers.Dense(3)(vector))
    backbone = keras.Model(inputs, vector, name="backbone")
    for layer in backbone.layers[:4]:
        layer.trainable = False
    outer = layers.Input((4, 6, 3))
    return keras.Model(outer, layers.Dense(3)(layers.Dropout(0.5)(backbone(outer))))


@pytest.mark.parametrize("nested", [False, True], ids=["alone", "inside"])
@pytest.mark.parametrize("name", ["a.weights.h5", "a.keras", "a.h5"])
@pytest.mark.filterwarnings("ignore")  # Keras warns of its own .h5
def test_files_of_keras_give_its_outputs(
    tmp_path: Path, keras_applications: Any, relative_error: Any, name: str, nested: bool
) -> None:
    import keras

    keras.utils.set_random_seed(0)
    original(keras, nested)  # so that the numbers in the names go on
    theirs = original(keras, nested)
    random = np.random.default_rng(0)
    theirs.set_weights([random.uniform(0.2, 1, weight.shape) for weight in theirs.get_weights()])
    (theirs.save_weights if "weights" in name else theirs.save)(tmp_path / name)
    ours = Net(3).eval()
    placed = load_keras(ours, tmp_path / name, names=NAMES)
    assert (placed.fresh, placed.unused) == ((), ())
    images = random.normal(size=(2, 4, 6, 3)).astype("f4")
    with torch.no_grad():
        found = ours(torch.from_numpy(images).permute(0, 3, 1, 2))
    assert relative_error(found, theirs(images, training=False)) < 1e-4
