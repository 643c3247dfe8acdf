"""Captions of scenes follow one rule, in English and French as they are written."""

from __future__ import annotations

import pytest

from profond.data.sets.scene_words import Language, Placed, describe

SIDE = 64


@pytest.mark.parametrize(
    ("scene", "english", "french"),
    [
        ([(8, 15, 20)], "an eight at the top left", "un huit en haut à gauche"),
        ([(1, 50, 40)], "a one at the bottom right", "un un en bas à droite"),
        (
            [(3, 50, 30), (7, 12, 36)],
            "a seven to the left of a three",
            "un sept à gauche d'un trois",
        ),
        (
            [(3, 12, 30), (7, 50, 36)],
            "a seven to the right of a three",
            "un sept à droite d'un trois",
        ),
        ([(2, 30, 50), (9, 36, 12)], "a nine above a two", "un neuf au-dessus d'un deux"),
        ([(9, 30, 50), (2, 36, 12)], "a nine below a two", "un neuf en dessous d'un deux"),
        (
            [(5, 50, 30), (5, 12, 30)],
            "a five to the left of another five",
            "un cinq à gauche d'un autre cinq",
        ),
        (
            [(4, 54, 30), (8, 11, 31), (4, 32, 29)],
            "an eight, a four and another four, from left to right",
            "un huit, un quatre et un autre quatre, de gauche à droite",
        ),
        (
            [(0, 31, 54), (6, 30, 11), (1, 32, 33)],
            "a six, a one and a zero, from top to bottom",
            "un six, un un et un zéro, de haut en bas",
        ),
        (
            [(2, 31, 45), (3, 48, 15), (7, 14, 16)],
            "a seven to the left of a three, with a two below them",
            "un sept à gauche d'un trois, avec un deux en dessous",
        ),
        (
            [(7, 31, 15), (3, 48, 45), (7, 14, 46)],
            "a seven to the left of a three, with another seven above them",
            "un sept à gauche d'un trois, avec un autre sept au-dessus",
        ),
        (
            [(2, 45, 31), (3, 15, 48), (7, 16, 14)],
            "a seven above a three, with a two to their right",
            "un sept au-dessus d'un trois, avec un deux à leur droite",
        ),
        (
            [(2, 15, 31), (7, 45, 48), (3, 46, 14)],
            "a seven below a three, with a two to their left",
            "un sept en dessous d'un trois, avec un deux à leur gauche",
        ),
    ],
)
def test_a_scene_is_said_as_a_person_would(scene: list[tuple[int, int, int]], english: str, french: str) -> None:
    placed = [Placed(*one) for one in scene]
    for order in (placed, placed[::-1]):
        assert describe(order, SIDE, "en") == english
        assert describe(order, SIDE, "fr") == french


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_digit_has_its_own_word(language: Language) -> None:
    said = {describe([Placed(digit, 10, 10)], SIDE, language).split()[1] for digit in range(10)}
    assert len(said) == 10
