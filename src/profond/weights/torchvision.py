"""PyTorch weights into our models: torchvision's files, timm's of the same networks, published ones, and our own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from profond.weights.assignment import (
    HEAD_HELP,
    Assigned,
    another_network,
    assign_tensors,
    by,
    refuse,
    replaceable,
    tensors_of,
)
from profond.weights.naming import conventions, without_effect
from profond.weights.torch_file import read_tensors

TRAINING_ONLY = ("aux1.", "aux2.", "AuxLogits.")
"""Heads that GoogLeNet and Inception have in training; a file with them fits a model without."""

_OLD_DENSE = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")


def load_torch(model: nn.Module, path: Path | str, *, new_head: bool = False, assign: bool = False) -> Assigned:
    """Put the tensors of a ``.pth`` or safetensors file into a model.

    Args:
        model: one of ours, built in the file's convention (`profond.weights.pretrained` lists the settings).
        path: a state dict with torchvision's names, timm's, the published ones of EfficientNet-Lite, or our own.
        new_head: start a fresh head where the file has none, or one of another size.
        assign: as in `profond.weights.assignment.assign_tensors`.

    Returns: what was started fresh, and what of the file was not used.

    Raises: ConfigError when the file is damaged or hostile, or when a tensor is missing, left over or of another shape.
    """
    return load_named(model, read_tensors(path), str(path), new_head=new_head, assign=assign)


def load_named(
    model: nn.Module, found: Mapping[str, Tensor], what: str, *, new_head: bool = False, assign: bool = False
) -> Assigned:
    """As ``load_torch``, from tensors that are at hand."""
    found = {_OLD_DENSE.sub(r"\1\2", name): tensor for name, tensor in found.items()}
    own = tensors_of(model)
    idle = sorted(without_effect(model) & (found.keys() - own.keys()))
    found = {name: tensor for name, tensor in found.items() if name not in idle}
    # The convention that knows most of the file's names is the file's.
    names: dict[str, str] = {}
    most_known = -1
    for convention in conventions(model):
        if (count := sum(name in convention for name in found)) > most_known:
            names, most_known = convention, count
        if most_known == len(found):
            break
    if most_known < len(found) / 2:
        raise another_network(what, most_known, f"{len(found)} tensors", model)
    theirs = {ours: name for name, ours in names.items()}
    tensors: dict[str, Tensor] = {}
    problems: list[str] = []
    fresh: dict[str, None] = {}
    head_only = True
    for ours, wanted in own.items():
        name = theirs.get(ours, ours)
        tensor = found.get(name)
        if tensor is None and ours.endswith("num_batches_tracked"):
            continue
        if tensor is not None and _same_size(tensor, wanted):
            tensors[ours] = tensor.reshape(wanted.shape)
            continue
        module = ours.rpartition(".")[0]
        if new_head and replaceable(model, module):
            fresh[module] = None
            continue
        head_only &= replaceable(model, module)
        state = "missing" if tensor is None else f"{by(tensor.shape)} in the file, {by(wanted.shape)} in the model"
        problems.append(f"{name} is {state}")
    for module in fresh:  # both of its tensors, or none
        for tensor_name in [name for name in tensors if name.rpartition(".")[0] == module]:
            del tensors[tensor_name]
    unused = [name for name in found if names.get(name) not in tensors]
    left = [] if fresh else [name for name in unused if names.get(name) not in own and not _may_be_left(name)]
    problems += [f"{name} has no place in the model" for name in left]
    refuse(what, problems, HEAD_HELP if problems and head_only and not left else None)
    return assign_tensors(model, tensors, what, fresh=list(fresh), unused=[*unused, *idle], assign=assign)


def _same_size(tensor: Tensor, wanted: Tensor) -> bool:
    """The same shape, or that of a dense layer written as a convolution over all positions."""
    if tensor.shape == wanted.shape:
        return True
    return tensor.ndim == 4 and wanted.ndim == 2 and tensor.flatten(1).shape == wanted.shape


def _may_be_left(name: str) -> bool:
    return name.endswith("num_batches_tracked") or name.startswith(TRAINING_ONLY)
