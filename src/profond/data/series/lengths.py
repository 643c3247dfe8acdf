"""How long series are brought to, or that they stay as long as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from profond.data.series.preparation import Ends, Preparation

LONGEST = 2.0
"""The longest series decides the length unless it is more than so many times as long as 95 % of them are."""
CUT = 0.1
"""Share of series that are cut from which it is a warning."""


def decide_length(lengths: Sequence[int]) -> int:
    """As long as the longest, unless that is more than twice as long as 95 % of them are: then as long as these."""
    ordered = sorted(lengths)
    usual = ordered[math.ceil(0.95 * len(ordered)) - 1]
    return ordered[-1] if ordered[-1] <= LONGEST * usual else usual


def with_length(plain: Preparation, train: Sequence[int], asked: int | None, ends: Ends = "mean") -> Preparation:
    """The preparation with the length that was asked for, or else is decided by those of train.

    Args:
        ends: with ``"missing"`` series stay as long as they are; a length that was asked for still cuts longer ones.
    """
    if ends == "missing":
        return replace(plain, length=asked or max(train), ends="missing", cut=asked is not None)
    return replace(plain, length=asked or decide_length(train))


def tell_lengths(
    lengths: Sequence[int],
    train: Sequence[int],
    plain: Preparation,
    notes: list[str],
    warnings: list[str],
) -> None:
    """What becomes of series that are longer or shorter than others.

    Args:
        train: lengths by which it was decided; none where it was asked for, or is that of a network.
    """
    shortest, longest = min(lengths), max(lengths)
    span = str(longest) if shortest == longest else f"{shortest} to {longest}"
    if plain.any_length and not plain.cut:
        if shortest < longest:
            notes.append(f"series of {span} steps stay as long as they are, for the model takes any length")
        return
    rule = ""
    if train:
        rule = ", the longest of train" if plain.length == max(train) else ", which 95 % of train do not exceed"
    if plain.any_length and longest > plain.length:
        notes.append(
            f"series of {span} steps: of those longer than {plain.length} the {plain.keep} is kept (length= and keep=)"
        )
    elif not shortest == longest == plain.length and not plain.any_length:
        notes.append(
            f"series of {span} steps are brought to {plain.length}{rule}: of longer ones the"
            f" {plain.keep} is kept, shorter ones are followed by the mean of their channel (length= and keep=)"
        )
    cut = sum(length > plain.length for length in lengths)
    if cut > CUT * len(lengths):
        warnings.append(
            f"{cut} of {len(lengths)} series are longer than {plain.length} steps and are cut (the {plain.keep} is"
            f" kept; the longest has {max(lengths)}): length= sets another, keep= another part"
        )
