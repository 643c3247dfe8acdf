"""Deep learning's classical families as one working tool: train, evaluate, explain and use networks on your own data.

    import profond

    trained = profond.train(model="convnet2d", data="photos/", epochs=5)
    trained.evaluate()
    trained.predict("new/")

Nothing heavy is imported before it is first used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from profond.core.version import VERSION

__version__ = VERSION

if TYPE_CHECKING:
    from profond.calls.ask import compare, evaluate, explain, load, predict
    from profond.calls.forecast import forecast
    from profond.calls.leave import export
    from profond.calls.train import finetune, resume, train
    from profond.calls.trained import Trained
    from profond.data.open import open_dataset as open_data
    from profond.models import create
    from profond.training.loop import fit
    from profond.training.settings import Training

__all__ = [
    "Trained",
    "Training",
    "compare",
    "create",
    "evaluate",
    "explain",
    "export",
    "finetune",
    "fit",
    "forecast",
    "load",
    "open_data",
    "predict",
    "resume",
    "train",
]

_PLACES = {
    "Trained": "profond.calls.trained",
    "Training": "profond.training.settings",
    "compare": "profond.calls.ask",
    "create": "profond.models",
    "evaluate": "profond.calls.ask",
    "explain": "profond.calls.ask",
    "export": "profond.calls.leave",
    "finetune": "profond.calls.train",
    "fit": "profond.training.loop",
    "forecast": "profond.calls.forecast",
    "load": "profond.calls.ask",
    "open_data": "profond.data.open:open_dataset",
    "predict": "profond.calls.ask",
    "resume": "profond.calls.train",
    "train": "profond.calls.train",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'profond' has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(importlib.import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Room(ModuleType):
    """A package that is called as the verb of its name: ``profond.explain(…)``, although profond.explain is a room."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        return __getattr__(self.__name__.rpartition(".")[2])(*arguments, **settings)


class _Door(ModuleType):
    """Importing a room sets its name here, in place of the verb's: such a room can be called."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _PLACES and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Door
