"""Two folders of pictures are enough to say what is to be trained, and with which settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from profond.core.errors import ConfigError, UsageError
from profond.experiments.experiment import assemble
from profond.experiments.plan import plan_training
from profond.tasks.translate_images import TranslateImages


def heap(folder: Path, count: int = 20) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", (30, 26), (12 * number, 128, 10 * ord(folder.name[0]) % 256)).save(folder / f"{number}.png")
    return folder


def test_two_folders_need_no_model_no_task_and_no_knob(tmp_path: Path) -> None:
    a, b = heap(tmp_path / "horses"), heap(tmp_path / "zebras")
    said: list[str] = []
    config = plan_training(domains=(str(a), str(b)), say=said.append)
    assert config.model.name == "fastcut"
    assert "--model cyclegan" in said[0]
    assert config.training.schedule == "late_linear"
    assert (config.loader.batch_size, config.loader.balanced) == (8, True)
    settings = {"data.valid_fraction": 0.2, "data.test_fraction": 0.2, "model.width": 4}
    experiment = assemble(plan_training(domains=(str(a), str(b)), settings=settings))
    assert isinstance(experiment.task, TranslateImages)
    inputs, targets = next(iter(experiment.batches("train", training=True)))
    assert targets.tolist() == [0, 1] * 4
    assert inputs.abs().max() <= 1


def test_a_batch_without_room_for_both_is_refused_before_there_is_a_run(tmp_path: Path) -> None:
    a, b = heap(tmp_path / "horses"), heap(tmp_path / "zebras")
    settings = {"data.valid_fraction": 0.2, "data.test_fraction": 0.2, "model.width": 4, "loader.batch_size": 1}
    with pytest.raises(ConfigError, match="a batch of 1 has no room") as told:
        assemble(plan_training(domains=(str(a), str(b)), settings=settings))
    assert "--batch-size 2" in (told.value.help or "")


def test_a_folder_in_the_layout_of_the_paper_s_authors_needs_no_model_either(tmp_path: Path) -> None:
    heap(tmp_path / "both" / "trainA")
    heap(tmp_path / "both" / "trainB")
    assert plan_training(data=str(tmp_path / "both")).model.name == "fastcut"
    assert plan_training(data=str(tmp_path / "both"), model="cyclegan").model.name == "cyclegan"
    for given in ({"data": str(tmp_path)}, {}):
        arguments: dict[str, Any] = dict(given)
        with pytest.raises(UsageError, match="nothing to train"):
            plan_training(**arguments)
