"""How it is learned: one loop with phases, on Lightning Fabric."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from profond.training.fitted import Fitted
    from profond.training.loop import fit
    from profond.training.observers import Observer, Progress, ProgressBar
    from profond.training.settings import Training

__all__ = ["Fitted", "Observer", "Progress", "ProgressBar", "Training", "fit"]

_PLACES = {"Fitted": "fitted", "fit": "loop", "Training": "settings"}


def __getattr__(name: str) -> Any:
    # Only what trains pays for Lightning Fabric: predicting with a run starts 3 s sooner without.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_PLACES.get(name, 'observers')}")
    globals()[name] = getattr(module, name)
    return globals()[name]
