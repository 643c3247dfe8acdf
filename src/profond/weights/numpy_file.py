"""Pickled numpy arrays into our models: SqueezeNet as its authors' weights are packed for NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from profond.weights.assignment import Assigned
from profond.weights.keras import load_layers
from profond.weights.keras_file import Layer
from profond.weights.naming import keras_layers
from profond.weights.restricted_pickle import read_arrays


@dataclass(frozen=True)
class ArrayWeight:
    """An array in memory, as one of a layer's weights."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    def read(self) -> NDArray[np.float32]:
        return np.array(self.array, dtype=np.float32)


def load_arrays(model: nn.Module, path: Path | str, *, new_head: bool = False, assign: bool = False) -> Assigned:
    """Put a pickle of arrays, (height, width, in, out) and (out), into a model.

    Raises: ConfigError when it holds anything but arrays, or they do not fit.
    """
    layers = [Layer(name, "", tuple(map(ArrayWeight, arrays))) for name, arrays in read_arrays(path).items()]
    return load_layers(model, layers, keras_layers(model), str(path), new_head=new_head, assign=assign)
