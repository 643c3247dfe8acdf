"""Every model belongs to a family that has a contract, and everything that the contract keeps belongs to a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract.models.family import GOLDEN
from contract.models.promises import ASKED

from profond import models


@pytest.mark.parametrize("name", models.registry.names())
def test_its_family_has_a_contract(name: str) -> None:
    family = models.family_of(name)
    contract = Path(__file__).with_name(f"test_{family}.py")
    assert contract.exists(), f"{name} is of the family {family!r}, whose contract would be {contract}"


def test_every_golden_structure_belongs_to_a_model() -> None:
    known = models.registry.names()
    assert set(ASKED) <= set(known), f"PROFOND_RENEW_GOLDEN takes names of models, comma-separated: {known}"
    assert {path.stem for path in GOLDEN.glob("*.json")} | set(ASKED) == set(known)
