"""The originals that the zoo is compared with: each is optional, and skipped, with the reason, where it is absent."""

from __future__ import annotations

import importlib.util
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

if importlib.util.find_spec("tensorflow") is None:  # it comes with the extra "bench"; Keras runs on PyTorch too
    os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture(scope="session")
def torchvision_models() -> Iterator[ModuleType]:
    """``torchvision.models``. Beside a CPU build of PyTorch its compiled operators are missing: they are declared
    first, without an implementation, which no classification network needs."""
    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations:
        pytest.skip("torchvision is not installed; it is the oracle here")
    source = (Path(found.submodule_search_locations[0]) / "_meta_registrations.py").read_text(encoding="utf-8")
    names = {*re.findall(r"torchvision::(\w+)", source), *re.findall(r"register_meta\(\"(\w+)\"\)", source)}
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in sorted(names):
        try:
            library.define(f"{name}(Tensor inputs) -> Tensor")
        except RuntimeError:  # the compiled operators are here
            continue
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that its image reader could not be loaded
        try:
            from torchvision import models
        except (ImportError, RuntimeError) as error:
            pytest.skip(f"torchvision cannot be imported beside this PyTorch: {error}")
    yield models
    del library


@pytest.fixture(scope="session")
def keras_applications() -> ModuleType:
    """``keras.applications`` on TensorFlow where it is installed, else on PyTorch, or on what KERAS_BACKEND names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras = pytest.importorskip("keras", reason="keras is not installed; it is the oracle here")
        from keras import applications
    keras.utils.disable_interactive_logging()
    return applications


@pytest.fixture(scope="session")
def randomise() -> Callable[..., None]:
    """Every number of a PyTorch model drawn anew: weights, biases, BatchNorm's scale, shift and statistics."""

    def draw(model: nn.Module, gain: float = 1.0, seed: int = 0) -> None:
        """``gain``: mean scale of a BatchNorm; below 1 where many residual branches are added up."""
        numbers = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for module in model.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):
                    module.weight.normal_(0, (2 / module.weight[0].numel()) ** 0.5, generator=numbers)
                    if module.bias is not None:
                        module.bias.normal_(0, 0.1, generator=numbers)
                elif isinstance(module, nn.BatchNorm2d):
                    if module.weight is not None:
                        module.weight.uniform_(0.5 * gain, 1.5 * gain, generator=numbers)
                    module.bias.normal_(0, 0.1, generator=numbers)
                    module.running_mean.normal_(0, 0.1, generator=numbers)
                    module.running_var.uniform_(0.5, 1.5, generator=numbers)

    return draw


@pytest.fixture(scope="session")
def randomise_keras() -> Callable[..., None]:
    """As ``randomise``, of a Keras model."""

    def draw(model: Any, gain: float = 1.0, seed: int = 0) -> None:
        numbers = np.random.default_rng(seed)

        def numbers_of(variable: Any) -> Any:
            name, shape = variable.name, variable.shape
            if name == "gamma":
                return numbers.uniform(0.5 * gain, 1.5 * gain, shape)
            if name == "moving_variance":
                return numbers.uniform(0.5, 1.5, shape)
            if "kernel" in name:  # a depthwise one sums over its window only
                terms = np.prod(shape[:2] if "depthwise" in variable.path else shape[:-1])
                return numbers.normal(0, (2 / terms) ** 0.5, shape)
            return numbers.normal(0, 0.1, shape)

        for layer in model.layers:
            if layer.weights:
                layer.set_weights([numbers_of(variable).astype("float32") for variable in layer.weights])

    return draw


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
    """The greatest difference of two outputs, relative to the greatest number of the original's."""

    def compare(ours: Tensor, theirs: Any) -> float:
        if isinstance(theirs, Tensor):
            original = theirs
        else:
            from keras import ops

            original = torch.from_numpy(ops.convert_to_numpy(theirs))
        if original.ndim == 4 and original.shape != ours.shape:
            original = original.permute(0, 3, 1, 2)
        assert ours.shape == original.shape
        assert original.std() > 0
        return float((ours - original).abs().max() / original.abs().max())

    return compare
