"""Which parameters each phase updates, and with which optimizer."""

from __future__ import annotations

import contextlib
import fnmatch
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from profond.core.config import bind
from profond.core.errors import ConfigError, UnknownName
from profond.tasks.task import Phase
from profond.training.settings import OPTIMIZERS, Optimizer, Training

_CLASSES = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


def trained_parameters(model: nn.Module, phase: Phase, freeze: Sequence[str]) -> dict[str, nn.Parameter]:
    """The parameters that a phase updates, by name: its sub-module's, less the frozen ones.

    Raises: ConfigError when the phase names no sub-module, a pattern matches nothing, or nothing is left.
    """
    try:
        model.get_submodule(phase.module)
    except AttributeError:
        raise ConfigError(f"phase {phase.name!r} updates {phase.module!r}, which the model does not have") from None
    parameters = dict(model.named_parameters())
    for pattern in freeze:
        if not any(_matches(name, pattern) for name in parameters):
            tops = ", ".join(name for name, _ in model.named_children())
            raise ConfigError(f"freeze pattern {pattern!r} matches no parameter", f"the model's parts: {tops}")
    prefix = f"{phase.module}." if phase.module else ""
    chosen = {
        name: parameter
        for name, parameter in parameters.items()
        if name.startswith(prefix)
        and parameter.requires_grad
        and not any(_matches(name, pattern) for pattern in freeze)
    }
    if not chosen:
        raise ConfigError(f"phase {phase.name!r} has no parameter to train", "freeze less")
    return chosen


def frozen_norms(model: nn.Module, trained: set[str]) -> list[nn.Module]:
    """Normalisation layers with running statistics none of whose parameters is trained: they stay in eval mode."""
    found: list[nn.Module] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._NormBase):
            own = [f"{name}.{parameter}" if name else parameter for parameter, _ in module.named_parameters()]
            if own and not trained.intersection(own):
                found.append(module)
    return found


def build_optimizer(parameters: dict[str, nn.Parameter], training: Training, phase: Phase) -> torch.optim.Optimizer:
    """The optimizer of one phase; weight decay spares parameters with fewer than two axes.

    Raises: ConfigError for an unknown setting of the phase.
    """
    settings = _phase_settings(training, phase)
    decay = settings["weight_decay"]
    groups = [{"params": list(parameters.values()), "weight_decay": 0.0}]
    if decay:
        groups = [
            {"params": [p for p in parameters.values() if p.ndim >= 2], "weight_decay": decay},
            {"params": [p for p in parameters.values() if p.ndim < 2], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
    kind = _CLASSES[settings["optimizer"]]
    options: dict[str, Any] = {"lr": settings["learning_rate"]}
    accepted = inspect.signature(kind).parameters
    if "betas" in accepted:
        options["betas"] = tuple(map(float, settings["betas"]))
    if "momentum" in accepted:
        options["momentum"] = settings["momentum"]
    if kind is torch.optim.SGD:
        options["nesterov"] = settings["momentum"] > 0
    devices = {p.device.type for p in parameters.values()}
    if "fused" in accepted and devices <= {"cpu", "cuda"}:
        options["fused"] = True
    return kind(groups, **options)


@contextlib.contextmanager
def gradients_only_for(model: nn.Module, parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Within the context only these parameters collect gradients; afterwards every flag is as it was."""
    before = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    chosen = {id(parameter) for parameter in parameters}
    try:
        for parameter, _ in before:
            parameter.requires_grad_(id(parameter) in chosen)
        yield
    finally:
        for parameter, flag in before:
            parameter.requires_grad_(flag)


def _phase_settings(training: Training, phase: Phase) -> dict[str, Any]:
    names = ("learning_rate", "optimizer", "weight_decay", "betas", "momentum")
    settings: dict[str, Any] = {name: getattr(training, name) for name in names}
    settings.update(bind(_phase_schema, training.phases.get(phase.name, {}), what=f"phase {phase.name!r}"))
    if settings["optimizer"] not in OPTIMIZERS:
        raise UnknownName("optimizer", settings["optimizer"], OPTIMIZERS)
    return settings


def _phase_schema(
    learning_rate: float = 0.0,
    optimizer: Optimizer = "adamw",
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.0, 0.0),
    momentum: float = 0.0,
) -> None:
    """What one phase may set for itself; only the signature is used."""


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or name.startswith(pattern + ".")
