"""Whether a translation hides what the way back needs: the cycle, with the picture in between as files would hold it.

A network that is asked to come back to where it began may write the first picture into the translation, too faint to be
seen. Such writing does not survive 8 bits, or JPEG, and the way back then fails; what stands visibly in the translation
survives both.

Source: C. Chu, A. Zhmoginov, M. Sandler, CycleGAN, a master of steganography, 2017, arXiv:1712.02950, section 4.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from profond.data.images.decoding import open_image, to_tensor
from profond.data.locations import FileInMemory
from profond.measures.pixels import as_pixels

Translate = Callable[[Tensor], Tensor]
Ways = Callable[[nn.Module], Mapping[str, nn.Module]]
"""From a model to its translators by direction: ``a-to-b`` and, where there is one, ``b-to-a``."""
SENT = 32
"""Pictures of each kind that are sent there and back at the end of a pass, at most."""
QUALITY = 75
"""Of JPEG: what most programs take."""
_AMPLIFIED = 3.0
_LEAST = 0.01
"""On a scale where black is 0 and white 1: less is not seen, and not called hidden."""


@dataclass(frozen=True)
class Cycle:
    """Mean absolute differences between pictures and what they are there and back; black is 0, white 1.

    Args:
        as_is: with the numbers that the network gave.
        eight_bits: with the translation rounded to 8 bits.
        jpeg: with the translation as JPEG of quality 75.
        lost_eight_bits, lost_jpeg: by how much that changed the translation itself.
        count: pictures.
    """

    as_is: float
    eight_bits: float
    jpeg: float
    lost_eight_bits: float
    lost_jpeg: float
    count: int

    @property
    def hides(self) -> bool:
        """Whether the way back fails by far more than the translation was changed."""
        pairs = ((self.eight_bits, self.lost_eight_bits), (self.jpeg, self.lost_jpeg))
        return any(after - self.as_is > max(_LEAST, _AMPLIFIED * lost) for after, lost in pairs)

    def sentence(self, before: str = "A", after: str = "B") -> str:
        """For people: what was found, and what it means.

        Args:
            before, after: what the pictures are, and what they are on the way.
        """
        numbers = (
            f"{before} to {after} and back: off by {self.as_is:.4f}, with {after} in 8 bits by {self.eight_bits:.4f},"
            f" as JPEG by {self.jpeg:.4f}"
        )
        if self.hides:
            return f"{numbers}; the way back needs what is hidden in {after}, where nobody sees it"
        return f"{numbers}; what the way back needs stands visibly in {after}"

    def to_json(self) -> dict[str, Any]:
        values = {"as_is": self.as_is, "eight_bits": self.eight_bits, "jpeg": self.jpeg, "hides": self.hides}
        lost = {"eight_bits": self.lost_eight_bits, "jpeg": self.lost_jpeg}
        return {**values, "changed": lost, "jpeg_quality": QUALITY, "count": self.count}


@torch.inference_mode()
def cycle(there: Translate, back: Translate, pictures: Tensor, batch_size: int = 16) -> Cycle:
    """Send pictures there and back, with the translation as it is, in 8 bits, and as JPEG.

    Args:
        there, back: the two networks, in eval mode.
        pictures: (n, c, h, w) between -1 and 1, with one channel or three.
        batch_size: pictures at once.
    """
    sums = torch.zeros(5, dtype=torch.float64)
    for given in torch.split(pictures, batch_size):
        made = there(given)
        forms = as_files(made)
        errors = [_distance(back(form), given) for form in forms]
        lost = [_distance(form, made.clamp(-1, 1)) for form in forms[1:]]
        sums += torch.tensor([*errors, *lost], dtype=torch.float64) * len(given)
    as_is, eight_bits, jpeg, lost_eight_bits, lost_jpeg = (sums / max(1, len(pictures))).tolist()
    return Cycle(as_is, eight_bits, jpeg, lost_eight_bits, lost_jpeg, len(pictures))


def as_files(made: Tensor) -> list[Tensor]:
    """Pictures (n, c, h, w) between -1 and 1 as they are, rounded to 8 bits, and as JPEG of quality 75."""
    rounded = as_pixels(made)
    return [made, *(_as_numbers(pixels, made) for pixels in (rounded, _as_jpeg(rounded)))]


class Cycles:
    """The first pictures of each kind in a pass over a split, to be sent there and back once it is over.

    Args:
        ways: None where nothing comes back.
    """

    def __init__(self, ways: Ways | None) -> None:
        self.ways = ways
        self.model: nn.Module | None = None
        self.pictures: tuple[list[Tensor], list[Tensor]] = [], []

    def add(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> None:
        """Take in a batch: pictures, and 0 for A or 1 for B."""
        self.model = model
        for label, kept in enumerate(self.pictures):
            kept += inputs[targets == label][: max(0, SENT - len(kept))].unbind()

    def measured(self, names: Sequence[str]) -> dict[tuple[str, str], Cycle]:
        """Of each way there and back, by what pictures are before and on the way; none where the model has no way back.

        Args:
            names: of A and of B.
        """
        networks = {} if self.ways is None or self.model is None else self.ways(self.model)
        if len(networks) < 2:
            return {}
        (a, b), (of_a, of_b) = names, self.pictures
        to_b, to_a = networks["a-to-b"], networks["b-to-a"]
        found = {}
        if of_a:
            found[a, b] = cycle(to_b, to_a, torch.stack(of_a))
        if of_b:
            found[b, a] = cycle(to_a, to_b, torch.stack(of_b))
        return found


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one.float() - other.float()).abs().mean() / 2)


def _as_numbers(pixels: Tensor, like: Tensor) -> Tensor:
    return pixels.to(like.device, like.dtype) / 127.5 - 1


def _as_jpeg(pixels: Tensor) -> Tensor:
    """Each picture (c, h, w) of 8 bits as it comes back from a file."""
    found = []
    for picture in pixels.cpu().numpy():
        levels = picture[0] if len(picture) == 1 else np.ascontiguousarray(picture.transpose(1, 2, 0))
        file = io.BytesIO()
        Image.fromarray(levels).save(file, "JPEG", quality=QUALITY)
        found.append(to_tensor(open_image(FileInMemory(file.getvalue(), "a picture on the way")).image))
    return torch.stack(found)
