"""One catalogue of words a language, a file for each item in it, and how each language writes numbers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from profond.core.errors import ConfigError, UnknownName
from profond.lecture.values import Value

LANGUAGES = ("en", "fr")
NARROW, WIDE, MINUS = "\u202f", "\u00a0", "\u2212"  # French: narrow no-break space in numbers and before ; ! ?


class Words:
    """The words of one language.

    Args:
        language: ``"en"`` or ``"fr"``. Raises: UnknownName for another.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise UnknownName("language", language, LANGUAGES)
        self.language = language
        self.catalogue = read_catalogue(language)

    def __call__(self, key: str, values: Mapping[str, Value] | None = None) -> str:
        """The catalogue's text, its places filled. Raises: UnknownName for one that it lacks."""
        text = self._text(key)
        return text.format_map({name: self.write(value) for name, value in (values or {}).items()})

    def _text(self, key: str) -> str:
        try:
            return self.catalogue[key]
        except KeyError:
            files = " and ".join(f"lecture/catalogue/{language}/" for language in LANGUAGES)
            raise UnknownName("text", key, self.catalogue, f"write it into a file of {files}") from None

    def write(self, value: Value) -> str:
        """A value as the language writes it, with its interval where it has one."""
        if value.kind == "word":
            return self._text(f"word.{value.value}")
        if value.kind == "formula":
            return self.numbers_in(str(value.value))
        if isinstance(value.value, str):
            return value.value
        if value.kind == "count":
            return self.number(value.value, 0)
        if value.kind == "number" and value.value == 0:
            return "0"
        if value.kind == "seconds":
            return f"{self.number(value.value, 0 if value.value >= 10 else 1)}{WIDE}s"
        factor = 100 if value.kind in ("share", "points") else 1
        written = self.number(value.value * factor, value.digits)
        unit = self.percent if value.kind == "share" else ""
        if value.kind == "points":
            unit = WIDE + self.form("point", value.value * factor, value.digits)
        if value.low is None or value.high is None:
            return written + unit
        low, high = (self.number(end * factor, value.digits) for end in (value.low, value.high))
        between = f"{NARROW}; " if self.language == "fr" else ", "
        return f"{written}{unit} [{low}{between}{high}]".replace("] ", "]")

    def form(self, noun: str, amount: float, digits: int = 0) -> str:
        """A noun of the catalogue after a number, singular or plural.

        English has the singular after 1 alone ("1 seed", "1.00 points"), French after all that is written below 2
        ("1 graine", "0,78 point", "1,99 point").
        """
        shown = abs(round(amount, digits))
        single = shown < 2 if self.language == "fr" else shown == 1 and digits == 0
        return self(f"unit.{noun}" if single else f"unit.{noun}s")

    @property
    def percent(self) -> str:
        return f"{NARROW}%" if self.language == "fr" else "%"

    def number(self, value: float, digits: int) -> str:
        """``60,000`` and ``99.2``, or ``60 000`` and ``99,2``; a very small one as a power of ten."""
        if value and abs(value) < 0.5 * 10**-digits and digits:
            exponent = math.floor(math.log10(abs(value)))
            raised = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
            return f"{self.number(value / 10**exponent, 1)}{NARROW}×{NARROW}10{raised}"
        written = f"{value:,.{digits}f}".replace("-", MINUS)
        if float(f"{value:.{digits}f}") == 0:
            written = written.removeprefix(MINUS)
        if self.language == "fr":
            written = written.replace(",", NARROW).replace(".", ",")
        return written

    def date(self, stamp: str) -> str:
        """The day of an ISO time stamp."""
        year, month, day = stamp[:10].split("-")
        return f"{day}/{month}/{year}" if self.language == "fr" else f"{year}-{month}-{day}"

    def numbers_in(self, text: str) -> str:
        """Every number of a text as the language writes it; thousands are grouped from four digits on."""
        return re.sub(
            r"\d[\d,]*(?:\.\d+)?",
            lambda found: self._again(found.group()),
            text,
        )

    def _again(self, written: str) -> str:
        plain = written.replace(",", "")
        tail = written[len(written.rstrip(",")) :]
        return self.number(float(plain), len(plain.partition(".")[2])) + tail


@cache
def read_catalogue(language: str) -> dict[str, str]:
    """All keys and texts of a language, flat.

    Raises: ConfigError for a file that is no JSON object of texts, or a key that two files have.
    """
    catalogue: dict[str, str] = {}
    folder = resources.files("profond.lecture").joinpath("catalogue", language)
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if not file.name.endswith(".json"):
            continue
        try:
            texts: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"{file} is not JSON: {error}", "mend the file, or take it away") from None
        if twice := sorted(texts.keys() & catalogue.keys()):
            raise ConfigError(f"{file} has words that another file has too: {', '.join(twice)}", "keep one of them")
        catalogue |= texts
    return catalogue
