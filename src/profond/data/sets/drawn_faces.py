"""Drawn faces, as many as are wanted, of which it is known who wears glasses, who has a beard, and which colours.

They are drawings put together at random, no photographs: hair, expression, glasses and beard are drawn apart from each
other, so that any may meet any.

Source: Open Peeps by Pablo Stanley, CC0 1.0, put together by DiceBear (MIT).
"""

from __future__ import annotations

import json
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from profond.core.config import Integer
from profond.core.errors import MissingError
from profond.core.files import atomic_path, cache_folder
from profond.core.progress import track
from profond.core.spec import Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.sets.svg import render, renderer
from profond.data.split import TensorSplit

_SKIN = {"#694d3d": "dark", "#ae5d29": "brown", "#d08b5b": "light brown", "#edb98a": "fair", "#ffdbb4": "pale"}
_CLOTHES = {
    "#e78276": "red",
    "#ffcf77": "orange",
    "#fdea6b": "yellow",
    "#78e185": "green",
    "#9ddadb": "turquoise",
    "#8fa7df": "blue",
    "#e279c7": "pink",
}
CLASSES = {
    "glasses": ("no glasses", "glasses"),
    "beard": ("no beard", "beard"),
    "skin": tuple(_SKIN.values()),
    "clothes": tuple(_CLOTHES.values()),
}
"""What is known of each face, and the classes that it makes; a moustache counts as a beard."""
_DRAWN = {
    "accessoriesProbability": 50,
    "accessoriesVariant": [*(f"glasses{number}" for number in ("", 2, 3, 4, 5)), "sunglasses", "sunglasses2"],
    "facialHairProbability": 30,
    "maskProbability": 0,
}
Count = Annotated[Integer, Field(ge=2, le=100_000)]


@register_data("drawn_faces", splits={"train": 400, "test": 100})
def drawn_faces(
    train_faces: Count = 400,
    test_faces: Count = 100,
    size: Annotated[Integer, Field(ge=16, le=256)] = 64,
    classes: Literal["none", "glasses", "beard", "skin", "clothes"] = "none",
    seed: int = 0,
) -> Dataset:
    """Drawn faces, no photos, as many as are wanted; who wears glasses or a beard is known (Open Peeps).

    They are drawn once, some hundred a second, and kept in the cache.

    Args:
        train_faces: to learn from.
        test_faces: to test with.
        size: side of the square that they are drawn on.
        classes: what of them is their class; all of it is in ``marks`` besides, int64 (n) by name.
        seed: another seed, other faces.

    Raises: MissingError when the packages that draw them are not installed.
    """
    splits = {}
    for name, count in (("train", train_faces), ("test", test_faces)):
        pictures, known = _faces(name, count, size, seed)
        marks = {what: known[:, column] for column, what in enumerate(CLASSES)}
        targets = torch.zeros(count, dtype=torch.int64) if classes == "none" else marks[classes]
        splits[name] = TensorSplit(pictures, targets, name, marks=marks)
    values = splits["train"].samples.float() / 255
    mean, std = (
        tuple(round(value, 6) for value in found.tolist()) for found in (values.mean((0, 2, 3)), values.std((0, 2, 3)))
    )
    preprocessing = Preprocessing((size, size), "RGB", mean, std, background=(255, 255, 255))
    spec = Spec((3, size, size), "chw", classes=() if classes == "none" else CLASSES[classes])
    return Dataset("drawn_faces", spec, preprocessing, dict(splits), "drawn here by DiceBear after Open Peeps")


def _faces(split: str, count: int, size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures uint8 (n, 3, size, size), and what is known of them, int64 (n, one for each of `CLASSES`)."""
    kept = cache_folder() / "drawn_faces" / f"{split}_{count}_{size}_{seed}.npz"
    try:
        with np.load(kept, allow_pickle=False) as found:
            return torch.from_numpy(found["pictures"]), torch.from_numpy(found["known"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # not there yet, or damaged
        draw, style = _drawer(kept)
    pictures, known = [], []
    for number in track(range(count), count, "drawing faces", unit=" faces"):
        face = draw(style, {"seed": f"{split} {seed} {number}", **_DRAWN}).to_json()
        chosen = face["options"]
        known.append(
            [
                int("accessoriesVariant" in chosen),
                int("facialHairVariant" in chosen),
                list(_SKIN).index(chosen["skinColor"][0]),
                list(_CLOTHES).index(chosen["clothingColor"][0]),
            ]
        )
        pictures.append(render(face["svg"], size))
    stacked, told = np.stack(pictures), np.array(known, dtype=np.int64)
    with atomic_path(kept) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, pictures=stacked, known=told)
    return torch.from_numpy(stacked), torch.from_numpy(told)


def _drawer(kept: Path) -> tuple[Any, Any]:
    """What puts a face together, and the style that it is drawn in. Raises: MissingError."""
    try:
        from dicebear import Avatar, Style

        style = files("dicebear_styles").joinpath("open-peeps.json").read_text("utf-8")
        renderer()
    except (ImportError, MissingError):
        raise MissingError(
            "faces are drawn by DiceBear and resvg-py, which are not installed",
            f"pip install 'profond[drawn]', or put {kept.name} of another machine into {kept.parent}",
        ) from None
    return Avatar, Style(json.loads(style))
