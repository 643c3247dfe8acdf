"""A stranger adds a model, data and a recipe to a copy of the project, by the words of the pages alone.

The page's own code goes into the files that it names, and its own commands are run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout of one's own."""
    root = tmp_path / "checkout"
    for folder in ("src", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def blocks(page: str, registering: str) -> str:
    """The Python block of a page in which something is registered."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return next(block for block in re.findall(r"```python\n(.*?)```", text, re.S) if f"@{registering}(" in block)


def commands(page: str, after: str) -> list[str]:
    """The commands of a page below some words."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(after)[2]
    assert text, f"{page} has no {after!r}"
    found = re.search(r"(?:^ {4}\S.*\n)+", text, re.M)
    assert found
    return [line.strip() for line in found[0].splitlines()]


def follow(command: str, copy: Path) -> str:
    """Run a line of a page in the copy, with the Python and the packages that are here."""
    words = shlex.split(command)
    given = [word for word in words if re.fullmatch(r"[A-Z_]+=\S+", word)]
    program, *rest = words[len(given) :]
    python = {"./profond": ["-P", "-m", "profond"], "scripts/test": ["-m", "pytest", "-q", "-p", "no:cacheprovider"]}
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "OMP_NUM_THREADS": "1"}
    environment = {key: value for key, value in environment.items() if not key.startswith("PYTEST_")}
    environment |= dict(word.split("=", 1) for word in given)
    done = subprocess.run(
        [sys.executable, *python[program], *rest], cwd=copy, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_page_s_model_keeps_the_contract_and_touches_no_other(copy: Path) -> None:
    golden = copy / "tests" / "contract" / "golden"
    (golden / "lenet5.json").write_text("{}")  # of another model: it is not renewed, and a mistake in it is told
    before = {path.name: path.read_bytes() for path in golden.iterdir()}
    (copy / "src/profond/models/tiny.py").write_text(blocks("add_a_model.md", "register_model"))
    renew, test, *others = commands("add_a_model.md", "## For everybody")
    follow(renew.replace("golden", '"golden and not lenet5"'), copy)
    after = {path.name: path.read_bytes() for path in golden.iterdir()}
    assert set(after) - set(before) == {"narrow.json", "broad.json"}
    assert {name: after[name] for name in before} == before
    ran = follow(test, copy)
    assert re.search(r"(\d+) passed", ran)
    assert "deselected" in ran
    listed, shown = (follow(command, copy) for command in others)
    assert re.search(r"^broad +One convolution, one linear layer[.]\n +width=64$", listed, re.M)
    assert "stages       features; head  output" in shown
    assert (copy / "broad.png").stat().st_size > 5000


def test_the_page_s_data_are_listed_checked_learned_and_tested(copy: Path) -> None:
    (copy / "src/profond/data/stripes.py").write_text(blocks("add_data.md", "register_data"))
    listed, checked, trained, tested = (
        follow(command, copy) for command in commands("add_data.md", "To give it to everybody")
    )
    assert re.search(r"^stripes .*Small pictures of lying or standing stripes[.]$", listed, re.M)
    assert "stripes: 128 images, 2 classes" in checked
    assert "runs/" in trained
    assert re.search(r"[56] passed", tested)


def test_the_page_s_recipe_is_listed_trained_and_held_to_its_promise(copy: Path) -> None:
    (copy / "src/profond/data/halves.py").write_text(blocks("add_a_recipe.md", "register_data"))
    (copy / "src/profond/recipes/halves.py").write_text(blocks("add_a_recipe.md", "register_recipe"))
    listed, shown, trained, tested = (
        follow(command, copy) for command in commands("add_a_recipe.md", "## Give it to everybody")
    )
    assert re.search(r"^mlp_halves .*A small MLP that tells the brighter half[.]", listed, re.M)
    assert "halves" in shown
    assert "runs/" in trained
    assert "1 passed" in tested
