"""Names are read from the syntax tree of a folder, without importing it."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from profond.core.errors import ConfigError, UnknownName
from profond.core.registration import Reader
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
    with pytest.raises(
        ConfigError, match=r"'bomb' cannot be imported: RuntimeError: was run .*bomb.py, line 2"
    ) as told:
        animals().load("bomb")
    assert isinstance(told.value.__cause__, RuntimeError)


def test_loading_gives_what_stands_under_the_decorator(write: Write) -> None:
    write("cat.py", CAT)
    assert animals().load("cat").__name__ == "Cat"


def test_decorators_of_another_kind_are_passed_over(write: Write) -> None:
    write("cat.py", CAT)
    write("plant.py", "@register_plant('fern')\ndef fern(): ...\n\n@cache\ndef other(): ...\n")
    assert animals().names() == ["big_cat", "cat"]


def test_a_name_registered_twice_is_refused_with_both_places(write: Write) -> None:
    write("cat.py", CAT)
    write("tiger.py", "\n\n" + CAT)
    with pytest.raises(ConfigError, match=r"'cat' is registered twice: .*cat.py, line 4, and .*tiger.py, line 6"):
        animals().names()


@pytest.mark.parametrize(
    "text",
    [
        "import menagerie\n@menagerie.register_animal('dog', legs=4)",
        "import menagerie as zoo\n@zoo.registry.register('dog', legs=4)",
        "from menagerie import register_animal as known\n@known('dog', legs=4)",
        "from menagerie import registry\n@registry.register('dog', legs=4)",
        "from . import register_animal\n@register_animal('dog', legs=4)",
        "from . import registry as here\n@here.register('dog', legs=4)",
        "import menagerie\nLEGS = 4\n@menagerie.register_animal('dog', legs=LEGS)",
        "from menagerie import register_animal\nPAIRS: int = 2\n@register_animal('dog', legs=2 * PAIRS)",
        "from menagerie import register_animal\nUSUAL = {'legs': 5 - 1}\n@register_animal('dog', **USUAL)",
        "from menagerie import register_animal\nNAME = 'dog'\n@register_animal(NAME, legs=4)",
        "from menagerie import register_animal\nLEGS = 4\n@register_animal('dog', legs=LEGS)\nclass Early: ...\n"
        "LEGS = 6\n@register_animal('ant', legs=LEGS)",
    ],
)
def test_the_decorator_is_known_however_it_is_reached_and_its_constants_are_resolved(write: Write, text: str) -> None:
    write("dog.py", f"{text}\nclass Dog:\n    'Says woof.'\n    def __init__(self, legs=0): ...\n")
    assert animals().entry("dog").config == {"legs": 4}
    assert animals().load("dog").__module__ == "menagerie.dog"
    if "ant" in text:
        assert animals().entry("ant").config == {"legs": 6}


def test_a_file_in_a_folder_within_is_found_and_a_conditional_class_too(write: Write, tmp_path: Path) -> None:
    (tmp_path / "menagerie" / "birds").mkdir()
    (tmp_path / "menagerie" / "birds" / "__init__.py").write_text("from menagerie import register_animal\n")
    write("birds/owl.py", "from .. import register_animal\nif True:\n    @register_animal('owl')\n    def owl(): ...\n")
    assert animals().names() == ["owl"]
    assert animals().load("owl").__module__ == "menagerie.birds.owl"


HEAD = "from menagerie import register_animal\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("@register_animal('dog')\ndef broken(:\n", 2, "this is not Python"),
        ("from elsewhere import LEGS\n@register_animal('dog', legs=LEGS)\ndef dog(): ...\n", 2, "LEGS is no constant"),
        ("@register_animal('dog', legs=len('four'))\ndef dog(): ...\n", 1, r"legs=len\('four'\)"),
        ("LEGS = 4\nLEGS = object()\n@register_animal('dog', legs=LEGS)\ndef dog(): ...\n", 3, "LEGS is no constant"),
        ("@register_animal\ndef dog(): ...\n", 1, "a way that listing cannot read"),
        ("@register_animal()\ndef dog(): ...\n", 1, "takes one name"),
        ("@register_animal(7)\ndef dog(): ...\n", 1, "7 is no name"),
        ("@register_animal('dog', coat=b'brown')\ndef dog(): ...\n", 1, "cannot be stored as JSON"),
        ("def dog(): ...\n\nregister_animal('dog')(dog)\n", 3, "a way that listing cannot read"),
        ("def make():\n    @register_animal('dog')\n    def dog(): ...\n", 2, "a way that listing cannot read"),
    ],
)
def test_what_cannot_be_read_is_told_with_file_and_line(write: Write, text: str, line: int, said: str) -> None:
    write("cat.py", CAT)
    write("dog.py", HEAD + text)
    line += 1
    with pytest.raises(ConfigError, match=rf"dog.py, line {line}: .*{said}") as told:
        animals().names()
    assert told.value.help


def test_what_does_not_import_names_the_line_of_its_own_file(write: Write) -> None:
    write("dog.py", HEAD + "import nothing_of_that_name\n@register_animal('dog')\ndef dog(): ...\n")
    with pytest.raises(ConfigError, match=r"'dog' cannot be imported: ModuleNotFoundError: .*dog.py, line 2"):
        animals().load("dog")


def test_a_name_of_the_folder_cannot_be_taken_by_your_own_class(write: Write) -> None:
    write("cat.py", CAT)
    registry = animals()
    with pytest.raises(ConfigError, match=r"animal 'cat' is there already: .*cat.py, line 4"):

        @registry.register("cat")
        class Other: ...

    for _ in range(2):  # a cell of a notebook that is run twice

        @registry.register("mine")
        class Mine: ...

    assert registry.load("mine") is Mine
    with pytest.raises(ConfigError, match="without a name"):
        registry.register(Mine)  # type: ignore[arg-type]


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
    assert registry.added() == ["dog"]
    registry.forget("dog")
    assert registry.names() == ["big_cat", "cat"]
    with pytest.raises(UnknownName):
        registry.forget("cat")


ROOMS = ["models", "data", "tasks", "recipes", "lecture", "cli"]


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_read_without_a_syntax_tree_is_what_the_tree_says(room: str) -> None:
    registry: Registry = importlib.import_module(f"profond.{room}").registry
    plain = 0
    for path in {Path(registry.entry(name).file) for name in registry.names()}:
        reader = Reader(path, f"profond.{room}.file", registry.package, registry.kind)
        found = reader.read_plain(path.read_text(encoding="utf-8"))
        again = Reader(path, f"profond.{room}.file", registry.package, registry.kind)
        assert found is None or found == again.read(ast.parse(path.read_bytes())), path
        plain += found is not None
    assert plain


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_lists_names_that_load_and_are_described(room: str) -> None:
    registry: Registry = importlib.import_module(f"profond.{room}").registry
    assert registry.names()
    for name in registry.names():
        assert registry.entry(name).summary.endswith((".", "!", "?", ":")), f"{room} {name}: {registry.entry(name)}"
        assert callable(registry.load(name))
