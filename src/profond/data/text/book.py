"""One long text, to be written on character by character: split by place, its end is the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from profond.core.errors import ConfigError, DataError
from profond.core.spec import Spec
from profond.core.tokens import Kind, Tokens
from profond.data.dataset import Dataset
from profond.data.listing import Listing
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.data.text.read import read_whole
from profond.data.text.texts import Texts
from profond.nn.sequence import padded

SHORTEST = 2000
"""Characters below which there is nothing to learn from."""


def open_book(
    path: Path,
    length: int = 128,
    tokens: Kind = "characters",
    vocabulary: int = 200,
    valid_fraction: float = 0.05,
    test_fraction: float = 0.05,
    preprocessing: dict[str, Any] | None = None,
) -> Dataset:
    """Open one long text: each sample is a piece of it, and what is to be written is the same, one token on.

    Args:
        path: of a .txt file.
        length: tokens of a piece. In valid and test the first quarter of a piece is only read, having been written in
            the piece before, so that no token is guessed without what stands before it.
        tokens: it is written in ``"characters"``, ``"words"`` or ``"pieces"`` of words.
        vocabulary: how many different ones at most; the rarest others are unknown.
        valid_fraction: share of the text, near its end, for ``valid``.
        test_fraction: the end of the text, for ``test``.
        preprocessing: that of a trained network, with its vocabulary.

    Raises: DataError, ConfigError.
    """
    text, notes = read_whole(Path(path), "give a .txt file")
    return as_book(str(path), text, length, tokens, vocabulary, valid_fraction, test_fraction, preprocessing, notes)


def as_book(
    name: str,
    text: str,
    length: int = 128,
    tokens: Kind = "characters",
    vocabulary: int = 200,
    valid_fraction: float = 0.05,
    test_fraction: float = 0.05,
    preprocessing: dict[str, Any] | None = None,
    notes: tuple[str, ...] = (),
    source: str = "",
) -> Dataset:
    """The data set of a long text; the arguments are those of `open_book`."""
    text = text.replace("\r\n", "\n")
    if len(text) < SHORTEST:
        raise DataError(
            f"{name} has {len(text)} characters",
            f"give a text of {SHORTEST:,} or more; a few 100,000 are good",
        )
    if length < 8:
        raise ConfigError(f"length is {length}", "use 8 tokens or more")
    if min(valid_fraction, test_fraction) < 0 or valid_fraction + test_fraction >= 1:
        raise ConfigError(f"shares of {valid_fraction} and {test_fraction} leave nothing to learn", "such as 0.05")
    first = round(len(text) * (1 - valid_fraction - test_fraction))
    second = round(len(text) * (1 - test_fraction))
    parts = {"train": text[:first], "valid": text[first:second], "test": text[second:]}
    if preprocessing is None:
        known = Tokens.learn([parts["train"]], tokens, vocabulary)
    else:
        saved = Preprocessing.from_json(preprocessing).text
        if saved is None:
            raise DataError("this is a text, and the network was trained on something else", "give it the same kind")
        known = saved
    splits: dict[str, Split] = {}
    for split, part in parts.items():
        if part:
            splits[split] = _pieces(part, known, length, 0 if split == "train" else length // 4, split)
    where = ", ".join(f"{split} {len(part):,}" for split, part in parts.items() if part)
    told = f"{len(text):,} characters, split by place: {where}; {len(known)} {known.kind}"
    spec = Spec((length,), "t", (0.0, float(len(known) - 1)), tokens=known, text=known, each="t")
    return Dataset(
        name, spec, Preprocessing(scale=1.0, text=known), splits, source or f"the text {name}", (*notes, told)
    )


def list_book(path: Path) -> Listing:
    """Raises: DataError, for a text is one thing."""
    raise DataError(f"{path} is one long text, split by place: its end is the test", "there are no samples to list")


def _pieces(text: str, tokens: Tokens, length: int, read_before: int, split: str) -> TensorSplit:
    """Pieces of ``length`` tokens, the targets one token on; 0 where a token is not to be guessed."""
    ids = torch.tensor(tokens.encode(text), dtype=torch.int32)
    if len(ids) < 2:
        raise DataError(f"{split} has {len(ids)} tokens", "give a longer text, or larger shares")
    step = length - read_before
    starts = range(0, max(1, len(ids) - 1 - read_before), step)
    inputs, targets = [], []
    for start in starts:
        inside, after = ids[start : start + length], ids[start + 1 : start + 1 + length].long()
        inside = inside[: len(after)]
        if start:
            after[:read_before] = 0
        inputs.append(inside)
        targets.append(after)
    names = [f"{split}/{start}" for start in starts]
    written = padded(targets, 0)
    cuts = [tokens.decode([*one.tolist()]) for one in inputs]
    return TensorSplit(padded(inputs, 0), written, names, origin=Texts(cuts, written, names))
