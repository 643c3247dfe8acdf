"""A stranger adds one of each kind to a copy of the project, by the words of the pages alone.

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
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout of one's own."""
    root = tmp_path / "checkout"
    for folder in ("src", "tests", "scripts"):
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
    python = {
        "./profond": ["-P", "-m", "profond"],
        "scripts/test": ["-m", "pytest", "-q", "-p", "no:cacheprovider"],
        "scripts/check": [str(copy / "scripts" / "addition.py")],
    }
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "OMP_NUM_THREADS": "1"}
    environment["MYPY_CACHE_DIR"] = str(_types(copy))
    environment = {key: value for key, value in environment.items() if not key.startswith("PYTEST_")}
    environment |= dict(word.split("=", 1) for word in given)
    done = subprocess.run(
        [sys.executable, *python[program], *rest], cwd=copy, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _types(copy: Path) -> Path:
    """What was found of the libraries' types the last time: without it each check would take half a minute."""
    folder = copy.parents[1] / "mypy_cache"
    return folder


def test_the_page_s_model_keeps_the_contract_and_touches_no_other(copy: Path) -> None:
    golden = copy / "tests" / "contract" / "models" / "golden"
    (golden / "lenet5.json").write_text("{}")  # of another model: it is not renewed, and a mistake in it is told
    before = {path.name: path.read_bytes() for path in golden.iterdir()}
    (copy / "src/profond/models/tiny.py").write_text(blocks("add_a_model.md", "register_model"))
    renew, check, *others = commands("add_a_model.md", "## For everybody")
    follow(renew.replace("golden", '"golden and not lenet5"'), copy)
    after = {path.name: path.read_bytes() for path in golden.iterdir()}
    assert set(after) - set(before) == {"narrow.json", "broad.json"}
    assert {name: after[name] for name in before} == before
    assert_passed(follow(check, copy), "profond.models: narrow, broad", at_least=30)
    listed, shown = (follow(command, copy) for command in others)
    assert re.search(r"^broad +One convolution, one linear layer[.]\n +width=64$", listed, re.M)
    assert "stages       features; head  output" in shown
    assert (copy / "broad.png").stat().st_size > 5000


def assert_passed(said: str, registered: str, at_least: int) -> None:
    """Style, types and imports were looked at, and the contract of what was added."""
    assert registered in said
    assert "Contracts:" in said
    assert "Success: no issues found" in said
    found = re.search(r"(\d+) passed, \d+ deselected", said)
    assert found, said
    assert int(found[1]) >= at_least
    assert "skipped" not in said


def test_the_page_s_data_are_listed_checked_learned_and_tested(copy: Path) -> None:
    (copy / "src/profond/data/sets/stripes.py").write_text(blocks("add_data.md", "register_data"))
    listed, checked, trained, tested = (
        follow(command, copy) for command in commands("add_data.md", "To give it to everybody")
    )
    assert re.search(r"^stripes .*Small pictures of lying or standing stripes[.]$", listed, re.M)
    assert "stripes: 128 images, 2 classes" in checked
    assert "runs/" in trained
    assert_passed(tested, "profond.data: stripes", at_least=8)


def test_the_page_s_recipe_is_listed_trained_and_held_to_its_promise(copy: Path) -> None:
    (copy / "src/profond/data/sets/halves.py").write_text(blocks("add_a_recipe.md", "register_data"))
    (copy / "src/profond/recipes/halves.py").write_text(blocks("add_a_recipe.md", "register_recipe"))
    checked, listed, shown, trained, tested = (
        follow(command, copy) for command in commands("add_a_recipe.md", "## Give it to everybody")
    )
    assert_passed(checked, "profond.recipes: mlp_halves", at_least=4)
    assert re.search(r"^mlp_halves .*A small MLP that tells the brighter half[.]", listed, re.M)
    assert "halves" in shown
    assert "runs/" in trained
    assert "1 passed" in tested


def test_the_page_s_task_keeps_the_contract_trains_a_folder_and_answers_for_it(copy: Path) -> None:
    (copy / "src/profond/tasks/grade.py").write_text(blocks("add_a_task.md", "register_task"))
    for number, grade in enumerate(("1_poor", "2_fair", "3_good")):
        folder = copy / "photos" / grade
        folder.mkdir(parents=True)
        for shade in range(12):
            Image.new("L", (8, 8), 40 + 80 * number + shade).save(folder / f"{shade}.png")
    checked, trained, evaluated, predicted = (
        follow(command, copy) for command in commands("add_a_task.md", "## For everybody")
    )
    assert_passed(checked, "profond.tasks: grade", at_least=15)
    assert re.search(r"grades off +[\d.]+ grades", trained)
    assert "are more than one grade off" in evaluated
    assert re.search(r"1_poor/0.png\t[123]_\w+\t\d[.]\d\d", predicted)


def test_the_page_s_verb_is_in_the_help_keeps_the_contract_and_works(copy: Path) -> None:
    (copy / "src/profond/cli/size.py").write_text(blocks("add_a_verb.md", "register_verb"))
    Image.new("RGB", (32, 20)).save(copy / "photo.png")
    checked, helped, said = (follow(command, copy) for command in commands("add_a_verb.md", "## For everybody"))
    assert_passed(checked, "profond.cli: size", at_least=8)
    assert re.search(r"^  size +How large an image is, in pixels[.]$", helped, re.M)
    assert said == "32 x 20, 3 channels\n"


def test_the_page_s_lecture_item_keeps_the_contract_runs_and_is_reported(copy: Path) -> None:
    room = copy / "src/profond/lecture"
    (room / "items/l99_sharing.py").write_text(blocks("add_a_lecture_item.md", "register_item"))
    text = (ROOT / "docs" / "add_a_lecture_item.md").read_text(encoding="utf-8")
    for language, words in zip(("en", "fr"), re.findall(r"```json\n(.*?)```", text, re.S), strict=True):
        (room / "catalogue" / language / "L99.json").write_text(words, encoding="utf-8")
    checked, ran, listed, reported = (
        follow(command, copy) for command in commands("add_a_lecture_item.md", "## For everybody")
    )
    assert_passed(checked, "profond.lecture: L99", at_least=7)
    assert "144 parameters for the smallest image, 144 for the largest." in ran
    assert "L99  Des poids partagés" in listed
    page = (copy / reported.strip()).read_text(encoding="utf-8")
    assert "Shared weights" in page
