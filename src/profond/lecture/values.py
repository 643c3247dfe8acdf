"""What a lecture item measured, free of any language: each language writes it in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["count", "share", "points", "number", "seconds", "word", "text", "formula"]


@dataclass(frozen=True)
class Value:
    """Something measured, which each language writes in its own way.

    Args:
        kind: ``count`` a whole number; ``share`` 0 to 1, written in per cent; ``points`` a difference of two shares;
            ``number`` any other; ``seconds``; ``word`` a word of the catalogue; ``text`` as it is; ``formula`` text
            whose numbers are written as the language writes them.
        value: the number or text.
        low, high: the 95 % interval, where there is one.
        digits: decimals of the number as it is written (of the per cent for a share).
    """

    kind: Kind
    value: float | int | str
    low: float | None = None
    high: float | None = None
    digits: int = 2

    def to_json(self) -> dict[str, Any]:
        return {name: one for name, one in asdict(self).items() if one is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Value:
        return cls(**data)


def count(value: int) -> Value:
    return Value("count", int(value), digits=0)


def share(value: float, low: float | None = None, high: float | None = None, *, digits: int = 2) -> Value:
    return Value("share", float(value), low, high, digits)


def points(value: float, low: float | None = None, high: float | None = None) -> Value:
    return Value("points", float(value), low, high)


def number(value: float, digits: int = 2) -> Value:
    return Value("number", float(value), digits=digits)


def word(key: str) -> Value:
    return Value("word", key)


def text(value: str) -> Value:
    return Value("text", value)


def formula(value: str) -> Value:
    return Value("formula", value)
