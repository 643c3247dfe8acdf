"""What a training is given, looked at before it begins: what is of another kind is named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset

from profond.core.errors import ConfigError, DataError
from profond.core.run import Run
from profond.tasks.batch import PAIRS, described
from profond.training.settings import Training

_OBSERVER = ("started", "stepped", "logged", "finished")


def check_given(
    model: Any, batches: Any, training: Any = None, valid: Any = None, observers: Any = (), run: Any = None
) -> None:
    """Raises: ConfigError or DataError for what is not of the kind that `fit` takes."""
    if not isinstance(model, nn.Module):
        made = "create it: profond.models.create(name, spec)" if isinstance(model, str) else "give a torch.nn.Module"
        raise ConfigError(f"the model is {_named(model)}, not a module", made)
    _check_batches(batches, "batches")
    if valid is not None:
        _check_batches(valid, "validation batches")
    if training is not None and not isinstance(training, Training):
        raise ConfigError(f"training is {_named(training)}", "give settings: Training(epochs=3, learning_rate=0.001)")
    if not isinstance(observers, Iterable):
        raise ConfigError(f"observers is {_named(observers)}", "give a list of them: observers=[ProgressBar()]")
    for observer in observers:
        absent = [word for word in _OBSERVER if not callable(getattr(observer, word, None))]
        if absent:
            raise ConfigError(
                f"an observer, {_named(observer)}, has no {', '.join(absent)}",
                "an observer has the methods started(progress), stepped(progress), logged(progress, record) and"
                " finished(progress)",
            )
    if run is not None and not isinstance(run, Run):
        raise ConfigError(f"run is {_named(run)}", 'make its folder first: Run.create("runs", "name", {})')


def _check_batches(batches: Any, what: str) -> None:
    if isinstance(batches, str | Path):
        raise DataError(
            f"the {what} are {_named(batches)}", "open the data first: open_dataset(path).batches('train', 32)"
        )
    if isinstance(batches, Tensor | np.ndarray):
        raise DataError(f"the {what} are one array of {described(batches)}", PAIRS)
    if isinstance(batches, tuple | list) and batches and all(isinstance(one, Tensor | np.ndarray) for one in batches):
        raise DataError(f"the {what} are {len(batches)} arrays, not batches", PAIRS)
    if isinstance(batches, Dataset) and not isinstance(batches, IterableDataset) and not hasattr(batches, "__iter__"):
        raise DataError(
            f"the {what} are a data set of single samples, {_named(batches)}",
            "make batches of it: DataLoader(dataset, batch_size=32, shuffle=True)",
        )
    if not hasattr(batches, "__iter__") and not hasattr(batches, "at") and not hasattr(batches, "__getitem__"):
        raise DataError(f"the {what} are {_named(batches)}, which cannot be iterated", PAIRS)


def _named(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return repr(value) if isinstance(value, str | int | float | Path | None) else f"a {type(value).__name__}"
