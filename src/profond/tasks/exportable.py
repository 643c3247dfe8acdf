"""What a task has to say for its networks to leave Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from profond.core.spec import Spec
from profond.tasks.task import Part


@runtime_checkable
class Exportable(Protocol):
    """A task whose networks can leave Python."""

    def exported(self, model: nn.Module, spec: Spec) -> Sequence[Part]:
        """The graphs that together do what `answer` does; one, unless the network is called step by step.

        Raises: ConfigError with the reason, where this network cannot leave.
        """
        ...


@runtime_checkable
class InArrays(Exportable, Protocol):
    """One whose network leaves as one graph that does no more than what is computed in Python."""

    def arrays(self, model: nn.Module, inputs: Tensor) -> Sequence[Tensor]:
        """What that graph gives for inputs that are prepared, the outputs in its order; batch first."""
        ...
