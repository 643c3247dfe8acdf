"""`import profond` offers the verbs, and imports nothing heavy before one of them is used."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import profond

HEAVY = ("torch", "numpy", "scipy", "matplotlib", "PIL", "pydantic", "click", "lightning_fabric", "captum", "IPython")


def said(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_it_imports_nothing_heavy() -> None:
    code = f"import json, sys, profond; dir(profond); print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    assert json.loads(said(code)) == []


def test_looking_at_a_run_of_the_past_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys, profond; from profond.core.errors import MissingError\n"
        f"try: profond.load('last', out={str(tmp_path)!r})\n"
        f"except MissingError: print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert said(code) in ("[]", "['numpy']")


@pytest.mark.parametrize("name", profond.__all__)
def test_every_word_is_there_with_a_docstring(name: str) -> None:
    offered = getattr(profond, name)
    assert inspect.getdoc(offered)
    assert name in dir(profond)


def test_an_editor_sees_what_there_is() -> None:
    """What is imported for type checkers alone is what `__getattr__` finds."""
    tree = ast.parse(Path(profond.__file__).read_text(encoding="utf-8"))
    checking = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in checking.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(seen) == profond.__all__
    for name, (module, attribute) in seen.items():
        assert profond.__getattr__(name) is getattr(sys.modules[module or ""], attribute), name


def test_a_word_that_is_not_there_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = profond.trian  # type: ignore[attr-defined]


def test_the_room_explain_is_called_as_the_verb_of_its_name() -> None:
    code = (
        "import sys, profond, profond.explain.why.attribution as attribution\n"
        "from profond.core.errors import ProfondError\n"
        "try: profond.explain('nothing', 'cat.jpg')\n"
        "except ProfondError as error: print(error.message, '|', attribution.__name__)"
    )
    assert said(code) == "there is no run nothing | profond.explain.why.attribution"
