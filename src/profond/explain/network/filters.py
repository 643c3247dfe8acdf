"""The kernels of a layer: what each of its units looks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from profond.core.errors import ConfigError
from profond.explain.network.stages import find_module


@dataclass(frozen=True)
class Filters:
    """A layer's weights, one small picture for each pair of an output and an input that it sees.

    Args:
        layer: dotted name.
        kind: the layer's class.
        values: float32 (outputs, inputs, height, width); a signal's kernels have height 1, a clip's (or any longer
            ones) keep their axes between inputs and width.
        sees_input: whether the inputs are the channels of the image itself.
    """

    layer: str
    kind: str
    values: NDArray[np.float32]
    sees_input: bool


def filters(model: nn.Module, layer: str | None = None, *, input_shape: tuple[int, ...] | None = None) -> Filters:
    """The kernels of a convolution, or the weights of a fully connected first layer as pictures.

    Args:
        model: any module.
        layer: dotted name of a convolution, or of a module that holds one; by default the first in the model.
        input_shape: of one sample, so that weights of a layer that is fully connected to it can be shown as pictures.

    Raises: UnknownName; ConfigError where there are no kernels.
    """
    modules = dict(model.named_modules())
    inside = modules if layer is None else {layer: find_module(model, layer)}
    if layer is not None:
        inside |= {name: module for name, module in modules.items() if name.startswith(f"{layer}.")}
    for name, module in inside.items():
        found = kernels(module)
        if found is None and input_shape is not None and isinstance(module, nn.Linear):
            channels = int(np.prod(input_shape))
            if module.in_features == channels and len(input_shape) in (2, 3, 4):
                found = module.weight.detach().reshape(-1, *input_shape)
        if found is not None:
            values = found.float().cpu().numpy()
            values = values[..., None, :] if values.ndim == 3 else values
            first = next((path for path, one in modules.items() if kernels(one) is not None), name)
            sees = name == first and input_shape is not None and values.shape[1] == input_shape[0]
            return Filters(name, type(module).__name__, values, sees)
    what = "the model" if layer is None else layer
    raise ConfigError(f"{what} has no kernels to show", "name a convolution; `profond params` lists the layers")


def kernels(module: nn.Module) -> Float[Tensor, "d c ..."] | None:
    """A module's own kernels, outputs first; None where it has none."""
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim < 3:
        return None
    if isinstance(module, _ConvTransposeNd):
        return weight.detach().transpose(0, 1)
    if isinstance(module, _ConvNd) or weight.ndim > 3:
        return weight.detach()
    return weight.detach()[:, None]  # one kernel for each pair of maps that a layer of its own connects
