"""Train, fine-tune, and go on with a run, from Python."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from profond.calls.given import Reference, as_file, as_name, as_settings
from profond.calls.notebook import observers
from profond.calls.notices import warn
from profond.calls.trained import Trained
from profond.core.errors import UsageError

if TYPE_CHECKING:
    from profond.experiments.configuration import Configuration


def train(
    recipe: str | None = None,
    *,
    model: str | None = None,
    data: Reference | None = None,
    from_folder: Reference | None = None,
    to_folder: Reference | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | Literal["auto"] | None = None,
    valid_fraction: float | None = None,
    precision: str | None = None,
    device: str | None = None,
    seed: int | None = None,
    config: Configuration | Mapping[str, Any] | Path | str | None = None,
    out: Path | str = "runs",
    progress: bool | None = None,
    **settings: Any,
) -> Trained:
    """Train a recipe, or a model on your data, as `profond train` does; the run is kept in a folder below ``out``.

        profond.train("lenet5", epochs=1)
        profond.train(model="convnet2d", data="photos/", epochs=20, augment={"flip": True})
        profond.train(config=profond.load("last").config, seed=1)

    Args:
        recipe: a registered recipe; `profond recipes list`.
        model: a registered model, instead of the recipe's; `profond models list`.
        data: a registered data set, or the path of a folder, a CSV manifest or a table of series.
        from_folder, to_folder: instead of data, pictures to be translated, and pictures as they are to become.
        epochs: passes over the training data.
        steps: optimizer steps, instead of epochs.
        batch_size: samples in a batch.
        learning_rate: the highest; ``"auto"`` tries one that a sweep finds.
        valid_fraction: share of the training data held out for validation.
        precision: ``"auto"``, ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        seed: decides initial weights, order and augmentation.
        config: all settings: those of another run, a file of them, or a run's folder. Arguments win over it.
        out: where runs are kept.
        progress: show it; by default in a notebook and on a terminal.
        settings: any other setting, as with ``--set``: ``ema=0.99``, ``augment={"shift": 2}``,
            ``**{"data.size": 32}``.

    Returns: the trained model and its run.

    Raises:
        ProfondError: with what is wrong and what to do. Interrupted, after Ctrl-C: the checkpoint is saved.
    """
    from profond.experiments.plan import plan_training

    flags = _flags(locals())
    plan = plan_training(
        as_name(recipe, "recipe"),
        model=as_name(model, "model"),
        data=as_name(data, "data"),
        domains=(as_name(from_folder, "from_folder"), as_name(to_folder, "to_folder")),
        file=as_file(config),
        settings=as_settings(settings),
        flags=flags,
    )
    return _put_to_work(plan, learning_rate, out, progress)


def finetune(
    model: str | Trained | None = None,
    data: Reference | None = None,
    *,
    weights: Path | str | None = None,
    size: int | None = None,
    head_only: bool = False,
    parts: int | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | Literal["auto"] | None = None,
    valid_fraction: float | None = None,
    precision: str | None = None,
    device: str | None = None,
    seed: int | None = None,
    config: Configuration | Mapping[str, Any] | Path | str | None = None,
    out: Path | str = "runs",
    progress: bool | None = None,
    **settings: Any,
) -> Trained:
    """Fine-tune a model with the weights published for it on your own pictures, as `profond finetune` does.

    A new head for your classes is trained first. Then the layers below it are unfrozen part by part, the deepest first,
    each at a smaller learning rate.

        profond.finetune("efficientnet_lite0", "photos/", head_only=True)
        profond.finetune(profond.load("last"), "other_photos/")

    Args:
        model: a registered model; `profond weights list` shows those with weights. Or a run of yours: its weights, and
            its way of preparing images, are then where it starts.
        weights: who published them, or a file of yours.
        size: side of the images; by default that of the weights.
        head_only: train the new head alone, on features that are computed once.
        parts: in how many steps the layers below the head are unfrozen.
        data, epochs, steps, batch_size, learning_rate, valid_fraction, precision, device, seed, config, out, progress,
            settings: as in `train`.

    Returns: the trained model and its run.

    Raises: as `train`.
    """
    from profond.experiments.plan import plan_finetuning
    from profond.training.checkpoint import FINAL

    flags = _flags(locals())
    if head_only and parts:
        raise UsageError(f"head_only and parts={parts} contradict each other", "give one of them")
    if isinstance(model, Trained):
        settings = {**_where_it_ended(model), **settings}
        weights, model = weights or model.run.file(FINAL), model.config.model.name
    plan = plan_finetuning(
        model=as_name(model, "model"),
        data=as_name(data, "data"),
        weights=as_name(weights, "weights"),
        size=size,
        parts=0 if head_only else parts,
        file=as_file(config),
        settings=as_settings(settings),
        flags=flags,
    )
    return _put_to_work(plan, learning_rate, out, progress)


def resume(
    run: Reference | Trained = "last",
    *,
    epochs: float | str | None = None,
    steps: int | str | None = None,
    data: Reference | None = None,
    out: Path | str = "runs",
    progress: bool | None = None,
) -> Trained:
    """Go on with a run that was stopped, or train one longer, as `profond runs resume` does.

        profond.resume("last")
        profond.resume(trained, epochs="+5")

    Args:
        run: a folder, a name below ``out``, or ``"last"``: the newest unfinished one, or of all where it is to be
            longer.
        epochs, steps: how long the whole training is to be; ``"+5"`` is so many more than now.
        data: where its data are now, if they were moved.

    Raises: as `train`.
    """
    from profond.core.find_run import find_run
    from profond.experiments.train import resume_run

    longer = epochs is not None or steps is not None
    found = run.run if isinstance(run, Trained) else find_run(run, out, finished=None if longer else False)
    resume_run(found, data=as_name(data, "data"), epochs=epochs, steps=steps, observers=observers(progress))
    return Trained(found)


def _where_it_ended(trained: Trained) -> dict[str, Any]:
    """A run's network and its way of preparing samples, as settings of a fine-tuning."""
    network = trained.config.model.without("num_classes").settings
    preprocessing = trained.experiment.preprocessing.to_json()
    return {**{f"model.{name}": value for name, value in network.items()}, "data.preprocessing": preprocessing}


def _flags(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a call's arguments that are flags of the command line too."""
    from profond.experiments.plan import FLAGS

    return {name: arguments[name] for name in FLAGS if (name, arguments[name]) != ("learning_rate", "auto")}


def _put_to_work(
    config: Configuration, learning_rate: float | str | None, out: Path | str, progress: bool | None
) -> Trained:
    from profond.experiments.train import put_to_work

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UsageError(
            "a worker process has imported the script that started it, and would train again",
            'put what the script does below a line: if __name__ == "__main__":',
        )
    find = learning_rate == "auto"
    done = put_to_work(config, find_learning_rate=find, out=out, observers=observers(progress), warn=warn)
    return Trained(done.run, done.experiment)
