"""Evaluation of any model on any batches, and what it leaves in a run's folder."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from profond.core.errors import ConfigError, DataError, StorageError, UnknownName
from profond.core.lettering import drawable
from profond.core.run import Run
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.evaluation.evaluate import evaluate, evaluate_run
from profond.evaluation.kept import png
from profond.evaluation.other_data import class_numbers, open_other
from profond.measures import class_figures as figures
from profond.measures.measured import Measured
from profond.measures.report import Report
from profond.tasks.classify import Classify
from profond.tasks.task import Phase

CLASSES = ("dark", "middle", "bright")


class Brightness(nn.Module):
    """Tells three brightnesses apart without training; a BatchNorm and a Dropout make its mode matter."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.drop = nn.Dropout(0.5)
        self.centres = nn.Parameter(torch.tensor([0.2, 0.5, 0.8]))

    def forward(self, inputs):
        mean = self.drop(self.norm(inputs)).flatten(1).mean(1)
        return -60 * (mean[:, None] - self.centres).square()


class Trained:
    """What an evaluation needs of an experiment."""

    def __init__(self, dataset: Dataset, model: nn.Module) -> None:
        self.dataset, self.model, self.task = dataset, model, Classify()
        self.spec, self.preprocessing = dataset.spec, dataset.preprocessing
        self.input_shape = dataset.spec.shape


def pictures(count: int = 60, channels: int = 1, classes=CLASSES, prefix="test", noise: int = 40) -> Dataset:
    random = torch.Generator().manual_seed(0)
    targets = torch.arange(count) % len(classes)
    levels = torch.tensor([51.0, 128.0, 204.0])[targets % 3]
    wander = torch.randint(-noise, noise + 1, (count,), generator=random) if noise else torch.zeros(count)
    samples = (levels + wander).clamp(0, 255).to(torch.uint8)[:, None, None, None].expand(count, channels, 8, 8)
    preprocessing = Preprocessing(size=(8, 8), mode="L" if channels == 1 else "RGB", fixed_size=True)
    split = TensorSplit(samples.clone(), targets, prefix)
    return Dataset("greys", Spec((channels, 8, 8), "chw", classes=classes), preprocessing, {"test": split}, "made here")


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path, "greys", {"model": {"name": "brightness"}})


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_data_loader_and_a_module_of_ones_own_can_be_evaluated():
    data = TensorDataset(torch.rand(50, 1, 4, 4), torch.arange(50) % 3)
    report = evaluate(Brightness(), Classify(), DataLoader(data, batch_size=16))
    assert report.count == 50
    assert report.findings.classes == ("0", "1", "2")
    assert report.metrics["accuracy"].low <= report.metrics["accuracy"].value <= report.metrics["accuracy"].high


def test_the_model_is_measured_in_eval_mode_and_left_in_its_own_modes():
    model = Brightness().train()
    model.norm.eval()  # frozen, as fine-tuning leaves it
    batches = list(pictures().batches("test", 16))
    first = evaluate(model, Classify(), batches).metrics
    assert evaluate(model, Classify(), batches).metrics == first
    assert model.training
    assert model.drop.training
    assert not model.norm.training
    assert float(model.norm.num_batches_tracked) == 0


def test_any_tasks_meter_is_reported_and_needs_no_classes():
    class Meter:
        total, count = 0.0, 0

        def update(self, model, batch):
            self.total += float((model(batch[0]) - batch[1]).abs().sum())
            self.count += len(batch[1])
            return len(batch[1])

        def report(self):
            error = Measured(self.total / self.count, unit="°C", better="lower")
            return Report("mean_absolute_error", {"mean_absolute_error": error}, self.count)

    class Forecast:
        headline, phases, loss = "mean_absolute_error", (Phase(),), None

        def meter(self, spec=None):
            return Meter()

    batches = [(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 4.0])), (torch.tensor([3.0]), torch.tensor([3.0]))]
    report = evaluate(nn.Identity(), Forecast(), batches)
    assert report.metrics["mean_absolute_error"].value == pytest.approx(2.5 / 3)
    assert report.count == 3
    assert report.headline == "mean_absolute_error"
    error = {"value": pytest.approx(2.5 / 3), "unit": "°C", "better": "lower"}
    assert report.to_json()["metrics"] == {"mean_absolute_error": error}


def test_soft_targets_count_as_their_most_probable_class():
    logits = torch.eye(3) * 5
    report = evaluate(nn.Identity(), Classify(), [(logits, torch.eye(3) * 0.8 + 0.05)])
    assert report.metrics["accuracy"].value == 1.0


def test_an_empty_split_is_an_error():
    with pytest.raises(DataError, match="the split is empty"):
        evaluate(Brightness(), Classify(), [])


def test_a_label_never_seen_in_training_is_named():
    with pytest.raises(DataError, match="a label is 7, and the model tells 3 classes apart: 0 to 2"):
        evaluate(Brightness(), Classify(), [(torch.rand(2, 1, 4, 4), torch.tensor([0, 7]))])


def test_outputs_that_are_not_finite_are_an_error():
    model = Brightness()
    model.centres.data[0] = float("nan")
    with pytest.raises(ConfigError, match="not finite"):
        evaluate(model, Classify(), pictures().batches("test", 16))


def test_other_class_names_than_outputs_are_an_error():
    with pytest.raises(ConfigError, match="tells 3 classes apart, but there are 2 class names"):
        evaluate(Brightness(), Classify(), pictures().batches("test", 16), classes=("a", "b"))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_run_gets_its_report_its_tables_and_its_pictures(run, channels):
    data = pictures(channels=channels)
    report = evaluate_run(run, Trained(data, Brightness(channels)), "test", batch_size=16)
    folder = run.file("evaluation/test")
    written = {path.name for path in folder.iterdir()}
    tables = {"report.json", "predictions.csv", "mistakes.csv", "confusion.csv"}
    assert written == tables | {"confusion.png", "calibration.png", "mistakes.png"}
    for name in ("confusion.png", "calibration.png", "mistakes.png"):
        with Image.open(folder / name) as image:
            assert min(image.size) > 100, name
    kept = json.loads((folder / "report.json").read_text())
    assert kept == json.loads(json.dumps(report.to_json()))
    assert kept["split_hash"] == data.split_hash("test")
    assert run.read("evaluation.json")["metrics"]["test"] == kept["metrics"]
    assert 0.5 < kept["metrics"]["accuracy"]["value"] < 1


def test_the_tables_agree_with_the_report(run):
    report = evaluate_run(run, Trained(pictures(), Brightness()), "test", pictures=False)
    folder = run.file("evaluation/test")
    head, *rows = rows_of(folder / "predictions.csv")
    assert head == ["identity", "label", "predicted", "confidence", "probability_of_label", "score", "content"]
    assert [row[0] for row in rows] == [f"test/{i}" for i in range(60)]
    assert [row[1] for row in rows] == [CLASSES[i % 3] for i in range(60)]
    wrong = [row for row in rows if row[1] != row[2]]
    assert len(wrong) / 60 == pytest.approx(1 - report.metrics["accuracy"].value)
    assert wrong
    assert [float(row[5]) for row in rows] == [float(row[1] == row[2]) for row in rows]
    mistakes = rows_of(folder / "mistakes.csv")[1:]
    assert sorted(mistakes) == sorted(row[:5] for row in wrong)
    confidence = [float(row[3]) for row in mistakes]
    assert confidence == sorted(confidence, reverse=True)
    assert rows_of(folder / "confusion.csv")[1:] == [
        [name, *map(str, row)] for name, row in zip(CLASSES, report.findings.confusion.tolist(), strict=True)
    ]


def test_another_evaluation_replaces_the_first_as_a_whole_and_leaves_other_splits(run):
    data = pictures()
    data.splits["valid"] = pictures(30, prefix="valid").splits["test"]
    trained = Trained(data, Brightness())
    evaluate_run(run, trained, "valid", pictures=False)
    evaluate_run(run, trained, "test")
    evaluate_run(run, trained, "test", pictures=False)
    assert not run.file("evaluation/test/confusion.png").exists()
    assert set(run.read("evaluation.json")["metrics"]) == {"valid", "test"}
    assert run.read("evaluation.json")["samples"] == {"valid": 30, "test": 60}
    assert sorted(path.name for path in run.file("evaluation").iterdir()) == ["test", "valid"]


def test_a_failure_half_way_leaves_the_earlier_evaluation(run, monkeypatch):
    trained = Trained(pictures(), Brightness())
    evaluate_run(run, trained, "test", pictures=False)
    before = {path.name: path.read_bytes() for path in run.file("evaluation/test").iterdir()}
    summary = run.read("evaluation.json")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figures, "worst_mistakes", full)
    trained.model.centres.data += 0.1
    with pytest.raises(StorageError, match="no space left"):
        evaluate_run(run, trained, "test")
    assert {path.name: path.read_bytes() for path in run.file("evaluation/test").iterdir()} == before
    assert [path.name for path in run.file("evaluation").iterdir()] == ["test"]
    assert run.read("evaluation.json") == summary


def test_a_split_that_is_not_there_is_named(run):
    with pytest.raises(UnknownName, match="'tset'") as caught:
        evaluate_run(run, Trained(pictures(), Brightness()), "tset")
    assert "'test'" in caught.value.help


def test_other_data_is_measured_by_class_name_and_not_by_class_number(run):
    trained = Trained(pictures(noise=0), Brightness())
    levels = torch.tensor([204, 204, 51, 204], dtype=torch.uint8)[:, None, None, None].expand(4, 1, 8, 8).clone()
    split = TensorSplit(levels, torch.tensor([0, 0, 1, 0]), "mine")  # bright is number 0 here, number 2 in the run
    spec = Spec((1, 8, 8), "chw", classes=("bright", "dark"))
    swapped = Dataset("mine", spec, trained.preprocessing, {"test": split}, "made here")
    report = evaluate_run(run, trained, data=swapped, name="swapped", pictures=False)
    assert report.metrics["accuracy"].value == 1.0
    assert report.findings.confusion.sum(1).tolist() == [1, 0, 3]
    assert set(run.read("evaluation.json")["metrics"]) == {"swapped"}


def test_classes_never_seen_in_training_are_named():
    assert class_numbers(["bright", "dark"], CLASSES) == [2, 0]
    with pytest.raises(DataError, match="never seen in training: pink") as caught:
        class_numbers(["dark", "pink"], CLASSES)
    assert "the run knows dark, middle, bright" in caught.value.help


def save_folder(root, side=8, mode="L"):
    for name, level in zip(CLASSES, (51, 128, 204), strict=True):
        (root / name).mkdir(parents=True)
        for i in range(4):
            colour = level + i if mode == "L" else (level + i, level, level)
            Image.new(mode, (side, side), colour).save(root / name / f"{i}.png")


def test_a_folder_without_splits_is_taken_whole(tmp_path):
    save_folder(tmp_path / "mine")
    other = open_other(str(tmp_path / "mine"), Trained(pictures(), Brightness()))
    assert (other.name, other.whole) == ("mine", True)
    assert len(other.dataset.split(other.split)) == 12


@pytest.mark.parametrize(("side", "mode", "received"), [(9, "L", "1×9×9"), (8, "RGB", "3×8×8")])
def test_other_data_of_another_size_or_channel_count_is_refused(tmp_path, side, mode, received):
    save_folder(tmp_path / "mine", side, mode)
    with pytest.raises(DataError, match=f"samples of {received}, but the run was trained on 1×8×8"):
        open_other(str(tmp_path / "mine"), Trained(pictures(), Brightness()))


def test_no_mistake_is_said_in_the_picture():
    data = pictures(noise=0)
    report = evaluate(Brightness(), Classify(), data.batches("test", 16), classes=CLASSES)
    figure = figures.worst_mistakes(report.findings, data.split("test").raw)
    assert [text.get_text() for text in figure.texts] == ["No mistake in 60 samples."]


def test_the_worst_mistakes_show_the_raw_images_of_the_most_confident_wrong_ones():
    data = pictures()
    report = evaluate(Brightness(), Classify(), data.batches("test", 16), classes=CLASSES)
    figure = figures.worst_mistakes(report.findings, data.split("test").raw, rows=1, columns=2)
    shown = [np.asarray(image.get_array())[0, 0, 0] for image in figure.axes[0].images]
    worst = report.findings.predictions.mistakes()[:2]
    assert shown == pytest.approx([float(data.split("test").raw(int(i))[0, 0, 0]) / 255 for i in worst], abs=1e-6)


@pytest.mark.parametrize("shape", [(2, 50), (1, 5, 6, 6), (3, 300, 200)])
def test_signals_clips_and_large_photos_can_be_shown_as_mistakes(shape):
    logits, labels = torch.eye(2)[[1, 1, 0]] * 3, torch.tensor([0, 1, 0])
    report = evaluate(nn.Identity(), Classify(), [(logits, labels)])
    sample = (torch.rand(shape) * 255).to(torch.uint8 if len(shape) > 2 else torch.float32)
    assert png(figures.worst_mistakes(report.findings, lambda i: sample)).startswith(b"\x89PNG")


@pytest.mark.parametrize("classes", [2, 10, 100, 150])
def test_every_count_of_the_confusion_matrix_stands_in_the_picture_up_to_a_hundred_classes(classes):
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(300, classes, generator=random)
    report = evaluate(nn.Identity(), Classify(), [(logits, torch.arange(300) % classes)])
    axes = figures.confusion_matrix(report.findings, "title").axes[0]
    expected = [str(count) for count in report.findings.confusion.ravel() if count] if classes <= 100 else []
    assert [text.get_text() for text in axes.texts] == expected


@pytest.mark.parametrize(("classes", "wrong"), [(2, 1), (3, 9), (12, 2)])
def test_no_title_is_cut_off_and_none_in_another_script_warns(classes, wrong):
    labels = torch.arange(24) % classes
    said = torch.where(torch.arange(24) < wrong, (labels + 1) % classes, labels)
    report = evaluate(nn.Identity(), Classify(), [(torch.eye(classes)[said] * 4, labels)])
    for title in ("20260801-120000-efficientnet_lite0-photos-of-birds, valid", "猫の写真, test"):
        for figure in (
            figures.confusion_matrix(report.findings, title),
            figures.reliability_diagram(report.findings, title),
            figures.worst_mistakes(report.findings, lambda i: torch.zeros(1, 5, 5, dtype=torch.uint8), title),
        ):
            assert png(figure).startswith(b"\x89PNG")
            shown = [each for each in figure.findobj(Text) if drawable(title) in each.get_text()]
            assert len(shown) == 1
            FigureCanvasAgg(figure).draw()  # at the figure's own number of dots, in which its box is measured
            box = shown[0].get_window_extent()
            assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
            assert box.y1 <= figure.bbox.y1


def test_class_names_of_any_kind_do_not_break_the_pictures():
    names = ("$x_1^", "猫", "a very long name of a class that does not fit", "semi;colon, comma")
    logits = torch.eye(4)[[1, 2, 3, 0]] * 4
    report = evaluate(nn.Identity(), Classify(), [(logits, torch.arange(4))], classes=names)
    raw = torch.zeros(1, 5, 5, dtype=torch.uint8)
    for figure in (
        figures.confusion_matrix(report.findings, "$"),
        figures.reliability_diagram(report.findings, "$"),
        figures.worst_mistakes(report.findings, lambda i: raw, "$"),
    ):
        assert png(figure).startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_torchvision_of_another_pytorch_is_named(tmp_path):
    """One that cannot be imported beside this PyTorch, as a real one says it; torchmetrics looks for it by itself."""
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text('raise RuntimeError("operator torchvision::nms does not exist")')
    info = tmp_path / "torchvision-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torchvision\nVersion: 0.1\n")
    program = (
        "import torch; from torch import nn; from profond.evaluation.evaluate import evaluate\n"
        "from profond.core.errors import MissingError\n"
        "batch = (torch.eye(3), torch.arange(3))\n"
        "try: evaluate(nn.Identity(), 'classify', [batch])\n"
        "except MissingError as error: print(error.message, error.help)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "torchvision::nms does not exist" in ended.stdout
    assert "pip uninstall torchvision" in ended.stdout
