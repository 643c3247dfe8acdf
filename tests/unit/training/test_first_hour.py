"""What a PyTorch user tries first, with a network, a loss and data of their own: it works, or it is said in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from profond.core.errors import ConfigError, DataError, ProfondError
from profond.evaluation.evaluate import evaluate
from profond.tasks.classify import Classify
from profond.training import Fitted, ProgressBar, Training, fit

RANDOM = torch.Generator().manual_seed(0)
INPUTS, LABELS = torch.randn(32, 3, 8, 8, generator=RANDOM), torch.arange(32) % 3


def network(outputs: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, outputs))


def loader(inputs: Tensor = INPUTS, targets: Tensor = LABELS) -> DataLoader[Any]:
    return DataLoader(TensorDataset(inputs, targets), 16, shuffle=True)


def trained(task: Any = "classify", batches: Any = None, model: Any = None, **given: Any) -> Fitted:
    settings = given.pop("training", Training(epochs=1, precision="fp32"))
    return fit(network() if model is None else model, task, loader() if batches is None else batches, settings, **given)


class Samples(Dataset[Any]):
    """A data set whose samples are what ``give`` makes of them."""

    def __init__(self, give: Callable[[Tensor, Tensor], Any]) -> None:
        self.give = give

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> Any:
        return self.give(INPUTS[index], LABELS[index])


class Arrays:
    """Batches of NumPy's arrays, as a generator of one's own makes them."""

    def __init__(self, inputs: str = "float32", labels: str = "int64") -> None:
        self.inputs, self.labels = INPUTS.numpy().astype(inputs), LABELS.numpy().astype(labels)

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[Any]:
        for start in (0, 16):
            yield self.inputs[start : start + 16], self.labels[start : start + 16]


class Wrapped(nn.Module):
    """A network whose outputs are what ``give`` makes of them."""

    def __init__(self, give: Callable[[Tensor], Any], outputs: int = 3) -> None:
        super().__init__()
        self.give, self.network = give, network(outputs)

    def forward(self, inputs: Tensor) -> Any:
        return self.give(self.network(inputs))


def test_cross_entropy_is_the_classification_that_it_is() -> None:
    expected = trained(Classify(), valid=loader())
    for loss in (nn.CrossEntropyLoss(), F.cross_entropy, "classify"):
        found = trained(loss, valid=loader())
        assert found.metrics == expected.metrics
    weights = [1.0, 2.0, 3.0]
    weighed = trained(nn.CrossEntropyLoss(weight=torch.tensor(weights), label_smoothing=0.1))
    assert weighed.metrics == trained(Classify(label_smoothing=0.1, class_weights=weights)).metrics


def test_any_loss_function_trains_validates_and_evaluates() -> None:
    numbers = INPUTS.mean((1, 2, 3))[:, None]
    batches = loader(targets=numbers)
    training = Training(epochs=30, precision="fp32", learning_rate=0.01)
    model = network(1)
    before = evaluate(model, nn.MSELoss(), batches).metrics["loss"].value
    fitted = trained(nn.MSELoss(), batches, model, valid=batches, training=training)
    after = evaluate(model, nn.MSELoss(), batches).metrics["loss"].value
    assert fitted.metrics["valid"]["loss"] == pytest.approx(after, rel=1e-5)
    assert after == pytest.approx(F.mse_loss(model(INPUTS), numbers).item(), rel=1e-4)
    assert after < before / 2


def test_a_loss_of_ones_own_and_its_settings_are_kept() -> None:
    ignoring = trained(nn.CrossEntropyLoss(ignore_index=2))
    own = trained(lambda outputs, labels: F.cross_entropy(outputs, labels, ignore_index=2))
    assert ignoring.metrics == own.metrics
    assert ignoring.metrics["train"]["loss"] != trained(nn.CrossEntropyLoss()).metrics["train"]["loss"]


def test_a_class_at_each_place_is_learned_with_a_loss_function() -> None:
    places = loader(targets=(INPUTS[:, 0, 1:7, 1:7] > 0).long())
    model = nn.Conv2d(3, 2, 3)
    fitted = trained(lambda outputs, labels: F.cross_entropy(outputs, labels), places, model, valid=places)
    assert 0 < fitted.metrics["valid"]["loss"] < 2


@pytest.mark.parametrize("inputs", ["float32", "float64"])
@pytest.mark.parametrize("labels", ["int64", "int32", "uint8", "uint16", "bool"])
def test_numpy_batches_train_and_evaluate_as_tensors_do(inputs: str, labels: str) -> None:
    expected = [(INPUTS[:16], LABELS[:16]), (INPUTS[16:], LABELS[16:])]
    if labels == "bool":
        expected = [(one, (two > 0).long()) for one, two in expected]
    arrays = Arrays(inputs, labels)
    assert trained(batches=arrays, valid=arrays).metrics == trained(batches=expected, valid=expected).metrics
    measured = [evaluate(network(), "classify", batches).metrics for batches in (arrays, expected)]
    assert measured[0] == measured[1]


@pytest.mark.parametrize("kind", [torch.int32, torch.uint8, torch.int16])
def test_labels_of_any_whole_number_kind_are_taken(kind: torch.dtype) -> None:
    batches = loader(targets=LABELS.to(kind))
    assert trained(batches=batches, valid=batches).metrics == trained(valid=loader()).metrics


@pytest.mark.parametrize("kind", [torch.float32, torch.int64])
def test_one_hot_labels_are_those_that_they_stand_for_in_validation_and_evaluation_too(kind: torch.dtype) -> None:
    one_hot = loader(targets=F.one_hot(LABELS, 3).to(kind))
    found, expected = trained(batches=one_hot, valid=one_hot).metrics, trained(valid=loader()).metrics
    for split in ("train", "valid"):
        assert found[split] == pytest.approx(expected[split], rel=1e-5)
    measured = [evaluate(network(), Classify(), batches).metrics["accuracy"] for batches in (one_hot, loader())]
    assert measured[0] == measured[1]


def test_batches_may_be_a_list_of_lists() -> None:
    assert trained(batches=[[INPUTS, LABELS]]).steps == 1


WRONG_BATCHES = {
    "a label too large": (loader(targets=LABELS + 1), "label (is )?3.*: (the model knows )?0 to 2"),
    "a label below zero": (loader(targets=LABELS - 1), "label (is )?-1"),
    "labels that are numbers": (loader(targets=LABELS.float()), "the labels are float32"),
    "labels in a column": (loader(targets=LABELS[:, None]), "a table with one column"),
    "shares of other classes": (loader(targets=torch.rand(32, 5)), "gives 3 scores for each sample"),
    "whole numbers as inputs": (loader((INPUTS * 9).byte()), "inputs of 16×3×8×8 uint8"),
    "double inputs": (loader(INPUTS.double()), "inputs of 16×3×8×8 float64"),
    "too few channels": (loader(INPUTS[:, :1]), "inputs of 16×1×8×8 float32"),
    "channels last": (loader(INPUTS.permute(0, 2, 3, 1)), "inputs of 16×8×8×3 float32"),
    "another size": (loader(torch.randn(32, 3, 9, 9)), "inputs of 16×3×9×9 float32"),
    "fewer targets than inputs": ([(INPUTS[:8], LABELS[:7])], "8 inputs and 7 targets"),
    "an empty batch": ([(INPUTS[:0], LABELS[:0])], "a batch is empty"),
    "a dict": (DataLoader(Samples(lambda x, y: {"image": x, "label": y}), 16), "a dict of 'image', 'label'"),
    "three parts": (DataLoader(Samples(lambda x, y: (x, y, 0)), 16), "has 3 parts"),
    "no targets": (DataLoader(Samples(lambda x, y: x), 16), "one array of 16×3×8×8 float32"),
    "words": ([("cat", "dog")], "the targets of a batch are a str"),
    "single samples": ([(INPUTS[0], LABELS[0])], "a single sample"),
}


@pytest.mark.parametrize("name", WRONG_BATCHES)
def test_a_batch_that_does_not_fit_is_said_in_words_in_training_validation_and_evaluation(name: str) -> None:
    batches, words = WRONG_BATCHES[name]
    for attempt in (
        lambda: trained(batches=batches),
        lambda: trained(valid=batches),
        lambda: evaluate(network(), Classify(), batches),
    ):
        with pytest.raises(DataError, match=words) as caught:
            attempt()
        assert caught.value.help


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        ([], "no batch to train on"),
        ("photos/", "are 'photos/'"),
        (None, "None, which cannot be iterated"),
        (INPUTS, "one array of 32×3×8×8 float32"),
        ((INPUTS, LABELS), "2 arrays, not batches"),
        ((INPUTS.numpy(), LABELS.numpy()), "2 arrays, not batches"),
        (TensorDataset(INPUTS, LABELS), "single samples, a TensorDataset"),
    ],
)
def test_what_is_no_series_of_batches_is_said_to_be_none(batches: Any, words: str) -> None:
    with pytest.raises((DataError, ConfigError), match=words):
        fit(network(), Classify(), batches)


def test_an_empty_validation_is_said_to_be_empty() -> None:
    with pytest.raises(DataError, match="the validation split is empty"):
        trained(valid=[])


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Wrapped(lambda scores: (scores, scores)), "gives a tuple"),
        (Wrapped(lambda scores: {"logits": scores}), "gives a dict"),
        (Wrapped(lambda scores: scores[:, 0]), "one number for each sample"),
        (network(1), "one number for each sample"),
        (nn.Conv2d(3, 3, 3), "gives 16×3×6×6 float32, and classification needs one row"),
    ],
)
def test_a_model_without_a_score_for_each_class_is_said_to_have_none(model: nn.Module, words: str) -> None:
    for attempt in (lambda: trained(model=model), lambda: evaluate(model, Classify(), loader())):
        with pytest.raises(DataError, match=words):
            attempt()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "lenet5"}, "the model is 'lenet5', not a module"),
        ({"model": nn.Linear}, "the model is the class Linear"),
        ({"task": None}, "the task is None"),
        ({"task": Classify}, "make one of it: Classify\\(\\)"),
        ({"task": nn.CrossEntropyLoss}, "make one of it"),
        ({"task": nn.CrossEntropyLoss(reduction="none")}, "a loss is a tensor of one number"),
        ({"task": nn.CrossEntropyLoss(weight=torch.ones(5))}, "5 class weights, and the model tells 3 classes"),
        ({"task": lambda outputs, targets: 0.5}, "a loss is a tensor of one number"),
        ({"task": nn.BCEWithLogitsLoss()}, "cannot use outputs of 16×3 float32 and targets of 16 int64"),
        ({"training": {"epochs": 1}}, "training is a dict"),
        ({"observers": ProgressBar()}, "observers is a ProgressBar"),
        ({"observers": [print]}, "has no started, stepped, logged, finished"),
        ({"run": "runs/x"}, "run is 'runs/x'"),
    ],
)
def test_what_is_of_another_kind_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ProfondError, match=words):
        trained(**given)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"precision": "float16"}, "known: auto, bf16, fp16, fp32"),
        ({"optimizer": "Adam"}, "did you mean 'adam'"),
        ({"keep": "beste"}, "did you mean 'best'"),
    ],
)
def test_a_setting_that_is_misspelt_names_the_nearest_or_all(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Training(**setting)


@pytest.mark.parametrize("setting", [{"epochs": "three"}, {"learning_rate": "fast"}, {"seed": None}])
def test_a_setting_that_is_no_number_is_said_to_be_none(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"a valid (number|integer)"):
        Training(**setting)


def test_a_number_that_is_written_is_taken_as_one() -> None:
    assert Training(epochs="3").epochs == 3.0  # type: ignore[arg-type]


def test_a_device_that_is_not_here_is_said_not_to_be() -> None:
    for name in ("gpu", "cuda:99"):
        with pytest.raises(ProfondError, match="device"):
            trained(training=Training(device=name))
        with pytest.raises(ProfondError, match="device"):
            evaluate(network(), Classify(), loader(), device=name)
    assert trained(training=Training(device=torch.device("cpu"))).steps == 2  # type: ignore[arg-type]


def test_class_names_are_a_list_and_not_the_letters_of_a_word() -> None:
    with pytest.raises(ConfigError, match="'cat', one string"):
        evaluate(network(), Classify(), loader(), classes="cat")


def test_an_error_in_a_model_of_ones_own_is_not_hidden() -> None:
    def broken(scores: Tensor) -> Any:
        return {}["absent"]

    with pytest.raises(KeyError, match="absent"):
        trained(model=Wrapped(broken))


def test_numpy_values_keep_what_they_are() -> None:
    from profond.training.feed import placed

    given = {"x": np.float64([1.5]), "n": np.int32(3), "names": ["a"], "t": torch.ones(1)}
    found = placed(given, torch.device("cpu"), channels_last=False)
    assert (found["x"].dtype, found["n"].dtype, found["names"]) == (torch.float32, torch.int32, ["a"])
