"""From a recipe, a file and flags to one checked, JSON-able configuration."""

from __future__ import annotations

import dataclasses
import inspect
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from profond.core.config import bind
from profond.core.errors import ConfigError, ProfondError, UnknownName, nearest
from profond.core.records import parse, read_text
from profond.data import registry as data_sets
from profond.data.images.augment import Augment
from profond.data.images.folder import open_folder
from profond.data.open import kind_of
from profond.models import registry as models
from profond.recipes import registry
from profond.recipes.recipe import Loader, Recipe, Transfer
from profond.tasks import registry as tasks
from profond.tasks import task_class
from profond.training.settings import Training

Configuration = dict[str, Any]
SECTIONS = ("training", "loader", "augment", "task", "transfer", "model", "data")


def from_recipe(name: str) -> Configuration:
    """Raises: UnknownName with the nearest recipe."""
    recipe: Recipe = registry.load(name)()
    return {
        "recipe": name,
        "data": dict(recipe.data),
        "model": dict(recipe.model),
        "task": dict(recipe.task),
        "training": recipe.training.to_json(),
        "loader": dataclasses.asdict(recipe.loader),
        "augment": dict(recipe.augment),
    }


def for_model(model: str, data: str) -> Configuration:
    """A model on anybody's data, with settings that usually work."""
    training = Training(epochs=10, learning_rate=2e-3, warmup=0.15, weight_decay=0.01, keep="best")
    return {
        "recipe": None,
        "data": {"name": data},
        "model": {"name": model},
        "task": {},
        "training": training.to_json(),
        "loader": dataclasses.asdict(Loader(batch_size=64, valid_fraction=0.1)),
        "augment": {},
    }


def for_finetuning(model: str, data: str, *, parts: int | None = None) -> Configuration:
    """A network with pretrained weights on anybody's pictures, with settings that usually work.

    Args:
        parts: as in `Transfer`. A head alone trains on features that are computed once, so it gets more epochs.
    """
    epochs = 40 if parts == 0 else 12
    training = Training(epochs=epochs, learning_rate=2e-3, warmup=0.1, weight_decay=0.01, keep="best")
    return {
        "recipe": None,
        "data": {"name": data},
        "model": {"name": model},
        "task": {},
        "training": training.to_json(),
        "loader": dataclasses.asdict(Loader(batch_size=32, valid_fraction=0.1)),
        "augment": {},
        "transfer": dataclasses.asdict(Transfer() if parts is None else Transfer(parts=parts)),
    }


def on_data(config: Configuration, data: str) -> Configuration:
    """The configuration with other data; of the data's settings, those stay that the other has too."""
    accepted = inspect.signature(_target("data", data)).parameters
    kept = {key: value for key, value in config["data"].items() if key != "name" and key in accepted}
    return {**config, "data": {"name": data, **kept}}


def changed(config: Configuration, changes: Mapping[str, Any]) -> Configuration:
    """The configuration with settings replaced; ``learning_rate`` or ``training.learning_rate``.

    Raises: ConfigError for a setting that nothing has, or that several have.
    """
    config = {key: dict(value) if isinstance(value, Mapping) else value for key, value in config.items()}
    for key, value in changes.items():
        section, _, name = key.rpartition(".")
        if not section:
            section = _section_of(config, name)
        top, *inner = section.split(".")
        if top not in config or top not in SECTIONS:
            raise UnknownName("section", top, [known for known in SECTIONS if known in config])
        target = config[top]
        for part in inner:
            target = target.setdefault(part, {})
        target[name] = value
        if top == "training" and value is not None and name in ("epochs", "steps"):
            target["steps" if name == "epochs" else "epochs"] = None
    return config


def checked(config: Configuration) -> Configuration:
    """Every section bound to what it configures, text converted. Raises: ConfigError, UnknownName."""
    unknown = sorted(set(config) - {"recipe", *SECTIONS})
    if unknown:
        raise UnknownName("section", unknown[0], SECTIONS)
    bound: Configuration = {"recipe": config.get("recipe")}
    for section in SECTIONS:
        if section == "transfer" and section not in config:
            continue
        given = dict(config.get(section) or {})
        name = given.pop("name", None)
        if section == "task" and name is None:
            bound[section] = given  # the data says which task learns from them, and it takes the settings then
            continue
        target = _target(section, name)
        if section == "data" and name in data_sets.names() and "preprocessing" in given:
            known = given.pop(
                "preprocessing"
            )  # of a network with weights; any data set of pictures can be brought to it
            bound[section] = {**bind(target, given, what=f"data {name!r}"), "preprocessing": known}
        elif section == "model" or (section == "data" and name not in data_sets.names()):
            # NOTE bound when the data is opened: it gives the model its shape, and a path may not be there
            bound[section] = given
        else:
            bound[section] = bind(target, given, what=f"{section} {name!r}" if name else section)
        if name is not None:
            bound[section] = {"name": name, **bound[section]}
    return bound


def read_file(path: Path | str) -> dict[str, Any]:
    """Settings from a .json or .toml file, by section. Raises: ConfigError."""
    path = Path(path)
    try:  # what a shell hands over, as in --config <(…), is a pipe below /dev; any other pipe would be waited for
        text = path.read_text(encoding="utf-8") if path.is_relative_to("/dev") else read_text(path)
        data = tomllib.loads(text) if path.suffix == ".toml" else parse(text, path.name)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"cannot read settings from {path}: {error}", "give a .json or .toml file") from None
    return data


def as_changes(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by section, as `changed` takes them."""
    changes: dict[str, Any] = {}
    for key, value in settings.items():
        if key in SECTIONS and isinstance(value, dict):
            changes |= {f"{key}.{name}": inner for name, inner in value.items()}
        elif key != "recipe":
            changes[key] = value
    return changes


def says_all(settings: Mapping[str, Any]) -> bool:
    """Whether settings name both a model and data, as a run's ``config.json`` does: nothing else is needed to train."""
    return all(isinstance(settings.get(part), dict) and settings[part].get("name") for part in ("model", "data"))


def again(settings: Mapping[str, Any], model: str | None = None, data: str | None = None) -> Configuration:
    """What a run's ``config.json`` describes, to be done once more: to the same weights, on the same machine.

    Args:
        settings: with a model and data; what else they leave out is as in `for_model` or `for_finetuning`.
        model, data: instead of theirs; what the old ones decided about each other is left out then.
    """
    names = str(settings["model"]["name"]), str(settings["data"]["name"])
    made = for_finetuning(*names) if "transfer" in settings else for_model(*names)
    config = {**changed(made, as_changes(settings)), "recipe": settings.get("recipe")}
    other_model, other_data = model not in (None, names[0]), data not in (None, names[1])
    if other_data:
        assert data is not None
        config = on_data(config, data)
        config["model"] = {k: v for k, v in config["model"].items() if k not in ("input_shape", "num_classes")}
        if (task := config["task"].get("name")) is not None:
            config["task"] = task_class(task).unsettled(config["task"])
    if other_model:
        config["model"] = {"name": model}
    if other_model or other_data:
        config["recipe"] = None
        if "transfer" in config:
            config = staged_anew(config)
            config["data"].pop("preprocessing", None)
    if other_model and "transfer" in config:
        config["transfer"] |= {"weights": None}
    return config


def staged_anew(config: Configuration, parts: int | None = None) -> Configuration:
    """A fine-tuning whose parts are laid out again, as many as are given or as before."""
    plain = Training()
    names = ("freeze", "unfreeze", "rate_factors", "freeze_norms")
    training = {**config["training"], **{name: getattr(plain, name) for name in names}}
    transfer = {**config["transfer"], "origin": "", "sha256": "", "fresh": ()}
    return {**config, "training": training, "transfer": transfer if parts is None else {**transfer, "parts": parts}}


def _target(section: str, name: str | None) -> Callable[..., Any]:
    settings = {"training": Training, "loader": Loader, "augment": Augment, "transfer": Transfer}
    if section in settings:
        return settings[section]
    if name is None:
        raise ConfigError(f"no {section} is named", f"give --{section}")
    if section == "data":
        if name in data_sets.names():
            return data_sets.load(name)
        try:
            return kind_of(Path(name).expanduser(), name).open
        except ProfondError:  # said when it is opened; a run whose data is gone can still predict
            return open_folder
    return (tasks if section == "task" else models).load(name)


def _section_of(config: Configuration, name: str) -> str:
    accepted: dict[str, set[str]] = {}
    for section in (known for known in SECTIONS if known in config):
        named = config[section].get("name")
        if section == "task" and named is None:  # the data will say which; it may be any of them
            targets: list[Callable[..., Any]] = [tasks.load(known) for known in tasks.names()]
        else:
            targets = [_target(section, named)]
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
