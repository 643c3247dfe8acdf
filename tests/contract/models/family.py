"""What the contract must know of a family of models: what such a model is made with, takes and gives."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from profond import models

GOLDEN = Path(__file__).parent / "golden"


def _alone(model: nn.Module, inputs: Any) -> Any:
    return model(inputs)


@dataclass(frozen=True)
class Family:
    """Models with the same kind of inputs and outputs.

    Args:
        name: as the models' classes have it, ``family``.
        settings: of a registered name, what the data would decide: the constructor's arguments of a small example.
        inputs: of a registered name, a number of samples and a seed, what a forward pass takes.
        outputs: of what a forward pass gives, the numbers that are judged; one row for each sample.
        call: a forward pass over such inputs; of most models they are one argument.
    """

    name: str
    settings: Callable[[str], dict[str, Any]]
    inputs: Callable[[str, int, int], Any]
    outputs: Callable[[Any], Tensor]
    call: Callable[[nn.Module, Any], Any] = _alone

    def names(self) -> list[str]:
        return [name for name in models.registry.names() if models.family_of(name) == self.name]

    def small(self, name: str) -> dict[str, Any]:
        """Settings of a network that is as narrow as its paper allows; its structure is that of the full one."""
        return {**self.settings(name), **models.example_settings(name)}

    def build(self, name: str) -> nn.Module:
        """A model of one's own to change."""
        return copy.deepcopy(_built(self, name)).train()

    def shared(self, name: str) -> nn.Module:
        """The same in eval mode, not to be changed: copying a deep one takes longer than a pass through it."""
        return _built(self, name).eval()

    def other(self, name: str) -> nn.Module:
        """One with other weights."""
        torch.manual_seed(7)
        return models.create(name, **self.small(name))

    def fresh(self, name: str, **changes: Any) -> nn.Module:
        """A small model with other settings, in eval mode."""
        torch.manual_seed(0)
        return models.create(name, **{**self.small(name), **changes}).eval()

    def lightest(self) -> list[str]:
        """Of each file of models, the registered name with the fewest parameters."""
        found: dict[str, str] = {}
        for name in sorted(self.names(), key=parameters):
            found.setdefault(paper(name), name)
        return list(found.values())


@functools.lru_cache(maxsize=1)
def _built(family: Family, name: str) -> nn.Module:
    torch.manual_seed(0)
    return models.create(name, **family.small(name))


def paper(name: str) -> str:
    """The file in which a model stands."""
    return models.registry.entry(name).module.rpartition(".")[2]


def parameters(name: str) -> int:
    """As the golden structures have them; none for a network that has no such file yet."""
    path = GOLDEN / f"{name}.json"
    return int(json.loads(path.read_text()).get("parameters", 0)) if path.exists() else 0
