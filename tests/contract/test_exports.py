"""What each registered model leaves Python as, or why it does not: the table of docs/exports.md.

Written anew with: PROFOND_RENEW_EXPORTS=1 python -m pytest tests/contract/test_exports.py -m full
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from support.exports import page, row, tried

from profond import models

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exports.md"


def rows() -> dict[str, str]:
    """Of the page, by the name of the model."""
    found = re.findall(r"^\| `(\w+)` \|.*$", PAGE.read_text(encoding="utf-8"), re.M)
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return dict(zip(found, lines, strict=True))


def test_the_page_has_a_row_for_each_file_of_models() -> None:
    assert set(rows()) == set(tried()), "write it anew: see the top of this file"
    every = {name for others in tried().values() for name in others}
    assert every == set(models.registry.names())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet5", "nlinear"])
def test_a_row_is_true(name: str, tmp_path: Path) -> None:
    assert row(name, tried()[name], tmp_path) == rows()[name]


@pytest.mark.full
def test_all_rows_are_true(tmp_path: Path) -> None:
    found = [row(name, others, tmp_path) for name, others in tried().items()]
    if os.environ.get("PROFOND_RENEW_EXPORTS"):
        PAGE.write_text(page(found), encoding="utf-8")
    assert found == list(rows().values())
