"""The four gospels as one long text, in English, French or Spanish."""

from __future__ import annotations

from typing import Literal

from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import obtain
from profond.data.sets.verses import FILES, SOURCES, read_verses
from profond.data.text.book import as_book

_BOOKS = ("40", "41", "42", "43")


@register_data("gospels")
def gospels(language: Literal["english", "french", "spanish"] = "english", length: int = 128) -> Dataset:
    """The four gospels in the public domain's translations, to be written on: 440,000 characters, a verse a line.

    Args:
        language: english (King James), french (Louis Segond 1910) or spanish (Reina-Valera).
        length: characters of a piece.
    """
    fetched = obtain("verses", FILES, SOURCES)
    other = "french" if language == "english" else "english"
    pairs = read_verses(fetched.folder / "bible.db", language, other)
    lines = [pair.source for pair in pairs if pair.name.split("/")[0] in _BOOKS]
    return as_book(f"gospels ({language})", "\n".join(lines), length, source=fetched.source)
