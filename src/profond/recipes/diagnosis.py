"""What is wrong with a fine-tuning, before it is run or afterwards: six checks, each with its evidence."""

from __future__ import annotations

from collections.abc import Callable

from profond.core.errors import ConfigError
from profond.core.run import Run
from profond.models import head_of
from profond.recipes import finetune, symptoms
from profond.recipes.configuration import Configuration
from profond.recipes.experiment import Experiment, assemble, load
from profond.recipes.symptoms import Sign
from profond.training import checkpoint

KINDS = ("preprocessing", "labels", "rate", "batch_norm", "leaks", "few")


def diagnose_plan(config: Configuration, *, say: Callable[[str], None] = lambda text: None) -> list[Sign]:
    """What would go wrong if this were trained. Raises: as `assemble`."""
    return _looked(assemble(config), None, say)


def diagnose_run(run: Run, *, say: Callable[[str], None] = lambda text: None) -> list[Sign]:
    """What went wrong in a run. Raises: ConfigError when it is damaged, or not on pictures."""
    finished = run.file(checkpoint.FINAL).exists()
    return _looked(load(run) if finished else _stopped(run), run, say)


def _stopped(run: Run) -> Experiment:
    """An unfinished run, with the weights of its last checkpoint where it has one."""
    experiment = load(run, weights=False)
    if experiment.transfer is not None:
        experiment.model, _ = finetune.started(experiment.config)
    path = run.file(checkpoint.LAST)
    if path.exists():
        tensors = checkpoint.without_prefix("model", checkpoint.load_tensors(path)[0])
        whole = tensors.keys() == experiment.model.state_dict().keys()  # else a head, trained on features
        model = experiment.model if whole else experiment.model.get_submodule(head_of(experiment.model))
        checkpoint.restore(model, tensors, str(path))
    return experiment


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
