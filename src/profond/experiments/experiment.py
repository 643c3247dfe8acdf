"""An experiment put together: the data opened, the model built, ready to train, evaluate or use."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from profond import models
from profond.core.config import bind
from profond.core.device import choose_device, choose_precision
from profond.core.errors import ConfigError, DataError, ProfondError
from profond.core.randomness import seed_here
from profond.core.run import Run
from profond.core.spec import Spec
from profond.core.tokens import Tokens
from profond.data import registry as data_sets
from profond.data.dataset import Dataset
from profond.data.images.adapt import adapted
from profond.data.images.augment import Augment
from profond.data.loader import Batches
from profond.data.open import accepts, no_classes, open_dataset
from profond.data.preprocessing import Preprocessing
from profond.data.subsample import subsample
from profond.evaluation.same_data import check_content, check_names
from profond.experiments import finetune
from profond.experiments.configuration import Chosen, Configuration
from profond.models import configure, create, family_of, head_of, takes_any_length, value_range_of
from profond.recipes.recipe import Loader, Transfer
from profond.tasks import task_class, task_for, task_of_family
from profond.tasks.task import Task
from profond.training import checkpoint
from profond.training.settings import Training


class Experiment:
    """Data, model, task and training of one configuration; the data is opened when it is first needed.

    Args:
        config: checked and complete: the model's shape is in it.
        model: with fresh or trained weights.
        run: the folder that it came from.
        dataset: where it is open already.
        notes: what was decided while it was put together, one line each.
    """

    def __init__(
        self,
        config: Configuration,
        model: nn.Module,
        *,
        run: Run | None = None,
        dataset: Dataset | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.config = config
        self.notes = tuple(notes)
        self.model = model
        self.run = run
        if dataset is not None:
            self.dataset = dataset

    @property
    def training(self) -> Training:
        return self.config.training

    @property
    def loader(self) -> Loader:
        return self.config.loader

    @property
    def augment(self) -> Augment:
        return self.config.augment

    @property
    def transfer(self) -> Transfer | None:
        return self.config.transfer

    @cached_property
    def dataset(self) -> Dataset:
        """Raises: ConfigError when the data is not what the run was trained with."""
        name = self.config.data.name
        if self.run is not None and name not in data_sets.names() and not os.path.exists(Path(name).expanduser()):
            raise ConfigError(
                f"the data of {self.run.path} are not at {name} any more",
                f"if they were moved: profond runs resume {self.run.path} --data NEW",
            )
        dataset = opened(self.config)
        if self.run is not None and self.run.holds("preprocessing.json"):
            dataset = dataclasses.replace(dataset, preprocessing=self.preprocessing)
        if self.run is not None:
            check_names(self.run, dataset)
        return dataset

    @cached_property
    def task(self) -> Task:
        return task_class(self.config.task.name)(**self.config.task.settings)

    @cached_property
    def preprocessing(self) -> Preprocessing:
        if self.run is not None and self.run.holds("preprocessing.json"):
            known = Preprocessing.from_json(self.run.read("preprocessing.json"))
            self._check_vocabulary("preprocessing.json", vocabulary=known.text)
            return known
        return self.dataset.preprocessing

    @property
    def target(self) -> str | None:
        """The columns of the data that hold the target, where somebody named them."""
        return self.config.data.settings.get("target")

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """One sample as the model takes it, where its settings say so."""
        shape = self.config.model.settings.get("input_shape")
        return None if shape is None else tuple(shape)

    @cached_property
    def spec(self) -> Spec:
        """What the data decided about model and task; a run has it without its data."""
        if self.run is not None and self.run.holds("spec.json"):
            spec = Spec.from_json(self.run.read("spec.json"))
            if self.input_shape not in (None, spec.shape):
                raise ConfigError(
                    f"{self.run.file('spec.json')} is damaged: its shape is {spec.shape}, and the model of config.json "
                    f"takes {self.input_shape}",
                    "restore the file, or train again",
                )
            self._check_vocabulary("spec.json", vocabulary=spec.tokens, output_vocabulary=spec.text)
            return spec
        if self.run is not None and self.run.holds("labels.json"):
            return spec_before(self.run, self.preprocessing)
        return self.dataset.spec

    def _check_vocabulary(self, file: str, **known: Tokens | None) -> None:
        """Raises: ConfigError for a vocabulary of another size than the model was made for."""
        for name, tokens in known.items():
            size, has = self.config.model.settings.get(name), 0 if tokens is None else len(tokens)
            if self.run is not None and size is not None and size != has:
                knows = f"knows {has:,} {tokens.kind}" if tokens is not None else "has no vocabulary"
                raise ConfigError(
                    f"{self.run.file(file)} is damaged: it {knows}, and the model of config.json knows {size}",
                    "restore the file, or train again",
                )

    @property
    def classes(self) -> tuple[str, ...]:
        return self.spec.classes

    def batches(self, split: str, *, training: bool = False, device: torch.device | str = "cpu") -> Batches:
        """Batches of a split: shuffled and augmented for training, in order and plain otherwise."""
        if split not in self.dataset.splits:
            raise ConfigError(f"{self.dataset.name} has no {split!r} split", f"it has {', '.join(self.dataset.splits)}")
        if self.run is not None:
            check_content(self.run, self.dataset, split)
        return self.dataset.batches(
            split,
            self.loader.batch_size if training else max(256, self.loader.batch_size),
            seed=self.training.seed,
            shuffle=training,
            augment=self.augment if training else None,
            device=device,
            drop_last=self.loader.drop_last and training,
            balanced=self.loader.balanced and training,
            workers=self.loader.workers,
            epochs=self._epochs(split) if training else None,
        )

    def _epochs(self, split: str) -> float:
        """Passes over a split in the whole training."""
        if self.training.epochs is not None:
            return self.training.epochs
        assert self.training.steps is not None
        batches = max(1, -(-len(self.dataset.splits[split]) // self.loader.batch_size))
        return self.training.steps * self.training.accumulate / batches


def opened(config: Configuration) -> Dataset:
    """The configuration's data: the portion asked for, its validation split held out, prepared for the network."""
    options, name, seed = dict(config.data.settings), config.data.name, config.training.seed
    known = options.pop("preprocessing", None) if name in data_sets.names() else None
    dataset = open_dataset(name, **options)
    if config.loader.per_class:
        dataset = subsample(dataset, config.loader.per_class, seed)
    if config.loader.valid_fraction > 0 and "valid" not in dataset.splits:
        dataset = dataset.holdout(config.loader.valid_fraction, seed=seed)
    if known is not None:
        dataset = adapted(dataset, Preprocessing.from_json(known))
    elif (bounds := value_range_of(config.model.name)) is not None and dataset.preprocessing.mode is not None:
        dataset = dataset.between(*bounds)
    if (contrast := config.loader.contrast) == "none":
        return dataset
    return dataclasses.replace(dataset, preprocessing=dataclasses.replace(dataset.preprocessing, contrast=contrast))


def assemble(config: Configuration) -> Experiment:
    """A fresh experiment; its model's weights depend on the seed alone. Raises: ConfigError, DataError, UnknownName."""
    data = config.data
    path = Path(data.name).expanduser()
    if data.name not in data_sets.names() and path.exists():  # so that the run can be used from anywhere
        data = dataclasses.replace(data, name=str(path.absolute()))
    if (to := data.settings.get("to")) is not None and data.name not in data_sets.names():
        data = data.having(to=str(Path(to).expanduser().absolute()))
    if takes_any_length(config.model.name) and "ends" not in data.settings and accepts(data.name, "ends"):
        data = data.having(ends="missing")
    elif data.settings.get("ends") == "missing" and not takes_any_length(config.model.name):
        raise ConfigError(
            f"the series are to end where they end, and {config.model.name} takes one length alone",
            "leave data.ends out, or take a network such as lstm or gru",
        )
    config = dataclasses.replace(config, data=data)
    if _data_decide(config) and (error := no_classes(config.data.name, config.data.settings)) is not None:
        raise error
    if config.transfer is not None:
        config = finetune.with_preprocessing(config)
    dataset = opened(config)
    if config.data.settings.get("unreadable") == "skip":  # a run that goes on leaves out the same, whatever comes
        skipped = [name for name, _ in dataset.skipped]
        config = dataclasses.replace(config, data=config.data.having(unreadable=skipped))
    loader = config.loader.for_samples(len(dataset.splits.get("train", ())) if config.training.epochs else 0)
    smaller = []
    if loader.batch_size < config.loader.batch_size:
        usual = config.loader.batch_size
        smaller = [
            f"few samples: {loader.batch_size} in a batch, so that an epoch has more steps (--batch-size {usual})"
        ]
    config, notes = settled(dataclasses.replace(config, loader=loader), dataset)
    notes = [*smaller, *notes]
    if config.loader.balanced and config.loader.batch_size < (least := dataset.spec.num_classes):
        raise ConfigError(
            f"a batch of {config.loader.batch_size} has no room for a sample of each of {least} kinds",
            f"--batch-size {least} is the least",
        )
    if config.transfer is not None:
        config, model, decided = finetune.complete(config, dataset)
        return Experiment(config, model, dataset=dataset, notes=[*decided, *notes])
    settings = configure(config.model.name, dataset.spec, config.model.settings)
    settings, said = models.settled(config.model.name, settings, _fast(config.training))
    config = dataclasses.replace(config, model=Chosen(config.model.name, settings))
    return Experiment(config, _fresh_model(config), dataset=dataset, notes=[*said, *notes])


def _fast(training: Training) -> bool:
    """Whether a training has a GPU, or bf16."""
    device = choose_device(training.device)
    return device.type != "cpu" or choose_precision(device, training.precision).precision != "fp32"


def settled(config: Configuration, dataset: Dataset) -> tuple[Configuration, list[str]]:
    """The configuration with the task that learns from the data, unless one is named, and what it takes from them.

    Returns: also what was decided, for people.

    Raises: ConfigError for settings that the task does not have; DataError.
    """
    name, given = config.task.name, config.task.settings
    if _data_decide(config) and not dataset.spec.has_target:
        raise DataError(
            f"{dataset.name} has neither classes nor numbers to be estimated, and {config.model.name} learns from them",
            "take a network that makes such samples, as `profond models list` names them; or data with classes",
        )
    if not name:
        name = task_of_family(family_of(config.model.name)) or task_for(dataset.spec)
        usual = {} if config.transfer is None else task_class(name).transfer_settings
        given = {**usual, **bind(task_class(name), given, what=f"task {name!r}")}
    decided, notes = task_class(name)(**given).settle(dataset)
    return dataclasses.replace(config, task=Chosen(name, {**given, **decided})), notes


def _data_decide(config: Configuration) -> bool:
    """Whether it is the data that say what is learned: no task is named, and the model is made for none."""
    return not config.task.name and task_of_family(family_of(config.model.name)) is None


def spec_before(run: Run, preprocessing: Preprocessing) -> Spec:
    """The specification of a run of version 0.1.0, which wrote its classes and its model's input alone."""
    model, size = run.config.get("model") or {}, preprocessing.size or ()
    shape = model.get("input_shape") or (len(preprocessing.mean), *size)
    axes = {2: "ct", 3: "chw", 4: "cthw"}.get(len(shape), "x" * len(shape))
    return Spec(tuple(shape), axes, classes=tuple(run.read("labels.json")["classes"]))


def load(run: Run, *, weights: bool | Literal["last"] = True, config: Configuration | None = None) -> Experiment:
    """The experiment of a run folder, with its trained weights, in eval mode.

    A run that was stopped has those of its best checkpoint, or of its last where none was validated; ``notes`` says
    which.

    Args:
        weights: False leaves those that it started from, for a run that is not finished; of one that was stopped,
            ``"last"`` takes the last checkpoint, not the best.
        config: instead of the run's own.

    Raises: ConfigError when a file of the run is missing, damaged or does not fit.
    """
    written = run.config
    try:
        lacks = "training has no seed" if config is None and "seed" not in (written.get("training") or {}) else ""
        config = Configuration.from_json(written) if config is None else config
        lacks = lacks or ("" if config.task.name else "no task is named")
        if lacks:  # any other setting that is not there is what it was by default
            raise ConfigError(f"{run.file('config.json')} is damaged: {lacks}", "restore it, or train again")
        model = _fresh_model(config)
        complete = (weights and _finished(run)) or _holds_all_of(run, model)
        if config.transfer is not None and not complete:
            # A head that is trained alone is all that its checkpoints hold: what is below it comes from the weights.
            model, _ = finetune.started(config)
    except ProfondError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{run.file('config.json')} is damaged: {error!r}", "restore it, or train again") from None
    notes = []
    if weights and _finished(run):
        checkpoint.load_weights(model, run.file(checkpoint.FINAL))
    elif weights:
        notes.append(_load_stopped(run, model, best=weights is True))
    if weights:
        model.eval()
    return Experiment(config, model, run=run, notes=notes)


def _finished(run: Run) -> bool:
    """Whether the final weights are those to use: not while a training that goes beyond them is under way."""
    under_way = run.state.get("status") != "done" and run.holds(checkpoint.LAST)
    return not under_way


def _holds_all_of(run: Run, model: nn.Module) -> bool:
    """Whether the last checkpoint has the whole network in it."""
    path = run.file(checkpoint.LAST)
    return run.holds(checkpoint.LAST) and checkpoint.names(path, "model") == model.state_dict().keys()


def _load_stopped(run: Run, model: nn.Module, *, best: bool) -> str:
    """Puts the best checkpoint's weights into a model, or the last one's; says which."""
    last, facts = checkpoint.load_tensors(run.file(checkpoint.LAST))
    done = checkpoint.steps_of(facts)
    if best and run.holds(checkpoint.BEST):
        tensors, of_best = checkpoint.load_tensors(run.file(checkpoint.BEST))
        path, of = run.file(checkpoint.BEST), f"the best that were validated, of step {of_best.get('step', '?')}"
    else:
        path, of = run.file(checkpoint.LAST), "the last"
        tensors = checkpoint.without_prefix("average", last) or checkpoint.without_prefix("model", last)
    whole = "transfer" not in run.config or tensors.keys() == model.state_dict().keys()
    checkpoint.restore(model if whole else model.get_submodule(head_of(model)), tensors, str(path))
    return f"{run.path} is not finished: {done} steps are done, and its weights are {of}"


def _fresh_model(config: Configuration) -> nn.Module:
    seed_here(config.training.seed, "model")
    return create(config.model.name, None, **config.model.settings)
