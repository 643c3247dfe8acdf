"""What is said of a scene of digits, in English and in French: what stands where, by one rule.

One digit: its corner. Two: the greater number first, or the left or upper one of two equal ones, and how it stands to
the other. Three in a line: along it. Three otherwise: the two that stand level or above each other, and then the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "fr"]
Side = Literal["left", "right", "above", "below"]

IN_A_LINE = 12
"""Pixels across a line of three within which their middles stay; in other layouts they are farther apart."""
_OPPOSITE: dict[Side, Side] = {"left": "right", "right": "left", "above": "below", "below": "above"}


@dataclass(frozen=True)
class Placed:
    """A digit of a scene and the middle of its ink, in pixels from the left and from the top."""

    digit: int
    x: float
    y: float


@dataclass(frozen=True)
class Words:
    """One language's words for a scene; ``{}`` is where a digit goes, with its article."""

    digits: tuple[str, ...]
    beside: dict[Side, str]
    third: dict[Side, str]
    corner: dict[tuple[Side, Side], str]
    row: str
    column: str


_WORDS: dict[Language, Words] = {
    "en": Words(
        digits=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
        beside={
            "left": "{} to the left of {}",
            "right": "{} to the right of {}",
            "above": "{} above {}",
            "below": "{} below {}",
        },
        third={
            "left": "{}, with {} to their left",
            "right": "{}, with {} to their right",
            "above": "{}, with {} above them",
            "below": "{}, with {} below them",
        },
        corner={
            ("above", "left"): "{} at the top left",
            ("above", "right"): "{} at the top right",
            ("below", "left"): "{} at the bottom left",
            ("below", "right"): "{} at the bottom right",
        },
        row="{}, {} and {}, from left to right",
        column="{}, {} and {}, from top to bottom",
    ),
    "fr": Words(
        digits=("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"),
        beside={
            "left": "{} à gauche d'{}",
            "right": "{} à droite d'{}",
            "above": "{} au-dessus d'{}",
            "below": "{} en dessous d'{}",
        },
        third={
            "left": "{}, avec {} à leur gauche",
            "right": "{}, avec {} à leur droite",
            "above": "{}, avec {} au-dessus",
            "below": "{}, avec {} en dessous",
        },
        corner={
            ("above", "left"): "{} en haut à gauche",
            ("above", "right"): "{} en haut à droite",
            ("below", "left"): "{} en bas à gauche",
            ("below", "right"): "{} en bas à droite",
        },
        row="{}, {} et {}, de gauche à droite",
        column="{}, {} et {}, de haut en bas",
    ),
}


def describe(scene: Sequence[Placed], side: int, language: Language) -> str:
    """The caption of a scene of one to three digits: ``a seven to the left of a three``.

    Args:
        side: of the square picture, in pixels.
    """
    words = _WORDS[language]
    if len(scene) == 1:
        (one,) = scene
        vertical: Side = "above" if one.y < side / 2 else "below"
        horizontal: Side = "left" if one.x < side / 2 else "right"
        return words.corner[vertical, horizontal].format(*_named(scene, language))
    if len(scene) == 2:
        first, second, where = _pair(*scene)
        return words.beside[where].format(*_named((first, second), language))
    wide, tall = (max(places) - min(places) for places in ([one.x for one in scene], [one.y for one in scene]))
    if min(wide, tall) < IN_A_LINE:
        line, pattern = ("x", words.row) if wide > tall else ("y", words.column)
        return pattern.format(*_named(sorted(scene, key=lambda one: float(getattr(one, line))), language))
    one, other, third, where = _two_and_one(scene)
    first, second, beside = _pair(one, other)
    names = _named((first, second, third), language)
    return words.third[where].format(words.beside[beside].format(*names[:2]), names[2])


def _pair(one: Placed, other: Placed) -> tuple[Placed, Placed, Side]:
    """The one that is named first, the other, and where the first stands, seen from the other."""
    across = abs(one.x - other.x) > abs(one.y - other.y)
    before: Side = "left" if across else "above"
    is_before = one.x < other.x if across else one.y < other.y
    if one.digit > other.digit or (one.digit == other.digit and is_before):
        return one, other, before if is_before else _OPPOSITE[before]
    return other, one, _OPPOSITE[before] if is_before else before


def _two_and_one(scene: Sequence[Placed]) -> tuple[Placed, Placed, Placed, Side]:
    """The two of three that stand most nearly level, or above each other; the third, and where it stands."""
    found = []
    for third in scene:
        one, other = (each for each in scene if each is not third)
        found.append((abs(one.y - other.y), 0, one, other, third))
        found.append((abs(one.x - other.x), 1, one, other, third))
    _, upright, one, other, third = min(found, key=lambda each: each[:2])
    if upright:
        return one, other, third, "left" if third.x < one.x else "right"
    return one, other, third, "above" if third.y < one.y else "below"


def _named(scene: Sequence[Placed], language: Language) -> list[str]:
    """Each digit with its article: ``a seven``, ``an eight``, and ``another seven`` for one that was named before."""
    named = []
    for at, one in enumerate(scene):
        again = any(one.digit == earlier.digit for earlier in scene[:at])
        name = _WORDS[language].digits[one.digit]
        if language == "fr":
            article = "un autre" if again else "un"
        else:
            article = "another" if again else "an" if name.startswith("e") else "a"
        named.append(f"{article} {name}")
    return named
