"""What other libraries call the layers of our models: one file for each file in ``models/``, with the same name.

Each has, as far as the other library has the network:

- ``keras_layers(model)``: (Keras layer, our module) for every layer with weights, in the order of Keras's ``layers``
- ``torchvision_names(model)``: torchvision's key of each tensor to ours
- ``published_names(model)``: the same of files that a paper's authors publish
- ``KERAS``, ``TORCHVISION``, ``PUBLISHED``: the settings that make our model theirs
- ``without_effect(model)``: names in a file of what changes nothing that the network computes
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from profond.weights.assignment import tensors_of


def tensor_names(model: nn.Module, modules: Iterable[tuple[str, str]]) -> dict[str, str]:
    """From (their module, our module) to (their tensor: our tensor), where both have PyTorch's parts.

    Raises: AttributeError when ``model`` has no such module.
    """
    return {
        f"{theirs}.{tensor}": f"{ours}.{tensor}"
        for theirs, ours in modules
        for tensor in tensors_of(model.get_submodule(ours))
    }
