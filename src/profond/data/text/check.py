"""What is worth knowing of texts before training: how long they are, what they are written in, what was never seen."""

from __future__ import annotations

import numpy as np

from profond.core.tokens import UNKNOWN
from profond.data.dataset import Dataset
from profond.data.issue import Issue
from profond.data.split import TensorSplit
from profond.data.text.texts import Texts

MUCH = 0.1
"""Share of unknown words from which it is a warning."""
_LONGEST = 20
"""Times the median, from which a text is called very long."""


def text_issues(dataset: Dataset) -> list[Issue]:
    """Lengths, vocabulary, and unknown words of each split."""
    tokens = dataset.spec.tokens
    parts = {name: part for name, part in dataset.splits.items() if isinstance(part, TensorSplit)}
    if tokens is None or not parts or dataset.spec.each:
        return []
    lengths = np.concatenate([(part.samples != 0).sum(1).numpy() for part in parts.values()])
    middle = float(np.median(lengths))
    one = tokens.kind
    span = f"{lengths.min()} to {lengths.max()} {one} in a text, {middle:.0f} in the middle one"
    text = f"{span}; {len(tokens):,} different ones are known"
    issues = [Issue("lengths", "note", text)]
    if lengths.max() > _LONGEST * max(middle, 1):
        count = int((lengths > _LONGEST * middle).sum())
        told = f"{count} texts are more than {_LONGEST} times as long as the middle one"
        issues.append(Issue("long", "warning", told))
    if tokens.longest and (cut := int((lengths >= tokens.longest).sum())):
        issues.append(Issue("cut", "warning", f"{cut} texts are cut behind {tokens.longest} {one} (longest=)"))
    for name, part in parts.items():
        if name != "train":
            share = float((part.samples == UNKNOWN).sum()) / max(1, int((part.samples != 0).sum()))
            told = f"{share:.1%} of the {one} in {name} are not in the vocabulary of train"
            issues.append(Issue("unknown", "warning" if share > MUCH else "note", told))
    short = [
        (part.identity(i),)
        for part in parts.values()
        if isinstance(part.origin, Texts)
        for i in np.flatnonzero((part.samples != 0).sum(1).numpy() == 1).tolist()
    ]
    if short:
        issues.append(Issue("short", "note", f"{len(short)} texts have one of the {one} alone", tuple(short)))
    return issues
