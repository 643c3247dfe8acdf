"""The tree of errors: exit codes, help lines, suggestions."""

from __future__ import annotations

import re

import pytest

from profond.core import errors


def every_error() -> list[type[errors.ProfondError]]:
    found = [errors.ProfondError]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == errors.__name__]


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    drawn = {name: int(code) for name, code in re.findall(r"(\w+)(?: \(\w+\))? +(\d+)  ", errors.__doc__ or "")}
    assert drawn == {kind.__name__: kind.exit_code for kind in every_error()}


def test_the_parents_in_the_docstring_are_the_parents_in_the_code() -> None:
    drawn = dict(re.findall(r"── (\w+) \((\w+)\)", errors.__doc__ or ""))
    assert drawn == {
        kind.__name__: parent.__name__
        for kind in every_error()
        for parent in kind.__bases__
        if parent.__module__ == "builtins" and kind is not errors.ProfondError
    }


def test_an_error_says_what_is_wrong_and_then_what_to_do() -> None:
    error = errors.DataError("photos/ is empty", "put a folder in it for each class")
    assert str(error) == "photos/ is empty\nhelp: put a folder in it for each class"
    assert str(errors.DataError("photos/ is empty")) == "photos/ is empty"


def test_a_storage_error_keeps_its_message_although_it_is_an_oserror() -> None:
    error = errors.StorageError("no space left", "free some")
    assert isinstance(error, OSError)
    assert str(error) == "no space left\nhelp: free some"


def test_data_and_config_errors_are_value_errors_for_python_callers() -> None:
    with pytest.raises(ValueError, match="truncated"):
        raise errors.ImageError("cat.png is truncated")
    with pytest.raises(ValueError, match="negative"):
        raise errors.ConfigError("epochs is negative")


@pytest.mark.parametrize(
    ("typed", "meant"), [("lenet", "lenet5"), ("LENET5", "lenet5"), ("mpl", "mlp"), ("fashion-mnits", "fashion-mnist")]
)
def test_a_mistyped_name_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    error = errors.UnknownName("model", typed, ["lenet5", "mlp", "fashion-mnist", "convnet1d"])
    assert error.help == f"did you mean {meant!r}?"
    assert error.exit_code == 2


def test_a_name_near_to_nothing_is_answered_with_the_list() -> None:
    assert errors.suggest("zzz", ["mlp", "lenet5"]) == "known: lenet5, mlp"


def test_a_long_list_is_cut_and_says_so() -> None:
    answer = errors.suggest("zzz", [f"thing{number:03}" for number in range(100)])
    assert answer.endswith("thing029 …")


def test_nothing_known_is_said_rather_than_an_empty_list() -> None:
    assert errors.suggest("x", []) == "none is known"
