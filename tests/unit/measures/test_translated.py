"""Translations are measured against known answers where there are such, beside what needs no learning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from profond.core.errors import ConfigError, DataError
from profond.core.run import Run
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.evaluation.compare import compare
from profond.evaluation.evaluate import evaluate
from profond.evaluation.kept import keep
from profond.measures.measured import Measured
from profond.measures.report import Report
from profond.measures.simple_translations import matched_colours
from profond.tasks.translate_images import TranslateImages

SPEC = Spec((3, 12, 12), "chw", classes=("day", "night"))


class By(nn.Module):
    """A translator that is a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        return self.function(images)


def split(count: int = 12, pairs: list[int] | None = None) -> TensorSplit:
    """Noise in colour, and the same inverted; A and B in turn, those of a pair far from each other."""
    random = torch.Generator().manual_seed(0)
    day = torch.randint(0, 256, (count, 3, 12, 12), generator=random, dtype=torch.uint8)
    pictures = torch.stack([day, 255 - day.flip(0)], 1).flatten(0, 1)
    numbers = torch.stack([torch.arange(count), torch.arange(count).flip(0)], 1).flatten()
    kept = numbers if pairs is None else torch.where(torch.isin(numbers, torch.tensor(pairs)), numbers, -1)
    return TensorSplit(pictures, torch.arange(2 * count) % 2, "test", marks={"pair": kept})


def measured(function: Any, samples: TensorSplit, size: int = 5) -> Report:
    preprocessing = Preprocessing(size=(12, 12), mode="RGB", mean=(0.5,), std=(0.5,), fixed_size=True)
    data = Dataset("noise", SPEC, preprocessing, {"test": samples}, "made here")
    return evaluate(By(function), TranslateImages(), data.batches("test", size), spec=SPEC)


def test_the_known_answer_is_found_by_its_mark_whatever_the_order() -> None:
    right = measured(lambda images: -images, split())
    assert right.metrics["l1"].value == pytest.approx(0, abs=1e-6)
    assert right.metrics["psnr"].value == pytest.approx(100)
    assert right.metrics["ssim"].value == pytest.approx(1, abs=1e-4)
    off = measured(lambda images: (-images + 0.2).clamp(-1, 1), split())
    assert 0.08 < off.metrics["l1"].value < 0.1
    assert off.metrics["l1"].value > right.metrics["l1"].value
    assert off.metrics["psnr"].value < right.metrics["psnr"].value
    assert right.metrics["kernel_distance"].beats(off.metrics["kernel_distance"].value)
    low, high = off.metrics["l1"].low, off.metrics["l1"].high
    assert low is not None
    assert high is not None
    assert low < off.metrics["l1"].value < high


def test_what_stands_beside_is_what_it_says() -> None:
    samples = split()
    found = measured(lambda images: images, samples)
    beside = {name: Measured.from_json(one["l1"]).value for name, one in found.facts["beside"].items()}
    truth = samples.samples[samples.targets == 1].flip(0).float() / 255
    given = samples.samples[samples.targets == 0].float() / 255
    assert beside["untouched"] == pytest.approx(found.metrics["l1"].value, rel=1e-5)
    assert beside["untouched"] == pytest.approx(float((given - truth).abs().mean()), rel=1e-5)
    assert beside["a white page"] == pytest.approx(float((1 - truth).abs().mean()), rel=1e-5)
    assert set(beside) == {"untouched", "a white page", "blurred", "colours of B"}
    assert "L1 to the known answers" in found.lines[-1]
    rows = list(found.tables["beside"].rows)
    assert [row[0] for row in rows] == ["translated", *beside]
    assert float(rows[1][1]) == pytest.approx(beside["untouched"], rel=1e-4)


def test_a_recolouring_that_keeps_the_order_of_the_colours_is_undone_by_matching() -> None:
    random = torch.Generator().manual_seed(1)
    before = torch.randint(0, 6, (20, 3, 8, 8), generator=random, dtype=torch.uint8) * 20
    table = torch.tensor([3, 40, 41, 90, 200, 255], dtype=torch.uint8)
    after = table[(before // 20).long()]
    matched = matched_colours(before, after[torch.randperm(20, generator=random)])
    assert (matched - after / 255).abs().max() < 1e-6
    constant = torch.full((2, 1, 4, 4), 7, dtype=torch.uint8)
    spread = torch.arange(32, dtype=torch.uint8).view(2, 1, 4, 4)
    assert (matched_colours(constant, spread) - 15.5 / 255).abs().max() < 1e-6


def test_where_all_of_b_is_grey_the_brightness_of_a_is_matched() -> None:
    reds = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    reds[0, 0] = torch.tensor([[0, 100], [200, 100]])
    outline = torch.tensor([[0, 128], [255, 128]], dtype=torch.uint8).expand(1, 3, 2, 2)
    matched = matched_colours(reds, outline.flip(-1))
    assert (matched - outline / 255).abs().max() < 1e-6
    coloured = outline.clone()
    coloured[0, 1] = 0
    assert not torch.equal(matched_colours(reds, coloured)[:, 0], matched_colours(reds, coloured)[:, 1])


def test_only_pictures_with_a_known_answer_are_scored_and_runs_are_compared_by_these(tmp_path: Path) -> None:
    samples, runs = split(pairs=[1, 3, 4, 6, 8, 9, 10]), []
    for name, shift in (("far", 0.6), ("near", 0.1)):
        report = measured(lambda images, shift=shift: (-images + shift).clamp(-1, 1), samples)
        assert report.scores is not None
        assert report.scores.values.shape == (7,)
        assert report.scores.values.mean() == pytest.approx(report.metrics["l1"].value)
        assert report.count == 24
        numbers = samples.marks["pair"]
        assert [int(numbers[i]) for i in report.tables["predictions"].samples] == [1, 3, 4, 6, 8, 9, 10]  # type: ignore[union-attr]
        run = Run.create(tmp_path, name, {})
        contents = [str(i) for i in range(24)]
        folder = keep(run, "test", report.sourced(split_hash="x"), samples, contents=contents)
        assert {path.stem for path in folder.glob("*.png")} == {"translations", "worst"}
        first = (folder / "predictions.csv").read_text().splitlines()[1]
        assert first.startswith("test/2,")
        assert first.endswith(",2"), "the content of its own sample"
        runs.append(run)
    found = compare(*runs)
    assert found.count == 7
    assert found.pairs[0].words("far", "near").startswith("near is better")
    assert found.pairs[0].larger_than_chance


def test_without_known_answers_the_heaps_are_compared() -> None:
    samples = split(pairs=[])
    inverted = measured(lambda images: -images, samples)
    given = measured(lambda images: images * 0.2, samples)
    for report in (inverted, given):
        assert "l1" not in report.metrics
        assert report.scores is None
        assert set(report.pictures) == {"translations"}
        assert len(list(report.tables["predictions"].rows)) == 12
    assert inverted.metrics["kernel_distance"].beats(given.metrics["kernel_distance"].value)
    assert inverted.lines[0].startswith("as they are, the pictures of day are")


def test_too_few_pictures_and_numbers_that_are_not_finite_are_refused_in_words() -> None:
    with pytest.raises(DataError, match="are too few") as refusal:
        measured(lambda images: images, split(2))
    assert refusal.value.help
    with pytest.raises(ConfigError, match="not finite"):
        measured(lambda images: images * torch.nan, split())


def test_grey_pictures_and_tiny_ones_are_measured_too() -> None:
    pictures = torch.arange(12 * 64, dtype=torch.float32).remainder(256).to(torch.uint8).view(12, 1, 8, 8)
    marks = {"pair": torch.arange(12) // 2}
    report = measured(lambda images: images, TensorSplit(pictures, torch.arange(12) % 2, "test", marks=marks))
    assert "ssim" not in report.metrics
    assert np.isfinite(report.metrics["l1"].value)
    report.pictures["worst"](split(), "a title").canvas.draw()
