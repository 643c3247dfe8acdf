"""One translated picture as an answer, and the sheet of translations that is looked at while a model learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.files import write_bytes
from profond.data.dataset import Dataset
from profond.data.split import TensorSplit
from profond.measures.pixels import as_pixels
from profond.measures.translated import PAIR

if TYPE_CHECKING:
    from PIL.Image import Image

ROWS = 8
_SIDE = 64
"""Pixels below which a picture is drawn larger."""
_GAP = 2
_SATURATED, _ALIKE, _UNTOUCHED = 0.02, 0.02, 0.01


@dataclass(frozen=True)
class Translation:
    """A translated picture.

    Args:
        pixels: uint8 (height, width, 3), or (height, width) of a grey one.
    """

    pixels: NDArray[np.uint8]

    @classmethod
    def of(cls, picture: Tensor) -> Translation:
        """From (c, h, w) between -1 and 1."""
        return cls(_arranged(as_pixels(picture[None])[0]))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def picture(self) -> Image:
        from PIL import Image

        return Image.fromarray(self.pixels)

    def line(self) -> str:
        return "{}×{} pixels".format(*self.size)

    def row(self) -> dict[str, Any]:
        return {"width": self.size[0], "height": self.size[1]}

    def to_json(self) -> dict[str, Any]:
        return self.row()

    def write(self, folder: Path, name: str) -> list[Path]:
        """A PNG file. Raises: StorageError."""
        import io

        with io.BytesIO() as file:
            self.picture().save(file, format="PNG")
            path = folder / f"{name}.png"
            write_bytes(path, file.getvalue())
        return [path]


class TranslationShow:
    """Always the same pictures of A: beside each its translation, the way back, and the known answer, as there is.

    Args:
        dataset: its test pictures, those with a known answer first; or else those that are learned from.
        seed: decides which.
    """

    def __init__(self, dataset: Dataset, seed: int) -> None:
        split = dataset.split(next(name for name in ("test", "valid", "train") if name in dataset.splits))
        pairs = split.marks.get(PAIR) if isinstance(split, TensorSplit) else None
        random = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(split), generator=random).tolist()
        of_a = [i for i in order if int(split.targets[i]) == 0]
        of_b = [i for i in order if int(split.targets[i]) == 1]
        answers = {} if pairs is None else {int(pairs[i]): i for i in of_b if int(pairs[i]) >= 0}
        known = [] if pairs is None else [i for i in of_a if int(pairs[i]) in answers]
        chosen = (known or of_a)[:ROWS]
        self.before = dataset.preprocessing.normalise(torch.stack([split.raw(i) for i in chosen]))
        self.known = None
        if known and pairs is not None:
            partners = [answers[int(pairs[i])] for i in chosen]
            self.known = dataset.preprocessing.normalise(torch.stack([split.raw(i) for i in partners]))
        others = torch.stack([split.raw(i) for i in of_b[: 4 * ROWS]])
        self.real = _sheet([list(row) for row in torch.split(as_pixels(dataset.preprocessing.normalise(others)), 4)])
        self._said: set[str] = set()

    def picture(self, model: nn.Module) -> Image:
        columns = self._columns(model)
        return _sheet([list(row) for row in zip(*map(as_pixels, columns), strict=True)])

    def symptoms(self, model: nn.Module, means: Mapping[str, float], live: nn.Module | None = None) -> list[str]:
        """A critic that is sure of everything; translations that are all alike, or nothing but what was given."""
        made = self._columns(model)[1]
        critic = means.get("critic/loss")
        found = {}
        if critic is not None and critic < _SATURATED:
            found["critic"] = (
                f"the critic tells made from real without fail (its loss is {critic:.3f}): what it teaches is little; "
                "a lower training.learning_rate, or larger pictures, may help"
            )
        if len(made) > 1 and float(made.std(0).mean()) < _ALIKE:
            found["alike"] = "the translations are all alike, whatever is given: it collapsed; try a lower rate"
        elif float((made - self.before).abs().mean()) < _UNTOUCHED:
            found["untouched"] = "the translations are what was given: nothing is changed yet"
        new = [words for name, words in found.items() if name not in self._said]
        self._said |= found.keys()
        return new

    @torch.no_grad()
    def _columns(self, model: Any) -> list[Tensor]:
        device = next(model.parameters()).device
        made = model(self.before.to(device))
        columns = [self.before, made.float().cpu()]
        if "to_a" in model.generators:
            columns.append(model.generators["to_a"](made).float().cpu())
        return columns if self.known is None else [*columns, self.known]


def _arranged(picture: Tensor) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = picture.permute(1, 2, 0).numpy()
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def _sheet(rows: list[list[Tensor]]) -> Image:
    """Pictures uint8 (c, h, w) in rows, on white, small ones drawn larger."""
    from PIL import Image

    times = max(1, _SIDE // max(rows[0][0].shape[1:]))
    first = rows[0][0].repeat_interleave(times, 1).repeat_interleave(times, 2)
    height, width = first.shape[1] + _GAP, first.shape[2] + _GAP
    sheet = Image.new("RGB", (width * len(rows[0]) + _GAP, height * len(rows) + _GAP), "white")
    for down, row in enumerate(rows):
        for across, picture in enumerate(row):
            pixels = Image.fromarray(_arranged(picture)).convert("RGB")
            pixels = pixels.resize((width - _GAP, height - _GAP), Image.Resampling.NEAREST)
            sheet.paste(pixels, (_GAP + across * width, _GAP + down * height))
    return sheet
