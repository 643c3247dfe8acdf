"""Every recipe, trained as it stands on the real data, reaches what it says it reaches.

Those whose result is published elsewhere, for data that nobody can fetch, run in `test_imagenet_in_small.py` and
`test_translations_survive_a_kill.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from profond.core.run import Run
from profond.experiments.configuration import from_recipe
from profond.experiments.experiment import assemble, load
from profond.experiments.train import train_experiment
from profond.recipes import registry
from profond.training.measure import measure

pytestmark = pytest.mark.slow


HERE = [name for name in registry.names() if not registry.load(name)().expected.published]
LONG = 20
"""Seconds of training from which a recipe runs with the whole of the tests only."""


def timed(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.full if registry.load(name)().expected.seconds > LONG else ())


@pytest.mark.parametrize("name", [timed(name) for name in HERE])
def test_a_recipe_reaches_its_promised_result(name: str, tmp_path: Path) -> None:
    expected = registry.load(name)().expected
    run = train_experiment(assemble(from_recipe(name)), out=tmp_path)
    result = run.read("evaluation.json")["metrics"][expected.split][expected.metric]["value"]
    assert expected.low <= result <= expected.high
    again = load(Run.open(run.path))
    batches = again.batches(expected.split)
    measured = measure(again.model, again.task, batches, spec=again.spec, device=torch.device("cpu")).metrics()
    assert measured[expected.metric].value == pytest.approx(result, abs=2e-3), "the run's weights give the run's result"
