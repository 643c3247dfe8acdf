"""Whether data are those that a run was trained with: the same names and classes, and the same in each of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from profond.core.errors import ConfigError
from profond.core.records import read_text
from profond.core.run import Run
from profond.data.dataset import Dataset

SPLITS = "split.json"
LISTED = "split.csv"
SHOWN = 5


def check_names(run: Run, dataset: Dataset) -> None:
    """Raises: ConfigError when a split does not have the samples and classes that the run was trained with."""
    if not run.holds(SPLITS):
        return
    for split, hash_then in run.read(SPLITS)["hash"].items():
        if split not in dataset.splits or dataset.split_hash(split) != hash_then:
            raise ConfigError(
                f"the {split} split of {dataset.name} is not the one that {run.path} was trained with"
                f"{_names_that_differ(run, dataset, split)}",
                "restore the data, or train again",
            )


def check_content(run: Run, dataset: Dataset, split: str) -> None:
    """Raises: ConfigError when samples of a split hold something else than when the run was trained with them.

    Runs that did not keep what their samples held are believed.
    """
    if not run.holds(SPLITS):
        return
    then = run.read(SPLITS).get("content", {}).get(split)
    if then is None or split not in dataset.splits or dataset.content_hash(split) == then:
        return
    now = dict(zip(_identities(dataset, split), dataset.contents(split), strict=True))
    before = {name: row["content"] for name, row in listed(run, split).items() if row.get("content")}
    raise ConfigError(
        f"{told(differing(before, now), len(now), split)} something else than when {run.path} was trained",
        f"restore them; or, if they are meant to be other data: profond evaluate {run.path} --data {dataset.name}",
    )


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Names in both whose contents differ."""
    return sorted(name for name, content in one.items() if name in other and other[name] != content)


def told(names: Sequence[str], count: int, split: str) -> str:
    """How many samples there are, and the first few of them."""
    if not names:
        return f"samples of the {split} split hold"
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return f"{len(names):,} of {count:,} samples of the {split} split ({shown}) hold"


def listed(run: Run, split: str) -> dict[str, dict[str, str]]:
    """The rows of ``split.csv`` by name; none where it is missing or damaged."""
    try:
        rows = csv.DictReader(io.StringIO(read_text(run.file(LISTED)), newline=""), strict=True)
        return {row["sample"]: row for row in rows if row["split"] == split}
    except (OSError, ValueError, KeyError, csv.Error):
        return {}


def _names_that_differ(run: Run, dataset: Dataset, split: str) -> str:
    before = listed(run, split)
    if not before or split not in dataset.splits:
        return ""
    now = set(_identities(dataset, split))
    parts = []
    for what, names in (("gone", sorted(before.keys() - now)), ("new", sorted(now - before.keys()))):
        if names:
            shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
            parts.append(f"{len(names):,} {what} ({shown})")
    return f": {' and '.join(parts)}" if parts else ": the same names, with other classes"


def _identities(dataset: Dataset, split: str) -> list[str]:
    chosen = dataset.split(split)
    return [readable(chosen.identity(index)) for index in range(len(chosen))]


def readable(identity: str) -> str:
    """A name as it stands in the tables: what is not UTF-8 is replaced."""
    return identity.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
