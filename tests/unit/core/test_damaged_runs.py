"""A run's folder that something has harmed: each verb says so in words and goes on where it can."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from profond.cli import run as profond
from profond.core.errors import ConfigError, DeviceError
from profond.core.run import Run, all_runs
from profond.evaluation import kept
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment
from profond.models import create

DEEP = "[" * 200_000
FILES = (
    "run.json", "config.json", "split.json", "spec.json", "preprocessing.json", "evaluation.json", "metrics.jsonl",
    "evaluation/test/report.json", "evaluation/test/predictions.csv", "split.csv", "model.safetensors",
    "checkpoints/last/state.safetensors", "checkpoints/best/model.safetensors",
)  # fmt: skip
SPEC = {"shape": [3, 12, 12], "axes": "chw", "range": [0, 255], "classes": []}
READ = {  # what the command line cannot do without
    "run.json": ["list", "show", "predict", "evaluate", "doctor", "compare", "resume"],
    "config.json": ["list", "show", "predict", "evaluate", "doctor", "compare", "resume"],
    "split.json": ["evaluate", "resume"],
    "spec.json": ["predict", "evaluate"],
    "preprocessing.json": ["predict"],
    "evaluation.json": ["list", "show", "evaluate"],
    "metrics.jsonl": ["show", "doctor", "resume"],
    "evaluation/test/report.json": ["compare"],
    "evaluation/test/predictions.csv": ["compare"],
    "model.safetensors": ["predict", "evaluate", "doctor"],
    "checkpoints/last/state.safetensors": ["resume"],
}


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 99, (12, 12, 3), dtype=np.uint8)
        pixels[4 * (number % 2) : 4 * (number % 2) + 4] += 100
        (folder / f"c{number % 2}").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"c{number % 2}" / f"{number}.png")
    return folder / "c0" / "0.png"


@pytest.fixture(scope="module")
def whole(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "_draw", lambda *_: None)
        settings = {"epochs": 2, "hidden": [8], "log_every_steps": 1, "precision": "fp32", "batch_size": 16}
        config = changed(for_model("mlp", str(photo.parent.parent)), settings)
        return train_experiment(assemble(config), out=tmp_path_factory.mktemp("whole")).path


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "runs" / whole.name)
    return tmp_path / "runs" / whole.name


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_draw", lambda *_: None)


@pytest.fixture(autouse=True)
def never_waiting() -> Iterator[None]:
    """A pipe that is opened waits for ever: the test then ends in words."""

    def told(number: int, frame: Any) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, told)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def verbs(run: Path, whole: Path, photo: Path) -> dict[str, list[str]]:
    return {
        "list": ["runs", "list", f"--out={run.parent}"],
        "show": ["runs", "show", str(run)],
        "predict": ["predict", str(run), str(photo), "--engine=torch"],
        "evaluate": ["evaluate", str(run), "--quiet", "--no-pictures"],
        "doctor": ["finetune", "--doctor", str(run), "--quiet"],
        "compare": ["runs", "compare", str(run), str(whole)],
        "resume": ["runs", "resume", str(run), "--quiet"],
    }


def spoil(path: Path, how: str) -> None:
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "link to itself":
        path.symlink_to(path.name)
    else:
        path.write_text({"deep": DEEP, "empty": "", "bytes": "\udcff"}[how], errors="surrogateescape")


@pytest.mark.parametrize(
    ("name", "how"),
    [
        (name, how)
        for name in READ
        for how in ("folder", "pipe", "link to itself", "deep", "empty", "bytes")
        # an empty table of metrics is one, and a last line that was cut short is passed over
        if name != "metrics.jsonl" or how not in ("deep", "empty", "bytes")
    ],
)
def test_a_file_that_is_none_is_damage_for_all_who_need_it(
    name: str, how: str, run: Path, whole: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "README.md").unlink()
    spoil(run / name, how)
    for verb, words in verbs(run, whole, photo).items():
        if verb not in READ[name]:
            continue
        code, said = profond(words), capsys.readouterr()
        if verb == "list":
            assert code == 0
            assert said.out.split()[1] == "damaged"
        else:
            assert code == 3, (verb, said.err)
            assert Path(name).name in said.err
            assert "help: " in said.err


@pytest.mark.parametrize(
    ("name", "content", "verb"),
    [
        ("split.json", {}, "evaluate"),
        ("split.json", {"hash": 3}, "resume"),
        ("split.json", {"hash": {"test": 3}}, "evaluate"),
        ("split.json", {"hash": {}, "content": []}, "evaluate"),
        ("evaluation.json", {"metrics": {"test": {"accuracy": [1]}}}, "list"),
        ("evaluation.json", {"metrics": {"test": {"accuracy": {"low": 1}}}}, "list"),
        ("evaluation.json", {"metrics": "all"}, "evaluate"),
        ("evaluation.json", {"metrics": {"test": 3}}, "show"),
        ("run.json", {"status": {}}, "list"),
        ("run.json", {"status": "done", "seconds": {}}, "list"),
        ("run.json", {"status": "done", "seconds": 10**400}, "list"),
        ("run.json", {"name": "\ud800"}, "show"),
        ("config.json", {"model": {"name": "\ud800"}}, "resume"),
        ("config.json", {"model": "mlp"}, "predict"),
        ("config.json", {"training": []}, "resume"),
        ("spec.json", {"shape": [3, 12, 12], "axes": "chw", "range": [0, 255], "classes": "cd"}, "predict"),
        ("spec.json", {"shape": [3, 12, 12], "axes": "chw", "range": [0, 255], "classes": [1, 2]}, "evaluate"),
        ("spec.json", {"shape": "3x12x12", "axes": "chw", "range": [0, 255], "classes": ["c0", "c1"]}, "predict"),
        ("spec.json", {"shape": [3, 12], "axes": "chw", "range": [0, 255], "classes": ["c0", "c1"]}, "predict"),
        ("spec.json", SPEC | {"shape": [3, 14, 12]}, "predict"),
        ("spec.json", SPEC | {"shape": [12, 12], "axes": "ct"}, "evaluate"),
        ("spec.json", SPEC | {"shape": [3, 0, 12]}, "predict"),
        ("spec.json", SPEC | {"axes": "hwc"}, "predict"),
        ("spec.json", SPEC | {"axes": "ccc"}, "evaluate"),
        ("spec.json", SPEC | {"quantities": "x"}, "predict"),
        ("spec.json", SPEC | {"quantities": None}, "evaluate"),
        ("spec.json", SPEC | {"quantities": [{"unit": "kg"}]}, "predict"),
        ("spec.json", SPEC | {"quantities": [{"name": 3}]}, "evaluate"),
        ("spec.json", SPEC | {"classes": ["c0", "c1"], "quantities": [{"name": "weight"}]}, "predict"),
    ],
)
def test_what_does_not_fit_is_named(
    name: str, content: Any, verb: str, run: Path, whole: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "README.md").unlink()
    (run / name).write_text(json.dumps(content))
    code, said = profond(verbs(run, whole, photo)[verb]), capsys.readouterr()
    if verb == "list":
        assert code == 0
        assert said.out.split()[1] == "damaged"
    else:
        assert code == 3
        assert f"{name} is damaged" in said.err


@pytest.mark.parametrize(
    "line", ["null", "3", '{"step": 1}', '{"step": 1, "split": []}', '{"split": "x", "step": "y"}']
)
def test_a_line_of_metrics_that_is_no_record_is_named_by_its_number(
    line: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len((run / "metrics.jsonl").read_text().splitlines())
    with (run / "metrics.jsonl").open("a") as file:
        file.write(f"{line}\n")
    assert profond(["runs", "show", str(run)]) == 3
    assert f"metrics.jsonl is damaged: line {count + 1}" in capsys.readouterr().err


def test_one_damaged_run_does_not_hide_the_others_and_is_never_the_last(
    run: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("loop", "pipe", "folder"):
        (run.parent / name).mkdir()
    (run.parent / "loop" / "run.json").symlink_to("run.json")
    os.mkfifo(run.parent / "pipe" / "run.json")
    (run.parent / "folder" / "run.json").mkdir()
    (run.parent / "itself").symlink_to("itself")
    assert profond(["runs", "list", f"--out={run.parent}"]) == 0
    lines = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert sorted(lines[:3]) == [[str(run.parent / name), "damaged"] for name in ("folder", "loop", "pipe")]
    assert lines[3:] == [[str(run), "done"]]
    assert profond(["predict", "last", str(photo), f"--out={run.parent}"]) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read_is_damage(run: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "run.json").chmod(0)
    assert profond(["runs", "show", str(run)]) == 3
    assert "Permission denied" in capsys.readouterr().err
    assert [each.path for each in all_runs(run.parent)] == [run]


@pytest.mark.parametrize("width", [10**9, 10**12, 10**18])
@pytest.mark.parametrize("verb", ["predict", "evaluate", "resume"])
def test_a_network_that_no_machine_has_room_for_is_5(
    width: int, verb: str, run: Path, whole: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "README.md").unlink()
    config = json.loads((run / "config.json").read_text())
    config["model"]["hidden"] = [width, 8]
    (run / "config.json").write_text(json.dumps(config))
    assert profond(verbs(run, whole, photo)[verb]) == 5
    assert "GiB" in capsys.readouterr().err


def test_a_network_too_large_or_too_deep_is_refused_before_it_is_made() -> None:
    with pytest.raises(DeviceError, match="needs more than"):
        create("lenet5", input_shape=(1, 32, 32), num_classes=10**12)
    with pytest.raises(ConfigError, match="tensors"):
        create("mlp", input_shape=(1, 2, 2), num_classes=2, hidden=[1] * 15_000)


ODD: list[Any] = [
    None,
    True,
    [],
    {},
    "",
    "x",
    -1,
    0,
    1.5,
    10**9,
    10**30,
    float("nan"),
    "\ud800",
    "\udce9",
    [[]],
    {"a": {}},
]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_changed_nothing_unforeseen_comes_of_it(
    seed: int, run: Path, whole: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(seed)
    if chance.random() < 0.5:
        (run / "README.md").unlink()
    harmed = [harm(run / chance.choice(FILES), chance) for _ in range(2)]
    given = list(verbs(run, whole, photo).items())
    for verb, words in [given[0], *chance.sample(given[1:], 3)]:
        code, said = profond(words), capsys.readouterr()
        told = (seed, harmed, verb, said.err)
        assert "this should not happen" not in said.err, told
        assert code in ((0,) if verb == "list" else (0, 1, 3) if verb == "doctor" else (0, 2, 3, 4, 5)), told


def harm(path: Path, chance: random.Random) -> str:
    """Something else in one place of a file, or some of its bytes; says what."""
    data = path.read_bytes()
    if path.suffix == ".json" and chance.random() < 0.8:
        document = json.loads(data)
        where = chance.choice([place for place in places(document) if place])
        value = copy.deepcopy(chance.choice(ODD))
        holder = document
        for key in where[:-1]:
            holder = holder[key]
        holder[where[-1]] = value
        path.write_text(json.dumps(document))
        return f"{path.name} {where} = {value!r}"
    if chance.random() < 0.3:
        path.write_bytes(data[: chance.randrange(len(data))])
        return f"{path.name} cut short"
    harmed = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        harmed[chance.randrange(min(len(harmed), 3000))] = chance.randrange(256)
    path.write_bytes(harmed)
    return f"{path.name} other bytes"


def places(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inside:
        yield from places(value, (*above, key))


def test_what_is_no_text_is_never_written(run: Path) -> None:
    """A data set's folder may have a name that is not UTF-8: its run can be read again."""
    opened = Run.open(run)
    opened.update(error="na\udce9me")
    assert opened.state["error"] == "na\udce9me"
    assert b"\\udce9" in opened.file("run.json").read_bytes()
