"""Judgement of a class for each step: counted by step, certain by clip."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from profond.measures.intervals import share_by_group, wilson
from profond.measures.step_figures import draw_timelines, runs, spaced
from profond.measures.step_judge import clip_scores, findings
from profond.measures.step_report import step_report


def rows(labels: list[list[int]], predicted: list[list[int]]) -> list[tuple[torch.Tensor, ...]]:
    true, said = torch.tensor(labels), torch.tensor(predicted)
    return [(true, said, (true == said).float() * 0.8 + 0.1)]


def test_steps_without_a_label_never_count() -> None:
    found = findings(rows([[0, 1, -1], [1, -1, -1]], [[0, 0, 1], [1, 1, -1]]), ("a", "b"))
    assert found.metrics["accuracy"].value == pytest.approx(2 / 3)
    assert found.confusion.tolist() == [[1, 0], [1, 1]]
    assert clip_scores(found).tolist() == [0.5, 1.0]
    assert found.metrics["clip_accuracy"].value == pytest.approx(0.75)


def test_marked_steps_are_measured_apart() -> None:
    marks = {"hidden": torch.tensor([[True, False, False]]), "blurred": torch.tensor([[False, True, False]])}
    found = findings(rows([[0, 1, 1]], [[1, 1, 1]]), ("a", "b"), marks)
    values = {name: measured.value for name, measured in found.metrics.items()}
    assert values["accuracy_hidden"] == 0.0
    assert values["accuracy_blurred"] == 1.0
    assert values["accuracy_marked"] == 0.5
    assert values["accuracy_unmarked"] == 1.0


def test_batches_that_were_cut_to_their_longest_clip_stand_together() -> None:
    short, long = rows([[0], [1]], [[0], [0]]), rows([[1, 1, 0]], [[1, 0, 0]])
    marks = {"hidden": torch.zeros(3, 5, dtype=torch.bool)}
    found = findings([*short, *long], ("a", "b"), marks)
    assert found.label.tolist() == [[0, -1, -1], [1, -1, -1], [1, 1, 0]]
    assert found.metrics["accuracy"].value == pytest.approx(3 / 5)
    assert found.marks["hidden"].shape == (3, 3)


def test_an_interval_by_clip_is_wider_than_one_by_step_where_the_steps_of_a_clip_are_alike() -> None:
    right = np.array([20, 0] * 20)
    grouped, counted = share_by_group(right, np.full(40, 20)), wilson(400, 800)
    assert grouped.high - grouped.low > 3.5 * (counted.high - counted.low)  # type: ignore[operator]
    whole = share_by_group(np.full(10, 20), np.full(10, 20))
    assert whole.low == pytest.approx(wilson(10, 10).low)  # type: ignore[arg-type]


def test_an_interval_by_clip_holds_what_it_promises() -> None:
    random, held = np.random.default_rng(0), 0
    for _ in range(200):
        skill = random.beta(4, 2, size=60)  # of each clip: its steps are alike
        right = random.binomial(15, skill)
        found = share_by_group(right, np.full(60, 15), resamples=300)
        held += found.low <= 4 / 6 <= found.high  # type: ignore[operator]
    assert 0.90 <= held / 200 <= 0.99


def test_the_report_has_a_row_a_clip_and_a_row_a_step() -> None:
    found = findings(rows([[0, 1, 1], [1, 1, -1]], [[0, 0, 1], [1, 1, -1]]), ("a", "b"))
    report = step_report(found, rate=2.0)
    assert list(report.tables["predictions"].rows) == [["3", "2", "a×1 b×2", "a×2 b×1"], ["2", "2", "b×2", "b×2"]]
    assert [row[:4] for row in report.tables["steps"].rows][:2] == [["0", "0.000", "a", "a"], ["1", "0.500", "b", "a"]]
    assert report.tables["steps"].samples == [0, 0, 0, 1, 1]


def test_runs_and_spaced_steps() -> None:
    assert runs(np.array([3, 3, 1, -1])) == [(0, 2, 3), (2, 3, 1), (3, 4, -1)]
    assert runs(np.array([], dtype=np.int64)) == []
    assert spaced(3) == [0, 1, 2]
    assert len(spaced(100)) == len(set(spaced(100))) == 12
    assert draw_timelines([], ("a", "b")).get_size_inches()[1] > 0
