"""Every statement of the lecture, in its short version on the real data, holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from profond.cli import run
from profond.lecture import registry
from profond.lecture.results import read

pytestmark = pytest.mark.full


@pytest.mark.parametrize("item", registry.names())
def test_an_item_holds(item: str, tmp_path: Path) -> None:
    assert run(["lecture", "run", item, "--quick", "--quiet", "--out", str(tmp_path)]) == 0
    result = read(tmp_path, item)
    assert result is not None
    assert result["holds"], [claim for claim in result["claims"] if not claim["holds"]]
    assert [claim for claim in result["claims"] if not claim["aside"]], "something is stated"
    assert run(["lecture", "report", "--out", str(tmp_path)]) == 0, "every word of it is there, in both languages"
