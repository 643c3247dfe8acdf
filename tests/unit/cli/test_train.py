"""`train`, `runs` and `recipes` as a person meets them, on a small folder of real digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from profond.cli import run
from profond.data.open import open_dataset
from profond.experiments.configuration import changed, for_model, from_recipe
from profond.experiments.experiment import assemble
from profond.recipes import registry

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    split = open_dataset("mnist").splits["test"]
    for index in range(300):
        label = int(split.targets[index])
        if label < 3:
            (folder / str(label)).mkdir(exist_ok=True)
            Image.fromarray(split.raw(index)[0].numpy()).save(folder / str(label) / f"{index:04}.png")
    return folder


@pytest.fixture
def trained(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run(["train", "--model=lenet5", f"--data={digits}", f"--out={tmp_path}", "--epochs=3", "--json"]) == 0
    return Path(json.loads(capsys.readouterr().out)["run"])


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_a_training_of_few_steps_says_how_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{'up' if n % 2 else 'down'}," + ",".join(str(n * t) for t in range(8)) for n in range(20)]
    table = tmp_path / "slopes.csv"
    table.write_text("label," + ",".join(f"t{t}" for t in range(8)) + "\n" + "\n".join(rows) + "\n")
    order = ["train", "--model=mlp", f"--data={table}", f"--out={tmp_path / 'runs'}", "--set=model.hidden=[4]"]
    assert run(order) == 0
    _, told = said(capsys)
    assert "note: 20 steps are few" in told
    assert "--steps 500` trains it longer" in told
    assert run([*order, "--steps=2"]) == 0
    assert "are few" not in said(capsys)[1]
    assert run(["train", "--model=text_lstm", f"--data={table}", f"--out={tmp_path}"]) == 3
    assert "'text_lstm' reads texts, and these data hold none to be read" in said(capsys)[1]


def test_training_on_a_folder_leaves_a_run_that_needs_no_python_to_read(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert {
        "run.json", "config.json", "environment.json", "metrics.jsonl", "model.safetensors", "spec.json",
        "preprocessing.json", "split.json", "split.csv", "evaluation.json", "README.md", "checkpoints", "evaluation",
    } <= names  # fmt: skip
    assert any(name.startswith("events.out.tfevents") for name in names)
    assert json.loads((trained / "spec.json").read_text())["classes"] == ["0", "1", "2"]
    placed = (trained / "split.csv").read_text().splitlines()
    assert placed[0] == "split,label,sample,content"
    sizes = json.loads((trained / "split.json").read_text())["sizes"]
    assert len(placed) - 1 == sum(sizes.values())
    assert {line.split(",")[0] for line in placed[1:]} == {"train", "valid", "test"}
    assert json.loads((trained / "run.json").read_text())["status"] == "done"
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert {line["split"] for line in lines} == {"train", "valid"}
    assert all("step" in line for line in lines)
    assert "profond predict" in (trained / "README.md").read_text()


def test_json_is_one_object_with_metrics_by_split(digits: Path, tmp_path: Path, capsys: Any) -> None:
    assert (
        run(["train", "--model=mlp", f"--data={digits}", f"--out={tmp_path}", "--epochs=1", "--json", "--quiet"]) == 0
    )
    out, err = said(capsys)
    document = json.loads(out)
    assert document["schema_version"] == 1
    assert document["command"] == "train"
    assert set(document["metrics"]) == {"valid", "test"}
    accuracy = document["metrics"]["test"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert document["seconds"] > 0
    assert "step" not in err


def test_runs_are_listed_shown_and_compared_by_name(trained: Path, digits: Path, capsys: Any) -> None:
    out = str(trained.parent)
    assert run(["train", "--model=mlp", f"--data={digits}", f"--out={out}", "--epochs=1", "--quiet"]) == 0
    assert run(["runs", "list", f"--out={out}"]) == 0
    assert run(["runs", "show", "last", f"--out={out}"]) == 0
    said(capsys)
    names = sorted(path.name for path in trained.parent.iterdir())
    assert run(["runs", "compare", *names, f"--out={out}", "--json"]) == 0
    assert json.loads(said(capsys)[0])["command"] == "runs compare"


def test_a_mistyped_folder_is_said_to_be_none(tmp_path: Path, capsys: Any) -> None:
    assert run(["train", "--model=mlp", "--data=phto", f"--out={tmp_path}"]) == 2
    told = said(capsys)[1]
    assert "unknown data set 'phto'" in told
    assert "help: there is no folder 'phto' here either; " in told


def test_a_complete_run_is_left_alone_by_resume(trained: Path, capsys: Any) -> None:
    before = (trained / "model.safetensors").stat().st_mtime_ns
    assert run(["runs", "resume", str(trained)]) == 0
    assert "complete" in said(capsys)[1]
    assert (trained / "model.safetensors").stat().st_mtime_ns == before


def test_a_run_whose_data_changed_is_not_resumed(digits: Path, tmp_path: Path, capsys: Any) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(digits, copy)
    assert run(["train", "--model=mlp", f"--data={copy}", f"--out={tmp_path / 'runs'}", "--epochs=1", "--json"]) == 0
    folder = Path(json.loads(said(capsys)[0])["run"])
    state = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**state, "status": "interrupted"}))
    for path in sorted((copy / "0").iterdir())[:5]:
        path.unlink()
    assert run(["runs", "resume", str(folder)]) == 3
    assert "is not the one" in said(capsys)[1]


def test_auto_looks_for_a_learning_rate_and_says_which(digits: Path, tmp_path: Path, capsys: Any) -> None:
    arguments = ["train", "--model=mlp", f"--data={digits}", f"--out={tmp_path}", "--epochs=1", "--learning-rate=auto"]
    assert run([*arguments, "--set", "learning_rate=0.00001"]) == 0  # far too low: the farthest that is tried wins
    assert "learning rate 0.0001, after a sweep of" in said(capsys)[1]
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "config.json").read_text())["training"]["learning_rate"] == pytest.approx(1e-4)


def test_settings_come_from_a_file_and_flags_win(digits: Path, tmp_path: Path, capsys: Any) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('[training]\nepochs = 5\noptimizer = "sgd"\n\n[model]\nhidden = [8]\n')
    arguments = ["train", "--model=mlp", f"--data={digits}", f"--out={tmp_path / 'runs'}", f"--config={settings}"]
    assert run([*arguments, "--epochs=1", "--quiet", "--json"]) == 0
    config = json.loads((Path(json.loads(said(capsys)[0])["run"]) / "config.json").read_text())
    assert config["training"]["epochs"] == 1
    assert config["training"]["optimizer"] == "sgd"
    assert config["model"]["hidden"] == [8]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["trian"], 2, "did you mean 'train'?"),
        (["train"], 2, "name a recipe"),
        (["train", "lenet6"], 2, "did you mean 'lenet5'?"),
        (["train", "lenet5", "--model=lenet"], 2, "did you mean 'lenet5'?"),
        (["train", "lenet5", "--data=mnits"], 2, "did you mean 'mnist'?"),
        (["train", "lenet5", "--data=/no/such/folder"], 3, "there is no /no/such/folder"),
        (["train", "lenet5", "--set=learning_rat=1"], 2, "did you mean 'learning_rate'?"),
        (["train", "lenet5", "--set=learning_rate"], 2, "KEY=VALUE"),
        (["train", "lenet5", "--set=optimizer=adamm"], 3, "optimizer"),
        (["train", "lenet5", "--learning-rate=fast"], 3, "learning_rate"),
        (["train", "lenet5", "--precision=fp8"], 3, "known: auto, bf16"),
        (["train", "lenet5", "--device=tpu0"], 5, "no such device"),
        (["train", "lenet5", "--device=cuda:99"], 5, "cuda"),
        (["train", "lenet5", "--epochs=0"], 3, "greater than 0"),
        (["train", "lenet5", "--epochs=1", "--set=training.steps=3", "--set=patience=1"], 3, "needs validation data"),
        (["train", "lenet5", "--set=devices=4000"], 5, "4000 processes were asked for"),
        (["train", "lenet5", "--config=/no/such.toml"], 3, "cannot read settings"),
        (["runs", "show", "/no/such/run"], 3, "no run /no/such/run"),
        (["recipes", "show", "lenet6"], 2, "did you mean 'lenet5'?"),
    ],
)
def test_bad_input_is_one_error_with_help_and_leaves_nothing(
    arguments: list[str], code: int, words: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == code
    out, err = said(capsys)
    assert out == ""
    assert words in err
    assert err.count("error: ") == 1
    assert err.count("help: ") == 1
    assert "Traceback" not in err
    assert list(tmp_path.rglob("*")) == []


def test_every_recipe_can_be_put_together_and_says_what_it_promises() -> None:
    for name in registry.names():
        expected = registry.load(name)().expected
        assert expected is not None, name
        assert expected.low < expected.high
        assert expected.source
        config = from_recipe(name)
        assert config.recipe == name


def test_balanced_class_weights_are_computed_from_the_training_data(digits: Path) -> None:
    config = changed(for_model("mlp", str(digits)), {"class_weights": "balanced"})
    experiment = assemble(config)
    weights = experiment.config.task.settings["class_weights"]
    targets = experiment.dataset.splits["train"].targets
    total = sum(weights[int(target)] for target in targets)
    assert total == pytest.approx(len(targets), rel=1e-6)


def test_a_setting_of_several_parts_asks_which() -> None:
    from profond.core.errors import ConfigError

    with pytest.raises(ConfigError, match="padding"):
        changed(from_recipe("lenet5"), {"padding": 2})


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("what a library made of it")])
@pytest.mark.parametrize("moment", ["while the data is read", "while it is measured"])
def test_a_stop_before_or_after_the_training_leaves_an_interrupted_run_that_resumes(
    digits: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException, moment: str
) -> None:
    from profond.core import signals
    from profond.experiments import train

    place = "evaluate_run" if moment == "while it is measured" else "split_lines"

    def stopped(*arguments: Any, **options: Any) -> Any:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(train, place, stopped)
        patched.setattr(signals, "_stage", "stopping")
        assert run(["train", "--model=mlp", f"--data={digits}", f"--out={tmp_path}", "--steps=4", "--quiet"]) == 130
    (folder,) = tmp_path.iterdir()
    told = said(capsys)[1]
    assert told == f"error: stopped\nhelp: `profond runs resume {folder}` continues it\n"
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert run(["runs", "resume", str(folder), "--quiet"]) == 0
    assert json.loads((folder / "run.json").read_text())["status"] == "done"
    assert (folder / "README.md").exists()
