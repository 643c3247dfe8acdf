"""The distribution `profond-serve` is whole: what its files import is in it, or is what it says that it needs."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "distributions/serve/pyproject.toml"
SAID = tomllib.loads(PROJECT.read_text("utf-8"))
IMPORTED_AS = {"pillow": "PIL", "prometheus-client": "prometheus_client", "python-multipart": "python_multipart"}
LATER = {
    "profond": {"profond"},  # what Profond itself offers, imported when it is first used
    "profond.data": {"profond.data.open"},
    "profond.data.images.decoding": {"torch"},  # pictures as tensors, for who has PyTorch
}
"""What functions import that is neither in the distribution nor needed by it: who serves calls none of them."""


def included() -> dict[str, Path]:
    """The files of the wheel, by their place in it."""
    found = {}
    for source, place in SAID["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].items():
        path = (PROJECT.parent / source).resolve()
        files = path.rglob("*") if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                found[f"{place}/{file.relative_to(path).as_posix()}" if path.is_dir() else place] = file
    return found


def module_of(place: str) -> str:
    return place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {module_of(place): file for place, file in included().items() if place.endswith(".py")}


def needed() -> set[str]:
    extras = SAID["project"]["optional-dependencies"].values()
    names = [
        re.split(r"[>=<\[ ]", one)[0] for one in [*SAID["project"]["dependencies"], *(x for e in extras for x in e)]
    ]
    return {IMPORTED_AS.get(name, name) for name in names}


def imported(node: ast.AST, later: bool = False) -> Iterator[tuple[str, bool]]:
    """Modules that are imported, and whether only when a function is called; not those for types alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from ((one.name, later) for one in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute here"
            for one in child.names:
                full = f"{child.module}.{one.name}"
                yield (full if full in MODULES else str(child.module)), later
        yield from imported(child, later or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_file_of_it_imports_only_what_is_in_it_or_needed_by_it(module: str) -> None:
    for name, later in imported(ast.parse(MODULES[module].read_text("utf-8"))):
        top = name.split(".")[0]
        known = name in MODULES if top == "profond" else top in sys.stdlib_module_names or top in needed()
        assert known or (later and {name, top} & LATER.get(module, set())), f"{module} imports {name}"


def test_what_is_needed_holds_no_torch_and_is_what_profond_itself_needs_too() -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split(r"[>=<\[ ]", one)[0] for one in ours["dependencies"]}
    alone = {re.split(r"[>=<\[ ]", one)[0] for one in SAID["project"]["dependencies"]}
    assert alone <= names
    assert not {"torch", "scipy", "pydantic", "matplotlib", "onnx"} & alone


def test_all_of_it_is_imported_where_nothing_else_of_profond_is(tmp_path: Path) -> None:
    for place, file in included().items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tmp_path / place)
    code = f"""
import importlib, sys
sys.path[:0] = [{str(tmp_path)!r}]
for name in ("torch", "scipy", "pydantic", "matplotlib", "onnx", "openvino", "sentencepiece"):
    sys.modules[name] = None
for name in {sorted(MODULES)!r}:
    assert importlib.import_module(name).__file__.startswith({str(tmp_path)!r}), name
"""
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
