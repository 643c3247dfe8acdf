"""The sentences about forecasts, one catalogue a language, and how each language writes numbers."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from profond.core.errors import UnknownName
from profond.measures.measured import Measured, decimals

LANGUAGES = ("en", "fr")
NARROW, WIDE, MINUS = "\u202f", "\u00a0", "\u2212"


class Words:
    """The words of one language.

    Args:
        language: ``"en"`` or ``"fr"``. Raises: UnknownName for another.
    """

    def __init__(self, language: str = "en") -> None:
        if language not in LANGUAGES:
            raise UnknownName("language", language, LANGUAGES)
        self.language = language
        self.catalogue = read_catalogue(language)

    def __call__(self, key: str, **values: object) -> str:
        """A sentence with its places filled; whole numbers are written as the language does."""
        written = {name: self.number(one, 0) if isinstance(one, int) else one for name, one in values.items()}
        return self.catalogue[key].format_map(written)

    def method(self, name: str, steps: int = 0) -> str:
        return self(f"method.{name}", steps=steps)

    def number(self, value: float, digits: int | None = None) -> str:
        """``1,234.5``, or ``1 234,5`` in French; about four digits where none are said."""
        text = f"{value:,.{decimals(value) if digits is None else digits}f}".replace("-", MINUS)
        return text.replace(",", NARROW).replace(".", ",") if self.language == "fr" else text

    def percent(self, share: float, digits: int = 0) -> str:
        return f"{self.number(100 * share, digits)}{WIDE if self.language == 'fr' else ' '}%"

    def difference(self, measured: Measured) -> str:
        """A share of an error with its interval, in per cent."""
        value = self.percent(measured.value, 1)
        if measured.low is None or measured.high is None:
            return value
        low, high = (self.number(100 * end, 1) for end in (measured.low, measured.high))
        return self("interval", value=value, low=low, high=high)


@cache
def read_catalogue(language: str) -> dict[str, str]:
    """Every sentence of one language."""
    file = resources.files("profond.forecasting") / "catalogue" / f"{language}.json"
    words: dict[str, str] = json.loads(file.read_text("utf-8"))
    return words
