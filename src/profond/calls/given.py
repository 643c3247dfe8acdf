"""What a call is given, looked at first: what is of another kind is named, and what to do instead."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profond.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from profond.serve.predictor import Predictor

Reference = str | Path
"""The name of something registered, or a path."""

_EXAMPLES = {"training": "ema", "loader": "batch_size", "augment": "flip", "task": "name", "transfer": "parts"}

_ARRAYS = (
    "for arrays: profond.fit(model, 'classify', loader), with loader = DataLoader(TensorDataset(inputs, labels), 32)"
)


def as_name(given: Any, what: str) -> str | None:
    """A registered name or a path as text. Raises: ConfigError, DataError for what is neither."""
    if given is None:
        return None
    if isinstance(given, str | os.PathLike):
        return os.fspath(given)
    kind = f"the class {given.__name__}" if isinstance(given, type) else f"of the type {type(given).__name__}"
    if what == "model":
        raise ConfigError(
            f"model is {kind}, and a run knows its model by name",
            'register it with @profond.models.register_model("a_name"), or train it: profond.fit(model, …)',
        )
    if what == "data":
        if hasattr(given, "splits"):
            raise DataError(
                "data is a data set that was opened already, and a run knows its data by name",
                'give its path or its name, with settings such as **{"data.size": 32}',
            )
        raise DataError(f"data is {kind}, neither a name nor a path", _ARRAYS)
    raise ConfigError(f"{what} is {kind}, not a name", "give its name, as a text")


def as_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments as `profond.experiments.configuration.changed` takes them.

    A section may be given whole, as a mapping or as its dataclass: ``augment={"shift": 2}``, ``loader=Loader(64)``.

    Raises: ConfigError for a section that is given as anything else.
    """
    from profond.experiments.configuration import SECTIONS
    from profond.experiments.plan import as_changes

    plain = {key: _plain(value) for key, value in given.items()}
    for section in SECTIONS:
        if section in plain and not isinstance(plain[section], Mapping):
            raise ConfigError(
                f"{section} is {plain[section]!r}, not settings by name",
                f'such as {section}={{"{_EXAMPLES[section]}": …}}',
            )
    return as_changes(plain)


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def as_file(given: Any) -> Path | Mapping[str, Any] | None:
    """A file of settings, a run, or a configuration. Raises: ConfigError for what is neither."""
    from profond.experiments.configuration import Configuration

    if given is None or isinstance(given, Mapping):
        return given
    if isinstance(given, str | os.PathLike):
        return Path(given)
    if isinstance(given, Configuration):
        return given.to_json()
    path = getattr(given, "path", None)
    if isinstance(path, Path):
        return path
    raise ConfigError(f"config is of the type {type(given).__name__}", "give a file, a run's folder, or trained.config")


def files_in(given: Any, predictor: Predictor) -> tuple[Any, bool]:
    """Paths of the images, series or videos that folders and patterns stand for, or texts; anything else as it is.

    Returns: what is to be predicted or explained, and whether there may be several.

    Raises: DataError when a folder or pattern has none.
    """
    from profond.serve.inputs import Expanded, expand, texts_in

    if isinstance(given, str | os.PathLike):
        words: Iterable[Any] = [given]
    elif isinstance(given, list | tuple) and given and all(isinstance(one, str | os.PathLike) for one in given):
        words = given
    else:
        return given, not hasattr(given, "size")
    if predictor.takes == "texts":
        named = texts_in([os.fspath(word) for word in words])
        return named, len(named) > 1
    found = Expanded(kind=predictor.takes)
    for word in words:
        expand(os.fspath(word), found)
    if found.blocked:
        raise found.blocked[0][1]
    if not found.paths:
        raise DataError(f"there is no {found.one} in what was given", "name files or a folder")
    return found.paths, len(found.paths) > 1
