"""What goes through a network at a named place."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from profond.core.errors import ConfigError, UnknownName


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
        head = getattr(model, "head", None)
        if not isinstance(head, str):
            raise ConfigError(f"{type(model).__name__} names no head", "name a stage")
        handle = model.get_submodule(head).register_forward_pre_hook(lambda _, given: kept.append(_copy(given[0])))
    else:
        handle = _module(model, stage).register_forward_hook(lambda _, given, output: kept.append(_copy(output)))
    try:
        model(inputs)
    finally:
        handle.remove()
    if not kept or kept[0] is None or len(kept[0]) != len(inputs):
        raise ConfigError(f"{stage or 'the head'} has no output of its own for each image", "name another stage")
    found: Tensor = kept[0]
    return found


def _module(model: nn.Module, stage: str) -> nn.Module:
    modules: dict[str, nn.Module] = dict(model.named_modules())
    if not stage or stage not in modules:
        stages = list(getattr(model, "stages", ()))
        near = [name for name in modules if name] if stage.count(".") > 1 else [*stages, getattr(model, "head", "")]
        raise UnknownName(f"stage of {type(model).__name__}", stage, near)
    return modules[stage]


def _copy(value: Any) -> Tensor | None:
    return value.detach().clone() if isinstance(value, Tensor) else None
