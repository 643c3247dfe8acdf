"""Texts from the command line: a network learns a table, answers, is measured elsewhere, explained; a book goes on."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import profond
from profond.cli import run
from profond.core.errors import DataError

WORDS = {"good": "lovely fine warm moving funny", "bad": "dull flat awful boring lifeless"}


def reviews(path: Path, count: int, start: int = 0) -> Path:
    rows = ["text,label"]
    for i in range(start, start + count):
        label = ("good", "bad")[i % 2]
        rows.append(f"a {WORDS[label].split()[i % 5]} film number {i % 7},{label}")
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    small = ["--set", "model.width=12", "--set", "model.hidden=8", "--learning-rate", "0.03", "--batch-size", "16"]
    table = reviews(folder / "reviews.csv", 200)
    command = ["train", "--model", "text_lstm", "--data", str(table), "--epochs", "6", "--out", str(folder / "runs")]
    assert run([*command, *small, "--quiet"]) == 0
    return next((folder / "runs").iterdir())


def test_the_linear_model_stands_beside_the_network(trained: Path) -> None:
    summary = json.loads((trained / "evaluation.json").read_text())
    assert {"majority", "linear"} <= summary["metrics"]["test"].keys()
    assert "majority" not in summary["metrics"]["valid"]
    assert any("a linear model of words and pairs" in line for line in summary["lines"]["test"])


def test_of_a_file_of_texts_the_first_are_explained_and_the_others_are_told_of(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = reviews(tmp_path / "many.csv", 5), tmp_path / "out"
    asked = ["explain", "recurrence", str(trained), str(table), "a fine film", "--rows", "1", "--json"]
    assert run([*asked, "--out", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["image"] for one in told["explanations"]] == [f"{table}#2", "a fine film"]
    assert told["left_out"] == {str(table): 4}


def test_texts_are_given_in_quotes_in_files_and_through_a_pipe(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = tmp_path / "new.txt"
    lines.write_text("a lovely film\nan awful film\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"such a boring film\n")))
    assert run(["predict", str(trained), "a warm and moving film", str(lines), "-", "--quiet"]) == 0
    said = [line.split("\t")[:2] for line in capsys.readouterr().out.splitlines()]
    assert said == [
        ["a warm and moving film", "good"],
        [f"{lines}#1", "good"],
        [f"{lines}#2", "bad"],
        ["line 1", "bad"],
    ]


def test_from_python_texts_are_strings(trained: Path) -> None:
    network = profond.load(trained)
    assert [one.label for one in network.predict(["a warm film", "a flat film"])] == ["good", "bad"]
    assert network.explain("a warm film").said.startswith("good")
    with pytest.raises(DataError, match="is empty"):
        network.predict("")


def test_a_longer_neighbour_changes_no_answer(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    longer = "a warm film that goes on and on about number 3 and number 4 and is still moving"
    lines = []
    for texts in (["a dull film"], [longer, "a dull film"]):
        assert run(["predict", str(trained), *texts, "--quiet"]) == 0
        lines.append(capsys.readouterr().out.splitlines()[-1])
    assert lines[0] == lines[1]


def test_what_is_no_text_is_refused_in_words(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for given, words in (("", "the text is empty"), ("nothere.csv", "nothere.csv cannot be read")):
        assert run(["predict", str(trained), given]) == 3
        assert words in capsys.readouterr().err


def test_another_table_is_measured_with_the_vocabulary_of_the_run(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = reviews(tmp_path / "other.csv", 20, start=1000)
    assert run(["evaluate", str(trained), "--data", str(other), "--json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["count"] == 20
    [metrics] = found["metrics"].values()
    assert metrics[next(iter(metrics))]["value"] == 1.0


DAMAGE: list[tuple[str, Callable[[Any], Any], str]] = [
    ("entries", lambda entries: entries[:-3], "knows"),
    ("entries", lambda entries: [*entries, "zzzz"], "knows"),
    ("entries", lambda entries: [*entries[:-1], entries[-2]], "an entry is there twice"),
    ("entries", lambda entries: [*entries[4:], "p", "q", "r", "s"], "do not begin with <padding>"),
    ("entries", lambda entries: "abc", "it must be|valid list"),
    ("entries", lambda entries: [*entries[:-1], 3], "valid string"),
    ("kind", lambda kind: "letters", "'words', 'characters' or 'pieces'"),
    ("kind", lambda kind: "pieces", "have no model"),
    ("longest", lambda longest: -1, "greater than or equal to 0"),
    ("", lambda tokens: None, "has no vocabulary"),
    ("", lambda tokens: "abc", "it is no object"),
]


@pytest.mark.parametrize(("file", "key"), [("spec.json", "tokens"), ("preprocessing.json", "text")])
@pytest.mark.parametrize(("place", "change", "words"), DAMAGE)
def test_a_damaged_vocabulary_is_told_with_its_file(
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    key: str,
    place: str,
    change: Callable[[Any], Any],
    words: str,
) -> None:
    harmed = tmp_path / "run"
    shutil.copytree(trained, harmed)
    document = json.loads((harmed / file).read_text())
    holder, name = (document[key], place) if place else (document, key)
    holder[name] = change(holder[name])
    (harmed / file).write_text(json.dumps(document))
    for command in (["predict", str(harmed), "a fine film"], ["evaluate", str(harmed), "--no-pictures"]):
        assert run([*command, "--quiet"]) == 3
        said = capsys.readouterr().err
        assert f"{file} is damaged" in said
        assert re.search(words, said)


def test_decimals_of_texts_are_estimated_and_the_worst_are_shown(tmp_path: Path) -> None:
    table = tmp_path / "scores.csv"
    table.write_text("text,score\n" + "".join(f"film number {i % 9} is fine,{i % 9 + 0.5}\n" for i in range(60)))
    small = ["--set", "model.width=4", "--set", "model.hidden=4", "--steps", "2", "--quiet"]
    out = tmp_path / "runs"
    assert run(["train", "--model", "text_lstm", "--data", str(table), "--out", str(out), *small]) == 0
    [made] = out.iterdir()
    assert (made / "evaluation" / "test" / "worst.png").read_bytes().startswith(b"\x89PNG")


def test_words_are_coloured_and_add_up(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", str(trained), "a lovely film with zzzz", "test/1", "--out", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["explanations"]
    names = {Path(file).name for one in found for file in one["files"]}
    assert names == {"overview.png", "integrated_gradients.png", "integrated_gradients.npy", "explanation.json"}
    assert run(["explain", str(trained), "a film", "--method", "grad_cam"]) == 3
    assert "is for images" in capsys.readouterr().err


def test_features_of_texts_are_written(trained: Path, tmp_path: Path) -> None:
    lines, table = tmp_path / "lines.txt", tmp_path / "features.csv"
    lines.write_text("a great film\n\na dull story\n")
    assert run(["features", str(trained), str(lines), "a great film", "--out", str(table)]) == 0
    first, second, again = (row.split(",") for row in table.read_text().splitlines()[1:])
    assert first[0] == f"{lines}#1"
    assert again[0] == "a great film"
    assert first[1:] == again[1:] != second[1:]


@pytest.mark.filterwarnings("error")
def test_words_in_other_scripts_are_drawn_without_a_warning(trained: Path, tmp_path: Path) -> None:
    assert run(["explain", str(trained), "🎬 סרט great", "--out", str(tmp_path)]) == 0


def test_a_book_goes_on_from_a_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = tmp_path / "book.txt"
    book.write_text(
        "".join(f"And the {('cat', 'dog', 'owl')[i % 3]} said a word to number {i % 11}. " for i in range(150))
    )
    small = ["--set", "model.width=8", "--set", "model.hidden=24", "--batch-size", "16", "--epochs", "2"]
    command = ["train", "--model", "char_lstm", "--data", str(book), "--out", str(tmp_path / "runs"), "--quiet"]
    assert run([*command, *small]) == 0
    assert "LZMA" in capsys.readouterr().out
    made = next((tmp_path / "runs").iterdir())
    texts = []
    for _ in range(2):
        assert run(["generate", str(made), "--prompt", "And ", "--length", "20", "--seed", "3", "--quiet"]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert texts[0].startswith("And ")
    assert run(["generate", str(made), "--count", "2", "--length", "5", "--json", "--quiet"]) == 0
    assert len(json.loads(capsys.readouterr().out)["made"]) == 2
    assert run(["explain", "recurrence", str(made), "And the", "--out", str(tmp_path / "why"), "--class", "d"]) == 0
    assert "step 6: d\t0." in capsys.readouterr().out
    assert run(["generate", str(made), "--length", "0"]) == 3
    assert "length of texts: 0" in capsys.readouterr().err


def test_a_run_that_makes_nothing_says_so(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", str(trained)]) == 3
    assert "makes nothing by itself" in capsys.readouterr().err
