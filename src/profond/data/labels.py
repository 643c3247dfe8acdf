"""Labels that are probably not what was meant: two spellings of one class, numbers to be estimated, names, tags."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from profond.data.classes import alike, class_order, is_number

_DECIMAL = re.compile(r"[+-]?\d*[.,]\d+")
_MANY = 0.5
"""Labels by samples from which on the labels look like names of the samples."""
_FEWEST = 10
_SHOWN = 5
_DIFFERENT = 20
"""Different whole numbers, not all from 0 or 1 on, from which on they may be a quantity, such as an age."""
IN_A_FOLDER = "to estimate numbers, list the files in a table path,value"
IN_A_TABLE = "to estimate numbers, call the column value (or say --set data.target=COLUMN)"


def doubts(labels: Sequence[str], numbers: str = IN_A_TABLE) -> list[str]:
    """What is odd about the labels of all samples, one line each; nothing for ordinary ones.

    Args:
        numbers: how numbers are estimated instead.
    """
    counts = Counter(labels)
    return [*_spellings(counts), *(_numbers(counts, numbers) or _names(counts, numbers) or _tags(counts))]


def _spellings(counts: Mapping[str, int]) -> list[str]:
    together: dict[str, list[str]] = defaultdict(list)
    for label in class_order(list(counts)):
        together[alike(label)].append(label)
    sets = [labels for labels in together.values() if len(labels) > 1]
    if not sets:
        return []
    shown = "; ".join(" and ".join(f"{label!r} ({counts[label]})" for label in labels) for labels in sets[:_SHOWN])
    more = "; …" if len(sets) > _SHOWN else ""
    return [
        f"classes whose names differ only in how they are written: {shown}{more}; give them one name if they are one"
    ]


def _numbers(counts: Mapping[str, int], instead: str) -> list[str]:
    """Decimals other than .0: a quantity, and not the number of a class."""
    if not all(is_number(label) for label in counts):
        return []
    fractions = [
        label for label in counts if _DECIMAL.fullmatch(label.strip()) and not alike(label).lstrip("-").isdigit()
    ]
    if not fractions:
        return _counted(counts, instead)
    return [
        f"labels are numbers with decimals ({_few(counts)}), and each is a class of its own, {len(counts)} of "
        f"{counts_of(sum(counts.values()))}; {instead}"
    ]


def _counted(counts: Mapping[str, int], instead: str) -> list[str]:
    """Whole numbers with gaps between them, such as ages: numbers of classes have none."""
    numbers = sorted({int(float(label.replace(",", "."))) for label in counts})
    if len(numbers) < _DIFFERENT or numbers in (list(range(len(numbers))), list(range(1, len(numbers) + 1))):
        return []
    text = f"labels are {len(numbers)} whole numbers from {numbers[0]} to {numbers[-1]}, and each is a class of its own"
    return [f"{text}; if they say how much or how many, {instead}"]


def _names(counts: Mapping[str, int], instead: str) -> list[str]:
    total = sum(counts.values())
    if total < _FEWEST or len(counts) < _MANY * total:
        return []
    numbers = all(is_number(label) for label in counts)
    rest = instead if numbers else "are they names or ids of the samples?"
    return [f"nearly as many labels as samples ({_few(counts)}): {len(counts)} classes of {counts_of(total)}; {rest}"]


def _tags(counts: Mapping[str, int]) -> list[str]:
    """Labels that are put together from others: several tags for one sample."""
    for separator, name in ((";", "semicolons"), ("|", "bars"), (",", "commas"), (" ", "spaces")):
        parts = {label: _parts(label, separator) for label in counts}
        several = {label: tags for label, tags in parts.items() if len(tags) > 1}
        if len(several) < 2:
            continue
        users = Counter(tag for tags in parts.values() for tag in tags)
        again = [tag for tag in {tag for tags in several.values() for tag in tags} if users[tag] > 1]
        others = set(parts.values())
        made_of = [label for label, tags in several.items() if any(other < tags for other in others)]
        if separator == " ":  # many classes have names of several words: "red rose" beside "white rose"
            mostly = 2 * len(several) >= len(counts) and 2 * len(made_of) >= len(several)
            tagged = mostly and len(users) < len(counts)
        else:
            tagged = 2 * len(again) >= len({tag for tags in several.values() for tag in tags})
        if tagged:
            return [
                f"labels look like several tags with {name} between them ({_few(several)}): a sample has one label "
                f"here, and each combination is a class of its own, {len(counts)} in all"
            ]
    return []


def counts_of(count: int) -> str:
    return f"{count} sample{'' if count == 1 else 's'}"


def _parts(label: str, separator: str) -> frozenset[str]:
    words = (word.strip(" []()'\"") for word in label.split(separator))
    return frozenset(word for word in words if word)


def _few(labels: Iterable[str]) -> str:
    ordered = class_order(list(labels))
    return ", ".join(repr(label) for label in ordered[:_SHOWN]) + (" …" if len(ordered) > _SHOWN else "")
