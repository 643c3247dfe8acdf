"""Comparison of runs: what it says, and which runs it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from profond.cli.compare import compare as command
from profond.core.errors import ConfigError, UsageError
from profond.core.run import Run
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.evaluation.compare import compare, differences
from profond.evaluation.evaluate import evaluate_run
from profond.evaluation.kept import keep
from profond.measures.measured import Measured
from profond.measures.report import Report, Scores, Table
from profond.tasks.classify import Classify

COUNT = 1000


class Saying(nn.Module):
    """Right on all samples but the ones given; the input is the sample's position."""

    def __init__(self, wrong: set[int]) -> None:
        super().__init__()
        said = torch.arange(COUNT) % 3
        said[sorted(wrong)] = (said[sorted(wrong)] + 1) % 3
        self.register_buffer("said", said)

    def forward(self, inputs):
        return 4.0 * nn.functional.one_hot(self.said[inputs[:, 0, 0].round().long()], 3)


class Trained:
    def __init__(self, dataset, model):
        self.dataset, self.model, self.task, self.spec = dataset, model, Classify(), dataset.spec


def positions(classes=("a", "b", "c"), prefix="test", order=None) -> Dataset:
    order = torch.arange(COUNT) if order is None else order
    names = [f"{prefix}/{int(i)}" for i in order]
    split = TensorSplit(order.float()[:, None, None], order % 3, names)
    preprocessing = Preprocessing(scale=1.0)
    return Dataset("positions", Spec((1, 1), "ct", classes=classes), preprocessing, {"test": split}, "made here")


def make_run(root, name, wrong, dataset=None, **config) -> Run:
    run = Run.create(root, name, {"model": {"name": "saying", **config}})
    evaluate_run(run, Trained(dataset or positions(), Saying(set(wrong))), "test", pictures=False)
    return run


def test_a_large_difference_is_larger_than_chance(tmp_path):
    first, second = make_run(tmp_path, "a", range(60)), make_run(tmp_path, "b", range(20))
    comparison = compare(first, second)
    (pair,) = comparison.pairs
    assert (pair.only_first, pair.only_second, comparison.count) == (0, 40, COUNT)
    assert pair.difference.value == pytest.approx(0.04)
    assert pair.larger_than_chance
    assert pair.words("A", "B").startswith("B is better by 4.00 points [2.")
    assert pair.words("A", "B").endswith("p < 0.001: larger than chance.")


def test_the_better_one_is_named_whichever_comes_first(tmp_path):
    first, second = make_run(tmp_path, "a", range(20)), make_run(tmp_path, "b", range(60))
    assert compare(first, second).pairs[0].words("A", "B").startswith("A is better by 4.00 points [2.")


def test_a_small_difference_is_no_larger_than_chance(tmp_path):
    first, second = make_run(tmp_path, "a", range(40)), make_run(tmp_path, "b", range(30, 68))
    (pair,) = compare(first, second).pairs
    assert (pair.only_first, pair.only_second) == (28, 30)
    assert not pair.larger_than_chance
    assert pair.difference.low < 0 < pair.difference.high
    assert pair.words("A", "B").endswith("no larger than chance.")


def test_runs_that_agree_everywhere_are_said_to(tmp_path):
    first, second = make_run(tmp_path, "a", range(40)), make_run(tmp_path, "b", range(40))
    (pair,) = compare(first, second).pairs
    assert pair.p_value == 1.0
    assert pair.words("A", "B") == "A and B are right on exactly the same samples."


def test_samples_are_paired_by_identity_and_not_by_order(tmp_path):
    backwards = positions(order=torch.arange(COUNT - 1, -1, -1))
    first, second = make_run(tmp_path, "a", range(40)), make_run(tmp_path, "b", range(40), backwards)
    (pair,) = compare(first, second).pairs
    assert (pair.only_first, pair.only_second) == (0, 0)


def test_several_runs_are_compared_in_pairs_with_corrected_p_values(tmp_path):
    runs = [
        make_run(tmp_path, name, wrong) for name, wrong in [("a", range(20)), ("b", range(5, 40)), ("c", range(60))]
    ]
    together = compare(*runs)
    assert [(pair.first, pair.second) for pair in together.pairs] == [
        (runs[i].name, runs[j].name) for i, j in [(0, 1), (0, 2), (1, 2)]
    ]
    alone = compare(runs[0], runs[1]).pairs[0].p_value
    assert together.pairs[0].p_value >= alone


def test_settings_that_differ_are_listed_by_their_dotted_names():
    one = {"model": {"name": "mlp", "hidden": [4, 4]}, "training": {"epochs": 1, "ema": None}}
    other = {"model": {"name": "mlp", "hidden": [4, 8], "dropout": 0.1}, "training": {"epochs": 1, "ema": None}}
    assert differences([one, other]) == {"model.hidden": [[4, 4], [4, 8]], "model.dropout": [None, 0.1]}


def test_a_run_without_predictions_is_refused_with_the_command_that_makes_them(tmp_path):
    first, second = make_run(tmp_path, "a", range(5)), Run.create(tmp_path, "b", {})
    with pytest.raises(ConfigError, match="has no predictions for the split 'test'") as caught:
        compare(first, second)
    assert "profond evaluate" in caught.value.help


def test_runs_measured_on_other_samples_are_refused(tmp_path):
    first, second = make_run(tmp_path, "a", range(5)), make_run(tmp_path, "b", range(5), positions(prefix="other"))
    with pytest.raises(ConfigError, match="not measured on the same test split: split hash"):
        compare(first, second)


def test_runs_with_other_classes_are_refused(tmp_path):
    first = make_run(tmp_path, "a", range(5))
    second = make_run(tmp_path, "b", range(5), positions(classes=("a", "b", "d")))
    with pytest.raises(ConfigError, match="have different classes: c, d"):
        compare(first, second)


def test_one_run_and_the_same_run_twice_are_refused(tmp_path):
    run = make_run(tmp_path, "a", range(5))
    with pytest.raises(UsageError, match="one run cannot be compared"):
        compare(run)
    with pytest.raises(UsageError, match="named twice"):
        compare(run, run)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "predictions.csv").write_text("identity,label\n"),
        lambda folder: (folder / "predictions.csv").write_bytes(b"\xff\xfe\x00"),
        lambda folder: (folder / "predictions.csv").write_text(
            "\n".join((folder / "predictions.csv").read_text().split("\n")[:50])
        ),
        lambda folder: (folder / "report.json").write_text("{}"),
        lambda folder: (folder / "report.json").write_text("{"),
        lambda folder: (folder / "report.json").unlink(),
    ],
)
def test_damaged_predictions_are_refused(tmp_path, damage):
    first, second = make_run(tmp_path, "a", range(5)), make_run(tmp_path, "b", range(9))
    damage(second.file("evaluation/test"))
    with pytest.raises(ConfigError):
        compare(first, second)


def make_scored(root, name, scores, better="lower", unit="kg") -> Run:
    """A run of a task whose samples are not right or wrong."""
    run, samples = (
        Run.create(root, name, {"model": {"name": name}}),
        positions().split("test").subset(range(len(scores))),
    )
    values = np.asarray(scores, dtype=np.float64)
    error = Measured(float(values.mean()), unit=unit, better=better, title="mean error")
    table = Table(("estimate",), [["1"]] * len(values))
    scored = Scores("mean_error", values, unit, better)
    report = Report("mean_error", {"mean_error": error}, len(values), {"predictions": table}, scores=scored)
    keep(run, "test", report.sourced(split_hash="the same"), samples)
    return run


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_scores_that_are_not_right_or_wrong_are_compared_by_their_differences(tmp_path, better):
    random = np.random.default_rng(0)
    first = random.exponential(2.0, 300)
    second = first - 0.25 + random.normal(0, 0.1, 300)
    comparison = compare(make_scored(tmp_path, "a", first, better), make_scored(tmp_path, "b", second, better))
    (pair,) = comparison.pairs
    assert pair.difference.value == pytest.approx((second - first).mean(), abs=1e-6)
    assert pair.larger_than_chance
    winner = "B" if better == "lower" else "A"
    assert pair.words("A", "B").startswith(f"{winner} is better by 0.2")
    assert " kg [0.2" in pair.words("A", "B")
    assert pair.only_first + pair.only_second == 300
    assert (pair.only_second > 290) == (better == "lower")
    assert comparison.to_json()["mean_error"][comparison.pairs[0].first]["unit"] == "kg"
    assert "only_first_better" in comparison.to_json()["pairs"][0]


def test_errors_of_another_unit_are_refused(tmp_path):
    first, second = make_scored(tmp_path, "a", [1, 2, 3]), make_scored(tmp_path, "b", [1, 2, 3], unit="g")
    with pytest.raises(ConfigError, match=r"scored by mean error \(kg\) and by mean error \(g\)"):
        compare(first, second)


def test_errors_of_exactly_0_and_1_are_not_taken_for_right_and_wrong(tmp_path):
    first, second = make_scored(tmp_path, "a", [0, 1, 0, 1] * 20), make_scored(tmp_path, "b", [0, 0, 0, 1] * 20)
    (pair,) = compare(first, second).pairs
    assert not pair.right_or_wrong
    assert pair.words("A", "B").startswith("B is better by 0.2500 kg")


def test_a_run_without_scores_is_refused_in_words(tmp_path):
    first, second = make_scored(tmp_path, "a", [1, 2, 3]), make_scored(tmp_path, "b", [1, 2, 3])
    report = second.read("evaluation/test/report.json")
    second.write("evaluation/test/report.json", {key: one for key, one in report.items() if key != "scores"})
    with pytest.raises(ConfigError, match="has no scores"):
        compare(first, second)


def test_the_command_says_how_much_better_in_the_unit_of_the_scores(tmp_path, capsys):
    first, second = make_scored(tmp_path, "a", [2.0, 3.0, 4.0] * 9), make_scored(tmp_path, "b", [1.5, 3.0, 3.0] * 9)
    command.main([str(first.path), str(second.path)], standalone_mode=False)
    said = capsys.readouterr().out
    assert f"A  {first.name}  3.0000 kg [" in said
    assert "B is better by 0.5000 kg [" in said
    assert "A better on 0, B better on 18" in said


def test_the_command_says_who_is_better_and_what_differs(tmp_path, capsys):
    first = make_run(tmp_path, "a", range(60), hidden=4)
    second = make_run(tmp_path, "b", range(20), hidden=8)
    command.main([str(first.path), second.name, "--out", str(tmp_path)], standalone_mode=False)
    said = capsys.readouterr().out
    assert f"A  {first.name}  94.00 % [92.35, 95.31]" in said
    assert "B is better by 4.00 points" in said
    assert "model.hidden  A 4   B 8" in said


def test_the_command_prints_one_json_object(tmp_path, capsys):
    first, second = make_run(tmp_path, "a", range(60)), make_run(tmp_path, "b", range(20))
    command.main([str(first.path), str(second.path), "--json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert document["command"] == "runs compare"
    assert document["pairs"][0]["larger_than_chance"] is True
    assert document["accuracy"][second.name]["value"] == pytest.approx(0.98)
