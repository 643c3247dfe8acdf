"""The originals that the zoo is compared with: torchvision's networks and Keras's, where they are installed.

Both get random weights and random BatchNorm statistics, write a file of their own, and that file is read as a user's.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from profond.core.errors import MissingError
from profond.weights.pretrained import load_pretrained

CLOSE = 1e-4
"""Greatest difference, relative to the greatest output, that counts as equal in float32."""
_DECLARED: list[torch.library.Library] = []


@dataclass(frozen=True)
class Compared:
    """One network beside its original.

    Args:
        library: ``"torchvision"`` or ``"keras"``.
        theirs: its name there.
        error: greatest difference of the outputs, relative to the greatest; None where the original could not be run.
        reason: then, why not.
    """

    library: str
    theirs: str
    error: float | None = None
    reason: str = ""

    @property
    def equal(self) -> bool:
        return self.error is not None and self.error < CLOSE


@functools.cache
def torchvision_models() -> ModuleType:
    """``torchvision.models``.

    Beside a CPU build of PyTorch its compiled operators may be missing: they are declared first, without an
    implementation, which no classification network needs.

    Raises: MissingError.
    """
    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations:
        raise MissingError("torchvision is not installed; it is the original here", "pip install torchvision")
    source = (Path(found.submodule_search_locations[0]) / "_meta_registrations.py").read_text(encoding="utf-8")
    names = {*re.findall(r"torchvision::(\w+)", source), *re.findall(r"register_meta\(\"(\w+)\"\)", source)}
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    _DECLARED.append(library)  # it undoes its declarations when it is collected
    for name in sorted(names):
        try:
            library.define(f"{name}(Tensor inputs) -> Tensor")  # type: ignore[no-untyped-call]
        except RuntimeError:  # the compiled operators are here
            continue
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that its image reader could not be loaded
        try:
            return importlib.import_module("torchvision.models")
        except (ImportError, RuntimeError) as error:
            raise MissingError(f"torchvision cannot be imported beside this PyTorch: {error}") from None


@functools.cache
def keras_applications() -> ModuleType:
    """``keras.applications`` on TensorFlow where it is installed, else on PyTorch, or on what KERAS_BACKEND names.

    Raises: MissingError.
    """
    if importlib.util.find_spec("keras") is None:
        raise MissingError("keras is not installed; it is the original here", "pip install keras")
    if importlib.util.find_spec("tensorflow") is None:
        os.environ.setdefault("KERAS_BACKEND", "torch")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            keras = importlib.import_module("keras")
            applications = importlib.import_module("keras.applications")
        except ImportError as error:  # KERAS_BACKEND names one that is not installed
            raise MissingError(f"keras cannot be imported: {error}", "set KERAS_BACKEND=torch") from None
    keras.utils.disable_interactive_logging()
    return applications


def randomise(model: nn.Module, gain: float = 1.0, seed: int = 0) -> None:
    """Every number of a PyTorch model drawn anew: weights, biases, BatchNorm's scale, shift and statistics.

    Args:
        gain: mean scale of a BatchNorm; below 1 where many residual branches are added up.
    """
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
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.normal_(0, 0.1, generator=numbers)
                module.running_var.uniform_(0.5, 1.5, generator=numbers)


def randomise_keras(model: Any, gain: float = 1.0, seed: int = 0) -> None:
    """As ``randomise``, of a Keras model."""
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


def relative_error(ours: Tensor, theirs: Any) -> float:
    """The greatest difference of two outputs, relative to the greatest number of the original's."""
    if isinstance(theirs, Tensor):
        original = theirs.detach()
    else:
        original = torch.from_numpy(importlib.import_module("keras.ops").convert_to_numpy(theirs))
    if original.ndim == 4 and original.shape != ours.shape:
        original = original.permute(0, 3, 1, 2)
    assert ours.shape == original.shape, (ours.shape, original.shape)
    assert original.std() > 0
    return float((ours - original).abs().max() / original.abs().max())


def beside_torchvision(name: str, side: int, gain: float = 1.0) -> Compared:
    """A network and torchvision's, through a .pth file, at two input sizes."""

    def compare() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its slow initialisation, which is not run
            settings = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
            original = getattr(torchvision_models(), name)(**settings).eval()
        randomise(original, gain)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.pth"
            torch.save(original.state_dict(), path)
            ours = load_pretrained(name, path).model
        errors = []
        for size in (side, side - 23):
            inputs = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(size))
            with torch.inference_mode():
                errors.append(relative_error(ours(inputs), original(inputs)))
        return max(errors)

    return _compared("torchvision", name, compare)


def beside_keras(name: str, theirs: str, side: int, gain: float = 1.0) -> Compared:
    """A network and Keras's, through a .weights.h5 file."""

    def compare() -> float:
        applications = keras_applications()  # chooses the backend, so it comes before keras itself
        import keras

        keras.backend.clear_session()  # it numbers its layers from the start again
        if theirs.startswith("NASNet") and keras.backend.backend() == "torch":
            raise MissingError("Keras's NASNet does not run on its torch backend", "pip install tensorflow-cpu")
        original = getattr(applications, theirs)(weights=None, input_shape=(side, side, 3), classifier_activation=None)
        randomise_keras(original, gain)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.weights.h5"
            original.save_weights(path)
            ours = load_pretrained(name, path, input_shape=(3, side, side)).model
        inputs = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(side))
        with torch.inference_mode():
            found = ours(inputs)
        return relative_error(found, original(inputs.permute(0, 2, 3, 1).numpy(), training=False))

    return _compared("keras", theirs, compare)


def _compared(library: str, theirs: str, compare: Callable[[], float]) -> Compared:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the libraries' own
        try:
            return Compared(library, theirs, compare())
        except MissingError as error:
            return Compared(library, theirs, reason=error.message)
