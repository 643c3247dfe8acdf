from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from profond.core.errors import ConfigError, DataError, UnknownName
from profond.explain.draw.drawing import save_figure
from profond.explain.steps.pooling import pool
from profond.explain.steps.pooling_figure import draw_pooling

LECTURE = [[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]


def test_the_lectures_table_becomes_the_lectures_table() -> None:
    assert pool(LECTURE).output.tolist() == [[6, 8], [3, 4]]


def test_the_mean_of_the_lectures_table() -> None:
    assert pool(LECTURE, kind="average").output.tolist() == [[3.25, 5.25], [2, 2]]


def test_windows_overlap_when_the_stride_is_smaller() -> None:
    result = pool(LECTURE, 3, 1)
    assert result.overlapping
    assert result.output.tolist() == [[7, 8], [7, 8]]
    assert not pool(LECTURE).overlapping


@pytest.mark.parametrize("seed", range(30))
def test_any_size_gives_what_torch_gives(seed: int) -> None:
    random = np.random.default_rng(seed)
    tall, wide = int(random.integers(1, 6)), int(random.integers(1, 6))
    down, across = int(random.integers(1, 6)), int(random.integers(1, 6))
    padding = int(random.integers(0, tall // 2 + 1)), int(random.integers(0, wide // 2 + 1))
    plane = random.normal(size=(int(random.integers(6, 15)), int(random.integers(6, 15)))) - 3
    inputs = torch.from_numpy(plane)[None, None]
    greatest = functional.max_pool2d(inputs, (tall, wide), (down, across), padding)[0, 0].numpy()
    assert (pool(plane, (tall, wide), (down, across), padding).output == greatest).all()
    for count in (True, False):
        mean = functional.avg_pool2d(inputs, (tall, wide), (down, across), padding, count_include_pad=count)
        mine = pool(plane, (tall, wide), (down, across), padding, kind="average", count_padding=count).output
        np.testing.assert_allclose(mine, mean[0, 0].numpy(), rtol=1e-12, atol=1e-12)


def test_the_winner_is_the_greatest_of_its_window() -> None:
    plane = np.random.default_rng(0).permutation(48).reshape(6, 8)
    result = pool(plane, 3, 2, 1)
    for row, column in np.ndindex(*result.output.shape):
        winner = result.winner(row, column)
        assert winner in result.window(row, column)
        assert plane[winner] == result.output[row, column]


def test_every_pixel_is_in_one_window_when_windows_do_not_overlap() -> None:
    result = pool(np.ones((6, 8)), 2)
    taken = [place for row, column in np.ndindex(3, 4) for place in result.window(row, column)]
    assert sorted(taken) == list(np.ndindex(6, 8))


@pytest.mark.parametrize(
    ("settings", "wrong", "helpful"),
    [
        ({"size": 0}, "window of 0 pixels is empty", "1 or more"),
        ({"size": 5}, "window of 5 does not fit", "at most 4"),
        ({"stride": 0}, "never moves", "1 or more"),
        ({"padding": 2}, "more than half the window", "at most 1"),
        ({"padding": -1}, "less than nothing", "0 or more"),
        ({"size": (2, 2, 2)}, "whole number or a pair", "size 1"),
    ],
)
def test_the_impossible_is_refused_in_words(settings: dict, wrong: str, helpful: str) -> None:
    with pytest.raises(ConfigError, match=wrong) as caught:
        pool(LECTURE, **settings)
    assert helpful in str(caught.value.help)


def test_another_kind_and_an_empty_table_are_refused() -> None:
    with pytest.raises(UnknownName, match="mean"):
        pool(LECTURE, kind="mean")
    with pytest.raises(DataError, match="empty"):
        pool([[]])


def test_the_size_is_explained_and_the_result_written() -> None:
    lines = pool([[1, 2, 3]], (1, 2)).lines()
    assert "width: ⌊(W + 2p − k) / s⌋ + 1 = ⌊(3 + 2·0 − 2) / 2⌋ + 1 = ⌊1 / 2⌋ + 1 = 0 + 1 = 1" in lines
    assert any(line.endswith("so it stands in 1 place; the last column is never reached") for line in lines)
    assert lines[-1].strip() == "2"


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(("size", "stride", "padding"), [(2, None, 0), (3, 1, 1), (2, 1, 0)])
def test_a_small_table_is_drawn_with_its_windows(
    kind: str, size: int, stride: int | None, padding: int, tmp_path: Path
) -> None:
    result = pool(LECTURE, size, stride, padding, kind=kind)
    written = save_figure(draw_pooling(result, title="table"), tmp_path / "pool.png")
    with Image.open(written) as drawn:
        assert min(drawn.size) > 300


def test_neighbouring_windows_differ_in_colour() -> None:
    from profond.explain.steps.pooling_figure import _colour

    for columns in range(1, 13):
        for row in range(6):
            for column in range(columns):
                assert column + 1 == columns or _colour(row, column, columns) != _colour(row, column + 1, columns)
                assert _colour(row, column, columns) != _colour(row + 1, column, columns)


def test_a_photo_is_drawn_before_and_after(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 60, 45))
    for size, stride in ((2, None), (8, 3), (45, None)):
        results = [pool(plane, size, stride) for plane in pixels]
        assert save_figure(draw_pooling(*results), tmp_path / "pool.png").stat().st_size > 1000
