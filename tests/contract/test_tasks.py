"""Every registered task keeps the same promises, tried on the example that it brings itself."""

from __future__ import annotations

import copy
import functools
import inspect
import json
import math
import shutil
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.examples import CPU, Case, untrained

from profond.core.config import bind
from profond.core.errors import ConfigError, Interrupted, ProfondError
from profond.core.run import Run
from profond.evaluation import kept
from profond.evaluation.compare import compare
from profond.evaluation.kept import keep
from profond.evaluation.scored import Scored
from profond.evaluation.summary import Summary
from profond.experiments.configuration import Chosen, changed, for_model
from profond.experiments.experiment import Experiment, load, settled
from profond.experiments.train import train_experiment
from profond.measures.measured import Measured
from profond.measures.report import Report
from profond.tasks import registry, task_class, task_for
from profond.tasks.task import Answer, ForModels, Joinable, Loss
from profond.training import Training, fit
from profond.training.measure import measure
from profond.training.optimize import gradients_only_for
from profond.training.position import Window
from profond.training.selection import trained_parameters
from profond.training.weighing import Shares

NAMES = registry.names()
SETTINGS: dict[str, Any] = {"optimizer": "adam", "learning_rate": 5e-3, "schedule": "constant", "precision": "fp32"}


class Trained(Case):
    """Not to be changed: what several tests ask of it is found once."""

    @functools.cached_property
    def _found(self) -> dict[Any, Any]:
        return {}

    def report(self, split: str = "test", size: int = 16) -> Report:
        if (split, size) not in self._found:
            self._found[split, size] = super().report(split, size)
        found: Report = self._found[split, size]
        return found

    def answers(self, split: str = "test", size: int = 16) -> Sequence[Answer]:
        if ("answers", split, size) not in self._found:
            self._found["answers", split, size] = super().answers(split, size)
        found: Sequence[Answer] = self._found["answers", split, size]
        return found


@pytest.fixture(scope="module", params=NAMES)
def good(request: pytest.FixtureRequest) -> Trained:
    case = Trained(**vars(untrained(request.param)))
    fit(case.model, case.task, case.batches("train", shuffle=True), Training(steps=150, **SETTINGS))
    return case


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    return untrained(request.param)


def test_a_split_that_two_measure_in_parts_is_measured_as_one(case: Case) -> None:
    batches = list(case.batches("test"))
    case.model.eval()
    whole, joined = case.task.meter(case.dataset.spec), case.task.meter(case.dataset.spec)
    assert isinstance(joined, Joinable), "without `seen` and `join` each of several processes measures all of it"
    with torch.no_grad():
        for part in (batches[:1], batches[1:]):
            meter = case.task.meter(case.dataset.spec)
            for batch in part:
                meter.update(case.model, batch)
                whole.update(case.model, batch)
            if part:
                assert isinstance(meter, Joinable)
                joined.join(meter.seen())
    assert joined.metrics() == whole.metrics()
    assert joined.report().metrics == whole.report().metrics


def losses(case: Case, batch: Any) -> list[Loss]:
    return [case.task.loss(case.model, batch, phase) for phase in case.task.phases]


def in_parts(batch: Any, *sizes: int) -> list[Any]:
    return list(zip(*(part.split(list(sizes)) for part in batch), strict=True))


# -- learning -------------------------------------------------------------------------------------------------------


def test_each_phase_moves_its_own_module_and_all_of_it(case: Case) -> None:
    case.model.train()
    for phase in case.task.phases:
        own = list(trained_parameters(case.model, phase, Training()).values())
        with gradients_only_for(case.model, own):
            case.task.loss(case.model, case.batch(), phase).value.backward()
        moved = {name for name, p in case.model.named_parameters() if p.grad is not None and bool(p.grad.abs().sum())}
        module = f"{phase.module}." if phase.module else ""
        assert moved == {name for name, _ in case.model.named_parameters() if name.startswith(module)}
        case.model.zero_grad(set_to_none=True)


def test_one_batch_can_be_learned_by_heart(case: Case) -> None:
    """Of several players, each brings its own loss down while the others stand still: together they need not."""
    batch, together = case.batch(size=12), len(case.task.phases) > 1
    for phase in case.task.phases:
        model, task = copy.deepcopy(case.model), copy.copy(case.task)
        task.phases = (phase,)  # type: ignore[misc]
        torch.manual_seed(0)
        before = after = task.loss(model, batch, phase).value.item()
        wanted = (0.5 if together else 0.1) * before
        for _ in range(4 if together else 6):
            fit(model, task, [batch], Training(steps=25 if together else 50, **SETTINGS))
            torch.manual_seed(0)
            after = task.loss(model, batch, phase).value.item()
            if after < wanted:
                break
        assert after < wanted, phase.name


def test_a_loss_is_one_number_and_what_it_reports_keeps_no_graph(case: Case) -> None:
    for loss in losses(case, case.batch()):
        assert loss.value.shape == ()
        assert math.isfinite(loss.value.item())
        assert not any(value.requires_grad for value in loss.report.values())
        assert loss.weight is None or float(loss.weight) > 0


def test_means_are_means_over_samples_however_these_are_parted_into_batches(case: Case) -> None:
    batch = case.batch(size=30)
    parts = in_parts(batch, 17, 9, 4)
    for phase in case.task.phases:
        whole = case.task.loss(case.model, batch, phase)
        if whole.weight is None:
            continue  # this loss says that its batches count alike
        some = [case.task.loss(case.model, part, phase) for part in parts]
        weights = [float(loss.weight) for loss in some if loss.weight is not None]
        assert sum(weights) == pytest.approx(float(whole.weight))
        mean = np.average([loss.value.item() for loss in some], weights=weights)
        assert mean == pytest.approx(whole.value.item(), rel=1e-4)
        window = Window()
        for loss in some:
            window.add({"loss": loss.value.detach(), **loss.report}, weight=loss.weight)
        assert window.means()["loss"] == pytest.approx(whole.value.item(), rel=1e-4)


def test_a_step_over_unequal_batches_is_the_step_over_all_of_their_samples(case: Case) -> None:
    batch = case.batch(size=30)
    for phase in case.task.phases:
        parameters = list(trained_parameters(case.model, phase, Training()).values())
        if case.task.loss(case.model, batch, phase).weight is None:
            continue
        gradients = []
        for parts in ([batch], in_parts(batch, 17, 9, 4)):
            shares = Shares(len(parts))
            for part in parts:
                shares.of(case.task.loss(case.model, part, phase)).backward()
            shares.settle(parameters)
            gradients.append([p.grad.clone() for p in parameters if p.grad is not None])
            case.model.zero_grad(set_to_none=True)
        for whole, parted in zip(*gradients, strict=True):
            torch.testing.assert_close(parted, whole, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"keep": "best", "ema": 0.9, "accumulate": 2}])
def test_a_training_that_was_stopped_ends_with_the_same_bits(
    case: Case, settings: dict[str, Any], tmp_path: Path
) -> None:
    class StopAt:
        def __init__(self, step: int) -> None:
            self.step = step

        def stepped(self, progress: Any) -> None:
            if progress.step == self.step:
                signal.raise_signal(signal.SIGTERM)

        started = finished = lambda self, progress: None
        logged = lambda self, progress, record: None  # noqa: E731

    training = Training(epochs=3, **{**SETTINGS, **settings})
    fresh = copy.deepcopy(case.model)
    batches, valid = case.batches("train", shuffle=True), case.batches("valid")
    unbroken = Run.create(tmp_path, "unbroken", {})
    fit(case.model, case.task, batches, training, valid=valid, run=unbroken)
    run, again = Run.create(tmp_path, "stopped", {}), copy.deepcopy(fresh)
    with pytest.raises(Interrupted):
        fit(fresh, case.task, batches, training, valid=valid, run=run, observers=[StopAt(5)])
    fit(again, case.task, batches, training, valid=valid, run=run, resume=True)
    for name, tensor in case.model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    lines = [[{**line, "seconds": 0} for line in one.metrics()] for one in (unbroken, run)]
    assert lines[0] == lines[1]


# -- judging --------------------------------------------------------------------------------------------------------


def test_the_headline_is_measured_and_its_direction_is_true(good: Case) -> None:
    fresh = untrained(good.name)
    for measured, before in (
        (good.meter("test").metrics(), fresh.meter("test").metrics()),
        (good.report().metrics, fresh.report().metrics),
    ):
        headline = measured[good.task.headline]
        assert headline.better is not None
        assert headline.beats(before[good.task.headline].value)


def test_the_metrics_of_a_validation_are_those_of_the_report(good: Case) -> None:
    cheap, report = good.meter("test").metrics(), good.report()
    assert report.headline == good.task.headline
    assert cheap.keys() <= report.metrics.keys()
    for name, measured in cheap.items():
        whole = report.metrics[name]
        assert measured.value == pytest.approx(whole.value, rel=1e-5), name
        assert (measured.unit, measured.better, measured.title) == (whole.unit, whole.better, whole.title), name


def test_every_metric_is_complete(good: Case) -> None:
    report = good.report()
    assert report.count == len(good.dataset.split("test"))
    for name, measured in report.metrics.items():
        assert math.isfinite(measured.value), name
        assert measured.title, name
        assert measured.written.startswith(("-", *"0123456789")), name
        if measured.low is not None and measured.high is not None:
            assert measured.low <= measured.value <= measured.high, name
    headline = report.metrics[report.headline]
    assert headline.low is not None
    assert headline.low < (headline.high or 0.0)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_size_of_a_batch_changes_no_metric_and_no_answer(good: Case, size: int) -> None:
    usual, other = good.report(size=16), good.report(size=size)
    assert usual.metrics.keys() == other.metrics.keys()
    for name, measured in usual.metrics.items():
        assert other.metrics[name].value == pytest.approx(measured.value, rel=1e-4, abs=1e-6), name
    if usual.scores is not None and other.scores is not None:
        np.testing.assert_allclose(other.scores.values, usual.scores.values, rtol=1e-4, atol=1e-5)
    lines = [[answer.line() for answer in good.answers(size=one)] for one in (16, size)]
    assert lines[0] == lines[1]


def test_scores_are_what_their_metric_is_the_mean_of(good: Case) -> None:
    report = good.report()
    if report.scores is None:
        pytest.skip("its samples do not stand alone")
    metric = report.metrics[report.scores.metric]
    rows = report.tables["predictions"].samples
    assert report.scores.values.shape == (report.count if rows is None else len(rows),)
    if not isinstance(good.task, ForModels):  # of what is made, some has nothing to be compared with
        assert len(report.scores.values) == report.count
    assert (report.scores.unit, report.scores.better) == (metric.unit, metric.better)
    assert report.scores.values.mean() == pytest.approx(metric.value, rel=1e-6)


def test_a_report_survives_being_kept_loaded_and_compared(good: Case, tmp_path: Path) -> None:
    samples, runs = good.dataset.split("test"), []
    for name, one in (("fresh", untrained(good.name)), ("trained", good)):
        run = Run.create(tmp_path, name, {})
        report = one.report().sourced(split_hash=good.dataset.split_hash("test"))
        folder = keep(run, "test", report, samples, contents=good.dataset.contents("test"))
        written = json.loads((folder / "report.json").read_text())
        assert written == json.loads(json.dumps(report.to_json(), allow_nan=False))
        summary = Summary.of(run)
        assert summary.metrics == {"test": dict(report.metrics)}
        assert summary.result == report.metrics[good.task.headline]
        assert {path.stem for path in folder.glob("*.csv")} == set(report.tables)
        assert {path.stem for path in folder.glob("*.png")} == set(report.pictures)
        assert "predictions" in report.tables
        if report.scores is not None:
            np.testing.assert_allclose(np.sort(Scored.read(run, "test").values), np.sort(report.scores.values))
        runs.append(run)
    if good.report().scores is None:
        pytest.skip("its samples do not stand alone, and cannot be compared")
    found = compare(*runs)
    assert found.count == len(good.report().scores.values)  # type: ignore[union-attr]
    assert "is better by" in found.pairs[0].words("A", "B")
    assert found.pairs[0].words("A", "B").startswith("B"), "the trained one is the better one"
    assert found.pairs[0].larger_than_chance
    twin = Path(shutil.copytree(runs[0].path, tmp_path / "twin"))
    assert not compare(runs[0], twin).pairs[0].larger_than_chance


# -- answering ------------------------------------------------------------------------------------------------------


def test_there_is_one_answer_a_sample_and_each_can_be_written(good: Case, tmp_path: Path) -> None:
    answers = good.answers()
    assert len(answers) == len(good.dataset.split("test"))
    for number, answer in enumerate(answers):
        assert answer.line()
        assert "\n" not in answer.line()
        row = answer.row()
        assert row.keys() == answers[0].row().keys()
        assert json.loads(json.dumps(answer.to_json(), allow_nan=False))
        assert all(path.is_file() for path in answer.write(tmp_path, f"sample-{number}"))


def test_an_explanation_is_about_one_of_the_outputs_or_refused_in_words(good: Case) -> None:
    inputs = good.batch("test", 1)[0]
    makes = isinstance(good.task, ForModels)  # samples: its model says nothing of any
    with torch.inference_mode():
        outputs = inputs if makes else good.model.eval()(inputs)
        if makes or outputs.ndim > 2:  # it says many things of a sample, and which is explained cannot be told
            with pytest.raises(ConfigError) as refusal:
                good.task.explained(outputs, good.spec)
            assert refusal.value.help
            return
        found = good.task.explained(outputs, good.spec)
        assert 0 <= found.index < outputs.shape[1]
        assert found.name in found.said
        assert good.task.explained(outputs, good.spec, found.name).index == found.index
        with pytest.raises(ProfondError):
            good.task.explained(outputs, good.spec, "no such name")


# -- what the data decides, and the run -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_data_ask_for_it_or_it_is_named(name: str) -> None:
    spec = task_class(name).example().dataset.spec
    if task_class(name).learns(spec):
        assert task_for(spec) == name


@pytest.mark.parametrize("name", NAMES)
def test_what_is_settled_is_a_setting_and_can_be_taken_back(name: str) -> None:
    dataset = task_class(name).example().dataset
    usual = {**task_class(name).transfer_settings}
    for given in ({}, usual):
        decided, notes = task_class(name)(**given).settle(dataset)
        assert json.loads(json.dumps(decided)) == decided
        assert all(isinstance(note, str) for note in notes)
        settled = bind(task_class(name), {**given, **decided}, what=name)
        again, _ = task_class(name)(**task_class(name).unsettled(settled)).settle(dataset)
        assert {**settled, **again} == settled


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_a_default_and_stands_in_the_docstring(name: str) -> None:
    documented = inspect.getdoc(task_class(name)) or ""
    for parameter in inspect.signature(task_class(name)).parameters.values():
        assert parameter.default is not parameter.empty, parameter.name
        assert f"{parameter.name}:" in documented, parameter.name


def test_a_whole_run_is_trained_kept_and_loaded(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_draw", lambda *_: None)  # as above, where they are looked at
    name, settings = case.model_settings["name"], {k: v for k, v in case.model_settings.items() if k != "name"}
    # A task that such data do not ask for is named by people before anything is settled.
    named = {} if task_class(case.name).learns(case.spec) else {"task.name": case.name}
    config = changed(for_model(name, case.dataset.name), {"training.epochs": 2, "training.precision": "fp32", **named})
    config, _ = settled(replace(config, model=Chosen(name, settings)), case.dataset)
    if config.task.name != case.name:
        config = replace(config, task=Chosen(case.name, case.settings))
    run = train_experiment(Experiment(config, case.model, dataset=case.dataset), out=tmp_path)
    summary = Summary.of(run)
    assert summary.metrics.keys() == {"valid", "test"}
    assert summary.headline == case.task.headline
    assert isinstance(summary.result, Measured)
    card = (run.path / "README.md").read_text()
    lines = case.task.card(case.spec)
    assert lines
    assert all(line.startswith("- ") and line in card for line in lines)
    assert all(f"| {measured.written} |" in card for measured in summary.metrics["test"].values())
    rows = (run.path / "split.csv").read_text().splitlines()
    assert len(rows) == 1 + sum(map(len, case.dataset.splits.values()))
    loaded = load(run)
    assert loaded.spec == case.spec
    meter = measure(loaded.model, loaded.task, case.batches("test"), spec=loaded.spec, device=CPU)
    found = meter.metrics()[case.task.headline].value
    assert found == pytest.approx(summary.metrics["test"][case.task.headline].value, rel=1e-5)
