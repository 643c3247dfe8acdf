"""ImageNet's classes are WordNet synsets such as ``n01440764``; what is usual for pictures of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from profond.data.preprocessing import Preprocessing

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIDE = 224
CROP = 0.875
"""Of the middle, the share of its sides that evaluation looks at: 224 of 256."""

_SYNSET = re.compile(r"n\d{8}")


def is_synset(name: str) -> bool:
    return _SYNSET.fullmatch(name) is not None


def are_synsets(names: Iterable[str]) -> bool:
    names = list(names)
    return bool(names) and all(map(is_synset, names))


def usual(size: int | tuple[int, int] | None) -> dict[str, Any]:
    """ImageNet's preprocessing, as `Preprocessing.to_json` writes it; 224×224 unless a size is given."""
    height, width = (SIDE, SIDE) if size is None else (size, size) if isinstance(size, int) else size
    return Preprocessing(size=(height, width), mode="RGB", mean=MEAN, std=STD, crop=CROP).to_json()
