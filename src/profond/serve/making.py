"""What a run makes by itself: texts, pictures, points; asked with the options that its task has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from profond.core.device import choose_device
from profond.core.errors import ConfigError, suggest
from profond.experiments.experiment import Experiment
from profond.serve.predictor import Predictor
from profond.tasks.task import TranslatesImages

WAYS = {"generate": "makes nothing by itself", "interpolate": "has no way between", "walk": "has no way between"}
WAYS["project"] = "finds no picture again"
"""What may be asked, and what is said of a task that cannot do it."""


def make(experiment: Experiment, way: str = "generate", *, device: str = "auto", **asked: Any) -> Any:
    """What a run makes.

    Args:
        way: ``"generate"``, ``"interpolate"`` between some of these, or ``"walk"`` around them.
        asked: options of the task, such as ``count``, ``seed`` and ``label``; see `options`.

    Returns: a sequence, with a ``to_json`` of each; what can be looked at is a `profond.tasks.task.Drawn`.

    Raises: ConfigError where the run makes nothing, for an option that it does not have, and as its task says.
    """
    making = _making(experiment, way, asked)
    with torch.no_grad():
        return making(experiment.model.to(choose_device(device)).eval(), experiment.spec, **asked)


def find_again(
    experiment: Experiment,
    picture: Any,
    *,
    device: str = "auto",
    say: Callable[[str], None] = lambda text: None,
    **asked: Any,
) -> Any:
    """The nearest to a picture that a run can make, as `profond.tasks.task.Drawn`.

    Args:
        picture: as `Predictor.predict` takes it; one of another size or colour is converted.
        say: told what was converted.
        asked: options of the task.

    Raises: as `make`; ImageError, DataError for what is no picture.
    """
    making = _making(experiment, "project", asked)
    predictor = Predictor.of(experiment, device=device, resize=True)
    raw, notes = predictor.decode(picture, str(picture) if isinstance(picture, str | Path) else "the picture")
    for note in notes:
        say(f"{picture}: {note}" if isinstance(picture, str | Path) else note)
    sample = predictor.preprocessing.normalise(raw[None])[0]
    with torch.no_grad():
        return making(predictor.model, experiment.spec, sample, **asked)


def options(experiment: Experiment, way: str = "generate") -> tuple[str, ...]:
    """What may be asked of it: the keyword-only parameters of the task's own call; none where it has no such call."""
    making = getattr(experiment.task, way, None)
    parameters = () if making is None else inspect.signature(making).parameters.values()
    return tuple(one.name for one in parameters if one.kind is one.KEYWORD_ONLY)


def _making(experiment: Experiment, way: str, asked: dict[str, Any]) -> Any:
    making = getattr(experiment.task, way, None)
    if making is None:
        verb = "translate" if isinstance(experiment.task, TranslatesImages) else "predict"
        where = "this run" if experiment.run is None else str(experiment.run.path)
        raise ConfigError(
            f"{where} {WAYS[way]}: its task is {experiment.config.task.name}",
            f"`profond {verb}` says what it makes of your data",
        )
    known = options(experiment, way)
    for name in asked:
        if name not in known:
            asked_for, others = _typed(name), [_typed(one) for one in known]
            raise ConfigError(f"this run has no option --{asked_for}", suggest(asked_for, others) or "leave it out")
    return making


def _typed(option: str) -> str:
    """An option as people type it."""
    return "class" if option == "label" else option
