"""Fine-tuning: a new head first, then the network below it, part by part; and what the head is given, computed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from profond.core.config import Between, Factor, Natural, checked
from profond.core.errors import ConfigError
from profond.core.progress import bar
from profond.models import head_of, stages_of
from profond.tasks.task import Phase
from profond.training.feed import own_part
from profond.training.processes import Processes
from profond.training.selection import trained_parameters
from profond.training.settings import Training


@checked("staged")
def staged(
    model: nn.Module,
    fresh: Sequence[str] = (),
    *,
    parts: Natural = 3,
    head_share: Between = 0.2,
    rate_decay: Factor = 0.4,
) -> dict[str, Any]:
    """Settings of `Training` with which the head is trained first, then more and more of what is below it.

    Args:
        model: names its stages and its head.
        fresh: other modules without pretrained weights: trained from the start, as the head.
        parts: in how many steps the network is unfrozen, deepest layers first; 0 trains the head alone.
        head_share: share of all steps in which the head is trained alone.
        rate_decay: each part's rate is this much of the rate of the one above it.

    Raises: ConfigError for a number out of its range.

    Source: J. Howard, S. Ruder, Universal language model fine-tuning for text classification, ACL 2018, sections 3.2
    (a rate for each layer, there 1/2.6 of the one above) and 3.3 (gradual unfreezing).
    """
    below = below_head(model, fresh)
    if parts == 0:
        return {"freeze": [pattern for stage in below for pattern in stage], "freeze_norms": True}
    parts = min(parts, len(below))
    unfreeze: list[list[Any]] = []
    factors: dict[str, float] = {}
    for number in range(parts):
        first, last = len(below) * (parts - number - 1) // parts, len(below) * (parts - number) // parts
        patterns = [pattern for stage in below[first:last] for pattern in stage]
        unfreeze.append([round(head_share + number * (1 - head_share) / (parts + 1), 4), patterns])
        factors |= {pattern: round(rate_decay ** (number + 1), 6) for pattern in patterns}
    return {"unfreeze": unfreeze, "rate_factors": factors, "freeze_norms": True}


def below_head(model: nn.Module, fresh: Sequence[str] = ()) -> list[list[str]]:
    """Name patterns of all pretrained parameters but the head's, by stage, from input to output.

    What belongs to no stage, such as a last BatchNorm, goes with the stage before it.

    Raises: ConfigError when the model names no head or nothing is below it.
    """
    new = [head_of(model), *fresh]
    stages = list(stages_of(model)) if hasattr(model, "stages") else []  # without any, all of it is one part
    found: dict[int, list[str]] = {}
    place = 0
    for name, _ in model.named_parameters():
        if any(_within(name, module) for module in new):
            continue
        own = max((stage for stage in stages if _within(name, stage)), key=len, default=None)
        place = place if own is None else stages.index(own)
        pattern = _shortest(name, own or "", [*new, *(stage for stage in stages if stage != own)])
        if pattern not in found.setdefault(place, []):
            found[place].append(pattern)
    if not found:
        raise ConfigError(f"{type(model).__name__} has nothing below its head to keep", "train it: `profond train`")
    return [found[place] for place in sorted(found)]


def trains_head_only(model: nn.Module, training: Training) -> bool:
    """Whether everything below the head stays as it is from the first step to the last."""
    return all(_within(name, head_of(model)) for name in trained_parameters(model, Phase(), training))


@torch.no_grad()
def head_inputs(
    model: nn.Module,
    batches: Iterable[Any],
    device: torch.device,
    *,
    label: str,
    limit_mib: int = 2048,
    processes: Processes | None = None,
) -> tuple[Tensor, Tensor] | None:
    """What the head is given for each sample, in order, in eval mode and fp32, and the targets; on the CPU.

    Args:
        batches: (inputs, targets) of a whole split, in order, with a length.
        label: of the progress bar.
        limit_mib: None is given back when all of it would need more memory than this.
        processes: each of which computes a part.
    """
    given: list[Tensor] = []
    handle = model.get_submodule(head_of(model)).register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    model.to(device).eval()
    found: list[Tensor] = []
    targets: list[Tensor] = []
    total, too_much = len(batches), False  # type: ignore[arg-type]
    several = processes is not None and processes.size > 1
    try:
        with bar(total, label, unit=" batches") as shown:
            for inputs, wanted in own_part(batches, processes) if processes and several else batches:
                model(inputs.to(device))
                found.append(given.pop().float().cpu().clone())
                targets.append(wanted.cpu())
                shown.update()
                too_much = found[0].nbytes * total > limit_mib * 2**20
                if too_much:
                    break
    finally:
        handle.remove()
    if processes and several:
        everyone = processes.everyone((too_much, found, targets))
        too_much = any(much for much, _, _ in everyone)
        found = [tensor for _, features, _ in everyone for tensor in features]
        targets = [tensor for _, _, labels in everyone for tensor in labels]
    if too_much:
        return None
    return torch.cat(found), torch.cat(targets)


def _within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _shortest(name: str, at_least: str, others: Sequence[str]) -> str:
    """The shortest path that holds a parameter and none of the other modules."""
    words = name.split(".")
    for length in range(len(at_least.split(".")) if at_least else 1, len(words)):
        path = ".".join(words[:length])
        if not any(_within(other, path) for other in others):
            return path
    return name
