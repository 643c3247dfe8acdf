"""What is to be trained, as the command line and `profond.train` are told: a recipe, a model and data, or a file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from profond.core.errors import ConfigError, UsageError
from profond.core.records import parse, read_text
from profond.core.run import Run
from profond.data.images.domains import are_domains
from profond.experiments.configuration import (
    SECTIONS,
    Chosen,
    Configuration,
    changed,
    for_finetuning,
    for_model,
    from_recipe,
    on_data,
    staged_anew,
)
from profond.experiments.finetune import sized
from profond.tasks import task_class

Say = Callable[[str], None]

TRANSLATOR = "fastcut"
"""The model that learns from two folders of pictures where none is named."""

FLAGS = {
    "epochs": "training", "steps": "training", "learning_rate": "training", "precision": "training",
    "device": "training", "seed": "training", "batch_size": "loader", "valid_fraction": "loader",
}  # fmt: skip
"""Settings that are so common that they have a flag and an argument, with the section that they are of."""


def plan_training(
    recipe: str | None = None,
    *,
    model: str | None = None,
    data: str | None = None,
    domains: tuple[str | None, str | None] = (None, None),
    file: Path | Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    flags: Mapping[str, Any] | None = None,
    say: Say = lambda text: None,
) -> Configuration:
    """A recipe by name, a model on data, or what a file says in full.

    Args:
        domains: instead of data, a folder of pictures to be translated, and one of pictures as they are to become.
        file: of settings, as `read_settings` takes it; or what would stand in it.
        settings: others, which win over those of the file, as `changed` takes them.
        flags: of `FLAGS`, which win over all; None is not given.
        say: told what there is to know about the file.

    Raises: UsageError where there is nothing to train; UnknownName, ConfigError.
    """
    written = _written(file, say)
    if any(domains):
        data, to = _two_folders(domains, data)
        settings = {**(settings or {}), "data.to": to}
    if model is None and recipe is None and not written and data is not None and _of_two_kinds(domains, data):
        model = TRANSLATOR
        say(f"no model is named: {TRANSLATOR} learns from A to B; --model cyclegan learns both ways, for thrice that")
    if recipe is not None:
        config = from_recipe(recipe)
        if model is not None:
            config = replace(config, model=Chosen(model))
        if data is not None:
            config = on_data(config, data)
    elif says_all(written):
        config, written = again(written, model, data), {}
    elif model is None or data is None:
        help = "name a recipe (`profond recipes list`), give --model and --data, or --config RUN/config.json"
        raise UsageError("nothing to train", help)
    else:
        config = for_model(model, data)
    return changed(changed(config, as_changes(written)), {**(settings or {}), **_of_sections(flags or {})})


def _of_two_kinds(domains: tuple[str | None, str | None], data: str) -> bool:
    """Whether pictures of one kind are to become pictures of another."""
    return any(domains) or are_domains(Path(data).expanduser())


def _two_folders(domains: tuple[str | None, str | None], data: str | None) -> tuple[str, str]:
    source, to = domains
    if not source or not to:
        given, lacking = ("--from", "--to") if source else ("--to", "--from")
        raise UsageError(f"{given} is given, and {lacking} is not", "name two folders of pictures: --from A/ --to B/")
    if data is not None:
        raise UsageError("--data and --from … --to … are given", "give one of them")
    return source, to


def plan_finetuning(
    *,
    model: str | None = None,
    data: str | None = None,
    weights: str | None = None,
    size: int | None = None,
    parts: int | None = None,
    file: Path | Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    flags: Mapping[str, Any] | None = None,
    say: Say = lambda text: None,
) -> Configuration:
    """A network with published weights on data, or what a file says in full.

    Args:
        weights: who published them, or a file.
        size: side of the images; by default that of the weights.
        parts: in how many steps the layers below the head are unfrozen; 0 trains the head alone.
        file, settings, flags, say: as in `plan_training`.

    Raises: UsageError where there is nothing to fine-tune; UnknownName, ConfigError.
    """
    written = _written(file, say)
    if says_all(written):
        if "transfer" not in written:
            shown = "the configuration" if isinstance(file, Mapping) else str(file)
            raise UsageError(f"{shown} is of no fine-tuning", f"profond train --config {shown}")
        config, written = again(written, model, data), {}
        if parts is not None or size is not None or weights is not None:
            config = staged_anew(config, parts)
        if size is not None or weights is not None:
            config = replace(config, data=config.data.without("preprocessing"))
    elif model is None or data is None:
        help = "give --model and --data, or --config RUN/config.json; `profond weights list` shows the models"
        raise UsageError("nothing to fine-tune", help)
    else:
        config = for_finetuning(model, data, parts=parts)
    config = changed(config, as_changes(written))
    if weights is not None:
        config = changed(config, {"transfer.weights": weights})
    if size is not None:
        config = sized(config, size)
    return changed(config, {**(settings or {}), **_of_sections(flags or {})})


def _written(file: Path | Mapping[str, Any] | None, say: Say) -> dict[str, Any]:
    if isinstance(file, Mapping):
        return dict(file)
    written, notes = ({}, []) if file is None else read_settings(file)
    for note in notes:
        say(f"note: {note}")
    return written


def _of_sections(flags: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in flags.items() if value is not None}
    if "epochs" in given and "steps" in given:
        raise UsageError(f"both epochs ({given['epochs']}) and steps ({given['steps']}) are given", "give one of them")
    return {f"{FLAGS[name]}.{name}": value for name, value in given.items()}


def read_settings(path: Path | str) -> tuple[dict[str, Any], list[str]]:
    """Settings by section from a .json or .toml file, or from a run's folder, whose ``config.json`` is meant.

    Returns: the settings, and what there is to know about them, one line each.

    Raises: ConfigError.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "config.json"
    written, notes = read_file(path), []
    if path.name == "config.json" and (run := Run(path.parent)).holds("run.json") and run.state.get("lengthened"):
        notes.append(f"{run.path} was trained in parts, and lengthened; this trains all of it in one")
    return written, notes


def read_file(path: Path | str) -> dict[str, Any]:
    """Settings from a .json or .toml file, by section. Raises: ConfigError."""
    path = Path(path)
    try:  # what a shell hands over, as in --config <(…), is a pipe below /dev; any other pipe would be waited for
        text = path.read_text(encoding="utf-8") if path.is_relative_to("/dev") else read_text(path)
        return tomllib.loads(text) if path.suffix == ".toml" else parse(text, path.name)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"cannot read settings from {path}: {error}", "give a .json or .toml file") from None


def as_changes(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by section, as `changed` takes them."""
    changes: dict[str, Any] = {}
    for key, value in settings.items():
        if key in SECTIONS and isinstance(value, Mapping):
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
    config = replace(changed(made, as_changes(settings)), recipe=settings.get("recipe"))
    other_model, other_data = model not in (None, names[0]), data not in (None, names[1])
    if other_data:
        assert data is not None
        config = on_data(config, data)
        config = replace(config, model=config.model.without("input_shape", "num_classes"))
        if config.task.name:
            task = Chosen(config.task.name, task_class(config.task.name).unsettled(config.task.settings))
            config = replace(config, task=task)
    if other_model:
        assert model is not None
        config = replace(config, model=Chosen(model), data=config.data.without("ends"))
    if other_model or other_data:
        config = replace(config, recipe=None)
        if config.transfer is not None:
            config = staged_anew(config)
            config = replace(config, data=config.data.without("preprocessing"))
    if other_model and config.transfer is not None:
        config = replace(config, transfer=replace(config.transfer, weights=None))
    return config
