"""Which of a family's networks are trained every day, and which by `scripts/test full`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from profond import models

GOLDEN = Path(__file__).parent / "golden"
SMALL = 1_000_000
"""Parameters up to which learning takes no time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The smallest network of each paper shows every day that it learns; its larger ones differ in size alone."""
    smallest = set(smallest_of_each_paper())
    for item in items:
        if not isinstance(item, pytest.Function) or item.originalname != "test_one_batch_can_be_overfitted":
            continue
        name = item.callspec.params["name"]
        if name not in smallest and parameters(name) > SMALL:
            item.add_marker(pytest.mark.full)


def smallest_of_each_paper() -> list[str]:
    found: dict[str, str] = {}
    for name in sorted(models.registry.names(), key=parameters):
        found.setdefault(models.registry.entry(name).module, name)
    return list(found.values())


def parameters(name: str) -> int:
    """As the golden structures have them; none for a network that has no such file yet."""
    path = GOLDEN / f"{name}.json"
    return int(json.loads(path.read_text()).get("parameters", 0)) if path.exists() else 0
