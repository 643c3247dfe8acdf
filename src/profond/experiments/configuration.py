"""What an experiment is made of, checked and typed; and the same as JSON, as a run keeps it."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from profond.core.config import bind
from profond.core.errors import ConfigError, ProfondError, UnknownName, nearest
from profond.data import registry as data_sets
from profond.data.images.augment import Augment
from profond.data.images.folder import open_folder
from profond.data.open import kind_of
from profond.models import family_of, usual_settings
from profond.models import registry as models
from profond.recipes import registry
from profond.recipes.recipe import Loader, Recipe, Transfer
from profond.tasks import registry as tasks
from profond.tasks import task_class, task_of_family
from profond.tasks.task import ForModels
from profond.training.settings import Training

SECTIONS = ("training", "loader", "augment", "task", "transfer", "model", "data")
LEAST_BATCHES = 20
"""Of an epoch, on anybody's data."""
_TYPED = {"training": Training, "loader": Loader, "augment": Augment, "transfer": Transfer}


@dataclass(frozen=True)
class Chosen:
    """Something registered, by its name, and settings of its own; of data, the name may be a path.

    Args:
        name: such as ``"lenet5"``; of a task it is empty where the data are to say which learns from them.
        settings: JSON-able; what is left out is as it is by default.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def having(self, **settings: Any) -> Chosen:
        """The same with other settings besides."""
        return replace(self, settings={**self.settings, **settings})

    def without(self, *names: str) -> Chosen:
        """The same without some settings, if it has them."""
        return replace(self, settings={key: value for key, value in self.settings.items() if key not in names})

    def to_json(self) -> dict[str, Any]:
        named = {"name": self.name} if self.name else {}
        return {**named, **copy.deepcopy(dict(self.settings))}


@dataclass(frozen=True)
class Configuration:
    """Everything that an experiment is made of.

    Args:
        data, model, task: which, and their settings.
        training: how it is learned.
        loader: how batches are made.
        augment: what may happen to the samples in training.
        transfer: how a network with pretrained weights is fine-tuned; None where it starts from random weights.
        recipe: the one that it came from.
    """

    data: Chosen
    model: Chosen
    task: Chosen = field(default_factory=lambda: Chosen(""))
    training: Training = field(default_factory=Training)
    loader: Loader = field(default_factory=Loader)
    augment: Augment = field(default_factory=Augment)
    transfer: Transfer | None = None
    recipe: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As `from_json` takes it, and as it stands in a run's ``config.json``."""
        return {
            "recipe": self.recipe,
            "training": self.training.to_json(),
            "loader": dataclasses.asdict(self.loader),
            "augment": self.augment.to_json(),
            "task": self.task.to_json(),
            **({} if self.transfer is None else {"transfer": dataclasses.asdict(self.transfer)}),
            "model": self.model.to_json(),
            "data": self.data.to_json(),
        }

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> Configuration:
        """Settings by section, text converted.

        Settings of the model, and of data that are not registered, are bound when the data are opened: these give the
        model its shape, and a path may not be there.

        Raises: ConfigError, UnknownName.
        """
        unknown = sorted(set(settings) - {"recipe", *SECTIONS})
        if unknown:
            raise UnknownName("section", unknown[0], SECTIONS)
        given = {section: dict(settings.get(section) or {}) for section in SECTIONS}
        return cls(
            data=_chosen("data", given["data"]),
            model=_chosen("model", given["model"]),
            task=_chosen("task", given["task"]),
            training=Training(**bind(Training, given["training"], what="training")),
            loader=Loader(**bind(Loader, given["loader"], what="loader")),
            augment=Augment(**bind(Augment, given["augment"], what="augment")),
            transfer=Transfer(**bind(Transfer, given["transfer"], what="transfer")) if "transfer" in settings else None,
            recipe=settings.get("recipe"),
        )


def from_recipe(name: str) -> Configuration:
    """Raises: UnknownName with the nearest recipe."""
    recipe: Recipe = registry.load(name)()
    return Configuration(
        data=_as_chosen(recipe.data),
        model=_as_chosen(recipe.model),
        task=_as_chosen(recipe.task),
        training=recipe.training,
        loader=recipe.loader,
        augment=Augment(**bind(Augment, recipe.augment, what="augment")),
        recipe=name,
    )


def for_model(model: str, data: str) -> Configuration:
    """A model on anybody's data, with settings that usually work.

    Batches have 64 samples; where that makes less than `LEAST_BATCHES` of an epoch, they are smaller.
    """
    config = Configuration(
        data=Chosen(data),
        model=Chosen(model),
        training=Training(epochs=10, learning_rate=2e-3, warmup=0.15, weight_decay=0.01, keep="best"),
        loader=Loader(batch_size=64, valid_fraction=0.1, least_batches=LEAST_BATCHES),
    )
    name = task_of_family(family_of(model))
    task = None if name is None else task_class(name)
    if name is None or not isinstance(task, ForModels):
        return config
    plain = replace(config, task=Chosen(name), training=Training(), loader=replace(config.loader, least_batches=0))
    return changed(plain, {**task.usual, **usual_settings(model)})


def for_finetuning(model: str, data: str, *, parts: int | None = None) -> Configuration:
    """A network with pretrained weights on anybody's pictures, with settings that usually work.

    Args:
        parts: as in `Transfer`. A head alone trains on features that are computed once, so it gets more epochs.
    """
    epochs = 40 if parts == 0 else 12
    return Configuration(
        data=Chosen(data),
        model=Chosen(model),
        training=Training(epochs=epochs, learning_rate=2e-3, warmup=0.1, weight_decay=0.01, keep="best"),
        loader=Loader(batch_size=32, valid_fraction=0.1),
        transfer=Transfer() if parts is None else Transfer(parts=parts),
    )


def on_data(config: Configuration, data: str) -> Configuration:
    """The configuration with other data; of the data's settings, those stay that the other has too."""
    accepted = inspect.signature(_target("data", data)).parameters
    kept = {key: value for key, value in config.data.settings.items() if key in accepted}
    return replace(config, data=Chosen(data, kept))


def changed(config: Configuration, changes: Mapping[str, Any]) -> Configuration:
    """The configuration with settings replaced; ``learning_rate`` or ``training.learning_rate``.

    Another ``model.name``, ``task.name`` or ``data.name`` leaves the settings of the former behind: `_renamed`.

    Raises: ConfigError for a setting that nothing has, that several have, or that does not fit; UnknownName.
    """
    if not changes:
        return config
    config = _renamed(config, changes)
    document = config.to_json()
    for key, value in changes.items():
        section, _, name = key.rpartition(".")
        if not section:
            section = _section_of(config, name)
        top, *inner = section.split(".")
        if top not in SECTIONS or top not in document:
            raise UnknownName("section", top, [known for known in SECTIONS if known in document])
        target = document[top]
        for part in inner:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise ConfigError(f"{part} of {key} has no parts", f"give it whole: --set {section}=…")
        target[name] = value
        if top == "training" and value is not None and name in ("epochs", "steps"):
            target["steps" if name == "epochs" else "epochs"] = None
        if top == "loader" and name == "batch_size":
            target["least_batches"] = 0
    return Configuration.from_json(document)


def _renamed(config: Configuration, changes: Mapping[str, Any]) -> Configuration:
    """With the other data, model or task that is named, whose settings would not fit: of data's, those stay that do."""
    for section, former in (("model", config.model), ("task", config.task)):
        name = changes.get(f"{section}.name")
        if isinstance(name, str) and former.name and name != former.name:
            config = replace(config, **{section: Chosen(name)})  # type: ignore[arg-type]
    data = changes.get("data.name")
    return on_data(config, data) if isinstance(data, str) and data not in ("", config.data.name) else config


def staged_anew(config: Configuration, parts: int | None = None) -> Configuration:
    """A fine-tuning whose parts are laid out again, as many as are given or as before."""
    assert config.transfer is not None
    plain = Training()
    names = ("freeze", "unfreeze", "rate_factors", "freeze_norms")
    training = replace(config.training, **{name: getattr(plain, name) for name in names})
    transfer = replace(config.transfer, origin="", sha256="", fresh=())
    return replace(config, training=training, transfer=transfer if parts is None else replace(transfer, parts=parts))


def _as_chosen(settings: Mapping[str, Any]) -> Chosen:
    return Chosen(settings["name"], {key: value for key, value in settings.items() if key != "name"})


def _chosen(section: str, given: dict[str, Any]) -> Chosen:
    """Raises: ConfigError where no name is given or a setting does not fit; UnknownName."""
    name = given.pop("name", None)
    if section == "task" and name is None:  # the data say which, and it takes the settings then
        return Chosen("", given)
    if not isinstance(name, str) or not name:
        raise ConfigError(f"no {section} is named", f"give --{section}")
    kept: dict[str, Any] = {}
    if section == "data" and name in data_sets.names() and "preprocessing" in given:
        # Of a network with weights; any data set of pictures can be brought to it.
        kept = {"preprocessing": given.pop("preprocessing")}
    if section == "task" or (section == "data" and name in data_sets.names()):
        given = bind(_target(section, name), given, what=f"{section} {name!r}")
    elif section == "model":
        models.entry(name)
    return Chosen(name, {**given, **kept})


def _target(section: str, name: str) -> Callable[..., Any]:
    if section in _TYPED:
        return _TYPED[section]
    if section == "data":
        if name in data_sets.names():
            return data_sets.load(name)
        try:
            return kind_of(Path(name).expanduser(), name).open
        except ProfondError:  # said when it is opened; a run whose data is gone can still predict
            return open_folder
    return (tasks if section == "task" else models).load(name)


def _section_of(config: Configuration, name: str) -> str:
    names = {"task": config.task.name, "model": config.model.name, "data": config.data.name}
    accepted: dict[str, set[str]] = {}
    for section in (known for known in SECTIONS if known != "transfer" or config.transfer is not None):
        if section == "task" and not config.task.name:  # the data will say which; it may be any of them
            targets: list[Callable[..., Any]] = [tasks.load(known) for known in tasks.names()]
        else:
            targets = [_target(section, names.get(section, ""))]
        accepted[section] = {one for target in targets for one in inspect.signature(target).parameters}
    holders = [section for section, names in accepted.items() if name in names]
    if not holders:
        every = set().union(*accepted.values())
        near = nearest(name, every)
        listed = "; ".join(f"{section}: {', '.join(sorted(names))}" for section, names in accepted.items() if names)
        raise UnknownName("setting", name, every, near or f"the settings are, of {listed}")
    if len(holders) > 1:
        places = " or ".join(f"{section}.{name}" for section in holders)
        raise ConfigError(f"{name!r} is a setting of several parts", f"say which: {places}")
    return holders[0]
