"""The house rules that a program can check."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import environment

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted((ROOT / "src").rglob("*.py"))

REPORT_MODULES = """
import json, runpy, sys
sys.argv = ["profond", *sys.argv[1:]]
try:
    runpy.run_module("profond", run_name="__main__", alter_sys=True)
except SystemExit as stopped:
    code = stopped.code
print("\\n" + json.dumps({"code": code, "modules": sorted(sys.modules)}))
"""


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout: which files belong to the project is not known")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_imports_point_downward() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(lint), "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [["--help"], ["--version"], ["train", "--help"], ["models", "list"], ["data", "list"], ["recipes", "list"]],
)
def test_help_and_lists_never_wait_for_torch(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPORT_MODULES, *command], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    *said, last = done.stdout.strip().splitlines()
    report = json.loads(last)
    assert not report["code"], done.stderr
    assert said
    heavy = {"torch", "numpy", "matplotlib", "PIL", "lightning_fabric", "torchmetrics"}
    assert heavy.isdisjoint(report["modules"])


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained network of dots, and the pictures that it was trained on."""
    from PIL import Image

    from profond.cli import run

    folder = tmp_path_factory.mktemp("dots")
    for index in range(24):
        label, picture = ("light", "dark")[index % 2], Image.new("L", (8, 8), (200, 40)[index % 2] + index)
        (folder / "dots" / label).mkdir(parents=True, exist_ok=True)
        picture.save(folder / "dots" / label / f"{index}.png")
    command = ["train", "--model=convnet2d", f"--data={folder / 'dots'}", f"--out={folder / 'runs'}", "--steps=2"]
    assert run([*command, "--set=widths=[4]", "--set=loader.workers=0", "--quiet"]) == 0
    return folder


REPORT_EACH = """
import json, sys
from profond.cli import run
for command in json.loads(sys.argv[1]):
    code = run(command)
    print("\\n" + json.dumps({"report": command, "code": code, "modules": sorted(sys.modules)}))
"""


# NOTE commands that import the same share one interpreter, one after the other: starting it takes most of the time.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("commands", "torchmetrics"),
    [
        (
            [
                ["runs", "show", "last"],
                ["data", "check", "dots"],
                ["finetune", "--help"],
                ["features", "last", "dots/light", "--out=features.npy"],
                ["predict", "last", "dots/light/0.png"],
            ],
            False,
        ),
        ([["explain", "last", "dots/light/0.png", "--method=grad_cam", "--out=figures"], ["evaluate", "last"]], True),
        ([["train", "--model=mlp", "--data=dots", "--steps=2", "--quiet"]], True),
    ],
    ids=["look", "evaluate", "train"],
)
def test_fabric_is_imported_where_several_processes_train_and_nowhere_else(
    commands: list[list[str]], torchmetrics: bool, small_run: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPORT_EACH, json.dumps(commands)],
        capture_output=True,
        text=True,
        cwd=small_run,
        env=environment(),
    )
    reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"report"')]
    assert [report["report"] for report in reports] == commands, done.stderr
    for report in reports:
        assert not report["code"], done.stderr
        assert {"lightning", "lightning_fabric"}.isdisjoint(report["modules"]), report["report"]
        assert torchmetrics or "torchmetrics" not in report["modules"], report["report"]
    assert ("torchmetrics" in reports[-1]["modules"]) == torchmetrics


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_source_file_is_small_and_named_with_a_noun(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in {"utils", "util", "helpers", "helper", "base", "common", "misc"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_source_file_never_unpickles(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            forbidden = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
            if path.name == "restricted_pickle.py":  # docs/decisions/0004
                forbidden.remove("pickle")
            assert forbidden.isdisjoint(name.split(".")[0] for name in names), f"line {node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = {word.arg: word.value for word in node.keywords}
            called = ast.unparse(node.func)
            if called == "torch.load":
                safe = given.get("weights_only")
                assert isinstance(safe, ast.Constant), f"line {node.lineno}"
                assert safe.value is True, f"line {node.lineno}"
            if called in {"np.load", "numpy.load"} and "allow_pickle" in given:
                assert ast.unparse(given["allow_pickle"]) == "False", f"line {node.lineno}"


# Spelled in halves, so that this file does not hold what it forbids.
REGISTRY_HOSTS = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npmjs" + ".org",
    "npmjs" + ".com",
    "unpkg" + ".com",
    "jsdelivr" + ".net",
    "deb.debian" + ".org",
    "archive.ubuntu" + ".com",
    "download.pytorch" + ".org/whl",  # beside it lie torchvision's weights, which are no packages
    "conda.anaconda" + ".org",
]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    for path in tracked_files():
        content = path.read_bytes()
        for host in REGISTRY_HOSTS:
            assert host.encode() not in content, f"{path.relative_to(ROOT)} names {host}"


def test_the_lock_pins_every_package_that_profond_and_its_tests_need() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    lines = [line for line in lock.splitlines() if not line.startswith("#")]
    plain = re.compile(r'[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*(; [a-z_]+ [<>=!]+ "[^"]+")?')
    assert [line for line in lines if not plain.fullmatch(line)] == []
    pinned = {normal(line.split("==")[0]) for line in lines}
    assert needed("profond", extras={"test", "video"}) <= pinned


def needed(package: str, extras: set[str]) -> set[str]:
    """What a package requires on this machine, and what that requires, and so on."""
    from importlib import metadata

    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting = [(package, extras | {""})]
    while waiting:
        name, wanted = waiting.pop()
        for requirement in map(Requirement, metadata.requires(name) or []):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in wanted):
                dependency = normal(requirement.name)
                if dependency not in found:
                    found.add(dependency)
                    waiting.append((requirement.name, requirement.extras | {""}))
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
