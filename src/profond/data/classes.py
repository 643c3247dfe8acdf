"""Names of classes: in which order, and which of them are one name written in two ways."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)")


def class_order(names: Sequence[str]) -> tuple[str, ...]:
    """Class names sorted; by value when all are whole numbers, so that 10 comes after 9."""
    unique = sorted(set(names))
    if all(name.isascii() and name.isdigit() for name in unique):
        unique.sort(key=lambda name: (int(name), name))
    return tuple(unique)


def alike(label: str) -> str:
    """The same for labels that differ only in capitals, accents' encoding, spaces, hyphens, or zeros of a number."""
    text = unicodedata.normalize("NFKC", label).strip()
    if is_number(text):
        return f"{float(text.replace(',', '.')):g}"
    return re.sub(r"[\s_-]+", " ", text.casefold()).strip() or text


def is_number(label: str) -> bool:
    """With a point or a comma, or whole."""
    return _NUMBER.fullmatch(label.strip()) is not None
