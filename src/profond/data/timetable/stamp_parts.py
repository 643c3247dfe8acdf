"""Written dates taken apart: the numbers and words of each, and what each of these may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.column import Column
from profond.data.timetable.month_names import month_number
from profond.data.timetable.stamp_form import DAY_NAMES, Part

TOKEN = re.compile(r"\d+|[^\W\d_]+\.?|[^\w]+|_", re.UNICODE)
_WEEKDAYS = frozenset(name.casefold()[:size] for names in DAY_NAMES.values() for name in names for size in (3, 9))
_QUARTER, _WEEK = frozenset("qt"), frozenset("ws")
LONGEST_LETTERS = 2
"""Of what may stand between numbers and is no name of a month or day: T, h, Q, W, de, at."""
TIMES = ("H", "M", "S")
digits_of: Callable[[str], list[str]] = re.compile(r"\d+").findall


def taken_apart(texts: Sequence[str]) -> tuple[NDArray[np.int64] | None, list[list[str]], list[str]]:
    """Numbers (n, k) of each text, its words, and the shape that all of them have: ``"9/9/9 9:9"``, names as ``w``."""
    shape = [
        piece if not piece[0].isalnum() else "9" if piece[0].isdigit() else "w" for piece in TOKEN.findall(texts[0])
    ]
    shape = [_literal(piece, text) for piece, text in zip(shape, TOKEN.findall(texts[0]), strict=True)]
    if "9" not in shape or any(piece.isalpha() and len(piece) > LONGEST_LETTERS for piece in shape):
        return None, [], shape
    fast = _fixed(texts, shape)
    if fast is not None:
        return fast, [], shape
    width = shape.count("9")
    numbers = np.full((len(texts), width), -1, dtype=np.int64)
    if "w" not in shape:
        expected = "".join(shape)
        shapes = re.sub(r"\d+", "9", "\n".join(texts)).split("\n")
        same = np.fromiter((one == expected for one in shapes), dtype=bool, count=len(texts))
        found = digits_of("\n".join(text for text, good in zip(texts, same, strict=True) if good))
        if found and max(map(len, found)) <= 14:
            numbers[same] = np.array(found).astype(np.int64).reshape(-1, width)
        return numbers, [], shape
    pattern = re.compile("".join(_pattern(piece) for piece in shape))
    kinds = [piece for piece in shape if piece in ("9", "w")]
    words: list[list[str]] = []
    for i, text in enumerate(texts):
        match = pattern.fullmatch(text)
        groups = list(zip(match.groups(), kinds, strict=True)) if match else []
        words.append([group for group, kind in groups if kind == "w"])
        row = [int(group) for group, kind in groups if kind == "9"]
        if row and max(row) < 10**14:
            numbers[i] = row
    return numbers, words, shape


def _literal(piece: str, text: str) -> str:
    """Single letters such as T, Q, W stand as they are; names of months, of days and of the halves of a day vary."""
    if piece != "w":
        return piece
    word = text.casefold().rstrip(".")
    varies = month_number(text) or word in _WEEKDAYS or word in ("am", "pm")
    return "w" if varies else text


def _pattern(piece: str) -> str:
    if piece == "9":
        return r"(\d+)"
    if piece == "w":
        return r"([^\W\d_]+\.?)"
    if piece.isspace():
        return r"\s+"
    return re.escape(piece)


def _fixed(texts: Sequence[str], shape: Sequence[str]) -> NDArray[np.int64] | None:
    """The numbers of texts that are all as long as the first and have the same letters between them; else None."""
    first = texts[0]
    if "w" in shape or not first.isascii():
        return None
    length = len(first)
    if isinstance(texts, Column):
        if not (texts.sizes == length).all():
            return None
        letters = texts.letters()
    else:
        joined = "\n".join(texts) + "\n"
        if not joined.isascii() or len(joined) != len(texts) * (length + 1):
            return None
        letters = np.frombuffer(joined.encode("ascii"), dtype=np.uint8).reshape(len(texts), length + 1)
        if not (letters[:, length] == ord("\n")).all():
            return None
        letters = letters[:, :length]
    is_digit = (letters >= 48) & (letters <= 57)
    expected = np.array([letter.isdigit() for letter in first])
    same = np.frombuffer(first.encode(), dtype=np.uint8)
    if not (is_digit == expected).all() or not (letters[:, ~expected] == same[~expected]).all():
        return None
    columns, place = [], 0
    for piece in TOKEN.findall(first):
        if piece[0].isdigit():
            value = np.zeros(len(texts), dtype=np.int64)
            for offset in range(len(piece)):
                value = value * 10 + (letters[:, place + offset] - 48)
            columns.append(value)
        place += len(piece)
    return np.stack(columns, 1)


def possible_orders(
    shape: Sequence[str], numbers: NDArray[np.int64], words: Sequence[Sequence[str]]
) -> list[list[Part]]:
    """What each number and word of the shape may be: all ways that the sizes of the numbers allow."""
    good = numbers[(numbers >= 0).all(1)]
    if not len(good):
        return []
    most, least = good.max(0), good.min(0)
    pieces: list[list[str]] = []
    at_word = at_number = 0
    previous = ""
    clock = _clock(shape)
    for index, piece in enumerate(shape):
        if piece == "9":
            i = at_number
            at_number += 1
            if index in clock:
                pieces.append([clock[index]])
            elif previous.casefold() in _QUARTER and most[i] <= 4:
                pieces.append(["Q"])
            elif previous.casefold() in _WEEK and most[i] <= 53:
                pieces.append(["W"])
            elif pieces and pieces[-2:-1] == [["W"]] and most[i] <= 7:
                pieces.append(["u"])
            else:
                pieces.append(_fields(int(least[i]), int(most[i]), shape))
        elif piece == "w":
            sample = next((row[at_word] for row in words if row), "")
            at_word += 1
            word = sample.casefold().rstrip(".")
            pieces.append(["p"] if word in ("am", "pm") else ["b"] if _are_months(words, at_word - 1) else ["a"])
        else:
            pieces.append([""])
        previous = piece if piece != "9" else previous
    ways: list[list[str]] = [[]]
    for choices in pieces:
        ways = [[*way, choice] for way in ways for choice in choices if not choice or choice not in way]
    if shape in (["9", ".", "9"], ["9", ",", "9"]) and most.max() < 1000:
        return []  # a number with decimals
    return [
        [Part(field, "" if field else piece) for field, piece in zip(way, shape, strict=True)]
        for way in ways
        if _is_a_date(way)
    ]


def _clock(shape: Sequence[str]) -> dict[int, str]:
    """Which numbers are hours, minutes, seconds and fractions: those around a colon, or with h between them."""
    found: dict[int, str] = {}
    for index, piece in enumerate(shape):
        if piece.strip() in (":", "h", "H") and index and shape[index - 1] == "9":
            known = len([one for one in found.values() if one in TIMES])
            if not known:
                found[index - 1] = "H"
            if index + 1 < len(shape) and shape[index + 1] == "9":
                found[index + 1] = TIMES[min(2, max(1, len([one for one in found.values() if one in TIMES])))]
    seconds = next((index for index, field in found.items() if field == "S"), None)
    if (
        seconds is not None
        and shape[seconds + 1 : seconds + 2] in (["."], [","])
        and shape[seconds + 2 : seconds + 3] == ["9"]
    ):
        found[seconds + 2] = "f"
    return found


def _fields(least: int, most: int, shape: Sequence[str]) -> list[str]:
    if most >= 10**13:
        return ["YmdHMS"] if len(shape) == 1 else []
    if most >= 10**11:
        return ["YmdHM"] if len(shape) == 1 else []
    if most >= 10**9:
        return ["YmdH"] if len(shape) == 1 else []
    if most >= 10_000_000:
        return ["Ymd"]
    if most >= 100_000:
        return ["Ym"] if len(shape) == 1 else []
    if most >= 1000:
        return ["Y"] if least >= 1000 else []
    if most > 99:
        return []
    choices = []
    if most <= 31 and least >= 1:
        choices.append("d")
    if most <= 12 and least >= 1:
        choices.append("m")
    choices.append("y")
    return choices


def _are_months(words: Sequence[Sequence[str]], at: int) -> bool:
    seen = {row[at] for row in words if row}
    return bool(seen) and all(month_number(word) for word in seen)


def _is_a_date(way: Sequence[str]) -> bool:
    fields = [field for field in way if field]
    joined = "".join(fields)
    year = "Y" in joined or "y" in joined
    month = "m" in joined or "b" in joined
    if joined == "y" or not year or ("m" in joined and "b" in joined) or ("Y" in joined and "y" in joined):
        return False
    if "d" in joined and not month:
        return False
    if any(one in joined for one in TIMES) and "d" not in joined and "u" not in joined:
        return False
    middle = [field for field in fields if field in ("Y", "y", "m", "b", "d")]
    return middle not in (
        ["d", "Y", "m"],
        ["m", "Y", "d"],
        ["d", "y", "m"],
        ["m", "y", "d"],
        ["Y", "d", "m"],
        ["y", "d", "m"],
    )
