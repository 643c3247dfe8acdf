"""What is wrong with a fine-tuning, before it is run or afterwards: six checks, each with its evidence."""

from __future__ import annotations

from collections.abc import Callable

from profond.core.errors import ConfigError
from profond.core.run import Run
from profond.experiments.configuration import Configuration
from profond.experiments.doctor import checks as symptoms
from profond.experiments.doctor.checks import Sign
from profond.experiments.experiment import Experiment, assemble, load
from profond.training import checkpoint

KINDS = ("preprocessing", "labels", "rate", "batch_norm", "leaks", "few")


def diagnose_plan(config: Configuration, *, say: Callable[[str], None] = lambda text: None) -> list[Sign]:
    """What would go wrong if this were trained. Raises: as `assemble`."""
    return _looked(assemble(config), None, say)


def diagnose_run(run: Run, *, say: Callable[[str], None] = lambda text: None) -> list[Sign]:
    """What went wrong in a run. Raises: ConfigError when it is damaged, or not on pictures."""
    trained = run.holds(checkpoint.FINAL) or run.holds(checkpoint.LAST)
    return _looked(load(run, weights="last" if trained else False), run, say)


def _looked(experiment: Experiment, run: Run | None, say: Callable[[str], None]) -> list[Sign]:
    if experiment.preprocessing.mode is None:
        raise ConfigError("this is not about pictures", "the doctor knows networks for pictures only")
    checks: dict[str, Callable[[], Sign]] = {
        "preprocessing": lambda: symptoms.preprocessing(experiment),
        "labels": lambda: symptoms.labels(experiment, run),
        "rate": lambda: symptoms.rate(experiment, run),
        "batch_norm": lambda: symptoms.batch_norm(experiment, run),
        "leaks": lambda: symptoms.leaks(experiment),
        "few": lambda: symptoms.few(experiment),
    }
    assert tuple(checks) == KINDS
    signs = []
    for kind, check in checks.items():
        say(f"looking at {kind.replace('_', ' ')}")
        signs.append(check())
    return signs
