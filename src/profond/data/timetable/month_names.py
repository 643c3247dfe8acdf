"""Names of months in English and French, long and short, with their points or without."""

from __future__ import annotations

import unicodedata

_ENGLISH = "January February March April May June July August September October November December"
_FRENCH = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
MONTHS = {"en": tuple(_ENGLISH.split()), "fr": tuple(_FRENCH.split())}
_SHORT = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "fr": ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
}
_ALSO = {"sept": 9, "fev": 2, "aou": 8, "jui": 6, "jul": 7, "juill": 7, "dec": 12}


def plain(word: str) -> str:
    """Small letters without accents and point."""
    apart = unicodedata.normalize("NFD", word.casefold().strip().rstrip("."))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


_NUMBERS = {
    plain(name): number for names in (*MONTHS.values(), *_SHORT.values()) for number, name in enumerate(names, 1)
}
_NUMBERS |= {name: number for name, number in _ALSO.items() if name not in _NUMBERS}


def month_number(word: str) -> int | None:
    """1 to 12, or None for another word."""
    return _NUMBERS.get(plain(word))


def spelled(month: int, like: str) -> str:
    """A month's name in the language, length and letters of another one's."""
    number = month_number(like)
    assert number is not None, like
    best = MONTHS["fr"][month - 1]
    for language in ("fr", "en"):
        for names in (MONTHS, _SHORT):
            if plain(names[language][number - 1]) == plain(like):
                best = names[language][month - 1]
                break
        else:
            continue
        break
    if len(plain(like)) == 3 and number not in (3, 5, 6):
        best = best[:3]
    if not like.endswith("."):
        best = best.rstrip(".")
    return best.upper() if like.isupper() else best.title() if like[:1].isupper() else best.lower()
