"""What goes through a network at a named place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError, UnknownName
from profond.explain.network.guard import device_and_dtype, undisturbed
from profond.models import head_of


def stage_output(model: nn.Module, inputs: Tensor, stage: str | None = None) -> Tensor:
    """One forward pass, of which one module's output is kept.

    Args:
        inputs: as the model takes them.
        stage: dotted name of a module of the model; None is what its head is given.

    Returns: a copy, so that activations in place, which may follow, do not change it.

    Raises: UnknownName for a name that the model does not have; ConfigError where no tensor, or none, comes by.
    """
    kept: list[Any] = []
    if stage is None:
        head = model.get_submodule(head_of(model))
        handle = head.register_forward_pre_hook(lambda _, given: kept.append(_copy(given[0])))
    else:
        handle = find_module(model, stage).register_forward_hook(lambda _, given, output: kept.append(_copy(output)))
    try:
        model(inputs)
    finally:
        handle.remove()
    if not kept or kept[0] is None or len(kept[0]) != len(inputs):
        raise ConfigError(f"{stage or 'the head'} has no output of its own for each image", "name another stage")
    found: Tensor = kept[0]
    return found


def feature_maps(model: nn.Module, sample: Float[Tensor, "c ..."], stage: str | None = None) -> Tensor:
    """What one sample becomes at a stage: float32 on the CPU, maps first (d h w), or a vector (d).

    Args:
        model: any module; it is left as it was.
        sample: as the model takes it, without the batch axis.
        stage: dotted name of one of its modules; by default the last one that gives maps.

    Raises: UnknownName for a stage that the model does not have; ConfigError where it gives no tensor.
    """
    device, dtype = device_and_dtype(model)
    with undisturbed(model), torch.no_grad():
        name = stage if stage is not None else map_stage(model, sample)
        return stage_output(model, sample[None].to(device, dtype, copy=True), name)[0].float().cpu()


def map_stage(model: nn.Module, sample: Float[Tensor, "c ..."], stage: str | None = None) -> str:
    """A stage whose output has positions as well as channels: the one asked for, or else the last that there is.

    Among the stages that the model names; a model that names none, or stands inside another, is searched whole.

    Raises: UnknownName; ConfigError where there are no maps.
    """
    if stage is not None:
        find_module(model, stage)
    shapes = stage_shapes(model, sample)
    maps = [name for name, shape in shapes.items() if len(shape) > 1 and math.prod(shape[1:]) > 1]
    if stage is not None:
        if stage in maps:
            return stage
        if stage not in shapes:
            raise ConfigError(f"{stage} gives no tensor in a forward pass", _known_maps(maps))
        many = "×".join(map(str, shapes[stage])) or "1"
        raise ConfigError(f"{stage} gives {many} numbers without positions, not maps", _known_maps(maps))
    named = [name for name in maps if name in getattr(model, "stages", ())]
    if not maps:
        raise ConfigError(
            f"{type(model).__name__} has no maps: none of its layers keeps positions",
            "methods that need none: integrated_gradients, smooth_grad, occlusion",
        )
    return (named or maps)[-1]


def stage_shapes(model: nn.Module, sample: Float[Tensor, "c ..."]) -> dict[str, tuple[int, ...]]:
    """Every module that gives a tensor, in the order in which they did so first, and its shape without the batch."""
    found: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, given: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim > 1 and name not in found:
                found[name] = tuple(output.shape[1:])

        return hook

    device, dtype = device_and_dtype(model)
    handles = [module.register_forward_hook(note(name)) for name, module in model.named_modules() if name]
    try:
        with undisturbed(model), torch.no_grad():
            model(sample[None].to(device, dtype, copy=True))
    finally:
        for handle in handles:
            handle.remove()
    return found


def find_module(model: nn.Module, stage: str) -> nn.Module:
    """Raises: UnknownName with the nearest stage as help."""
    modules: dict[str, nn.Module] = dict(model.named_modules())
    if not stage or stage not in modules:
        stages = [*getattr(model, "stages", ()), getattr(model, "head", "")]
        named = [name for name in stages if isinstance(name, str) and name]
        near = [name for name in modules if name] if stage.count(".") > 1 or not named else named
        raise UnknownName(f"stage of {type(model).__name__}", stage, near)
    return modules[stage]


def _known_maps(maps: list[str]) -> str:
    shown = [name for name in maps if name.count(".") < 2] or maps
    return "maps come from " + ", ".join(shown[-8:]) if shown else "this network has none"


def _copy(value: Any) -> Tensor | None:
    return value.detach().clone() if isinstance(value, Tensor) else None
