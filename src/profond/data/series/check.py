"""Every series of a listing looked at: what cannot be read, equal ones, lengths, rates, constant channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.core.progress import track
from profond.data.fingerprint import Fingerprint, of_signal
from profond.data.issue import Issue
from profond.data.listing import Listing
from profond.data.locations import relative
from profond.data.series.build import Settings, decide, light
from profond.data.series.lengths import decide_length
from profond.data.series.open import list_series, load_table
from profond.data.series.read import Recording, read_recording
from profond.data.series.text import SUFFIXES

_SETTINGS = {field.name for field in fields(Settings)}


@dataclass(frozen=True)
class Inspection:
    """What was seen.

    Args:
        listing: all samples.
        prints: one for each, by which equal ones are found; None where it cannot be read.
        issues: what is wrong with them.
    """

    listing: Listing
    prints: list[Fingerprint | None]
    issues: list[Issue]


def inspect_series(path: Path, table: bool, options: Mapping[str, Any] | None = None) -> Inspection:
    """Look at every series of a folder or a manifest; or of a table.

    Args:
        options: settings of `open_series` or `open_table`.

    Raises: DataError when there is none at all.
    """
    settings = Settings(**{key: value for key, value in (options or {}).items() if key in _SETTINGS})
    if table:
        read = load_table(path, options)
        listing = read.listing()
        prints_of_rows: list[Fingerprint | None] = [of_signal(signal) for signal in read.signals]
        return Inspection(
            listing, prints_of_rows, _issues(listing, [_facts(signal) for signal in read.signals], settings.length)
        )
    listing = list_series(path, (options or {}).get("target"))
    found: list[Recording | None] = []
    issues: list[Issue] = []
    unreadable, reasons = [], []
    for sample in track(listing.samples, len(listing.samples), f"checking {listing.name}"):
        assert isinstance(sample.path, Path)
        try:
            found.append(light(read_recording(sample.path, settings.decimal, settings.missing)))
        except DataError as error:
            found.append(None)
            unreadable.append((relative(sample.path, listing.root),))
            reasons.append(error.message)
    if unreadable:
        shown = "; ".join(reasons[:3]) + ("; …" if len(reasons) > 3 else "")
        text = f"{len(unreadable)} of {len(found)} series cannot be read: {shown}"
        text += " (--set data.unreadable=skip trains without them)"
        issues.append(Issue("unreadable", "error", text, tuple(unreadable)))
    readable = [one for one in found if one is not None]
    kinds = Counter("text" if one.path.suffix.lower() in SUFFIXES else one.path.suffix.lower() for one in readable)
    if len(kinds) > 1:
        text = "mixed kinds of files: " + ", ".join(f"{kind} ({count})" for kind, count in kinds.most_common())
        issues.append(Issue("kinds", "warning", text))
    notes: list[str] = []
    warnings: list[str] = []
    plain = None
    try:
        if readable:
            plain = decide(readable, readable, settings, notes, warnings)
    except DataError as error:
        issues.append(Issue("undecided", "error", f"{error.message}; {error.help}"))
    facts: list[tuple[int, bool] | None] = []
    prints: list[Fingerprint | None] = []
    odd, why = [], []
    for sample, one in zip(listing.samples, found, strict=True):
        signal = None
        if one is not None:  # read again: all of them at once could be more than there is memory for
            one = read_recording(one.path, settings.decimal, settings.missing)
            try:
                signal = None if plain is None else plain.signal(one)
            except DataError as error:
                odd.append((relative(sample.path, listing.root),))
                why.append(error.message)
        facts.append(None if signal is None else _facts(signal))
        prints.append(None if one is None else of_signal(one.values if signal is None else signal))
    if odd:
        text = f"{len(odd)} of {len(found)} series have other channels: {why[0]}" + ("; …" if len(odd) > 1 else "")
        issues.append(Issue("channels", "error", text, tuple(odd)))
    issues += [Issue("rates", "warning", warning) for warning in warnings]
    issues += [Issue("layout", "note", note) for note in notes]
    return Inspection(listing, prints, issues + _issues(listing, facts, settings.length))


def _facts(signal: NDArray[np.float32]) -> tuple[int, bool]:
    """How many steps it has, and whether one of its channels never changes."""
    return signal.shape[1], signal.shape[1] > 1 and bool((np.ptp(signal, axis=1) == 0).any())


def _issues(listing: Listing, facts: Sequence[tuple[int, bool] | None], length: int | None = None) -> list[Issue]:
    """Different lengths, and channels that never change."""
    issues = []
    lengths = [fact[0] for fact in facts if fact is not None]
    if lengths and min(lengths) < max(lengths):
        chosen = length or decide_length(lengths)
        cut = sum(length > chosen for length in lengths)
        text = f"{len(set(lengths))} lengths, {min(lengths)} to {max(lengths)} steps; brought to {chosen} in training"
        issues.append(Issue("lengths", "warning", text + (f", which cuts {cut}" if cut else "")))
    pairs = zip(listing.samples, facts, strict=True)
    flat = [(relative(sample.path, listing.root),) for sample, fact in pairs if fact is not None and fact[1]]
    if flat:
        shown = ", ".join(item[0] for item in flat[:3]) + (" …" if len(flat) > 3 else "")
        text = f"{len(flat)} of {len(lengths)} series have a channel that never changes: {shown}"
        issues.append(Issue("constant", "warning", text, tuple(flat)))
    return issues
