"""`profond models show` and `params`: every network is shown without a word about its data, texts' ones too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from profond import models as zoo
from profond.cli.models import models, params

OTHERS = [name for name in zoo.registry.names() if zoo.family_of(name) != "feedforward"]
READ_OR_WRITE_TEXTS = {
    "text_lstm": {"vocabulary"},
    "char_lstm": {"vocabulary", "output_vocabulary"},
    "seq2seq": {"vocabulary", "output_vocabulary"},
    "show_attend_and_tell": {"output_vocabulary"},
}


def show(*words: str) -> Result:
    return CliRunner().invoke(models, ["show", *words], catch_exceptions=False)


@pytest.mark.parametrize("name", OTHERS)
def test_a_network_that_is_no_usual_one_is_shown_too(name: str) -> None:
    document = json.loads(show(name, "--json").output)
    assert document["total"]["parameters"] > 0
    assert document["total"]["multiply_adds"] > 0
    assert all(layer["output_shape"] is not None for layer in document["layers"] if layer["calls"])


@pytest.mark.parametrize("name", sorted(READ_OR_WRITE_TEXTS))
def test_a_vocabulary_that_no_data_gave_is_said_to_be_an_example(name: str, tmp_path: Path) -> None:
    picture = tmp_path / "layers.png"
    said = show(name, "--picture", str(picture)).output
    assert picture.stat().st_size > 5_000
    assert "an example" in said
    assert all(f"--set {key}=N" in said for key in READ_OR_WRITE_TEXTS[name])
    settled = [word for key in READ_OR_WRITE_TEXTS[name] for word in ("--set", f"{key}=50")]
    assert "an example" not in show(name, *settled).output


def test_input_says_how_many_tokens_a_text_has() -> None:
    document = json.loads(show("text_lstm", "--input", "40", "--set", "vocabulary=50", "--json").output)
    assert document["input_shape"] == [40]
    assert document["layers"][0]["output_shape"] == [40, 64]
    assert document["layers"][0]["formula"] == "50·64"


def test_a_run_on_texts_is_shown_with_its_own_vocabulary(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    model = {"name": "text_lstm", "num_classes": 3, "vocabulary": 21}
    (run / "run.json").write_text(json.dumps({"schema_version": 1, "command": "train", "state": "finished"}))
    (run / "config.json").write_text(json.dumps({"model": model}))
    (run / "spec.json").write_text(
        json.dumps({"shape": [9], "axes": "t", "range": [0, 20], "classes": ["a", "b", "c"]})
    )
    said = CliRunner().invoke(params, [str(run)], catch_exceptions=False).output
    assert "input 9" in said
    assert "vocabulary=21" in said
    assert "an example" not in said
