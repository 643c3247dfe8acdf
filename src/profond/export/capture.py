"""A network and its preprocessing captured as one graph, by torch.export."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from profond.core.errors import ConfigError
from profond.export.leaving import LENGTHS, Leaving


def captured(leaving: Leaving) -> torch.export.ExportedProgram:
    """The graph as PyTorch has it. Raises: ConfigError where it cannot be captured."""
    torch._dynamo.reset()  # a graph before this may have left assumptions about axes
    with unheard(), torch.no_grad():
        examples = leaving.eval().examples(2, LENGTHS[0])
        # NOTE what is kept after its first use, such as factors, must be real numbers before the graph is captured.
        leaving(*examples)
        try:
            return torch.export.export(
                leaving,
                examples,
                dynamic_shapes=(axes(leaving),),
                prefer_deferred_runtime_asserts_over_guards=True,
            )
        except Exception as error:  # whatever torch meets in a network
            raise cannot(leaving, "torch.export", error) from None


def axes(leaving: Leaving) -> tuple[dict[int, Any], ...]:
    """Of each input, which axes may have any length."""
    named: dict[str, Any] = {}
    return tuple(
        {place: named.setdefault(name, torch.export.Dim(name, min=1)) for place, name in one.items()}
        for one in leaving.dynamic()
    )


def cannot(leaving: Leaving, what: str, error: Exception) -> ConfigError:
    """Why a network cannot leave, in torch's own words as far as they say it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if "Error" in line.split(":")[0]), lines[0] if lines else "")
    return ConfigError(f"{leaving.source.name} cannot be expressed in {what}: {reason[:300] or type(error).__name__}")


@contextmanager
def unheard() -> Iterator[None]:
    """Without what torch says of its own inside: of operators it does not find, of names that it will change."""
    disabled = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(disabled)
