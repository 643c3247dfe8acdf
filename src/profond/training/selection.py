"""Which parameters are trained from which step on: settings and step decide, never a flag on the model."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import nn

from profond.core.errors import ConfigError
from profond.tasks.task import Phase
from profond.training.settings import Training

Norm = nn.modules.batchnorm._NormBase


@dataclass(frozen=True)
class Selection:
    """What is trained from one step on.

    Args:
        start: that step.
        trained: the parameters that each phase updates.
        norms: normalisation layers that keep their running statistics: they stay in eval mode.
    """

    start: int
    trained: dict[str, list[nn.Parameter]]
    norms: list[nn.Module]


def trained_parameters(model: nn.Module, phase: Phase, training: Training) -> dict[str, nn.Parameter]:
    """The parameters that a phase ever updates, by name: its sub-module's, less the frozen ones.

    Raises: ConfigError when the phase names no sub-module, a pattern matches nothing, or nothing is left.
    """
    try:
        model.get_submodule(phase.module)
    except AttributeError:
        raise ConfigError(f"phase {phase.name!r} updates {phase.module!r}, which the model does not have") from None
    parameters = dict(model.named_parameters())
    later = [pattern for _, patterns in training.unfreeze for pattern in patterns]
    for setting, patterns in {"freeze": training.freeze, "unfreeze": later, "rate": training.rate_factors}.items():
        for pattern in patterns:
            if not any(matches(name, [pattern]) for name in parameters):
                tops = ", ".join(name for name, _ in model.named_children())
                raise ConfigError(f"{setting} pattern {pattern!r} matches no parameter", f"the model's parts: {tops}")
    kept = _of_norms(model) if training.freeze_norms else set()
    prefix = f"{phase.module}." if phase.module else ""
    chosen = {
        name: parameter
        for name, parameter in parameters.items()
        if name.startswith(prefix)
        and parameter.requires_grad
        and name not in kept
        and not matches(name, training.freeze)
    }
    if not chosen:
        raise ConfigError(f"phase {phase.name!r} has no parameter to train", "freeze less")
    return chosen


def first_step(name: str, training: Training, total_steps: int) -> int:
    """The step from which a parameter, if it is not frozen for good, is trained."""
    borders = [round(share * total_steps) for share, patterns in training.unfreeze if matches(name, patterns)]
    return max(borders, default=0)


def selections(
    model: nn.Module, phases: Sequence[Phase], training: Training, total_steps: int
) -> tuple[Selection, ...]:
    """One for each step at which something is unfrozen, the first for step 0.

    Raises: ConfigError as `trained_parameters`, or when a phase has nothing to train at first.
    """
    ever = {phase.name: trained_parameters(model, phase, training) for phase in phases}
    starts = {name: first_step(name, training, total_steps) for names in ever.values() for name in names}
    norms = [(module, _norm_start(name, module, starts, training, total_steps)) for name, module in _norms(model)]
    borders = sorted({0, *starts.values(), *(start for _, start in norms if start is not None)})
    found = []
    for border in borders:
        trained = {
            phase: [parameter for name, parameter in names.items() if starts[name] <= border]
            for phase, names in ever.items()
        }
        for phase, parameters in trained.items():
            if not parameters:
                raise ConfigError(f"phase {phase!r} has no parameter to train at first", "unfreeze less, later")
        kept = [module for module, start in norms if start is None or start > border]
        found.append(Selection(border, trained, kept))
    return tuple(found)


def matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}.") for pattern in patterns)


def _norms(model: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, module) for name, module in model.named_modules() if isinstance(module, Norm)]


def _of_norms(model: nn.Module) -> set[str]:
    return {_inside(name, own) for name, module in _norms(model) for own, _ in module.named_parameters()}


def _norm_start(
    name: str, module: nn.Module, starts: dict[str, int], training: Training, total_steps: int
) -> int | None:
    """The step from which its running statistics may move, or None: as soon as one of its parameters is trained."""
    own = [_inside(name, parameter) for parameter, _ in module.named_parameters()]
    if own:
        return min((starts[parameter] for parameter in own if parameter in starts), default=None)
    statistics = _inside(name, "running_mean")  # without scale and shift, its own name decides
    if training.freeze_norms or matches(statistics, training.freeze):
        return None
    return first_step(statistics, training, total_steps)


def _inside(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name
