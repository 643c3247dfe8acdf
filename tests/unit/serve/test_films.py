"""A run on clips answers for whole videos: a label for each frame, however long they are."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.videos import shades, write_video

from profond.cli import run as command
from profond.core.errors import ConfigError, DataError
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment
from profond.serve.predictor import Predictor

LONG = shades(("bright", 14), ("dark", 18), ("bright", 11))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run that tells dark frames from bright ones, and a folder with a longer video."""
    folder = tmp_path_factory.mktemp("films")
    rows = []
    for number in range(4):
        write_video(folder / "videos" / f"{number}.mp4", shades(("dark", 8), ("bright", 12)))
        rows.append(f"{number}.mp4,0,0.8,dark\n{number}.mp4,0.8,2,bright")
    (folder / "videos" / "labels.csv").write_text("video,start,end,label\n" + "\n".join(rows))
    write_video(folder / "new" / "long.mp4", LONG)
    config = changed(
        for_model("frame_convnet", str(folder / "videos")),
        {
            "data.rate": 10.0,
            "data.frames": 8,
            "data.size": 8,
            "data.channels": 1,
            "model.widths": [4],
            "model.batch_norm": False,
            "training.steps": 60,
            "training.learning_rate": 0.02,
            "training.precision": "fp32",
        },
    )
    made = train_experiment(assemble(config), out=folder / "runs")
    return made.path, folder


def test_every_frame_of_a_longer_video_gets_a_label_with_its_time(trained: tuple[Path, Path]) -> None:
    path, folder = trained
    predictor = Predictor.open(path, device="cpu")
    (found,) = predictor.predict(folder / "new" / "long.mp4")
    assert found.names == LONG
    assert found.line().split("\t")[1:] == ["bright 0.00-1.40s", "dark 1.40-3.20s", "bright 3.20-4.30s"]
    rows = found.rows()
    assert [row["label"] for row in rows] == LONG
    assert [float(row["seconds"]) for row in rows] == pytest.approx([n / 10 for n in range(len(LONG))])
    assert found.answer.frames.shape[0] <= 24


def test_a_clip_alone_is_answered_as_in_its_video(trained: tuple[Path, Path]) -> None:
    predictor = Predictor.open(trained[0], device="cpu")
    frames = np.stack([np.full((8, 8), 30 if n < 11 else 220, np.uint8) for n in range(21)])[None]
    (whole,) = predictor.predict([frames])
    parts = predictor.predict([frames[:, 0:8], torch.from_numpy(frames[:, 8:16]), frames[:, 16:]])
    assert whole.names == [name for part in parts for name in part.names]
    np.testing.assert_allclose(
        whole.answer.probabilities, np.concatenate([part.answer.probabilities for part in parts]), rtol=1e-5
    )
    with pytest.raises(DataError, match="not a video"):
        predictor.predict([frames[:, :, :4]])


def test_the_command_writes_rows_and_a_picture_and_goes_on_past_what_is_no_video(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, folder = trained
    (folder / "new" / "broken.mp4").write_bytes(b"nothing of the kind" * 50)
    table = tmp_path / "frames.csv"
    out = ["--csv", str(table), "--pictures", str(tmp_path / "drawn"), "--json"]
    assert command(["predict", str(path), str(folder / "new"), *out]) == 3
    said = json.loads(capsys.readouterr().out)
    assert [one["source"].rpartition("/")[2] for one in said["predictions"]] == ["long.mp4"]
    assert said["predictions"][0]["labels"] == LONG
    assert "broken.mp4 cannot be decoded" in said["refused"][0]["error"]
    assert [Path(one).name for one in said["pictures"]] == ["long.png"]
    with table.open() as file:
        assert [row["label"] for row in csv.DictReader(file)] == LONG
    (folder / "new" / "broken.mp4").unlink()


def test_what_is_not_for_videos_is_refused_in_words(trained: tuple[Path, Path], tmp_path: Path) -> None:
    path, folder = trained
    video = str(folder / "new" / "long.mp4")
    assert command(["explain", str(path), video]) != 0
    assert command(["explain", "recurrence", str(path), video]) != 0  # a network that has no memory
    assert command(["features", str(path), video, "--out", str(tmp_path / "x.csv")]) != 0
    with pytest.raises(ConfigError, match="takes any length"):
        Predictor.open(path, device="cpu", engine="openvino")
    with pytest.raises(ConfigError, match="features are of images and series"):
        next(Predictor.open(path, device="cpu").features([video]))


def test_what_a_recurrent_network_remembers_of_a_video_is_explained_at_one_frame(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder = trained
    settings = {
        "data.rate": 10.0,
        "data.frames": 24,
        "data.size": 16,
        "training.steps": 1,
        "training.precision": "fp32",
    }
    config = changed(for_model("frame_lstm", str(folder / "videos")), {**settings, "model.widths": [4, 4]})
    made = train_experiment(assemble(config), out=tmp_path)
    capsys.readouterr()
    for given, steps in ((str(folder / "new" / "long.mp4"), 24), ("valid/0", 20)):
        assert command(["explain", "recurrence", str(made.path), given, "--step", "3", "--json"]) == 0
        (said,) = json.loads(capsys.readouterr().out)["explanations"]
        report = json.loads(next(Path(one) for one in said["files"] if one.endswith(".json")).read_text())
        assert report["step"] == 3
        gradient = report["layers"][0]["gradient"]
        assert len(gradient) == steps
        assert max(gradient[4:]) == 0 < min(gradient[:4])
        assert bool(said["notes"]) == (steps == 24)


def test_it_is_evaluated_on_other_videos_with_labels(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path, folder = trained
    other = folder / "other"
    write_video(other / "a.mp4", shades(("dark", 6), ("bright", 7)))
    (other / "labels.csv").write_text("video,start,end,label\na.mp4,0,0.6,dark\na.mp4,0.6,1.3,bright\n")
    assert command(["evaluate", str(path), "--data", str(other), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    (metrics,) = said["metrics"].values()
    assert metrics["accuracy"]["value"] > 0.9
    (other / "labels.csv").write_text("path,label\na.mp4,grey\n")
    assert command(["evaluate", str(path), "--data", str(other)]) == 3
