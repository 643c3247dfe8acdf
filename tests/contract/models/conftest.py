"""Which of a family's networks are trained every day, and which by `scripts/test full`."""

from __future__ import annotations

import pytest
from contract.models.family import Family, parameters

pytest.register_assert_rewrite("contract.models.promises")

SMALL = 1_000_000
"""Parameters up to which learning takes no time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The lightest network of each paper shows every day that it learns; its larger ones differ in size alone."""
    lightest: dict[Family, set[str]] = {}
    for item in items:
        if not isinstance(item, pytest.Function) or item.originalname != "test_one_batch_can_be_overfitted":
            continue
        family = getattr(item.module, "FAMILY", None)
        name = getattr(item, "callspec", None) and item.callspec.params.get("name")
        if not isinstance(family, Family) or name is None:
            continue
        chosen = lightest.setdefault(family, set(family.lightest()))
        if name not in chosen and parameters(name) > SMALL:
            item.add_marker(pytest.mark.full)
