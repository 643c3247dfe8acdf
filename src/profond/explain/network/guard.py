"""A model while it is looked into: in eval mode, nothing done in place, no gradient of its own; put back at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from profond.nn.modes import evaluating


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Everything that looking needs to change on a model, for as long as it takes.

    NOTE an activation in place overwrites what a hook before it kept, and what a gradient still needs.
    """
    in_place = [module for module in model.modules() if getattr(module, "inplace", False) is True]
    wanted = [one for one in model.parameters() if one.requires_grad]
    try:
        for module in in_place:
            module.inplace = False  # type: ignore[assignment]
        for one in wanted:
            one.requires_grad_(False)
        with evaluating(model):
            yield
    finally:
        for one in wanted:
            one.requires_grad_(True)
        for module in in_place:
            module.inplace = True  # type: ignore[assignment]


def device_and_dtype(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Where a model's numbers are, and of which kind: the processor and (floating point) type of its inputs."""
    tensors = [one for one in (*model.parameters(), *model.buffers()) if one.is_floating_point()]
    if not tensors:
        return torch.device("cpu"), torch.get_default_dtype()
    return tensors[0].device, tensors[0].dtype


def logits_of(output: object) -> Tensor:
    """The logits that count: some models put out auxiliary ones beside them."""
    while isinstance(output, tuple | list) and output:
        output = output[0]
    assert isinstance(output, Tensor), f"a model put out {type(output).__name__}"
    return output
