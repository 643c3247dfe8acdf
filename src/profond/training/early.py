"""The weights as they were early in a training, kept so that it can be measured what the rest of it brought."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from profond.core.errors import ConfigError
from profond.core.run import Run
from profond.training import checkpoint
from profond.training.observers import Progress, tell_warning

SHARE = 0.1
"""Of all steps: what a generator makes by then has the rough look of the data, and is far from what it becomes."""


def early_step(total: int) -> int:
    """The step whose weights are kept, 1 or more; 0 where no step comes before the last."""
    return max(1, round(SHARE * total)) if total > 1 else 0


class EarlyWeights:
    """Writes ``checkpoints/early/model.safetensors`` once in a run: the kept weights after `early_step`.

    A run that is trained longer keeps those of its first length. What cannot be written is said once, and the training
    goes on without it.

    Args:
        run: its folder.
        warn: told what goes wrong.
    """

    def __init__(self, run: Run, warn: Callable[[str], None] = tell_warning) -> None:
        self.path, self.warn = run.file(checkpoint.EARLY), warn

    def started(self, progress: Progress) -> None:
        if self._step() > progress.step:  # of a course that a kill cut off: written again when it comes there
            with self._going_on_without():
                self.path.unlink()

    def stepped(self, progress: Progress) -> None:
        if progress.step != early_step(progress.total_steps) or self._step():
            return
        weights = progress.kept.state_dict()
        if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values()):
            return  # the loop's to tell
        with self._going_on_without():
            checkpoint.save_tensors(self.path, weights, {"step": progress.step})

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        pass

    def finished(self, progress: Progress) -> None:
        pass

    def _step(self) -> int:
        """Of the weights that are there; 0 where there are none that can be read."""
        try:
            return step_of(checkpoint.load_facts(self.path))
        except ConfigError:
            return 0

    @contextlib.contextmanager
    def _going_on_without(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = getattr(error, "message", None) or error
            self.warn(f"the early weights are not kept, and nothing will be measured beside them: {why}")


def step_of(facts: Mapping[str, Any]) -> int:
    """After which early weights were kept; 0 where they do not say."""
    step = facts.get("step")
    return step if isinstance(step, int) else 0
