"""Which column of a table holds the texts, and which the class or the number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from profond.core.errors import DataError, nearest
from profond.data.classes import is_number
from profond.data.text.read import Cells
from profond.data.values import asked_columns, quantity_of

TEXT = re.compile(
    r"(the_)?(text|texte|texto|sentence|phrase|review|avis|comment|commentaire|tweet|message|document|content|contenu"
    r"|body|article|headline|titre|title|utterance|critique|verse?)s?(_?(text|body))?"
)
LABEL = re.compile(
    r"labels?|class(es)?|classe|[ée]tiquettes?|sentiments?|categor(y|ies)|cat[ée]gories?|polarit(y|[ée])|targets?"
    r"|y|tags?|topics?|sujet|th[eè]me|genre|humeur|emotion|[ée]motion|intent|langue?|language|author|auteur"
)
NAMING = "name them: --set data.text=COLUMN --set data.target=COLUMN"
_WORDY = 3.0
"""Words in a cell, on average, from which a column that nobody named is taken as the texts."""


@dataclass(frozen=True)
class Roles:
    """Columns by their places.

    Args:
        text: with the texts.
        label: with the classes; None where numbers are estimated, or nothing is to be learned.
        targets: with the numbers.
        split, group: where there are such columns.
        named: whether the first row names the columns.
    """

    text: int
    label: int | None = None
    targets: tuple[int, ...] = ()
    split: int | None = None
    group: int | None = None
    named: bool = True


def decide(
    path: Path, cells: Cells, text: str | None, target: str | None, label: str | None, needed: bool = True
) -> Roles:
    """Which column is what.

    Args:
        text, target, label: names of columns that were asked for. Numbers in a target are estimated, words are classes.
        needed: there has to be something to learn.

    Raises: DataError when it cannot be seen.
    """
    names = [plain(name) for name in cells.names]
    if len(names) == 1 and needed:
        raise DataError(f"{path} has one column only, {cells.names[0][:40]!r}", "give it two: text,label")
    known = any(TEXT.fullmatch(name) or LABEL.fullmatch(name) for name in names)
    named = known or any((text, target, label)) or not _first_row_is_like_the_others(cells)
    if twice := [name for name in names if name and names.count(name) > 1 and named]:
        raise DataError(f"{path} has the column {twice[0]} twice", "rename or delete one of the two")
    at = _place(path, cells, text) if text else _texts(path, cells, names)
    split, group = (names.index(name) if name in names and named else None for name in ("split", "group"))
    roles = Roles(at, None, (), split, group, named)
    others = [i for i in range(len(names)) if i not in (at, split, group)]
    if label is not None:
        return replace(roles, label=_place(path, cells, label))
    if target is not None:
        chosen = tuple(asked_columns(path, cells.names, target))
        numbers = all(is_number(row[i]) or not row[i].strip() for row in cells.rows for i in chosen)
        if not numbers and len(chosen) > 1:
            raise DataError(f"{path}: several targets have to be numbers, and {target} are not all", "name one class")
        return replace(roles, targets=chosen) if numbers else replace(roles, label=chosen[0])
    called = [i for i in others if LABEL.fullmatch(names[i])]
    values = tuple(i for i in others if quantity_of(cells.names[i]))
    if values and not called:
        return replace(roles, targets=values)
    if called or len(others) == 1:
        learned = (called or others)[0]
        measured = _are_decimals([row[learned] for row in cells.rows])
        return replace(roles, targets=(learned,)) if measured else replace(roles, label=learned)
    if not needed:
        return roles
    shown = ", ".join(cells.names[:12])
    raise DataError(f"{path}: it cannot be seen which column is to be learned; it has {shown}", NAMING)


def plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().casefold()).strip("_")


def texts_column(names: Sequence[str]) -> int | None:
    """The place of a column that is called like texts; names as `plain` gives them."""
    exact = [i for i, name in enumerate(names) if name in ("text", "texte")]
    called = exact or [i for i, name in enumerate(names) if TEXT.fullmatch(name)]
    return called[0] if called else None


def wordy_column(rows: Sequence[Sequence[str]]) -> int | None:
    """The place of the only column whose cells are sentences; None where there is none, or several."""
    if not rows:
        return None
    widths = [sum(len(row[i].split()) for row in rows if i < len(row)) / len(rows) for i in range(len(rows[0]))]
    most = max(range(len(widths)), key=lambda i: widths[i])
    others = max((width for i, width in enumerate(widths) if i != most), default=0)
    return most if widths[most] >= _WORDY and widths[most] > 2 * others else None


def _texts(path: Path, cells: Cells, names: Sequence[str]) -> int:
    found = texts_column(names)
    found = wordy_column(cells.rows[:200]) if found is None else found
    if found is None:
        raise DataError(
            f"{path}: it cannot be seen which column holds the texts; it has {', '.join(cells.names[:12])}", NAMING
        )
    return found


def _place(path: Path, cells: Cells, asked: str) -> int:
    names = [plain(name) for name in cells.names]
    if plain(asked) not in names:
        raise DataError(
            f"{path} has no column {asked!r}; it has {', '.join(cells.names[:12])}",
            nearest(plain(asked), names) or NAMING,
        )
    return names.index(plain(asked))


def _are_decimals(column: Sequence[str]) -> bool:
    """Whether a column holds numbers, and not whole ones alone, which could be names of classes."""
    try:
        numbers = [float(cell.replace(",", ".")) for cell in column if cell.strip()]
    except ValueError:
        return False
    return any(number % 1 > 0 for number in numbers)  # of an infinity that is no number


def _first_row_is_like_the_others(cells: Cells) -> bool:
    """Whether the first row is a text and its class too: its class comes again, or its text is a sentence."""
    at = wordy_column(cells.rows[:200])
    if at is None or len(cells.names) < 2:
        return False
    again = any({row[i].strip() for row in cells.rows} & {cells.names[i]} for i in range(len(cells.names)) if i != at)
    return again and len(cells.names[at].split()) >= 2
