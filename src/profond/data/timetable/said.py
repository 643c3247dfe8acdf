"""What is said of a table: English as it stands, and the same in another language where somebody asks for it."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Any

_NARROW = "\u202f"


class Said(str):
    """A sentence of the catalogue with its places filled; as a text, it is the English one.

    Args:
        key: of the catalogue.
        values: texts, whole numbers, other sentences, or several in a tuple.
    """

    key: str
    values: dict[str, Any]

    def __new__(cls, key: str, **values: Any) -> Said:
        made = super().__new__(cls, _filled("en", key, values))
        made.key, made.values = key, values
        return made

    def in_language(self, language: str) -> str:
        """The same sentence in ``"en"`` or ``"fr"``."""
        return _filled(language, self.key, self.values)


class Step(str):
    """The time between two values in English words, such as ``15 minutes``; every word has a translation."""


def in_language(text: str, language: str) -> str:
    """A sentence of this module in a language; any other text as it is."""
    return text.in_language(language) if isinstance(text, Said) else text


def _filled(language: str, key: str, values: dict[str, Any]) -> str:
    return read_catalogue(language)[key].format_map({name: _value(language, one) for name, one in values.items()})


def _value(language: str, value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(_value(language, one) for one in value)
    if isinstance(value, int):
        return f"{value:,}".replace(",", _NARROW) if language == "fr" else f"{value:,}"
    if isinstance(value, Step):
        words = read_catalogue(language)
        pattern = "|".join(sorted((key[5:] for key in words if key.startswith("step.")), key=len, reverse=True))
        return re.sub(rf"\b({pattern})\b", lambda found: words[f"step.{found[1]}"], value)
    return in_language(str(value) if not isinstance(value, str) else value, language)


@cache
def read_catalogue(language: str) -> dict[str, str]:
    """Every sentence of one language."""
    file = resources.files("profond.data.timetable") / "catalogue" / f"{language}.json"
    words: dict[str, str] = json.loads(file.read_text("utf-8"))
    return words
