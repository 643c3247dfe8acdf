"""How it is learned: one loop with phases, on Lightning Fabric."""

from profond.training.fit import Fitted, fit
from profond.training.observers import Observer, Progress, ProgressBar
from profond.training.settings import Training

__all__ = ["Fitted", "Observer", "Progress", "ProgressBar", "Training", "fit"]
