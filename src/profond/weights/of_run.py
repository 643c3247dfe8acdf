"""What a run's folder says about the weights in it, so that these need no settings said again."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profond.core.errors import ConfigError
from profond.core.run import Run
from profond.data.preprocessing import Preprocessing


@dataclass(frozen=True)
class OfRun:
    """A run's network, as far as its weights do not say it.

    Args:
        settings: all those of the model.
        preprocessing: what an image went through on its way in.
        classes: names in label order; None where the run does not say them.
    """

    settings: dict[str, Any]
    preprocessing: Preprocessing
    classes: tuple[str, ...] | None


def in_run(path: Path) -> Path:
    """The weights of a run that is done, where a path is its folder; any other path as it is."""
    final = path / "model.safetensors"
    return final if path.is_dir() and final.is_file() else path


def of_run(weights: Path, model: str) -> OfRun | None:
    """What the run that a file of weights lies in says about it; None where it lies in no run of this model.

    Args:
        weights: ``RUN/model.safetensors``, or that of a checkpoint, or ``RUN``.
        model: a registered name.

    Raises: ConfigError when the run is damaged, or is not about pictures.
    """
    weights = in_run(weights.absolute())
    folder = weights.parents[2] if weights.parent.parent.name == "checkpoints" else weights.parent
    run = Run(folder)
    if not all(run.holds(name) for name in ("run.json", "config.json", "preprocessing.json")):
        return None
    config, preprocessing = run.config, Preprocessing.from_json(run.read("preprocessing.json"))
    try:
        settings = dict(config["model"])
        name = settings.pop("name")
        said = next((file for file in ("spec.json", "labels.json") if run.holds(file)), None)  # the latter in 0.1.0
        classes = None if said is None else tuple(map(str, run.read(said)["classes"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{folder} is damaged: {error!r}", "restore it, or train again") from None
    if name != model:
        return None
    if preprocessing.mode is None or preprocessing.size is None:
        raise ConfigError(
            f"{folder} was not trained on pictures, and weights are taken for pictures only",
            f"profond predict {folder} FILE",
        )
    # The weights are for other pictures now: these may have any size.
    return OfRun(settings, dataclasses.replace(preprocessing, fixed_size=False), classes)
