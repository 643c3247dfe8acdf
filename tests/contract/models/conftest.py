"""Which of a family's networks keep their promises in the quick half of the tests, and which in the others."""

from __future__ import annotations

import pytest
from contract.models.family import Family, parameters

pytest.register_assert_rewrite("contract.models.promises")

SMALL = 1_000_000
"""Parameters up to which learning takes no time."""

LARGE = 10_000_000
"""Parameters from which any forward pass takes some."""

QUICK = {
    "test_an_impossible_input_is_refused_in_words",
    "test_it_takes_as_many_classes_as_it_says_or_refuses",
    "test_its_head_can_be_replaced",
    "test_its_stages_and_head_are_modules_that_a_forward_pass_calls",
    "test_its_structure_is_the_golden_one",
}
"""Promises that take no time, however large a network is."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A paper's lightest network keeps every promise in the quick half; its larger ones differ in size alone."""
    asked = bool(config.getoption("--about"))  # for a few by name, such as one just added: then at once
    lightest: dict[Family, set[str]] = {}
    for item in items:
        family = getattr(getattr(item, "module", None), "FAMILY", None)
        name = getattr(item, "callspec", None) and item.callspec.params.get("name")
        if not isinstance(item, pytest.Function) or not isinstance(family, Family) or name is None:
            continue
        first = name in lightest.setdefault(family, set(family.lightest()))
        learns = item.originalname == "test_one_batch_can_be_overfitted"
        trains = learns or item.originalname == "test_it_trains_a_step_in_bf16"
        if learns and not first and parameters(name) > SMALL:
            item.add_marker(pytest.mark.full)
        elif not asked and parameters(name) > LARGE and (trains or not (first or item.originalname in QUICK)):
            item.add_marker(pytest.mark.slow)
