"""A run trained longer than it was going to be, whether it is finished or not."""

from __future__ import annotations

from profond.core.errors import ConfigError
from profond.core.run import Run
from profond.experiments.configuration import Configuration, changed
from profond.training import checkpoint
from profond.training.settings import Training


def lengthen(run: Run, *, epochs: float | str | None = None, steps: int | str | None = None) -> str:
    """Give a run another length; it then goes on from its last checkpoint. What was changed, in a line.

    Everything that is a share of all steps is laid out anew over the new length: the schedule of the learning rate,
    warm-up, and when parts are unfrozen. So the run goes on at the rate that a training of the new length has at that
    step. Early stopping counts anew. Pictures of what it makes stay, those that follow come in the steps of the new
    length, and the film has all of them. The result is not that of a run which was this long from the start, for the
    steps done were done at the old rates; ``run.json`` keeps under ``lengthened`` where that was.

    Args:
        epochs, steps: one of them: of the whole training, or with a plus sign so many more than now.

    Raises: ConfigError for a length that is none, or that is done already.
    """
    if epochs is not None and steps is not None:
        raise ConfigError(f"both epochs ({epochs}) and steps ({steps}) are given", "give one of them")
    unit = "epochs" if epochs is not None else "steps"
    config = Configuration.from_json(run.config)
    training = config.training
    total = run.state.get("total_steps")
    new = _length(str(epochs if epochs is not None else steps), unit, training, total)
    path = run.file(checkpoint.LAST)
    kept = run.holds(checkpoint.LAST)
    if not kept and run.state.get("status") == "done":
        raise ConfigError(f"{path} is missing, and the run cannot go on without it", "train again")
    done = 0
    if kept:
        tensors, facts = checkpoint.load_tensors(path)
        done = checkpoint.steps_of(facts)
    an_epoch = total / training.epochs if total and training.epochs else None
    wanted = new if unit == "steps" else None if an_epoch is None else round(new * an_epoch)
    if wanted is not None and wanted <= done:
        have = f"{done:,} steps" + ("" if unit == "steps" or an_epoch is None else f", {done / an_epoch:g} epochs,")
        raise ConfigError(f"{run.path} has done {have} already", f"give more, such as --{unit} +{_some(unit)}")
    before = {key: value for key in ("epochs", "steps") if (value := getattr(training, key)) is not None}
    # In this order, so that a run that is killed in between goes on to the old end or to the new one.
    history = [*run.state.get("lengthened", []), {"at_step": done, **before}]
    run.update(status="interrupted", lengthened=history)
    if kept and isinstance(facts.get("position"), dict):
        facts["position"] |= {"stopped_early": False, "since_best": 0}
        checkpoint.save_tensors(path, tensors, facts)
    run.write("config.json", changed(config, {f"training.{unit}": new}).to_json())
    was = ", ".join(f"{value:g} {key}" for key, value in before.items())
    return f"{new:g} {unit} instead of {was}, from step {done:,}; the schedule is laid out anew over all of them"


def _length(asked: str, unit: str, training: Training, total: int | None) -> float:
    try:
        number = int(asked) if unit == "steps" else float(asked)
    except ValueError:
        number = 0
    if not 0 < number < 2**53:
        raise ConfigError(f"{asked!r} is no number of {unit}", f"such as --{unit} {_some(unit)}, or +{_some(unit)}")
    if not asked.startswith("+"):
        return number
    now = getattr(training, unit)
    if now is None and unit == "steps":
        now = total
    if now is None:
        raise ConfigError(
            f"the length of this run is not counted in {unit}", f"give all of them, without the plus: --{unit} N"
        )
    return float(now) + number if unit == "epochs" else int(now) + number


def _some(unit: str) -> int:
    return 10 if unit == "epochs" else 500
