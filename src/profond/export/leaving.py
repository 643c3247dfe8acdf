"""What leaves: a part of a task with the preprocessing before it, and what a file says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from profond.core.version import VERSION
from profond.data.preprocessing import Preprocessing
from profond.export.picture_graph import Normalised, Prepared
from profond.tasks.task import Part, Tensors

_NAMES = {"images": "pictures", "series": "series", "texts": "tokens"}
LENGTHS = (11, 17)
"""Of axes of any length, in the examples that a graph is made of, and in those that it is proved with."""


@dataclass(frozen=True)
class Source:
    """A network and what it belongs to, wherever it comes from.

    Args:
        name: of the run, or of the registered model.
        task: its registered name.
        preprocessing: of its inputs; None where they are raw.
        card: lines about it.
    """

    name: str
    task: str
    preprocessing: Preprocessing | None
    card: Sequence[str] = ()


class Leaving(nn.Module):
    """A part with the preprocessing before its first input, which then is what comes out of a file.

    Args:
        part: of a task.
        source: what it is a part of.
    """

    def __init__(self, part: Part, source: Source) -> None:
        super().__init__()
        self.part, self.source = part, source
        self.module = part.module
        self.before: nn.Module | None = None
        first = part.inputs[0]
        preprocessing = None if part.raw else source.preprocessing
        self.pictures = preprocessing is not None and preprocessing.takes == "images"
        if preprocessing is not None and self.pictures and isinstance(first.shape[-1], str):
            preprocessing = replace(preprocessing, size=None, fixed_size=False)  # a translator takes any size as it is
        self.preprocessing = preprocessing
        if preprocessing is not None and self.pictures:
            assert preprocessing.mode is not None
            self.before = Prepared(preprocessing)
            size = preprocessing.size if preprocessing.fixed_size else None
            sides: tuple[int | str, ...] = ("height", "width") if size is None else size
            first = Tensors("pictures", (*sides, len(preprocessing.mode)), "uint8")
        elif preprocessing is not None:
            channels = first.shape[0] if len(first.shape) > 1 else 1
            self.before = Normalised(preprocessing, channels if isinstance(channels, int) else 1)
            first = Tensors(_NAMES.get(preprocessing.takes or "", first.name), first.shape, first.dtype)
        self.inputs: tuple[Tensors, ...] = (first, *part.inputs[1:])

    @property
    def outputs(self) -> tuple[Tensors, ...]:
        return self.part.outputs

    @property
    def takes(self) -> str:
        """``"images"``, ``"series"``, ``"texts"``, or ``"tensors"``, of which people have no file."""
        kind = None if self.preprocessing is None else self.preprocessing.takes
        return "tensors" if kind is None or kind == "videos" else str(kind)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        if self.before is not None:
            inputs = (self.before(inputs[0]), *inputs[1:])
        found = self.module(*inputs)
        return (found,) if isinstance(found, Tensor) else tuple(found)

    def examples(self, count: int, length: int) -> tuple[Tensor, ...]:
        """Inputs of so many samples, such as they come out of files; axes of any length about as long as asked for."""
        found = self.part.examples(count, length)
        if isinstance(self.before, Normalised):
            return self.before.undone(found[0]), *found[1:]
        if not self.pictures:
            return found
        # NOTE unlike each other and unlike the size of the network, or the graph would take one for the other.
        sides = {"height": 2 * length + 1, "width": 3 * length + 2}
        shape = [side if isinstance(side, int) else sides[side] for side in self.inputs[0].shape]
        random = torch.Generator().manual_seed(length)
        return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=random), *found[1:]

    def dynamic(self) -> tuple[dict[int, str], ...]:
        """Of each input the axes that have no length of their own, by their place, the batch first."""
        return tuple(
            {0: "n", **{place: axis for place, axis in enumerate(one.shape, 1) if isinstance(axis, str)}}
            for one in self.inputs
        )

    @property
    def picture(self) -> dict[str, Any] | None:
        """How pictures are brought to the network's size, as the file says it; None of other samples."""
        if self.preprocessing is None or self.takes != "images":
            return None
        chosen = ("mode", "size", "resize", "crop", "interpolation", "background", "fixed_size")
        return {name: getattr(self.preprocessing, name) for name in chosen}

    def about(self, verified: Mapping[str, Any]) -> str:
        """What the file says of itself: one JSON object."""
        part, preprocessing = self.part, self.preprocessing
        found: dict[str, Any] = {
            "profond": 1,
            "version": VERSION,
            "name": self.source.name,
            "task": self.source.task,
            "part": part.name,
            "takes": self.takes,
            "answer": dict(part.answer),
            "inputs": [_described(one) for one in self.inputs],
            "outputs": [_described(one) for one in self.outputs],
        }
        if self.picture is not None:
            found["picture"] = self.picture
        if preprocessing is not None and self.takes == "series" and preprocessing.series is not None:
            found["series"] = asdict(preprocessing.series)
            found["fill"] = list(preprocessing.mean)
        if preprocessing is not None and self.takes == "texts" and preprocessing.text is not None:
            found["text"] = preprocessing.text.to_json()
        return json.dumps({**found, "verified": dict(verified), "card": list(self.source.card)}, ensure_ascii=False)


def _described(one: Tensors) -> dict[str, Any]:
    return {"name": one.name, "shape": ["n", *one.shape], "dtype": one.dtype}
