"""Whether a file or a folder holds texts, seen from names and first lines alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from profond.core.errors import DataError
from profond.data.images import decoding as images
from profond.data.images import foreign
from profond.data.manifest import LIKE_PATH
from profond.data.series import read as series
from profond.data.text.columns import LABEL, plain, texts_column, wordy_column
from profond.data.text.pairs import are_pairs
from profond.data.text.read import Cells, read_first_cells
from profond.data.tree import Files, look_below

TEXTS = Files("texts", (".txt",), "give each class a sub-folder of .txt files")
_FILES = (*images.SUFFIXES, *series.SUFFIXES)
_LOOKED_AT = 200


def what_is(path: Path) -> Literal["table", "pairs", "book", ""]:
    """A table with a column of texts, or with pairs of them; one long text; or neither, such as a list of images."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".txt", ".jsonl"):
        return ""
    try:
        cells = read_first_cells(path)
    except (DataError, OSError):  # whoever opens it says what is wrong with it
        cells = None
    if cells is not None and len(cells.names) == 1 and suffix != ".txt" and texts_column([plain(cells.names[0])]) == 0:
        return "table"  # its own door says that there is nothing to learn
    if cells is not None and len(cells.names) > 1:
        names = [plain(name) for name in cells.names]
        if "path" in names or _lists_files(cells):
            return ""
        if are_pairs(cells):
            return "pairs"
        if texts_column(names) is not None or suffix == ".jsonl":
            return "table"
        wordy = suffix != ".txt" and wordy_column(cells.rows[:_LOOKED_AT]) is not None
        labelled = len(names) == 2 or any(LABEL.fullmatch(name) for name in names)
        if wordy and labelled and not any(LIKE_PATH.fullmatch(name) for name in names):
            return "table"
        if len(names) == 2 and suffix != ".txt" and _both_wordy(cells.rows[:_LOOKED_AT]):
            return "pairs"  # which of them is read has to be named
    if suffix == ".jsonl":  # whoever opens it says what is wrong with it
        return "table"
    return "book" if suffix == ".txt" and _is_prose(path) else ""


def holds_texts(path: Path) -> bool:
    """Whether a folder's files, below its own level, are texts and nothing else that can be learned from."""
    below = look_below(path, TEXTS)
    others = foreign.unreadable_images(below.passed_over)
    if others or any(below.passed_over[suffix] for suffix in _FILES if suffix != ".txt"):
        return False  # texts beside pictures are remarks on them
    return any(file.parent != path for file in below.files)


def _both_wordy(rows: Sequence[Sequence[str]]) -> bool:
    return bool(rows) and all(sum(len(row[i].split()) for row in rows) >= 3 * len(rows) for i in range(2))


def _lists_files(cells: Cells) -> bool:
    return any(cell.strip().lower().endswith(_FILES) for row in cells.rows[:_LOOKED_AT] for cell in row)


def _is_prose(path: Path) -> bool:
    """Whether a text has sentences: lines of several words, and few numbers or names of files."""
    with path.open("rb") as file:
        start = file.read(2**16).decode("utf-8", "replace")
    words = start.split()
    if len(words) < 20:  # as in Chinese, which has no blanks
        signs = "".join(words)
        return len(signs) >= 200 and sum(map(str.isalpha, signs)) > 0.8 * len(signs)
    letters = sum(any(letter.isalpha() for letter in word) for word in words)
    files = sum(word.lower().rstrip(",;").endswith(_FILES) or "," in word[1:-1] for word in words)
    return letters > 0.6 * len(words) and files < 0.1 * len(words)
