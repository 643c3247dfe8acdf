"""Fine-tuning as an ordinary experiment: pretrained weights, a new head, the preprocessing that belongs to them."""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from profond.core.errors import ConfigError, ProfondError
from profond.core.files import sha256
from profond.core.randomness import seed_here
from profond.data import registry as data_sets
from profond.data.dataset import Dataset, TensorSplit
from profond.data.images.augment import Augment
from profond.data.loader import Batches
from profond.data.open import kind_of, open_dataset
from profond.data.preprocessing import Preprocessing
from profond.experiments.configuration import Configuration
from profond.models import head_of
from profond.models import registry as models
from profond.training.settings import Training
from profond.training.transfer import head_inputs, staged, trains_head_only
from profond.weights.assignment import restart
from profond.weights.of_run import OfRun, of_run
from profond.weights.pretrained import Located, is_file, load_pretrained, locate, published

_AS_GIVEN = Preprocessing(scale=1.0)
"""Of features: nothing is done to them."""


def located(config: Configuration) -> Located:
    """The weights that a configuration starts from. Raises: UnknownName, MissingError, ConfigError."""
    settings = {key: value for key, value in config["model"].items() if key != "name"}
    name, weights = config["model"]["name"], config["transfer"].get("weights")
    if _lacking(config) == ["num_classes"]:  # the data's; what the weights expect does not hang on it
        settings["num_classes"] = 1
    return locate(name, weights, **settings)


def sized(config: Configuration, side: int) -> Configuration:
    """With square images of another size. Raises: ConfigError."""
    run = _run_of_weights(config)
    channels = 3 if run is None else run.settings["input_shape"][0]
    return {**config, "model": {**config["model"], "input_shape": [channels, side, side]}}


def _run_of_weights(config: Configuration) -> OfRun | None:
    weights = config["transfer"].get("weights")
    return of_run(Path(weights).expanduser(), config["model"]["name"]) if weights and is_file(str(weights)) else None


def _lacking(config: Configuration) -> list[str]:
    """Settings that the model needs, and that neither the configuration nor the weights say."""
    name = config["model"]["name"]
    if not config["transfer"].get("weights") or published(name) or _run_of_weights(config):
        return []
    parameters = inspect.signature(models.load(name)).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.name not in config["model"]]


def with_preprocessing(config: Configuration) -> None:
    """Let the weights prepare the data, unless the configuration says how. Changes the configuration."""
    name, data = config["data"]["name"], config["data"]
    if name not in data_sets.names() and _are_series(name):
        raise ConfigError(f"{name} holds series, and weights are published for pictures only", "train from the start")
    if data.get("preprocessing") is None and "input_shape" in _lacking(config):
        # A file of a network that no weights are published of, and no run beside it: as `train` opens the data.
        dataset = open_dataset(
            name, **{key: value for key, value in data.items() if key not in ("name", "preprocessing")}
        )
        config["model"]["input_shape"] = dataset.spec.shape
        data["preprocessing"] = dataset.preprocessing.to_json()
        if name not in data_sets.names():
            for setting in ("size", "channels", "resize"):
                data.pop(setting, None)
    elif data.get("preprocessing") is None:
        data["preprocessing"] = located(config).preprocessing.to_json()
    if (resize := data.pop("resize", None)) is not None:
        data["preprocessing"] = {**data["preprocessing"], "resize": resize}
    for setting in ("size", "channels"):
        if name not in data_sets.names() and data.pop(setting, None) is not None:
            raise ConfigError(
                f"{setting} of the data belongs to the weights", "the side of the images is set by --size, or leave it"
            )


def _are_series(path: str) -> bool:
    try:
        return kind_of(Path(path).expanduser(), path).series
    except ProfondError:  # said when it is opened
        return False


def started(config: Configuration) -> tuple[nn.Module, tuple[str, ...]]:
    """A network with pretrained weights and a head that depends on the seed alone, and what of it is new.

    Raises: ConfigError when the file is not what the configuration was made with; as `load_pretrained`.
    """
    settings = {key: value for key, value in config["model"].items() if key != "name"}
    name, transfer = config["model"]["name"], config["transfer"]
    file = locate(name, transfer["weights"], **settings)
    if not file.path.is_file():
        raise ConfigError(f"the weights are not at {file.path} any more", "put them back, or fine-tune again")
    if transfer.get("sha256") and sha256(file.path) != transfer["sha256"]:
        raise ConfigError(
            f"{file.path} is not the file that this run was started from",
            "restore it, or fine-tune again with --weights",
        )
    seed_here(config["training"]["seed"], "model")
    loaded = load_pretrained(name, transfer["weights"], new_head=True, **settings)
    head, fresh = head_of(loaded.model), loaded.placed.fresh
    restart(loaded.model.get_submodule(head))
    return loaded.model.train(), tuple(
        module for module in fresh if module != head and not module.startswith(f"{head}.")
    )


def complete(config: Configuration, dataset: Dataset) -> tuple[nn.Module, list[str]]:
    """The network of a new fine-tuning, and what was decided; the configuration gets all that resuming needs."""
    transfer, notes = config["transfer"], []
    given = {**config["model"], "num_classes": dataset.spec.num_classes}
    file = locate(given.pop("name"), transfer.get("weights"), **given)
    config["model"] = {"name": config["model"]["name"], **file.config}
    own = file.label == str(file.path)
    transfer["weights"] = str(file.path.absolute()) if own else file.row.source
    model, fresh = started(config)  # where the checksum is known already, this is a run done once more
    transfer |= {"origin": file.label, "sha256": sha256(file.path), "fresh": list(fresh)}
    new = ", ".join((head_of(model), *fresh))
    notes.append(f"weights: {file.label}; new, for {dataset.spec.num_classes} classes: {new}")
    training = config["training"]
    if not (training["freeze"] or training["unfreeze"] or training["rate_factors"]):
        settings = staged(
            model,
            fresh,
            parts=transfer["parts"],
            head_share=transfer["head_share"],
            rate_decay=transfer["rate_decay"],
        )
        if training["freeze_norms"] is not None:
            settings["freeze_norms"] = training["freeze_norms"]
        training |= Training(**{**training, **settings}).to_json()
    return model, notes


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


def head_work(experiment: Any, device: torch.device, say: Callable[[str], None] = lambda text: None) -> HeadWork | None:
    """The features of a fine-tuning that trains the head alone, without augmentation; None for any other training.

    Args:
        experiment: a `profond.experiments.experiment.Experiment`.
        say: told what is begun.
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
        found = head_inputs(model, batches, device, label=f"features of {name}")
        if found is None:
            return None
        splits[name] = TensorSplit(*found, name)
    size, seed, classes = experiment.loader.batch_size, training.seed, experiment.dataset.spec.num_classes

    def made(name: str, **settings: Any) -> Batches:
        return Batches(splits[name], _AS_GIVEN, num_classes=classes, seed=seed, device=device, **settings)

    return HeadWork(
        model.get_submodule(head_of(model)),
        dataclasses.replace(training, freeze=(), unfreeze=(), rate_factors={}, freeze_norms=None),
        made("train", batch_size=size, shuffle=True, drop_last=experiment.loader.drop_last),
        made("valid", batch_size=max(256, size)) if "valid" in splits else None,
        time.perf_counter() - began,
        sum(map(len, splits.values())),
    )
