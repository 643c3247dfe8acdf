"""Names are read from the syntax tree of a folder, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from profond.core.errors import UnknownName
from profond.core.registry import Registry

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a file into a package ``menagerie`` that can be imported."""
    folder = tmp_path / "menagerie"
    folder.mkdir()
    registry = "from profond.core.registry import Registry\nregistry = Registry('animal', 'menagerie')\n"
    (folder / "__init__.py").write_text(registry + "register_animal = registry.register\n")
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, text: str) -> None:
        (folder / name).write_text(text)

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] == "menagerie"]:
        del sys.modules[name]


CAT = '''
from menagerie import register_animal

@register_animal("cat")
@register_animal("big_cat", legs=4, sizes=[1, 2])
class Cat:
    """Says miaow.

    More about cats."""
'''


def animals() -> Registry:
    return Registry("animal", "menagerie")


def test_a_file_in_the_folder_is_enough_to_be_found(write: Write) -> None:
    write("cat.py", CAT)
    assert animals().names() == ["big_cat", "cat"]


def test_each_stacked_decorator_is_a_variant_with_its_own_settings(write: Write) -> None:
    write("cat.py", CAT)
    assert animals().entry("cat").config == {}
    assert animals().entry("big_cat").config == {"legs": 4, "sizes": [1, 2]}
    assert animals().load("cat") is animals().load("big_cat")


def test_an_entry_tells_the_first_line_of_the_docstring(write: Write) -> None:
    write("cat.py", CAT)
    assert animals().entry("cat").summary == "Says miaow."


def test_listing_runs_none_of_the_files(write: Write) -> None:
    write("cat.py", CAT)
    write("bomb.py", "from menagerie import register_animal\nraise RuntimeError('was run')\n"
          "@register_animal('bomb')\ndef bomb(): ...\n")  # fmt: skip
    assert "bomb" in animals().names()
    assert not any(name.startswith("menagerie.") for name in sys.modules)
    with pytest.raises(RuntimeError, match="was run"):
        animals().load("bomb")


def test_loading_gives_what_stands_under_the_decorator(write: Write) -> None:
    write("cat.py", CAT)
    assert animals().load("cat").__name__ == "Cat"


def test_decorators_of_another_kind_are_passed_over(write: Write) -> None:
    write("cat.py", CAT)
    write("plant.py", "@register_plant('fern')\ndef fern(): ...\n\n@cache\ndef other(): ...\n")
    assert animals().names() == ["big_cat", "cat"]


def test_a_name_registered_twice_is_refused(write: Write) -> None:
    write("cat.py", CAT)
    write("tiger.py", CAT)
    with pytest.raises(AssertionError, match="registered twice"):
        animals().names()


def test_an_unknown_name_is_answered_with_the_nearest(write: Write) -> None:
    write("cat.py", CAT)
    with pytest.raises(UnknownName, match="unknown animal 'cta'") as raised:
        animals().entry("cta")
    assert raised.value.help == "did you mean 'cat'?"
    with pytest.raises(UnknownName):
        animals().load("cta")


def test_your_own_class_from_anywhere_joins_the_list(write: Write) -> None:
    write("cat.py", CAT)
    registry = animals()

    @registry.register("dog", legs=4)
    class Dog:
        """Says woof."""

    assert registry.names() == ["big_cat", "cat", "dog"]
    assert registry.load("dog") is Dog
    assert registry.entry("dog").summary == "Says woof."
    assert registry.entry("dog").config == {"legs": 4}


@pytest.mark.parametrize("room", ["models", "data", "tasks", "recipes", "lecture"])
def test_every_room_lists_names_that_load_and_are_described(room: str) -> None:
    registry: Registry = __import__(f"profond.{room}", fromlist=["registry"]).registry
    assert registry.names()
    for name in registry.names():
        assert registry.entry(name).summary.endswith((".", "!", "?", ":")), f"{room} {name}: {registry.entry(name)}"
        assert callable(registry.load(name))
