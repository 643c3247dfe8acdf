"""Fine-tuning as an ordinary experiment: pretrained weights, a new head, the preprocessing that belongs to them."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from profond.core.errors import ConfigError, ProfondError
from profond.core.files import sha256
from profond.core.randomness import seed_here
from profond.data import registry as data_sets
from profond.data.dataset import Dataset
from profond.data.images.augment import Augment
from profond.data.loader import Batches
from profond.data.open import kind_of, open_dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.experiments.configuration import Chosen, Configuration
from profond.models import head_of
from profond.models import registry as models
from profond.training.processes import Processes
from profond.training.settings import Training
from profond.training.transfer import head_inputs, staged, trains_head_only
from profond.weights.assignment import restart
from profond.weights.of_run import OfRun, of_run
from profond.weights.pretrained import Located, is_file, load_pretrained, locate, published

_AS_GIVEN = Preprocessing(scale=1.0)
"""Of features: nothing is done to them."""


def located(config: Configuration) -> Located:
    """The weights that a configuration starts from. Raises: UnknownName, MissingError, ConfigError."""
    assert config.transfer is not None
    settings = dict(config.model.settings)
    if _lacking(config) == ["num_classes"]:  # the data's; what the weights expect does not hang on it
        settings["num_classes"] = 1
    return locate(config.model.name, config.transfer.weights, **settings)


def sized(config: Configuration, side: int) -> Configuration:
    """With square images of another size. Raises: ConfigError."""
    run = _run_of_weights(config)
    channels = 3 if run is None else run.settings["input_shape"][0]
    return replace(config, model=config.model.having(input_shape=[channels, side, side]))


def _run_of_weights(config: Configuration) -> OfRun | None:
    assert config.transfer is not None
    weights = config.transfer.weights
    return of_run(Path(weights).expanduser(), config.model.name) if weights and is_file(weights) else None


def _lacking(config: Configuration) -> list[str]:
    """Settings that the model needs, and that neither the configuration nor the weights say."""
    assert config.transfer is not None
    name = config.model.name
    if not config.transfer.weights or published(name) or _run_of_weights(config):
        return []
    parameters = inspect.signature(models.load(name)).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.name not in config.model.settings]


def with_preprocessing(config: Configuration) -> Configuration:
    """The configuration in which the weights prepare the data, unless it says how."""
    data = config.data
    name = data.name
    if name not in data_sets.names() and _are_series(name):
        raise ConfigError(f"{name} holds series, and weights are published for pictures only", "train from the start")
    if data.settings.get("preprocessing") is None and "input_shape" in _lacking(config):
        # A file of a network that no weights are published of, and no run beside it: as `train` opens the data.
        dataset = open_dataset(name, **data.without("preprocessing").settings)
        config = replace(config, model=config.model.having(input_shape=dataset.spec.shape))
        if name not in data_sets.names():
            data = data.without("size", "channels", "resize")
        data = data.having(preprocessing=dataset.preprocessing.to_json())
    elif data.settings.get("preprocessing") is None:
        data = data.having(preprocessing=located(config).preprocessing.to_json())
    if (resize := data.settings.get("resize")) is not None:
        data = data.having(preprocessing={**data.settings["preprocessing"], "resize": resize})
    for setting in ("size", "channels"):
        if name not in data_sets.names() and data.settings.get(setting) is not None:
            raise ConfigError(
                f"{setting} of the data belongs to the weights", "the side of the images is set by --size, or leave it"
            )
    own = ("resize",) if name in data_sets.names() else ("resize", "size", "channels")
    return replace(config, data=data.without(*own))


def _are_series(path: str) -> bool:
    try:
        return kind_of(Path(path).expanduser(), path).series
    except ProfondError:  # said when it is opened
        return False


def started(config: Configuration) -> tuple[nn.Module, tuple[str, ...]]:
    """A network with pretrained weights and a head that depends on the seed alone, and what of it is new.

    Raises: ConfigError when the file is not what the configuration was made with; as `load_pretrained`.
    """
    assert config.transfer is not None
    settings, name, transfer = config.model.settings, config.model.name, config.transfer
    file = locate(name, transfer.weights, **settings)
    if not file.path.is_file():
        raise ConfigError(f"the weights are not at {file.path} any more", "put them back, or fine-tune again")
    if transfer.sha256 and sha256(file.path) != transfer.sha256:
        raise ConfigError(
            f"{file.path} is not the file that this run was started from",
            "restore it, or fine-tune again with --weights",
        )
    seed_here(config.training.seed, "model")
    loaded = load_pretrained(name, transfer.weights, new_head=True, **settings)
    head, fresh = head_of(loaded.model), loaded.assigned.fresh
    restart(loaded.model.get_submodule(head))
    return loaded.model.train(), tuple(
        module for module in fresh if module != head and not module.startswith(f"{head}.")
    )


def complete(config: Configuration, dataset: Dataset) -> tuple[Configuration, nn.Module, list[str]]:
    """The configuration with all that resuming needs, the network of a new fine-tuning, and what was decided."""
    assert config.transfer is not None
    name, transfer, notes = config.model.name, config.transfer, []
    if "num_classes" not in inspect.signature(models.load(name)).parameters:
        raise ConfigError(
            f"{name} is not fine-tuned: it has no head that other data would need anew",
            "`profond runs resume RUN --steps +N` trains a run longer",
        )
    file = locate(name, transfer.weights, **{**config.model.settings, "num_classes": dataset.spec.num_outputs})
    own = file.label == str(file.path)
    transfer = replace(transfer, weights=str(file.path.absolute()) if own else file.row.source)
    config = replace(config, model=Chosen(name, file.config), transfer=transfer)
    model, fresh = started(config)  # where the checksum is known already, this is a run done once more
    config = replace(config, transfer=replace(transfer, origin=file.label, sha256=sha256(file.path), fresh=fresh))
    new = ", ".join((head_of(model), *fresh))
    notes.append(f"weights: {file.label}; new, {dataset.spec.purpose}: {new}")
    training = config.training
    if not (training.freeze or training.unfreeze or training.rate_factors):
        settings = staged(
            model, fresh, parts=transfer.parts, head_share=transfer.head_share, rate_decay=transfer.rate_decay
        )
        if training.freeze_norms is not None:
            settings["freeze_norms"] = training.freeze_norms
        config = replace(config, training=replace(training, **settings))
    return config, model, notes


@dataclass(frozen=True)
class HeadWork:
    """A head to be trained on what it is given by a network that does not change.

    Args:
        head: the network's own.
        training: as the experiment's, without what concerns the rest of the network.
        train, valid: batches of features.
        seconds: that computing them took.
        samples: how many there are.
    """

    head: nn.Module
    training: Training
    train: Batches
    valid: Batches | None
    seconds: float
    samples: int


def head_work(
    experiment: Any,
    device: torch.device,
    say: Callable[[str], None] = lambda text: None,
    processes: Processes | None = None,
) -> HeadWork | None:
    """The features of a fine-tuning that trains the head alone, without augmentation; None for any other training.

    Args:
        experiment: a `profond.experiments.experiment.Experiment`.
        say: told what is begun.
        processes: each of which computes a part.
    """
    transfer, training, model = experiment.transfer, experiment.training, experiment.model
    if transfer is None or not transfer.features or experiment.augment != Augment():
        return None
    if not trains_head_only(model, training):
        return None
    began = time.perf_counter()
    splits: dict[str, TensorSplit] = {}
    names = [name for name in ("train", "valid") if name in experiment.dataset.splits]
    say(f"computing the features of {sum(len(experiment.dataset.splits[name]) for name in names):,} images once")
    for name in names:
        batches = experiment.batches(name, device=device)
        found = head_inputs(model, batches, device, label=f"features of {name}", processes=processes)
        if found is None:
            return None
        splits[name] = TensorSplit(*found, name)
    size, seed, classes = experiment.loader.batch_size, training.seed, experiment.dataset.spec.num_classes

    def made(name: str, **settings: Any) -> Batches:
        return Batches(splits[name], _AS_GIVEN, num_classes=classes, seed=seed, device=device, **settings)

    return HeadWork(
        model.get_submodule(head_of(model)),
        replace(training, freeze=(), unfreeze=(), rate_factors={}, freeze_norms=None),
        made("train", batch_size=size, shuffle=True, drop_last=experiment.loader.drop_last),
        made("valid", batch_size=max(256, size)) if "valid" in splits else None,
        time.perf_counter() - began,
        sum(map(len, splits.values())),
    )
