"""What confusions cost: a table of the user's or a built-in one, and what a report then says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from profond.core.errors import ConfigError
from profond.measures.class_report import class_report
from profond.measures.classes import ClassJudge
from profond.measures.costs import Costs
from profond.measures.report import Report

NAMES = ("speed limit 20", "speed limit 30", "speed limit 120", "stop", "priority road")


def table(tmp_path: Path, *lines: str, head: str = "true,predicted,cost") -> str:
    path = tmp_path / "costs.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return str(path)


def report(labels: list[int], predicted: list[int], names: tuple[str, ...] = NAMES) -> Report:
    judge = ClassJudge(len(names), names)
    judge.add(torch.nn.functional.one_hot(torch.tensor(predicted), len(names)).float(), torch.tensor(labels))
    return class_report(judge.findings())


def test_the_last_rule_that_fits_counts_and_a_class_may_be_a_pattern(tmp_path: Path) -> None:
    given = table(tmp_path, "speed limit *,*,3", "*,stop,7", '"speed limit 20",speed limit 30,0.5')
    costs = Costs.read(given).matrix(NAMES)
    assert costs[0].tolist() == [0, 0.5, 3, 7, 3]
    assert costs[4].tolist() == [1, 1, 1, 7, 0]


def test_speed_limits_cost_their_difference_and_priority_is_dear_in_both_languages() -> None:
    costs = Costs.read("signs").matrix(NAMES)
    assert costs[0, :3].tolist() == [0, 1, 10]
    assert costs[3, 4] > costs[0, 2] >= costs[3, 0] > costs[1, 0]
    french = ("limitation à 20", "limitation à 30", "limitation à 120", "arrêt", "route prioritaire")
    np.testing.assert_array_equal(Costs.read("signs").matrix(french), costs)
    with pytest.raises(ConfigError, match="fits these classes"):
        Costs.read("signs").matrix(("cat", "dog"))


def test_a_report_says_the_expected_cost_and_the_dearest_confusions() -> None:
    judged = Costs.read("signs").judged(report([0] * 90 + [0] * 9 + [3], [0] * 90 + [1] * 9 + [4]))
    expected = judged.metrics["expected_cost"]
    assert expected.value == pytest.approx((9 * 1 + 20) / 100)
    assert expected.low is not None
    assert expected.high is not None
    assert 0 <= expected.low < expected.value < expected.high
    assert expected.better == "lower"
    rows = [tuple(row) for row in judged.tables["costs"].rows]
    assert rows == [("stop", "priority road", 1, 20.0, 20.0), ("speed limit 20", "speed limit 30", 9, 1.0, 9.0)]
    assert judged.lines[-1].startswith("dearest confusions (signs): stop taken for priority road (1 × 20)")
    assert judged.metrics["accuracy"].value == pytest.approx(0.9)


def test_where_every_confusion_costs_1_the_cost_is_the_share_of_mistakes(tmp_path: Path) -> None:
    judged = Costs.read(table(tmp_path, "*,*,1")).judged(report([0, 1, 2, 3], [0, 1, 2, 0]))
    assert judged.metrics["expected_cost"].value == pytest.approx(1 - judged.metrics["accuracy"].value)


def test_its_picture_is_drawn_with_mistakes_and_without() -> None:
    for predicted in ([0, 1, 2, 4, 4], [0, 1, 2, 3, 4]):
        judged = Costs.read("signs").judged(report([0, 1, 2, 3, 4], predicted))
        figure = judged.pictures["costs"](None, "signs")  # type: ignore[arg-type]
        figure.canvas.draw()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["speed limit 25,stop,2"], "speed limit 25"),
        (["stop,speed limit 20,dear"], "line 2"),
        (["stop,speed limit 20,-1"], "line 2"),
        (["stop,speed limit 20,nan"], "line 2"),
        ([",stop,1"], "line 2"),
        (["stop"], "line 2"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_words(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Costs.read(table(tmp_path, *lines)).matrix(NAMES)


def test_other_columns_and_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has the columns from, to"):
        Costs.read(table(tmp_path, head="from,to"))
    with pytest.raises(ConfigError, match="no table of costs 'sings'") as error:
        Costs.read("sings")
    assert "signs" in str(error.value.help)


def test_numbers_that_are_no_classes_have_no_costs() -> None:
    with pytest.raises(ConfigError, match="costs are of classes"):
        Costs.read("signs").judged(Report("error", {}, 3))
