"""The same two networks in plain PyTorch and in Keras, written as their own tutorials write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import nn

PARAMETERS = {"lenet5": 61_706, "mlp": 669_706}


def write_digits(path: str) -> None:
    """MNIST as Profond fetched it, in one file that NumPy reads: no peer needs to import torch for it."""
    from profond.data.open import open_dataset

    splits = open_dataset("mnist").splits
    arrays = {}
    for name, split in splits.items():
        arrays[f"{name}_x"] = split.samples[:, 0].numpy()  # type: ignore[attr-defined]
        arrays[f"{name}_y"] = split.targets.numpy()
    np.savez(path, **arrays)


def read_digits(path: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, 28, 28) as float32, normalised; labels (n,)."""
    with np.load(path) as arrays:
        x, y = arrays[f"{split}_x"], arrays[f"{split}_y"]
    return ((x / 255.0 - 0.1307) / 0.3081).astype(np.float32), y


def torch_network(name: str) -> nn.Module:
    from torch import nn

    if name == "mlp":
        layers = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)]
        network = nn.Sequential(nn.Flatten(), *layers)
    else:
        network = nn.Sequential(
            *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
        )
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[name]
    return network


def keras_network(name: str) -> Any:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    if name == "mlp":
        body = [layers.Flatten(), layers.Dense(512, activation="relu"), layers.Dense(512, activation="relu")]
    else:
        body = [
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
        ]
    network = keras.Sequential([keras.Input((28, 28, 1)), *body, layers.Dense(10)])
    assert network.count_params() == PARAMETERS[name]
    return network


def keras_resnet18(side: int, classes: int) -> Any:
    """ResNet-18 with the stem for small images, layer by layer as torchvision's."""
    from keras import Input, Model, layers

    def normed(x: Any, maps: int, size: int, stride: int = 1) -> Any:
        x = layers.ZeroPadding2D(size // 2)(x) if size > 1 else x
        return layers.BatchNormalization()(layers.Conv2D(maps, size, stride, use_bias=False)(x))

    images = Input((side, side, 3))
    x = layers.ReLU()(normed(images, 64, 3))
    for stage, maps in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            beside = normed(x, maps, 1, stride) if stride == 2 else x
            y = normed(layers.ReLU()(normed(x, maps, 3, stride)), maps, 3)
            x = layers.ReLU()(layers.Add()([y, beside]))
    return Model(images, layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)))
