"""A class or a quantity is found by what people type."""

from __future__ import annotations

import pytest

from profond.core.errors import UnknownName
from profond.tasks.names import index_of


def test_a_class_is_chosen_by_its_name_whatever_its_capitals() -> None:
    assert index_of("Dog", ["cat", "dog"], "class") == 1
    assert index_of("dog", ["Dog", "dog"], "class") == 1


def test_a_class_is_chosen_by_its_number_where_none_is_called_so() -> None:
    assert index_of("2", ["cat", "dog", "emu"], "class") == 2
    assert index_of("2", ["2", "0", "1"], "class") == 0
    for unknown in ("3", "-1", "²"):
        with pytest.raises(UnknownName, match="unknown class"):
            index_of(unknown, ["cat", "dog", "emu"], "class")
