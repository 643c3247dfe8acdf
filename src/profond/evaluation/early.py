"""A network as it was early in its training, to be measured beside what it became."""

from __future__ import annotations

import copy
from dataclasses import replace

from torch import nn

from profond.core.errors import ConfigError
from profond.core.run import Run
from profond.measures.report import Report
from profond.tasks.task import MeasuredEarly, Task
from profond.training import checkpoint
from profond.training.early import step_of


def with_early(report: Report, run: Run, model: nn.Module, task: Task) -> Report:
    """The report with what a task needs to measure the early weights of a run too, where task and run have such.

    Weights that cannot be used are left out, and a line says so.
    """
    if not isinstance(task, MeasuredEarly) or not run.holds(checkpoint.EARLY):
        return report
    done = _steps_done(run)
    path = run.file(checkpoint.EARLY)
    try:
        tensors, facts = checkpoint.load_tensors(path)
        step = step_of(facts)
        if step < 1:
            raise ConfigError(f"{path} is damaged: it does not say its step")
        if step >= done:  # a run that was stopped may go on from before it
            return report
        early = copy.deepcopy(model)
        checkpoint.restore(early, tensors, str(path))
        return task.with_early(report, early.eval(), f"after {step:,} of {done:,} steps")
    except ConfigError as error:
        return replace(report, lines=(*report.lines, f"early: not measured, {error.message}"))


def _steps_done(run: Run) -> int:
    """Of the weights that are in use."""
    state = run.state
    if state.get("status") == "done" or not run.holds(checkpoint.LAST):
        return int(state.get("steps", 0))
    return checkpoint.steps_of(checkpoint.load_facts(run.file(checkpoint.LAST)))
