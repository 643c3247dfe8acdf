"""Export a run, or published weights, as one file that needs no Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profond.calls.ask import load
from profond.calls.given import Reference
from profond.calls.trained import Trained
from profond.core.errors import ProfondError

if TYPE_CHECKING:
    from PIL import Image

    from profond.data.dataset import Dataset
    from profond.data.split import Split
    from profond.export.export import Exported
    from profond.export.lowered import Own
    from profond.forecasting.kept import Kept

OWN = 60
"""Pictures of the run's data that the file is proved on, beside those of every kind."""
LARGEST = 960
"""Pixels of their sides."""
MEMORY = 2**28
"""Bytes of pictures that another arithmetic is learned from, or tried on."""


def export(
    run: Reference | Trained = "last",
    format: str = "onnx",
    out: Path | str | None = None,
    *,
    precision: str = "fp32",
    force: bool = False,
    runs: Path | str = "runs",
    progress: Callable[[int], Any] = lambda count: None,
) -> list[Exported]:
    """A run's network with its preprocessing and its answers as a file, proved equal, as `profond export` does.

        profond.export("last", format="onnx", out="signs.onnx")

    Args:
        run: as in `load`; or a run of `profond forecast`, by its folder or its name.
        format: ``"onnx"``, ``"torch"`` or ``"openvino"``.
        out: the file; by default the run's name, in the current folder.
        precision: of ``"openvino"``: ``"bf16"`` is a hint in the file, ``"int8"`` takes its ranges from the run's own
            training pictures; how many labels stay, and how many are right, stands in the file.
        force: write over a file that is there.
        runs: where runs are kept.
        progress: called with the number of inputs that were compared.

    Returns: a file for each part; of most networks one.

    Raises: UsageError where the file exists, or for a precision that the format does not have; ConfigError for what
    cannot be exported; Unequal where the file gives other answers than the network, and then there is none;
    StorageError, MissingError.
    """
    from dataclasses import replace

    from profond.export.export import export_parts, lower_of, parts_of
    from profond.export.formats import format_of
    from profond.export.leaving import Source
    from profond.weights.classes import readable

    format_of(format)
    lower = lower_of(precision, format)
    kept = None if isinstance(run, Trained) else _forecast(run, runs)
    if kept is not None:
        from profond.forecasting.exported import exported

        source = Source(kept.name, "forecast", None, (f"Forecasts {kept.horizon} steps, one every {kept.every}",))
        parts = exported(kept)
        return export_parts(
            parts, source, where(out, kept.name), format, precision=precision, force=force, progress=progress
        )
    trained = load(run, out=runs)
    experiment = trained.experiment
    spec = replace(experiment.spec, classes=readable(experiment.spec.classes))
    name = trained.run.path.resolve().name
    card = (f"Trained by Profond: {experiment.config.model.name}", *experiment.task.card(spec))
    source = Source(name, experiment.config.task.name, experiment.preprocessing, card)
    return export_parts(
        parts_of(experiment.task, experiment.model, spec),
        source,
        where(out, name),
        format,
        own=_own(trained),
        precision=precision,
        data=None if lower is None else _data(trained),
        force=force,
        progress=progress,
    )


def _forecast(run: Reference, runs: Path | str) -> Kept | None:
    """What a run of `profond forecast` knows; None of any other run."""
    from profond.core.find_run import find_run, kind_of
    from profond.forecasting.kept import KIND, open_kept

    if not isinstance(run, str | Path) or str(run) == "last":
        return None
    found = find_run(run, runs, kind=None)
    return open_kept(found) if kind_of(found) == KIND else None


def export_pretrained(
    model: str,
    weights: str | None = None,
    format: str = "onnx",
    out: Path | str | None = None,
    *,
    precision: str = "fp32",
    force: bool = False,
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[int], Any] = lambda count: None,
) -> list[Exported]:
    """Published weights as a file, as `export` does with a run.

    Args:
        model: a registered name.
        weights: who published them, or a file.
        precision: as in `export`; ``"int8"`` needs pictures, which published weights come without.
        settings: of the model.

    Raises: as `export`; UnknownName.
    """
    from profond.export.export import export_parts, lower_of, parts_of
    from profond.export.formats import format_of
    from profond.export.leaving import Source
    from profond.models import family_of
    from profond.tasks import task_class, task_for, task_of_family
    from profond.weights.pretrained import load_pretrained

    format_of(format)
    lower_of(precision, format)
    loaded = load_pretrained(model, weights, **dict(settings or {}))
    name = task_of_family(family_of(model)) or task_for(loaded.spec)
    source = Source(model, name, loaded.preprocessing, (f"Weights: {loaded.weights}",))
    parts = parts_of(task_class(name)(), loaded.model, loaded.spec)
    return export_parts(parts, source, where(out, model), format, precision=precision, force=force, progress=progress)


def where(out: Path | str | None, name: str) -> Path:
    """The file; in a folder that is named instead, one with the name of what it holds."""
    path = Path(name) if out is None else Path(out).expanduser()
    return path / name if path.is_dir() else path


def _data(trained: Trained) -> Own | None:
    """Pictures of a run's own data, for another arithmetic; None where they are not there, or are none."""
    import torch

    from profond.data.targets import one_class_each
    from profond.export.in_memory import FEWEST, LEARNED_FROM
    from profond.export.lowered import TRIED, Own

    def some(split: Split, most: int) -> list[int]:
        """Spread evenly, for many data sets lie in the order of their classes."""
        count = min(most, len(split), max(FEWEST, MEMORY // split.raw(0).numel()))
        return torch.linspace(0, len(split) - 1, count).long().tolist()

    if trained.experiment.preprocessing.takes != "images":
        return None
    try:
        splits = trained.dataset.splits
        name = next((name for name in ("test", "valid") if name in splits), None)
        if name is None or not one_class_each(splits[name].targets):
            return None
        learned, tried = some(splits["train"], LEARNED_FROM), some(splits[name], TRIED)
        return Own(
            torch.stack([splits["train"].raw(index) for index in learned]),
            torch.stack([splits[name].raw(index) for index in tried]),
            splits[name].targets[tried],
            name,
        )
    except ProfondError:
        return None


def _own(trained: Trained) -> list[Image.Image]:
    """Pictures of the run's own data, as far as they are there."""
    from profond.data import registry
    from profond.data.images.decoding import open_image

    if trained.experiment.preprocessing.takes != "images" or trained.config.data.name in registry.names():
        return []  # a registered set might have to be fetched
    try:
        dataset: Dataset = trained.dataset
        split = dataset.splits.get("test") or dataset.splits.get("valid") or dataset.splits["train"]
        locations = getattr(split, "locations", None)
        if locations is None:
            return []
        every = max(1, len(locations) // OWN)
        return [_middle(open_image(locations[index]).image) for index in range(0, len(locations), every)][:OWN]
    except ProfondError:  # moved, changed or damaged: the network is there all the same
        return []


def _middle(image: Image.Image) -> Image.Image:
    """At most so much of a picture that many of them fit into memory, and are resized soon."""
    width, height = (min(side, LARGEST) for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image if (width, height) == image.size else image.crop((left, top, left + width, top + height))
