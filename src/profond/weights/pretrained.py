"""A registered model with pretrained weights, and all that belongs to them: how images are prepared, class names."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from profond import models
from profond.core.errors import ConfigError, MissingError, UnknownName
from profond.core.progress import announce
from profond.core.spec import Spec
from profond.data.fetch.sources import DataFile, is_cached, obtain
from profond.data.preprocessing import Preprocessing
from profond.weights import naming
from profond.weights.assignment import Assigned, unfilled
from profond.weights.classes import imagenet_classes
from profond.weights.of_run import OfRun, in_run, of_run
from profond.weights.published import ROWS, Published, scaled

IMAGENET_CLASSES = 1000
_KERAS_FILES = (".h5", ".hdf5", ".keras")
_TORCH_FILES = (".pth", ".pt", ".bin", ".safetensors")
_ARRAY_FILES = (".pkl", ".pickle")
_FORMATS = {"KERAS": (*_KERAS_FILES, *_ARRAY_FILES), "TORCHVISION": _TORCH_FILES, "PUBLISHED": _TORCH_FILES}


@dataclass(frozen=True)
class Pretrained:
    """A model with weights, in eval mode.

    Args:
        model: on the CPU.
        settings: its registered name and all its settings, as a run's config has them under ``model``.
        preprocessing: what an image goes through on its way in.
        classes: names in label order.
        weights: where they came from, for people.
        assigned: what was started fresh, and what of the file was not used.
    """

    model: nn.Module
    settings: dict[str, Any]
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    weights: str
    assigned: Assigned

    @property
    def spec(self) -> Spec:
        """What a sample is to the model, and what it tells apart."""
        return Spec(tuple(self.settings["input_shape"]), "chw", classes=self.classes)

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """One sample as the model takes it, where its settings say so."""
        shape = self.settings.get("input_shape")
        return None if shape is None else tuple(shape)


@dataclass(frozen=True)
class Located:
    """A file of weights, and how it wants to be used.

    Args:
        row: the published weights, or those whose convention a file of the user's follows.
        path: of the file.
        label: where it came from, for people.
        config: all settings of the model.
        preprocessing: what an image goes through on its way in.
    """

    row: Published
    path: Path
    label: str
    config: dict[str, Any]
    preprocessing: Preprocessing


def published(model: str) -> list[Published]:
    """The published weights of a registered model, in the order in which they are tried. Raises: UnknownName."""
    models.registry.entry(model)
    return [row for row in ROWS if row.model == model]


def load_pretrained(
    name: str, weights: str | Path | None = None, *, new_head: bool = False, **settings: Any
) -> Pretrained:
    """A registered model with pretrained weights.

    Args:
        name: a registered model.
        weights: who published them, such as ``"torchvision"``; or a file of yours, in the format that its name ends
            in; or a run's folder; None is the first published ones that are here or can be fetched.
        new_head: start a fresh head where ``num_classes`` is not the file's.
        settings: of the model, such as ``num_classes`` and ``input_shape``.

    Raises: UnknownName; MissingError when nothing is published or it cannot be fetched; ConfigError when the file is
    damaged or does not fit.
    """
    return _load(locate(name, weights, **settings), new_head)


def locate(name: str, weights: str | Path | None = None, **settings: Any) -> Located:
    """The file of a registered model's weights, fetched if need be, and how it wants to be used.

    Args: as in ``load_pretrained``.

    Raises: UnknownName; MissingError; ConfigError for a folder, or a file whose ending tells no format.
    """
    usual: dict[str, Any] | None = None
    if weights is not None and is_file(str(weights)):
        path = in_run(Path(weights).expanduser())
        if path.is_dir():
            raise ConfigError(f"{path} is a folder", "give a file in it, or the folder of a run that is done")
        label = str(path)
        if run := of_run(path, name):
            row, usual = _row_of_run(name, path, run), run.settings
        else:
            row = _row_for(name, path, settings)
    else:
        row, path = fetch(name, None if weights is None else str(weights))
        label = row.label
    target = models.registry.load(row.model)
    assert row.preprocessing.size is not None, row.label
    if usual is None:
        convention = naming.settings(target.__module__, row.convention)
        usual = {**convention, "input_shape": (3, *row.preprocessing.size), **row.settings}
    config = models.configure(row.model, None, {**usual, **settings})
    height, width = (side - 2 * row.preprocessing.padding for side in config["input_shape"][1:])
    return Located(row, path, label, config, dataclasses.replace(row.preprocessing, size=(height, width)))


def fetch(name: str, source: str | None = None) -> tuple[Published, Path]:
    """The file of published weights, from the cache or else from where it can be had.

    Raises: UnknownName, MissingError.
    """
    rows = published(name)
    if not rows:
        raise MissingError(f"no weights are published for {name}", "give a file with --weights, or `profond train` it")
    if source is not None:
        sources = [row.source for row in rows]
        if source not in sources:
            raise UnknownName(
                f"weights of {name}", source, sources, f"known: {', '.join(sources)}; or the path of a file"
            )
        rows = [row for row in rows if row.source == source]
    same = [row for row in rows if row.classes == rows[0].classes]  # others do not stand in for these
    reasons: list[MissingError] = []
    for row in sorted(same, key=lambda row: not is_cached(row.folder, [row.file])):
        try:
            return row, obtain(row.folder, [row.file], row.sources).folder / row.file.name
        except MissingError as error:
            reasons.append(error)
            if len(same) > 1:
                announce(error.message.split("\n")[-1].strip())
    raise MissingError("\n".join(error.message for error in reasons), f"{reasons[-1].help}, or give --weights FILE")


def load_file(model: nn.Module, path: Path, *, new_head: bool = False) -> Assigned:
    """A file of weights into a model that nothing refers to yet, by the format that its name ends in.

    Raises: ConfigError.
    """
    suffix = path.suffix.lower()
    if suffix in _KERAS_FILES:
        from profond.weights.keras import load_keras

        return load_keras(model, path, new_head=new_head, assign=True)
    if suffix in _ARRAY_FILES:
        from profond.weights.numpy_file import load_arrays

        return load_arrays(model, path, new_head=new_head, assign=True)
    from profond.weights.torchvision import load_torch

    return load_torch(model, path, new_head=new_head, assign=True)


def is_file(weights: str) -> bool:
    """Whether that is the path of a file of the user's, not the name of who published weights."""
    return Path(weights).suffix.lower() in (*_KERAS_FILES, *_TORCH_FILES, *_ARRAY_FILES) or "/" in weights


def _row_for(name: str, path: Path, settings: dict[str, Any]) -> Published:
    """A file of the user's: in the convention, and with the preprocessing, of published weights of that format."""
    suffix = path.suffix.lower()
    if not any(suffix in endings for endings in _FORMATS.values()):
        raise ConfigError(f"{path} has no ending of a file of weights", "use .pth, .safetensors, .h5 or .keras")
    rows = [row for row in published(name) if suffix in _FORMATS[row.convention]]
    # The row of exactly this format, ImageNet's rather than that of other classes.
    rows.sort(key=lambda row: (Path(row.file.name).suffix != suffix, row.classes is not None))
    if rows:
        return dataclasses.replace(rows[0], classes=None)
    target, bounds = models.registry.load(name), models.value_range_of(name)
    given = models.configure(name, None, settings).get("input_shape")
    published_so = suffix in _TORCH_FILES and naming.is_published(target.__module__)
    convention = "KERAS" if suffix in _KERAS_FILES else "PUBLISHED" if published_so else "TORCHVISION"
    if bounds is not None:  # its own pictures have them too
        side = (given or inspect.signature(target).parameters["input_shape"].default)[-1]
        spread = bounds[1] - bounds[0]
        preprocessing = scaled(side, side, mean=(-bounds[0] / spread,), std=(1 / spread,))
        return Published(name, "", DataFile(path.name, ""), (), convention, preprocessing)
    shape = given or (3, 224, 224)
    preprocessing = scaled(shape[-1], round(shape[-1] / 0.875))
    if shape[0] == 1:
        preprocessing = dataclasses.replace(preprocessing, mode="L", mean=(0.449,), std=(0.226,))
    return Published(name, "", DataFile(path.name, ""), (), convention, preprocessing)


def _row_of_run(name: str, path: Path, run: OfRun) -> Published:
    """A file in a run's folder: as the run prepares images."""
    return Published(name, "", DataFile(path.name, ""), (), "", run.preprocessing, classes=run.classes)


def _load(found: Located, new_head: bool) -> Pretrained:
    with unfilled():
        model: nn.Module = models.registry.load(found.row.model)(**found.config)
    assigned = load_file(model, found.path, new_head=new_head)
    model.eval()
    count = found.config.get("num_classes", IMAGENET_CLASSES)
    tells_apart = "num_classes" in inspect.signature(models.registry.load(found.row.model)).parameters
    classes = _classes(found.row, count, fresh=bool(assigned.fresh)) if tells_apart else ()
    config = {"name": found.row.model, **found.config}
    return Pretrained(model, config, found.preprocessing, classes, found.label, assigned)


def _classes(row: Published, count: int, *, fresh: bool) -> tuple[str, ...]:
    """Their names, or numbers where they have none."""
    if row.classes is not None and len(row.classes) == count and not fresh:
        return row.classes
    if row.classes is None and count == IMAGENET_CLASSES and not fresh:
        try:
            return imagenet_classes()
        except MissingError as error:
            announce(f"{error.message}\nthe classes are shown by number")
    return tuple(f"class {label}" for label in range(count))
