"""OpenVINO's files in bf16 and in 8 bits: proved by how many labels stay, and by how many are right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from profond.core.errors import ConfigError, Unequal
from profond.data.preprocessing import Preprocessing
from profond.export.in_memory import AGREE, FEWEST, LEARNED_FROM
from profond.export.leaving import Leaving
from profond.export.openvino_file import Precision, lower
from profond.export.samples import changed, pictures
from profond.runtime.engines.openvino import OpenVinoEngine
from profond.runtime.pictures import Pictures

TRIED = 500
"""Pictures of other data than those of training that a file is tried on, at most."""
_BATCH = 16


@dataclass(frozen=True)
class Own:
    """Pictures of a run's own data as the decoder gives them, of the network's size.

    Args:
        learned: from the training data, uint8 (n, c, h, w).
        tried: from data that were not trained on, uint8 (n, c, h, w).
        targets: of what is tried, the classes, int64 (n).
        split: where that comes from.
    """

    learned: Tensor
    tried: Tensor
    targets: Tensor
    split: str


@dataclass(frozen=True)
class Lowered:
    """What a file in another arithmetic than fp32 says of pictures, beside what Python says.

    Args:
        equal: share of the labels that are the same.
        samples: that were compared.
        right, exact: share of the labels that are right, of the file and in Python; None where nothing is known of
            the pictures.
        of: what the pictures are.
        learned: pictures that ranges were taken from.
    """

    precision: Precision
    equal: float
    samples: int
    right: float | None
    exact: float | None
    of: str
    learned: int

    def line(self) -> str:
        text = f"in {self.precision}: {self.equal:.1%} of the labels of {self.samples} {self.of} as in Python"
        if self.right is None or self.exact is None:
            return text
        return f"{text}; {self.right:.1%} right, in fp32 {self.exact:.1%}"

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "precision": self.precision,
            "equal_labels": self.equal,
            "samples": self.samples,
            "of": self.of,
        }
        if self.right is not None:
            found["accuracy"] = {self.precision: self.right, "fp32": self.exact}
        return {**found, "learned": self.learned} if self.learned else found


def check(leaving: Leaving, precision: Precision, own: Own | None) -> Pictures:
    """How pictures come to the file. Raises: ConfigError for what has no other arithmetic here, with the reason."""
    other = "leave --precision out"
    picture = leaving.picture
    if leaving.part.answer.get("kind") != "classes" or picture is None:
        raise ConfigError(
            f"{precision} is proved by how many labels of pictures stay, and {leaving.source.name} gives none", other
        )
    how = Pictures.from_json(picture)
    if how.canvas is None:
        raise ConfigError(
            f"{precision} is for pictures of one size, and {leaving.source.name} resizes them in the graph", other
        )
    if precision == "int8":
        learned = 0 if own is None else len(own.learned)
        tried = 0 if own is None else len(own.tried)
        if min(learned, tried) < FEWEST:
            raise ConfigError(
                "8 bits take their ranges from pictures that were trained on, and are tried on others: there are "
                f"{learned} and {tried}, and {FEWEST} of each are needed",
                "use --precision bf16, or none, or a run whose data are there, with a valid or a test part",
            )
    return how


@torch.inference_mode()
def lowered(leaving: Leaving, path: Path, precision: Precision, own: Own | None) -> Lowered:
    """Bring a file that was proved in fp32 to another arithmetic, and try it on pictures that it was not made from.

    Raises: ConfigError as `check`; Unequal where too few labels stay; MissingError.
    """
    how, preprocessing = check(leaving, precision, own), leaving.preprocessing
    assert preprocessing is not None
    learned = None
    if precision == "int8" and own is not None:
        learned = own.learned[:LEARNED_FROM].permute(0, 2, 3, 1).contiguous().numpy()
    lower(path, precision, learned)
    known = own is not None and len(own.tried) >= FEWEST
    tried = own.tried[:TRIED] if own is not None and known else _of_every_kind(preprocessing)
    ours, theirs = _python(leaving, preprocessing, tried), _file(path, how, tried)
    right = exact = None
    what = "pictures of every kind"
    if own is not None and known:
        targets = own.targets[:TRIED].numpy()
        right, exact = float((theirs == targets).mean()), float((ours == targets).mean())
        what = f"{own.split} pictures"
    found = Lowered(
        precision,
        float((ours == theirs).mean()),
        len(tried),
        right,
        exact,
        what,
        0 if learned is None else len(learned),
    )
    if found.equal < AGREE:
        raise Unequal(
            f"{precision} changes too many answers: {found.line()}, and {AGREE:.0%} are asked for",
            "nothing was written; leave --precision out",
        )
    return found


def _python(leaving: Leaving, preprocessing: Preprocessing, raw: Tensor) -> NDArray[Any]:
    """The most probable classes, int64 (n)."""
    found = []
    for part in torch.split(raw, _BATCH):
        said = leaving.module(preprocessing.normalise(part))
        found.append((said if isinstance(said, Tensor) else said[0]).argmax(1))
    return torch.cat(found).numpy()


def _file(path: Path, how: Pictures, raw: Tensor) -> NDArray[Any]:
    """The most probable classes by the file, int64 (n)."""
    engine, found = OpenVinoEngine(path), []
    (given,) = engine.inputs
    for part in torch.split(raw.permute(0, 2, 3, 1), _BATCH):
        whole = np.stack([how.on_canvas(one.contiguous().numpy()) for one in part])
        engine.prepare([{given.name: whole.shape}])
        found.append(engine.run({given.name: whole})[engine.outputs[0].name].argmax(1))
    return np.concatenate(found)


def _of_every_kind(preprocessing: Preprocessing) -> Tensor:
    assert preprocessing.mode is not None
    assert preprocessing.size is not None
    given = [one for _, image in pictures(preprocessing.size) for one in changed(image, preprocessing.mode, 7)]
    return torch.stack([preprocessing.decode(one) for one in given])
