"""The words of a lecture item: what is claimed, what was measured, and what to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from profond.lecture.values import Value
from profond.lecture.words import Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Claim:
    """One statement that a measurement can contradict.

    Args:
        name: the catalogue has ``<item>.claim.<name>`` and ``<item>.measured.<name>``.
        holds: what the measurement says; None where it could not be made here.
        values: fill the places of the measured sentence.
        aside: it goes beyond what the lecture states; its verdict is shown, and is no part of the item's.
    """

    name: str
    holds: bool | None
    values: Mapping[str, Value] = field(default_factory=dict)
    aside: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of values; the catalogue has ``<item>.table.<name>`` above it.

    Args:
        name: of the table.
        columns: the catalogue has ``column.<name>``.
        rows: as many values as columns.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]


@dataclass(frozen=True)
class Picture:
    """A figure, drawn once for each language; the catalogue has ``<item>.figure.<name>`` below it."""

    name: str
    draw: Callable[[Words], Figure]


@dataclass(frozen=True)
class Outcome:
    """What an item gives back.

    Args:
        claims: the verdict is that all of them hold, those that stand aside left out.
        pictures: to show.
        tables: to read.
        measured: every single number behind the claims, JSON-able, for people who calculate on.
        used: data, device, precision and the like, as name and value; the catalogue has ``used.<name>``.
        shortened: ``--quick`` left something out; an item that has no short version never says so.
    """

    claims: Sequence[Claim]
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    measured: Mapping[str, Any] = field(default_factory=dict)
    used: Mapping[str, Value] = field(default_factory=dict)
    shortened: bool = False

    @property
    def holds(self) -> bool:
        return all(claim.holds for claim in self.claims if not claim.aside)


@dataclass(frozen=True)
class Options:
    """What a person may ask of an item; each takes what concerns it.

    Args:
        image: a picture of one's own, for items that are registered with ``takes_image``.
        quick: fewer seeds, fewer epochs and less data; the result says so.
        seeds: how many trainings of each network; None takes the item's own number.
        share: of the training data to use; None takes the item's own.
        device: ``auto``, ``cpu``, ``cuda``, …
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        say: receives a line of progress now and then.
    """

    image: Path | None = None
    quick: bool = False
    seeds: int | None = None
    share: float | None = None
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    say: Callable[[str], None] = lambda line: None

    def repeats(self, usual: int, quick: int) -> int:
        """How many seeds: as asked, or the item's own number."""
        return self.seeds or (quick if self.quick else usual)


Item = Callable[[Options], Outcome]
