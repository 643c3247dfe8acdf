"""Predictions and explanations say what the task answers, whatever the task; here one that estimates a number."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profond.core.errors import ConfigError, DataError, UnknownName
from profond.core.spec import Spec
from profond.data.preprocessing import Preprocessing
from profond.serve.explanation import Explainer
from profond.serve.prediction import Prediction
from profond.serve.predictor import Predictor
from profond.tasks.batch import called, check_finite
from profond.tasks.classify import ClassAnswer, Classify
from profond.tasks.names import index_of
from profond.tasks.task import Explained

SIDE = 10
PREPROCESSING = Preprocessing(size=(SIDE, SIDE), mode="L")


@dataclass(frozen=True)
class Grams:
    """A weight."""

    value: float

    def line(self) -> str:
        return f"{self.value:.1f} g"

    def row(self) -> dict[str, Any]:
        return {"weight": f"{self.value:.3f}"}

    def to_json(self) -> dict[str, Any]:
        return {"weight": self.value, "unit": "g"}

    def write(self, folder: Path, name: str) -> list[Path]:
        return []


class Weigh(Classify):
    """The number itself, in grams; what it has of a classification is not used here."""

    def answer(self, model: nn.Module, inputs: Tensor, spec: Spec | None = None) -> Sequence[Grams]:
        outputs = called(model, inputs)
        check_finite(outputs)
        return [Grams(float(value)) for value in outputs[:, 0]]

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        index = 0 if wanted is None else index_of(wanted, ["weight"], "quantity")
        value = float(outputs[0, index])
        facts = {"quantity": "weight", "estimate": value, "unit": "g"}
        return Explained(index, "weight", f"weight\t{value:.1f} g", value=value, unit="g", facts=facts)

    same_answers = None


class Darkness(nn.Module):
    """A thousand for black, nothing for white."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        nn.init.constant_(self.conv.weight, 1 / 9)

    def forward(self, inputs: Tensor) -> Tensor:
        return 1000 * (1 - self.conv(inputs).mean((2, 3)))


@pytest.fixture
def predictor() -> Predictor:
    return Predictor(Darkness(), Weigh(), Spec((1, SIDE, SIDE), "chw"), PREPROCESSING)


def grey(level: int) -> Image.Image:
    return Image.new("L", (SIDE, SIDE), level)


def test_a_prediction_is_the_source_and_the_answer_of_the_task(predictor: Predictor) -> None:
    black, white = predictor.predict([grey(0), grey(255)])
    assert isinstance(black.answer, Grams)
    assert black.value == 1000 > white.value
    assert black.line() == "image 0\t1000.0 g"
    assert black.row() == {"path": "image 0", "weight": "1000.000"}
    assert black.to_json() == {"source": "image 0", "weight": 1000.0, "unit": "g"}
    with pytest.raises(AttributeError):
        _ = black.label


def test_options_that_the_answers_do_not_have_are_refused_before_anything_is_read(predictor: Predictor) -> None:
    assert predictor.options == ()
    with pytest.raises(ConfigError, match="have no option 'top'"):
        predictor.predict(["nothing.png"], top=3)
    classes = Predictor(Darkness(), Classify(), Spec((1, SIDE, SIDE), "chw", classes=("any",)), PREPROCESSING)
    assert classes.options == ("top",)
    with pytest.raises(ConfigError, match="have no option 'tops'") as caught:
        classes.predict(["nothing.png"], tops=3)
    assert "did you mean 'top'" in str(caught.value.help)


def test_a_dataloader_is_predicted_without_its_targets(predictor: Predictor) -> None:
    levels = torch.linspace(0, 1, 5)[:, None, None, None].expand(5, 1, SIDE, SIDE).contiguous()
    expected = predictor.predict(levels)
    assert [one.value for one in expected] == sorted((one.value for one in expected), reverse=True)
    pairs = TensorDataset(levels, torch.arange(5))
    assert predictor.predict(DataLoader(pairs, batch_size=2)) == expected
    assert predictor.predict(DataLoader(levels, batch_size=3)) == expected
    with pytest.raises(DataError, match="of the type TensorDataset") as caught:
        predictor.predict(pairs)
    assert "DataLoader" in str(caught.value.help)


def test_a_prediction_can_be_copied_pickled_and_renamed() -> None:
    said = Prediction("a.png", ClassAnswer((("cat", 0.75), ("dog", 0.25))))
    assert copy.deepcopy(said) == said
    assert pickle.loads(pickle.dumps(said)) == said
    renamed = replace(said, source="b.png")
    assert (renamed.source, renamed.label, renamed.probability, renamed.top) == ("b.png", "cat", 0.75, said.top)


def test_8_bits_are_refused_where_the_task_does_not_say_when_answers_are_the_same() -> None:
    with pytest.raises(ConfigError, match="no measure for that"):
        Predictor(Darkness(), Weigh(), Spec((1, SIDE, SIDE), "chw"), PREPROCESSING, precision="int8")


def test_the_answer_of_a_classification_names_its_classes_best_first() -> None:
    spec = Spec((2,), "c", classes=("cat", "dog", "emu"))
    inputs = torch.tensor([[0.7, 0.1, 0.2], [0.0, 0.5, 0.5]]).log()
    first, second = Classify().answer(nn.Identity(), inputs, spec, top=2)
    assert first.line() == "cat\t0.7000\temu 0.2000"
    assert list(first.row()) == ["label", "probability", "label_2", "probability_2"]
    assert [name for name, _ in second.top] == ["dog", "emu"]
    assert len(Classify().answer(nn.Identity(), inputs, spec)[0].top) == 3
    assert Classify().answer(nn.Identity(), inputs)[0].label == "0"
    for top in (0, 2.5, "three", None):
        with pytest.raises(ConfigError, match="top of an answer"):
            Classify().answer(nn.Identity(), inputs, spec, top=top)
    with pytest.raises(ConfigError, match="3 classes apart, but there are 2 labels"):
        Classify().answer(nn.Identity(), inputs, Spec((2,), "c", classes=("cat", "dog")))
    with pytest.raises(ConfigError, match="not finite"):
        Classify().answer(nn.Identity(), inputs * torch.nan, spec)


def test_what_is_explained_of_a_classification_is_a_score_that_reads_as_a_probability() -> None:
    outputs = torch.tensor([[0.7, 0.1, 0.2]]).log()
    spec = Spec((2,), "c", classes=("cat", "dog", "emu"))
    best, asked = (Classify().explained(outputs, spec, wanted) for wanted in (None, "EMU"))
    assert (best.index, best.name, best.said, best.output) == (0, "cat", "cat\t0.7000", "score")
    assert (asked.index, asked.name, asked.said) == (2, "emu", "emu\t0.2000")
    assert list(asked.to_json()) == ["class", "probability", "logit", "top"]
    assert asked.to_json()["logit"] == pytest.approx(float(outputs[0, 2]))
    with pytest.raises(UnknownName, match="unknown class 'cow'"):
        Classify().explained(outputs, spec, "cow")


def test_a_number_is_explained_with_its_unit(predictor: Predictor, tmp_path: Path) -> None:
    explainer = Explainer(predictor, "scales")
    half = np.zeros((SIDE, SIDE), np.uint8)
    half[:, SIDE // 2 :] = 255
    question = explainer.question(half, "half", "Weight")
    assert question.subject.heading.startswith("weight, ")
    assert question.subject.heading.endswith(" g")
    files = explainer.overview(question, tmp_path)
    told = json.loads((tmp_path / "explanation.json").read_text())
    assert (told["quantity"], told["unit"]) == ("weight", "g")
    assert not {"class", "probability", "label"} & set(told)
    assert all(file.exists() for file in files)
    pixels = np.load(tmp_path / "integrated_gradients.npy")[0]
    assert pixels[:, : SIDE // 2].max() == 0 > pixels[:, SIDE // 2 :].max(), "white takes weight away, black nothing"
    with pytest.raises(UnknownName, match="unknown quantity 'height'"):
        explainer.question(half, "half", "height")
