"""The originals that the zoo is compared with. They are optional: each is skipped, with the reason, where it is absent."""

from __future__ import annotations

import importlib.util
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

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
        if not torch._C._dispatch_has_kernel(f"torchvision::{name}"):
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
    """``keras.applications`` on the TensorFlow backend, or on the one that KERAS_BACKEND names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras = pytest.importorskip("keras", reason="keras is not installed (extra: parity); it is the oracle here")
        from keras import applications
    keras.utils.disable_interactive_logging()
    return applications
