"""The originals that the zoo is compared with: each is optional, and skipped, with the reason, where it is absent."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profond.core.errors import MissingError
from profond.lecture import originals

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


LARGER = {
    *("resnet101", "resnet152", "resnet101v2", "resnet152v2", "densenet169", "densenet201", "nasnet_large"),
    *("vgg13", "vgg13_bn", "vgg16_bn", "vgg19", "vgg19_bn"),
}
"""Of a family whose smaller networks are compared every day, these are by `scripts/test full`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which are larger; and Keras's own warning, about NumPy 2."""
    for item in items:
        if item.path.parent != Path(__file__).parent or not isinstance(item, pytest.Function):
            continue
        item.add_marker(pytest.mark.slow)  # the originals are large, whatever is asked of them
        item.add_marker(pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"))
        given = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if any(str(value).lower() in LARGER for value in given):
            item.add_marker(pytest.mark.full)


def original(find: Callable[[], ModuleType]) -> ModuleType:
    try:
        return find()
    except MissingError as error:
        pytest.skip(error.message)


@pytest.fixture(scope="session")
def torchvision_models() -> ModuleType:
    """Where ``scripts/test`` puts it: apart from all others."""
    apart = os.environ.get("PROFOND_ORIGINALS") or str(Path(sys.prefix) / "originals")
    if apart not in sys.path:
        sys.path.append(apart)
    return original(originals.torchvision_models)


@pytest.fixture(scope="session")
def keras_applications() -> ModuleType:
    return original(originals.keras_applications)


@pytest.fixture(scope="session")
def randomise() -> Callable[..., None]:
    return originals.randomise


@pytest.fixture(scope="session")
def randomise_keras() -> Callable[..., None]:
    return originals.randomise_keras


@pytest.fixture(scope="session")
def copy_keras() -> Callable[..., None]:
    """A Keras model's numbers into ours, one tensor after the other, without the package's own reader."""

    def copy(model: nn.Module, original: Any, rows: Sequence[tuple[Any, ...]]) -> None:
        """``rows``: of ``profond.weights.names``; they must name every layer of the original, in its order."""
        present = {layer.name for layer in original.layers}
        rows = [row for row in rows if row[0] in present]
        assert [row[0] for row in rows] == [layer.name for layer in original.layers if layer.weights]
        with torch.no_grad():
            for name, path, *flattened in rows:
                layer, module = original.get_layer(name), model.get_submodule(path)
                kinds = [variable.name for variable in layer.weights]
                theirs = {kind: torch.from_numpy(one) for kind, one in zip(kinds, layer.get_weights(), strict=True)}
                ours = layout(
                    theirs, flattened[0] if flattened else None, depthwise="Depthwise" in type(layer).__name__
                )
                for tensor, value in ours.items():
                    target = module.get_parameter(tensor) if "running" not in tensor else module.get_buffer(tensor)
                    assert target.shape == value.shape, (name, tensor)
                    target.copy_(value)

    return copy


OUR_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def layout(theirs: dict[str, Tensor], flattened: tuple[int, int, int] | None, depthwise: bool) -> dict[str, Tensor]:
    """Keras's variables of one layer by our names, and as PyTorch lays them out."""
    ours = {}
    for name, value in theirs.items():
        if name in OUR_NAMES:
            ours[OUR_NAMES[name]] = value
        elif value.ndim == 2:
            if flattened is not None:  # Keras flattens height, width, channels
                channels, height, width = flattened
                value = value.reshape(height, width, channels, -1).permute(2, 0, 1, 3).flatten(0, 2)
            ours["weight"] = value.T
        elif name == "depthwise_kernel":
            ours["depthwise.weight"] = value.permute(2, 3, 0, 1).flatten(0, 1)[:, None]
        elif name == "pointwise_kernel":
            ours["pointwise.weight"] = value.permute(3, 2, 0, 1)
        elif depthwise:
            ours["weight"] = value.permute(2, 3, 0, 1).flatten(0, 1)[:, None]
        else:
            ours["weight"] = value.permute(3, 2, 0, 1)
    return ours


@pytest.fixture(scope="session")
def relative_error() -> Callable[..., float]:
    return originals.relative_error
