"""`profond translate` on a run that was really trained: texts, files, standard input, and what cannot be translated."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from support.examples import untrained

from profond.cli import run as profond
from profond.experiments.configuration import Chosen, changed, for_model
from profond.experiments.experiment import Experiment, assemble, settled
from profond.experiments.train import train_experiment

pytestmark = pytest.mark.slow

ANIMALS = {"cat": "chat", "dog": "chien", "cow": "vache", "hen": "poule", "fox": "renard", "pig": "cochon"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("animals")
    rows = [f"the {a} and the {b},le {c} et le {d}" for a, c in ANIMALS.items() for b, d in ANIMALS.items()]
    (root / "animals.csv").write_text("\n".join(["english,french", *rows]) + "\n")
    changes = {"data.source": "english", "data.target": "french", "data.tokens": "words", "width": 16, "hidden": 32}
    training = {"training.steps": 120, "learning_rate": 0.02, "device": "cpu", "keep": "last", "batch_size": 16}
    config = changed(for_model("seq2seq", str(root / "animals.csv")), {**changes, **training})
    return str(train_experiment(assemble(config), out=root / "runs").path)


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert profond(["translate", *words]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_each_text_is_a_line(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, trained, "the cat and the dog", "the fox and the hen", "--quiet")
    assert out.splitlines() == ["le chat et le chien", "le renard et le poule"]
    assert err == ""
    assert said(capsys, trained, "the cat and the dog", "--beam", "3", "--quiet")[0] == "le chat et le chien\n"
    assert said(capsys, trained, "the cat and the dog", "--max-length", "2", "--quiet")[0] == "le chat\n"


def test_the_folder_of_the_runs_is_named_in_both_ways(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    runs = str(Path(trained).parent)
    for words in (["--runs", runs], ["--out", runs]):
        assert said(capsys, "last", "the cat and the dog", *words, "--quiet")[0] == "le chat et le chien\n"
    _, err = said(capsys, trained, "the cat and the dog", "--out", "french.txt", code=2)
    assert "--out is not for these" in err


def test_a_file_that_is_given_as_a_text_is_said(
    trained: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "english.txt").write_text("the cat and the dog\n")
    _, err = said(capsys, trained, str(tmp_path / "english.txt"))
    assert f"--file {tmp_path}/english.txt translates its lines" in err
    assert "is a file" not in said(capsys, trained, "é" * 200)[1]  # 400 bytes, which no file's name has


def test_lines_of_a_file_and_of_standard_input_keep_their_places(
    trained: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "the cow and the pig\n\nthe hen and the cat\n"
    expected = ["le vache et le cochon", "", "le poule et le chat"]
    (tmp_path / "english.txt").write_text(lines)
    assert said(capsys, trained, "--file", str(tmp_path / "english.txt"))[0].splitlines() == expected
    for words in ([], ["-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
        assert said(capsys, trained, *words)[0].splitlines() == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert "standard input is empty" in said(capsys, trained, code=3)[1]


def test_json_and_a_map_of_attention(trained: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out, _ = said(capsys, trained, "the cat and the dog", "--json", "--attention", str(tmp_path / "map.png"))
    found = json.loads(out)
    assert found["command"] == "translate"
    assert found["refused"] == []
    (answer,) = found["translations"]
    assert (answer["source"], answer["text"], answer["ended"]) == ("the cat and the dog", "le chat et le chien", True)
    with Image.open(tmp_path / "map.png") as picture:
        assert len(picture.convert("RGB").getcolors(2**20) or []) > 20
    assert "png" in said(capsys, trained, "the cat", "--attention", str(tmp_path / "map.xyz"), code=2)[1]


def test_what_was_never_seen_is_said_and_what_is_empty_is_refused(
    trained: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, trained, "the cat and the ☃")
    assert out.startswith("le chat et le ")
    assert "'☃'" in err
    out, err = said(capsys, trained, "the cat " * 9)
    assert "longer than any in training" in err
    out, err = said(capsys, trained, "", "the cat and the dog", code=3)
    assert out.splitlines() == ["", "le chat et le chien"]
    assert "1 of 2 texts could not be used" in err
    assert "Traceback" not in err


def test_a_run_that_does_not_translate_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: str
) -> None:
    assert "no such file" in said(capsys, trained, "--file", str(tmp_path / "absent.txt"), code=3)[1].lower()
    case = untrained("classify")
    name, chosen = case.model_settings["name"], {k: v for k, v in case.model_settings.items() if k != "name"}
    config = changed(for_model(name, case.dataset.name), {"training.steps": 1, "training.precision": "fp32"})
    config, _ = settled(replace(config, model=Chosen(name, chosen)), case.dataset)
    run = train_experiment(Experiment(config, case.model, dataset=case.dataset), out=tmp_path)
    err = said(capsys, str(run.path), "the cat", code=3)[1]
    assert "does not translate" in err
    assert "profond predict" in err
