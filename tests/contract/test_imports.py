"""No two files import each other, however many stand between them: above, inside a function, or for types alone."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import profond

PACKAGE = Path(profond.__file__).parent


def imports_between_files(package: Path) -> dict[str, set[str]]:
    """For each file of a package, named as a module, the files of the package that it imports anywhere."""
    modules = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        imported: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}, line {node.lineno}: a relative import"
                assert node.module is not None
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                imported |= inner & modules.keys()
                if inner - modules.keys():
                    imported.add(node.module)
        found[module] = (imported & modules.keys()) - {module}
    return found


def test_no_two_files_import_each_other() -> None:
    found = imports_between_files(PACKAGE)
    assert len(found) > 200
    assert sum(map(len, found.values())) > 800
    try:
        tuple(TopologicalSorter(found).static_order())
    except CycleError as error:
        pytest.fail(" is imported by ".join(error.args[1]))


@pytest.mark.parametrize(
    "line",
    [
        "from house.door import open",
        "import house.door",
        "from house import door",
        "if TYPE_CHECKING:\n    from house.door import Door",
        "def late():\n    from house.door import open",
    ],
)
def test_a_circle_is_seen_wherever_the_import_stands(line: str, tmp_path: Path) -> None:
    house = tmp_path / "house"
    (house / "rooms").mkdir(parents=True)
    (house / "__init__.py").touch()
    (house / "rooms" / "__init__.py").touch()
    (house / "door.py").write_text("from house.rooms import kitchen\n")
    (house / "rooms" / "kitchen.py").write_text("from typing import TYPE_CHECKING\n")
    tuple(TopologicalSorter(imports_between_files(house)).static_order())
    (house / "rooms" / "kitchen.py").write_text(line + "\n")
    with pytest.raises(CycleError):
        tuple(TopologicalSorter(imports_between_files(house)).static_order())
