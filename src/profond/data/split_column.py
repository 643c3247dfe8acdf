"""The column of a table that says which split a row is in, and the columns that are probably meant to be it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from profond.core.errors import DataError
from profond.data.listing import SPLIT_NAMES

_TRUE = ("true", "t", "yes", "y", "1", "1.0")
_FALSE = ("false", "f", "no", "n", "0", "0.0")
_VALID = r"(is_)?(in_)?(valid|val|validation|dev|holdout|held_out)(_set)?"
_TEST = r"(is_)?(in_)?(test|testing)(_set)?"
_TRAIN = r"(is_)?(in_)?(train|training)(_set)?"
_LIKE_SPLIT = re.compile(
    rf"{_VALID}|{_TEST}|{_TRAIN}|sub_?sets?|((k|cv|outer|inner|val|valid|test)_?)?folds?(_?(id|no|nr|number|index|idx))?"
    r"|(data_?)?sets?|(data|train|val|valid|test|_)*split(s|_(name|id|set))?|partition|usage|phase|mode"
)
_LIKE_GROUP = re.compile(
    r"(patient|subject|person|participant|individual|animal|case|study|series|scan|slide|user|client|customer|session"
    r"|video|clip|sequence|scene|site|hospital|camera|device|location|plot|plant|batch|group|speaker|writer|author)"
    r"s?(_?(id|ids|no|nr|number|name|code|key|index))?|groups?"
)
_SHOWN = 5


def split_words(cells: Iterable[str]) -> tuple[Mapping[str, str], list[str]]:
    """What the words of a split column mean, in small letters; and a note where that is not what they say.

    True and False, yes and no, 1 and 0 are valid and train, as in a column called ``is_valid``: where True is rarer.
    """
    found = [cell.strip().lower() for cell in cells if cell.strip()]
    true, false = sum(word in _TRUE for word in found), sum(word in _FALSE for word in found)
    if not 0 < true < false or true + false < len(found):
        return SPLIT_NAMES, []
    as_split = {**dict.fromkeys(_TRUE, "valid"), **dict.fromkeys(_FALSE, "train")}
    shown = {as_split[word]: word for word in found}
    return as_split, [f"split {shown['valid']} is taken as valid ({true:,}), {shown['train']} as train ({false:,})"]


def not_a_split(where: str, given: str) -> DataError:
    """For a word of a split column that means none.

    Args:
        where: file and line.
    """
    help = "use train, valid or test"
    if given.strip().lower() in (*_TRUE, *_FALSE):
        help += f": which of them {given.strip()!r} means cannot be seen"
    return DataError(f"{where}: split is {given!r}", help)


def questions(columns: Sequence[str], cells: Mapping[str, Sequence[str]]) -> list[str]:
    """Which columns that are not used are probably meant as split or group, and how to say so.

    Args:
        columns: every one of the table, in small letters.
        cells: those of each column that is not used, from top to bottom.
    """
    asked = []
    for wanted, pattern in (("split", _LIKE_SPLIT), ("group", _LIKE_GROUP)):
        found = [name for name in cells if pattern.fullmatch(_plain(name))]
        if found and wanted not in columns:
            how = f"; {_how(found[0], cells[found[0]])}" if wanted == "split" else ""
            asked.append(f"did you mean {wanted}? ({', '.join(found)}{how})")
    return asked


def _how(name: str, cells: Sequence[str]) -> str:
    """How a column becomes the split, in words: never by a new name alone where its values mean something else."""
    given = list(dict.fromkeys(cell.strip() for cell in cells if cell.strip()))
    words = [word.lower() for word in given]
    if all(word in SPLIT_NAMES for word in words):
        return f"rename {name} to split"
    if all(word in (*_TRUE, *_FALSE) for word in words):
        true = next((one for one in given if one.lower() in _TRUE), "true")
        plain = _plain(name)
        if re.fullmatch(_VALID, plain) and not split_words(cells)[1]:
            return f"write a column split: valid where {name} is {true}, train elsewhere"
        if re.fullmatch(_VALID, plain):
            return f"rename {name} to split: {true} is valid then, the others train"
        if re.fullmatch(_TEST, plain):
            return f"write a column split: test where {name} is {true}, train elsewhere"
        if re.fullmatch(_TRAIN, plain):
            return f"write a column split: train where {name} is {true}, valid elsewhere"
    shown = ", ".join(given[:_SHOWN]) + (" …" if len(given) > _SHOWN else "")
    return f"write a column split: train, valid or test for each of {shown}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
