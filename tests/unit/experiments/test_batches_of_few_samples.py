"""Few samples make small batches, so that a network on anybody's data takes enough steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from profond.experiments.configuration import Configuration, changed, for_model, from_recipe
from profond.experiments.experiment import Experiment, assemble
from profond.recipes.recipe import Loader


@pytest.mark.parametrize(
    ("samples", "batch"), [(0, 64), (2, 8), (38, 8), (240, 12), (1279, 63), (1280, 64), (50_000, 64)]
)
def test_a_batch_is_a_twentieth_of_an_epoch_where_that_is_little(samples: int, batch: int) -> None:
    assert Loader(64, least_batches=20).for_samples(samples) == Loader(batch)
    assert Loader(4, least_batches=20).for_samples(samples) == Loader(4)
    assert Loader(64).for_samples(samples) == Loader(64)


def assembled(folder: Path, **changes: Any) -> Experiment:
    table = folder / "texts.csv"
    table.write_text("text,label\n" + "".join(f"a film number {i},{'good' if i % 2 else 'bad'}\n" for i in range(300)))
    return assemble(changed(for_model("text_lstm", str(table)), {"width": 4, "hidden": 4, **changes}))


def test_it_is_said_kept_and_never_asked_again(tmp_path: Path) -> None:
    made = assembled(tmp_path)
    assert made.loader == Loader(12, valid_fraction=0.1)
    assert [note for note in made.notes if "12 in a batch" in note and "--batch-size 64" in note]
    assert Configuration.from_json(made.config.to_json()) == made.config


@pytest.mark.parametrize("changes", [{"batch_size": 64}, {"training.steps": 50}])
def test_who_names_the_batch_or_the_steps_gets_them(tmp_path: Path, changes: dict[str, Any]) -> None:
    made = assembled(tmp_path, **changes)
    assert made.loader == Loader(64, valid_fraction=0.1)
    assert not made.notes


def test_recipes_keep_their_batches() -> None:
    assert from_recipe("sentiment").loader.least_batches == 0
