"""The optimizer of each phase, and gradients for what it trains alone."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from profond.core.config import bind
from profond.core.errors import UnknownName
from profond.tasks.task import Phase
from profond.training.muon import Muon
from profond.training.selection import first_step, matches
from profond.training.settings import OPTIMIZERS, Optimizer, Training

_CLASSES = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "muon": Muon,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


def build_optimizer(
    parameters: dict[str, nn.Parameter], training: Training, phase: Phase, total_steps: int = 0
) -> torch.optim.Optimizer:
    """The optimizer of one phase; weight decay spares parameters with fewer than two axes.

    Parameters of one learning rate that are unfrozen at one step form a group, whose ``start`` is that step. What is
    still frozen then has no gradient, and every optimizer passes over it.

    Raises: ConfigError for an unknown setting of the phase.
    """
    settings = _phase_settings(training, phase)
    together: dict[tuple[int, float, float], list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        decay = settings["weight_decay"] if parameter.ndim >= 2 else 0.0
        factor = next((f for pattern, f in training.rate_factors.items() if matches(name, [pattern])), 1.0)
        alike = (first_step(name, training, total_steps), factor, decay)
        together.setdefault(alike, []).append(parameter)
    rate = settings["learning_rate"]
    groups = [
        {"params": members, "weight_decay": decay, "lr": factor * rate, "start": start}
        for (start, factor, decay), members in together.items()
    ]
    groups.sort(key=lambda group: (group["start"], -group["lr"], -group["weight_decay"]))  # the first one is logged
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
