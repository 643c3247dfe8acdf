"""From an experiment to a finished run: fit, evaluate, and a model card; and again from where it stopped."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profond.core import signals
from profond.core.device import choose_device, usable_cores
from profond.core.errors import ConfigError, Interrupted, ProfondError
from profond.core.files import write_text
from profond.core.names import as_text
from profond.core.run import Run
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.evaluation.evaluate import evaluate_run, measure_along
from profond.evaluation.same_data import check_content, readable
from profond.experiments.card import model_card
from profond.experiments.configuration import Configuration, on_data
from profond.experiments.experiment import Experiment, assemble, load
from profond.experiments.finetune import head_work
from profond.experiments.lengthen import lengthen
from profond.experiments.samples import Samples
from profond.tasks.task import MeasuredEarly, Shown
from profond.training.early import EarlyWeights
from profond.training.feed import enough_for_each
from profond.training.find import Found, find_learning_rate
from profond.training.launch import settled
from profond.training.loop import fit
from profond.training.observers import Observer, TensorBoard
from profond.training.precision import precision_for
from profond.training.processes import Processes, apart, open_processes
from profond.training.settings import Training

Say = Callable[[str], None]


@dataclass(frozen=True)
class Done:
    """A training that is done.

    Args:
        run: its folder.
        experiment: with the trained model.
        leads: whether this is the process that speaks for all of them.
    """

    run: Run
    experiment: Experiment
    leads: bool


def put_to_work(
    config: Configuration,
    *,
    find_learning_rate: bool = False,
    out: Path | str = "runs",
    observers: Sequence[Observer] = (),
    say: Say = lambda text: None,
    warn: Say = lambda text: None,
) -> Done:
    """From a configuration to a finished run: assembled, a learning rate looked for if asked to, trained, evaluated.

    Args:
        say: told what is decided and begun, a line each.
        warn: told what is probably not meant.

    Raises: as `profond.experiments.experiment.assemble` and `train_experiment`.
    """
    processes = open_processes(config.training)
    with processes.ending():
        tell, alert = (say, warn) if processes.leads else (_nothing, _nothing)
        experiment = assemble(config)
        for warning in experiment.dataset.warnings:
            alert(warning)
        for note in (*experiment.dataset.notes, *experiment.notes):
            tell(note)
        if find_learning_rate:
            experiment, found = find_rate(experiment)
            tell(found.words)
        run = train_experiment(experiment, out=out, observers=observers, say=tell)
        return Done(run, experiment, processes.leads)


def _nothing(text: str) -> None:
    pass


def train_experiment(
    experiment: Experiment,
    *,
    out: Path | str = "runs",
    observers: Sequence[Observer] = (),
    say: Say = lambda text: None,
) -> Run:
    """Train, evaluate and keep an experiment in a new folder under ``out``.

    Raises: as `fit`; the run's folder then holds everything up to its last checkpoint.
    """
    name = experiment.config.recipe or f"{experiment.config.model.name}-{as_text(Path(experiment.dataset.name).stem)}"
    choose_device(experiment.training.device)  # what can be refused is refused before there is a folder
    if "valid" not in experiment.dataset.splits:
        experiment.training.check_without_validation()
    processes = open_processes(experiment.training)
    with processes.ending():
        _count_processes(experiment, settled(experiment.training))
        run = Run(processes.leaders(processes.leads and str(Run.create(out, name, experiment.config.to_json()).path)))
        with processes.ending(run), processes.held(run, "training"):
            return _stoppable(experiment, run, observers, say, processes, resume=False)


def resume_run(
    run: Run,
    *,
    data: str | None = None,
    epochs: float | str | None = None,
    steps: int | str | None = None,
    devices: int | None = None,
    observers: Sequence[Observer] = (),
    say: Say = lambda text: None,
) -> Run:
    """Continue a run that was stopped or killed; one that is complete is left as it is, unless it is to be longer.

    Args:
        data: where its data are now, if they were moved.
        epochs, steps: how long the whole training is to be instead; ``"+5"`` is so many more than now. See `lengthen`.
        devices: in how many processes it goes on, where no launcher says so; as many as before when left out.

    Raises: ConfigError when the run is damaged, its data have changed, or another process works on it.
    """
    before = Configuration.from_json(run.config).training
    if devices is not None:
        before = dataclasses.replace(before, devices=devices, nodes=1)
    training = settled(before, again=True)
    processes = open_processes(training)
    with processes.ending(run), processes.held(run, "training"):
        if processes.leads and data is not None:
            _move(run, data)
        if processes.leads and (epochs is not None or steps is not None):
            say(lengthen(run, epochs=epochs, steps=steps))
        if processes.leaders(is_complete(run)):
            return run
        experiment = load(run, weights=False)
        if processes.leads and _count_processes(experiment, training):
            run.write("config.json", experiment.config.to_json())
        return _stoppable(experiment, run, observers, say, processes, resume=True)


def _count_processes(experiment: Experiment, training: Training) -> bool:
    """Let an experiment have as many devices and nodes as there are; whether these are others than it had."""
    before = experiment.training
    now = dataclasses.replace(before, devices=training.devices, nodes=training.nodes)
    experiment.config = dataclasses.replace(experiment.config, training=now)
    return now != before


def is_complete(run: Run) -> bool:
    """Whether nothing is left to do: trained, evaluated and described."""
    return run.state.get("status") == "done" and run.holds("README.md")


def _move(run: Run, data: str) -> None:
    """Its data are somewhere else now. Raises: ConfigError when those are not the same."""
    config = on_data(Configuration.from_json(run.config), str(Path(data).expanduser().absolute()))
    dataset = load(run, weights=False, config=config).dataset
    for split in dataset.splits:
        check_content(run, dataset, split)
    run.write("config.json", config.to_json())


def find_rate(experiment: Experiment) -> tuple[Experiment, Found]:
    """The experiment with a learning rate looked for on its own first batches; several processes wait for one."""
    device = choose_device(experiment.training.device)
    batches = experiment.batches("train", training=True, device=device)
    processes, found = open_processes(experiment.training), None
    if processes.leads:
        with apart():
            found = find_learning_rate(experiment.model, experiment.task, batches, experiment.training)
    found = processes.leaders(found)
    training = dataclasses.replace(experiment.training, learning_rate=found.suggestion)
    config = dataclasses.replace(experiment.config, training=training)
    return Experiment(config, experiment.model, dataset=experiment.dataset), found


def split_lines(dataset: Dataset) -> Iterator[str]:
    """Which sample is in which split, as CSV: split, class if it has one, identity, and a digest of what it holds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("split", "label", "sample", "content"))
    for name, split in dataset.splits.items():
        contents, spec = dataset.contents(name), dataset.spec
        labels = [spec.target_text(one) for one in split.targets.tolist()] if spec.classes else [""] * len(split)
        for index, label in enumerate(labels):
            writer.writerow((name, label, readable(split.identity(index)), contents[index]))
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def skipped_lines(dataset: Dataset) -> str:
    """The samples that cannot be read and were left out, and why, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("sample", "reason"))
    for row in dataset.skipped:
        writer.writerow(map(readable, row))
    return text.getvalue()


def _stoppable(
    experiment: Experiment, run: Run, observers: Sequence[Observer], say: Say, processes: Processes, *, resume: bool
) -> Run:
    """Ctrl-C before the training and after it is told as during it."""
    try:
        if not processes.leads:
            return _work_along(experiment, run, processes, resume=resume)
        if not resume:
            run.update(warnings=list(experiment.dataset.warnings))
            say(f"run {run.path}")
        return _carry_on(experiment, run, observers, say, processes, resume=resume)
    except (KeyboardInterrupt, Exception) as error:
        if isinstance(error, ProfondError) or not (isinstance(error, KeyboardInterrupt) or signals.stopping()):
            raise  # but where a library has made another error of the signal
        if processes.leads:
            run.update(status="interrupted")
        raise Interrupted("stopped", f"`profond runs resume {run.path}` continues it") from None


def _check_same(run: Run, dataset: Dataset) -> None:
    """Raises: ConfigError when a run that goes on would not see what it saw before."""
    for split in dataset.splits:
        check_content(run, dataset, split)
    if run.holds("preprocessing.json"):
        then = Preprocessing.from_json(run.read("preprocessing.json"))
        if then != dataset.preprocessing:
            raise ConfigError(
                f"{dataset.name} would be prepared otherwise than {run.path} did: {dataset.preprocessing} "
                f"instead of {then}",
                "restore the data, or train again",
            )


def _carry_on(
    experiment: Experiment, run: Run, observers: Sequence[Observer], say: Say, processes: Processes, *, resume: bool
) -> Run:
    dataset, training = experiment.dataset, experiment.training
    if "train" not in dataset.splits:
        raise ConfigError(f"{dataset.name} has no train split", f"it has {', '.join(dataset.splits)}")
    if resume:
        _check_same(run, dataset)
    run.write("spec.json", dataset.spec.to_json())
    run.write("preprocessing.json", dataset.preprocessing.to_json())
    hashes = {split: dataset.split_hash(split) for split in dataset.splits}
    content = {split: dataset.content_hash(split) for split in dataset.splits}
    sizes = {name: len(s) for name, s in dataset.splits.items()}
    run.write("split.json", {"hash": hashes, "sizes": sizes, "content": content})
    write_text(run.file("split.csv"), "".join(split_lines(dataset)))
    if dataset.skipped and not resume:
        write_text(run.file("skipped.csv"), skipped_lines(dataset))
    where = f"{usable_cores()} cores" if processes.device.type == "cpu" else str(processes.device)
    several = f", {processes.size} processes" if processes.size > 1 else ""
    arithmetic = precision_for(experiment.model, processes.device, training.precision)
    say(f"{len(dataset.splits['train']):,} samples, {where}{several}, {arithmetic}")
    watching: tuple[Observer, ...] = (*observers, TensorBoard(run.path))
    if isinstance(experiment.task, MeasuredEarly):
        watching = (*watching, EarlyWeights(run))
    if isinstance(experiment.task, Shown):
        show = experiment.task.show(dataset, training.seed)
        watching = (*watching, Samples(run, show, every=training.show_every_steps, film=training.film))
    _fit(experiment, run, watching, say, processes, resume=resume)
    write_text(run.file("README.md"), readable(model_card(run, experiment)))
    return run


def _work_along(experiment: Experiment, run: Run, processes: Processes, *, resume: bool) -> Run:
    """What a process does that does not lead: it trains and measures its share, and writes nothing."""
    _fit(experiment, run, (), lambda text: None, processes, resume=resume)
    return run


def _fit(
    experiment: Experiment, run: Run, observers: Sequence[Observer], say: Say, processes: Processes, *, resume: bool
) -> None:
    dataset, training, device = experiment.dataset, experiment.training, processes.device
    processes.leaders(None)  # the others wait until the run's files are there
    options: dict[str, Any] = {"observers": observers, "run": run, "resume": resume}
    work = head_work(experiment, device, say, processes)
    if work is not None:
        say(f"only the head is trained: what it is given by {work.samples:,} images was computed, {work.seconds:.1f} s")
        features_seconds = run.state.get("features_seconds", 0.0) + work.seconds  # a resumed run computes them again
        if processes.leads:
            run.update(features_seconds=round(features_seconds, 3))
        options |= {"valid": work.valid, "whole": experiment.model}
        fitted = fit(work.head, experiment.task, work.train, work.training, **options)
        if processes.leads:  # without the features there would be no training
            run.update(seconds=round(fitted.seconds + features_seconds, 3))
    else:
        batches = enough_for_each(
            experiment.batches("train", training=True, device=device),
            experiment.model,
            training.freeze_norms,
            processes.size,
        )
        if batches.last_joined:
            few = f"the last batch of an epoch would hold {batches.last_joined} sample{'s' * (batches.last_joined > 1)}"
            lack = "too few for its processes" if processes.size > 1 else "which has no statistics"
            say(f"{few}, {lack}: it is joined to the one before")
        options["valid"] = experiment.batches("valid", device=device) if "valid" in dataset.splits else None
        fit(experiment.model, experiment.task, batches, training, **options)
    for split in ("valid", "test"):
        if split in dataset.splits:
            if processes.leads:
                evaluate_run(run, experiment, split, device=device, processes=processes)
            else:
                measure_along(experiment, split, processes)
