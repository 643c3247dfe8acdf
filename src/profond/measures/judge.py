"""A trained classifier as a judge of samples: which class it takes each for, and its features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.device import device_of
from profond.core.errors import ConfigError, DataError
from profond.data.preprocessing import Preprocessing
from profond.measures.features import Features, in_channels, in_parts
from profond.models import head_of

_AT_ONCE = 256


@dataclass
class Judge:
    """A network that tells classes of pictures apart.

    Args:
        name: for people, such as the run's.
        model: in eval mode; pictures are brought to where it is.
        preprocessing: what a picture goes through on its way in.
        classes: names in label order.
    """

    name: str
    model: nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]

    @cached_property
    def features(self) -> Features:
        """What goes into the layer that fine-tuning would replace."""
        return Features(f"what goes into the last layer of {self.name}", self._before_the_head)

    def labels(self, pictures: Tensor, classes: Sequence[str] = ()) -> NDArray[np.int64]:
        """Which class each picture is taken for, int64 (n).

        Args:
            pictures: uint8 (n, c, h, w).
            classes: those of the data, in whose order the labels are; by default the judge's own. Where these are all
                sequences of the judge's, one of its classes for each colour, each colour is judged by itself.

        Raises: DataError when the judge does not know a class.
        """
        if self.reads_colours(pictures.shape[1], classes):
            planes = [self._said(pictures[:, i : i + 1]) for i in range(pictures.shape[1])]
            return np.ravel_multi_index(tuple(planes), (len(self.classes),) * len(planes)).astype(np.int64)
        unknown = [name for name in classes if name not in self.classes]
        if unknown:
            raise DataError(
                f"the judge does not know {', '.join(unknown[:5])}{' …' if len(unknown) > 5 else ''}",
                f"it tells {', '.join(self.classes[:10])} apart: name a run on the same classes",
            )
        said = self._said(pictures)
        if not classes:
            return said
        places = np.full(len(self.classes), -1)
        for label, name in enumerate(classes):
            places[self.classes.index(name)] = label
        return places[said]

    def reads_colours(self, channels: int, classes: Sequence[str]) -> bool:
        """Whether it is a judge of grey pictures, and these are as many in one as there are colours."""
        return self.preprocessing.mode == "L" and channels > 1 and len(classes) == len(self.classes) ** channels

    def _said(self, pictures: Tensor) -> NDArray[np.int64]:
        with torch.no_grad():
            parts = [self.model(self._prepared(part)).argmax(1).cpu() for part in in_parts(pictures, _AT_ONCE)]
        return torch.cat(parts).numpy()

    def _before_the_head(self, pictures: Tensor) -> Tensor:
        kept: list[Tensor] = []
        head = self.model.get_submodule(head_of(self.model))
        hook = head.register_forward_pre_hook(lambda module, given: kept.append(given[0]))
        try:
            self.model(self._prepared(pictures))
        finally:
            hook.remove()
        return kept[0] if kept[0].ndim == 2 else kept[0].flatten(2).mean(2)

    def _prepared(self, pictures: Tensor) -> Tensor:
        """Pictures in the judge's colours and size; the proportions are not kept."""
        mode, size = self.preprocessing.mode, self.preprocessing.size
        if mode is None:
            raise ConfigError(f"{self.name} is no judge of pictures: it was not trained on any", "name another run")
        pictures = in_channels(pictures, 1 if mode == "L" else 3)
        if size is not None and tuple(pictures.shape[-2:]) != tuple(size):
            pictures = F.interpolate(pictures.float(), size, mode="bicubic", align_corners=False, antialias=True)
        return self.preprocessing.normalise(pictures).to(device_of(self.model))
