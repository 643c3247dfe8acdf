"""The lecture's catalogue: complete, used, and written as each language writes."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest
from support.french import french_faults
from support.items import needed_by

import profond.lecture
from profond.core.errors import UnknownName
from profond.lecture import registry
from profond.lecture.values import Value, count, formula, number, points, share, text, word
from profond.lecture.words import LANGUAGES, MINUS, NARROW, WIDE, Words, read_catalogue

ROOM = Path(profond.lecture.__file__).parent


def places(text_: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text_) if name}


def literals(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def put_together(tree: ast.AST) -> set[str]:
    """Patterns of texts that are put together around a word: ``gates_{cell}``."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
            if any(part and len(part.strip("._ ")) >= 4 for part in parts):
                found.add("".join(r"\w+" if part is None else re.escape(part) for part in parts))
    return found


def test_both_languages_have_the_same_keys():
    assert list(read_catalogue("en")) == list(read_catalogue("fr"))


def test_both_languages_fill_the_same_places():
    english, french = read_catalogue("en"), read_catalogue("fr")
    for key in english:
        assert places(english[key]) == places(french[key]), key


def test_no_text_is_empty_or_left_in_english():
    english, french = read_catalogue("en"), read_catalogue("fr")
    assert all(value.strip() for value in [*english.values(), *french.values()])
    for key in english:
        if re.search(r"\.(stated|method|lead)$|\.(claim|figure)\.", key):
            assert english[key] != french[key], key


def test_every_key_is_used():
    sources = [path.read_text(encoding="utf-8") for path in ROOM.rglob("*.py")]
    sources.append((ROOM.parent / "cli" / "lecture.py").read_text(encoding="utf-8"))
    sources.append((ROOM.parent / "explain" / "network" / "architecture.py").read_text(encoding="utf-8"))
    trees = [ast.parse(source) for source in sources]
    written = set().union(*map(literals, trees))
    patterns = re.compile("|".join(sorted(set().union(*map(put_together, trees)))))
    asked = set().union(*(needed_by(item) for item in registry.names()))
    for key in read_catalogue("en"):
        last = key.rpartition(".")[2]
        # A key is written out whole, or its last part is, where its first part is put together with it.
        known = key in asked or key in written or last in written
        assert known or patterns.fullmatch(last) or patterns.fullmatch(key), key


def test_a_text_that_is_missing_is_told_with_where_it_belongs():
    with pytest.raises(UnknownName, match=r"unknown text 'L99\.title'") as told:
        Words("en")("L99.title")
    assert "lecture/catalogue/en/" in told.value.help
    with pytest.raises(UnknownName, match=r"word\.nowhere"):
        Words("fr").write(word("nowhere"))


@pytest.mark.parametrize("key", read_catalogue("fr"))
def test_french_is_set_as_french(key):
    assert french_faults(read_catalogue("fr")[key]) == []


def test_faults_of_french_typography_are_found():
    signs = ("l'image", "vrai: faux", "vrai : faux", "« mot »", "«mot»")
    numbers = ("99 %", "99%", "0.5", "60 000", "1,000", "1000")
    for line in (*signs, *numbers, "les frontières", "un réseau convolutionnel", "un stride de 1"):
        assert french_faults(line), line
    signs = (f"l’image{WIDE}: 99,5{NARROW}%", f"«{WIDE}mot{WIDE}»{NARROW};", "le pas (stride)")
    for line in (*signs, f"60{NARROW}000", "1998"):
        assert french_faults(line) == [], line


def test_a_noun_after_a_number_is_singular_where_the_language_says_so():
    english, french = Words("en"), Words("fr")
    for amount, said in ((0.0, "point"), (0.0078, "point"), (-0.0199, "point"), (0.019999, "points"), (0.02, "points")):
        assert french.write(points(amount)).endswith(f"{WIDE}{said}"), amount
        assert english.write(points(amount)).endswith(f"{WIDE}points"), amount
    assert french.write(points(0.0078)) == f"0,78{WIDE}point"
    assert french.write(points(0.0078, 0.001, 0.03)) == f"0,78{WIDE}point [0,10{NARROW}; 3,00]"
    assert [french.form("seed", n) for n in (0, 1, 2)] == ["graine", "graine", "graines"]
    assert [english.form("seed", n) for n in (0, 1, 2)] == ["seeds", "seed", "seeds"]


def test_english_has_none_of_them():
    for key, line in read_catalogue("en").items():
        assert NARROW not in line, key
        assert not re.search(r"\s[;:!?%]", line), key


@pytest.mark.parametrize(
    ("value", "english", "french"),
    [
        (count(60_000), "60,000", f"60{NARROW}000"),
        (count(77_338_634), "77,338,634", f"77{NARROW}338{NARROW}634"),
        (count(0), "0", "0"),
        (share(0.992, digits=1), "99.2%", f"99,2{NARROW}%"),
        (share(0.992, 0.991, 0.993), "99.20% [99.10, 99.30]", f"99,20{NARROW}% [99,10{NARROW}; 99,30]"),
        (points(-0.0241), f"{MINUS}2.41{WIDE}points", f"{MINUS}2,41{WIDE}points"),
        (points(-0.000001), "−1.0\u202f×\u202f10⁻⁴\u00a0points", "−1,0\u202f×\u202f10⁻⁴\u00a0point"),
        (number(3.3e-16, 1), "3.3\u202f×\u202f10⁻¹⁶", "3,3\u202f×\u202f10⁻¹⁶"),
        (number(0, 1), "0", "0"),
        (Value("seconds", 3.25), f"3.2{WIDE}s", f"3,2{WIDE}s"),
        (Value("seconds", 1234.5), f"1,234{WIDE}s", f"1{NARROW}234{WIDE}s"),
        (formula("784·512 + 512 = 401920"), "784·512 + 512 = 401,920", f"784·512 + 512 = 401{NARROW}920"),
        (formula("150,528·512"), "150,528·512", f"150{NARROW}528·512"),
        (formula("[[3.25 5.25] [2 2]]"), "[[3.25 5.25] [2 2]]", "[[3,25 5,25] [2 2]]"),
        (text("torch 2.13.0"), "torch 2.13.0", "torch 2.13.0"),
        (word("red"), "red", "rouge"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(value, english, french):
    assert Words("en").write(value) == english
    assert Words("fr").write(value) == french


def test_a_value_survives_json():
    for value in (count(5), share(0.5, 0.4, 0.6), word("red"), formula("1 + 1")):
        assert Value.from_json(value.to_json()) == value


def test_an_unknown_language_is_refused():
    with pytest.raises(UnknownName, match="language 'de'"):
        Words("de")
    assert LANGUAGES == ("en", "fr")
