"""Keras weights into our models: layers matched, kernels laid out anew, every tensor accounted for.

Keras stores a kernel as (height, width, in, out), PyTorch as (out, in, height, width); a dense layer's the other way
round. How Keras calls the layers of each of our networks stands in `profond.weights.names`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from profond.core.device import usable_cores
from profond.core.errors import ConfigError
from profond.weights.assignment import HEAD_HELP, Assigned, another_network, assign_tensors, by, refuse, replaceable
from profond.weights.hdf5 import counted
from profond.weights.keras_file import Layer, Numbers, open_layers
from profond.weights.naming import KerasNames, keras_layers

LARGE = 250_000
"""Numbers in a tensor; a smaller one is laid out sooner than another thread is told to."""
_NUMBERED = {"conv2d", "depthwise_conv2d", "separable_conv2d", "batch_normalization", "dense"}
_OLD_NUMBERED = {"convolution2d": "conv2d", "batchnormalization": "batch_normalization"}


@dataclass(frozen=True)
class Weight:
    """One tensor of ours as Keras has it.

    Args:
        name: ours, as in the state dict.
        shape: Keras's.
        convert: lays Keras's numbers out as ours.
    """

    name: str
    shape: tuple[int, ...]
    convert: Callable[[Tensor], Tensor]

    def fits(self, shape: tuple[int, ...]) -> bool:
        """A 1×1 convolution and a dense layer are the same thing."""
        return shape == self.shape or shape == (1, 1, *self.shape) or (1, 1, *shape) == self.shape


@dataclass(frozen=True)
class Wanted:
    """One layer of our model as Keras has it.

    Args:
        name: Keras's.
        path: ours, dotted.
        kind: Keras's class in small letters.
        weights: in Keras's order.
    """

    name: str
    path: str
    kind: str
    weights: tuple[Weight, ...]

    def fits(self, layer: Layer) -> bool:
        return len(layer.weights) == len(self.weights) and all(
            mine.fits(theirs.shape) for mine, theirs in zip(self.weights, layer.weights, strict=True)
        )


def load_keras(
    model: nn.Module,
    path: Path | str,
    *,
    names: KerasNames | None = None,
    new_head: bool = False,
    assign: bool = False,
) -> Assigned:
    """Put a Keras file's weights into a model.

    Args:
        model: one of ours, built in Keras's convention (`profond.weights.pretrained` lists the settings).
        path: ``.h5``, ``.weights.h5`` or ``.keras``.
        names: Keras's layer name and our module's dotted name, in the order of Keras's ``model.layers``; by default
            those of `profond.weights.names`.
        new_head: start a fresh head where the file has none, or one of another size.
        assign: as in `profond.weights.assignment.assign_tensors`.

    Returns: what was started fresh, and what of the file was not used.

    Raises: ConfigError when the file is damaged or hostile, or when a tensor is missing, left over or of another shape.
    """
    with open_layers(path) as layers:
        wanted = keras_layers(model) if names is None else names
        return load_layers(model, layers, wanted, str(path), new_head=new_head, assign=assign)


def load_layers(
    model: nn.Module,
    layers: Sequence[Layer],
    names: KerasNames,
    what: str,
    *,
    new_head: bool = False,
    assign: bool = False,
) -> Assigned:
    """As ``load_keras``, from layers that are at hand."""
    wanted = [describe(model, *row) for row in names]
    matches = match(wanted, layers)
    if (fitting := _fitting(wanted, layers, matches)) < len(layers) / 2:
        raise another_network(what, fitting, f"{len(layers)} layers", model)
    problems: list[str] = []
    fresh: list[Wanted] = []
    used: dict[int, Wanted] = {}
    head_only = True
    for one, index in zip(wanted, matches, strict=True):
        if index is not None and one.fits(layers[index]):
            used[index] = one
        elif new_head and replaceable(model, one.path):
            fresh.append(one)
        else:
            head_only &= replaceable(model, one.path)
            problems.append(_misfit(one, None if index is None else layers[index]))
    tried = {index for index in matches if index is not None}
    left = [layer for index, layer in enumerate(layers) if index not in (used if new_head else tried)]
    if not fresh:
        problems += [f"{_called(layer)} has no place in the model" for layer in left]
    refuse(what, problems, HEAD_HELP if problems and head_only else None)
    pairs = [pair for index, one in used.items() for pair in zip(one.weights, layers[index].weights, strict=True)]
    pairs.sort(key=lambda pair: -math.prod(pair[0].shape))
    large = sum(math.prod(mine.shape) >= LARGE for mine, _ in pairs)
    with ThreadPoolExecutor(usable_cores()) as pool:
        tensors = {**dict(pool.map(_converted, pairs[:large])), **dict(map(_converted, pairs[large:]))}
    unused = [_called(layer) for layer in left]
    return assign_tensors(model, tensors, what, fresh=[one.path for one in fresh], unused=unused, assign=assign)


def match(wanted: Sequence[Wanted], layers: Sequence[Layer]) -> list[int | None]:
    """Which layer of the file stands for each that is wanted: by name, by numbered name, or by order.

    Keras numbers the layers that were given no name, and counts on through a session: ``conv2d_99`` may be the fifth
    of its model. Files without names keep the order within each class. What fits best is taken.
    """
    mine, theirs = [one.name for one in wanted], [layer.name for layer in layers]
    candidates = [_by_name(mine, theirs), _by_name(_renumbered(mine), _renumbered(theirs)), _by_order(wanted, layers)]
    best = max(candidates, key=lambda matches: _fitting(wanted, layers, matches))
    return _paired(wanted, layers, best)


def describe(model: nn.Module, name: str, path: str, maps: tuple[int, int, int] | None = None) -> Wanted:
    """One of our modules as Keras has it.

    Args:
        name: Keras's name for it.
        path: our dotted name of a convolution, BatchNorm, dense layer, or of a module with ``depthwise`` and
            ``pointwise`` convolutions.
        maps: (channels, height, width) of the maps that were flattened before a dense layer: Keras puts channels last.

    Raises: ConfigError for a kind of module that Keras weights cannot be laid out for.
    """
    module = model.get_submodule(path)
    if isinstance(module, nn.Conv2d):
        depthwise = 1 < module.groups == module.in_channels
        return Wanted(name, path, "depthwise_conv2d" if depthwise else "conv2d", tuple(_convolution(module, path)))
    if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
        parts = ("weight", "bias", "running_mean", "running_var")
        present = [part for part in parts if getattr(module, part) is not None]
        shape = (module.num_features,)
        return Wanted(name, path, "batch_normalization", tuple(Weight(f"{path}.{p}", shape, _same) for p in present))
    if isinstance(module, nn.Linear):
        kernel = Weight(f"{path}.weight", (module.in_features, module.out_features), _dense(maps))
        return Wanted(name, path, "dense", (kernel, *_bias(module, path, module.out_features)))
    depthwise_part, pointwise = getattr(module, "depthwise", None), getattr(module, "pointwise", None)
    if isinstance(depthwise_part, nn.Conv2d) and isinstance(pointwise, nn.Conv2d):
        weights = [*_convolution(depthwise_part, f"{path}.depthwise"), *_convolution(pointwise, f"{path}.pointwise")]
        return Wanted(name, path, "separable_conv2d", tuple(weights))
    raise ConfigError(f"{path} is {type(module).__name__}, for which there are no Keras weights")


def _convolution(module: nn.Conv2d, path: str) -> list[Weight]:
    out_channels, in_channels, height, width = module.weight.shape
    if 1 < module.groups == module.in_channels:
        shape = (height, width, module.in_channels, out_channels // module.in_channels)
        own = (out_channels, 1, height, width)
        kernel = Weight(f"{path}.weight", shape, lambda numbers: numbers.permute(2, 3, 0, 1).reshape(own))
    else:
        shape = (height, width, in_channels, out_channels)
        kernel = Weight(f"{path}.weight", shape, _channels_last)
    return [kernel, *_bias(module, path, out_channels)]


def _bias(module: nn.Module, path: str, size: int) -> list[Weight]:
    return [] if module.bias is None else [Weight(f"{path}.bias", (size,), _same)]


def _converted(pair: tuple[Weight, Numbers]) -> tuple[str, Tensor]:
    mine, theirs = pair
    return mine.name, mine.convert(torch.from_numpy(theirs.read()).reshape(mine.shape))


def _channels_last(numbers: Tensor) -> Tensor:
    """Keras's kernel as ours, by a transposition of two axes, in half the time that one of four takes."""
    height, width, in_channels, out_channels = numbers.shape
    turned = numbers.reshape(-1, out_channels).T.contiguous()
    return turned.reshape(out_channels, height, width, in_channels).permute(0, 3, 1, 2)


def _same(numbers: Tensor) -> Tensor:
    return numbers


def _dense(maps: tuple[int, int, int] | None) -> Callable[[Tensor], Tensor]:
    if maps is None:
        return lambda numbers: numbers.T
    channels, height, width = maps
    return lambda numbers: numbers.T.reshape(-1, height, width, channels).permute(0, 3, 1, 2).flatten(1)


def _by_name(mine: Sequence[str], theirs: Sequence[str]) -> list[int | None]:
    index = {name: position for position, name in enumerate(theirs) if name}
    return [index.get(name) for name in mine]


def _renumbered(names: Sequence[str]) -> list[str]:
    """Names that Keras numbered, counted from 0 within each class; the others as they are."""
    split = [counted(name) for name in names]
    split = [(_OLD_NUMBERED.get(start, start), number) for start, number in split]
    order: dict[str, list[int]] = {}
    for start, number in split:
        order.setdefault(start, []).append(number)
    ranks = {start: {number: rank for rank, number in enumerate(sorted(numbers))} for start, numbers in order.items()}
    return [
        f"{start} {ranks[start][number]}" if start in _NUMBERED else name
        for name, (start, number) in zip(names, split, strict=True)
    ]


def _by_order(wanted: Sequence[Wanted], layers: Sequence[Layer]) -> list[int | None]:
    """Within each class where the file says the class, otherwise one after the other."""
    queues: dict[str, deque[int]] = {}
    has_kinds = all(layer.kind for layer in layers)
    for index, layer in enumerate(layers):
        queues.setdefault(layer.kind if has_kinds else "", deque()).append(index)
    matches: list[int | None] = []
    for one in wanted:
        queue = queues.get(one.kind if has_kinds else "")
        matches.append(queue.popleft() if queue else None)
    return matches


def _fitting(wanted: Sequence[Wanted], layers: Sequence[Layer], matches: Sequence[int | None]) -> int:
    return sum(index is not None and one.fits(layers[index]) for one, index in zip(wanted, matches, strict=True))


def _paired(wanted: Sequence[Wanted], layers: Sequence[Layer], matches: list[int | None]) -> list[int | None]:
    """What has no layer yet is paired with what is left, from the end: a head has another name in each model."""
    left = [index for index in range(len(layers)) if index not in set(matches)]
    for number in reversed(range(len(wanted))):
        if matches[number] is None and left:
            matches[number] = left.pop()
    return matches


def _misfit(one: Wanted, layer: Layer | None) -> str:
    if layer is None:
        return f"{one.name} ({one.path}) is missing"
    theirs = ", ".join(by(weight.shape) for weight in layer.weights)
    return f"{_called(layer)} is {theirs}, {one.path} of the model {', '.join(by(mine.shape) for mine in one.weights)}"


def _called(layer: Layer) -> str:
    return layer.name or f"a {layer.kind}"
