"""Sheets of pictures are pixel for pixel what was made, and points lie where they are."""

from __future__ import annotations

import numpy as np
import torch

from profond.measures.picture_sheet import BETWEEN, in_rows, in_square, picture_sheet, side_by_side
from profond.measures.points_figure import limits_of, places, points_picture, push_of, score_map


def test_each_pixel_of_a_small_picture_is_a_square_and_lines_are_between() -> None:
    pictures = torch.linspace(-1, 1, 6 * 8 * 8).view(6, 1, 8, 8)
    sheet = np.asarray(picture_sheet([pictures[:4], pictures[4:]]))
    assert sheet.shape == (2 + 2 * 58, 2 + 4 * 58)
    tile = sheet[2:58, 60:116]
    expected = ((pictures[1, 0] + 1) * 127.5).round().numpy()
    np.testing.assert_array_equal(tile.reshape(8, 7, 8, 7)[:, 3, :, 3], expected)
    np.testing.assert_array_equal(tile, expected.repeat(7, 0).repeat(7, 1))
    assert (sheet[:, :2] == BETWEEN).all()
    assert (sheet[60:, 118:] == BETWEEN).all(), "nothing stands where a row is shorter"


def test_colours_and_names_of_rows() -> None:
    pictures = torch.stack([torch.ones(64, 64), -torch.ones(64, 64), -torch.ones(64, 64)])[None]
    plain, named = np.asarray(picture_sheet([pictures])), np.asarray(picture_sheet([pictures], ["an old boot"]))
    assert plain[30, 30].tolist() == [255, 0, 0]
    assert named.shape[1] > plain.shape[1] + 40
    assert named[:, : named.shape[1] - plain.shape[1]].min() < 100, "the name is written"
    np.testing.assert_array_equal(named[:, named.shape[1] - plain.shape[1] :], plain)


def test_rows_by_class_and_squares_lose_nothing() -> None:
    samples, labels = torch.arange(7.0), [2, 0, 2, 1, 0, 2, 1]
    rows, found = in_rows(samples, labels)
    assert found == [2, 0, 1]
    assert [row.tolist() for row in rows] == [[0, 2, 5], [1, 4], [3, 6]]
    assert [row.tolist() for row in in_square(samples)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_pictures_side_by_side_have_words_below() -> None:
    sheet = side_by_side([torch.zeros(1, 8, 8)] * 2, ["given", "a word that is wider than its picture is by far"])
    assert sheet.width > 168 + 250
    assert np.asarray(sheet.convert("L"))[180:, 170:].min() < 100


def test_the_map_is_what_the_critic_says_at_its_places() -> None:
    limits = limits_of(torch.tensor([[0.0, 0.0], [2.0, 1.0]]), margin=0.0)
    assert limits == (0.0, 2.0, -0.5, 1.5)
    assert places(limits, 2).tolist() == [[0.5, 0.0], [1.5, 0.0], [0.5, 1.0], [1.5, 1.0]]
    np.testing.assert_allclose(score_map(lambda at: at[:, 0] + 10 * at[:, 1], limits, 2), [[0.5, 1.5], [10.5, 11.5]])


def test_the_push_is_the_gradient_of_the_score() -> None:
    with torch.no_grad():
        pushed = push_of(lambda at: at[:, 0] ** 2 + 3 * at[:, 1], torch.tensor([[1.0, 5.0], [2.0, 0.0]]))
    assert pushed.tolist() == [[2.0, 3.0], [4.0, 3.0]]


def test_points_are_drawn_on_axes_that_do_not_move() -> None:
    real, limits = torch.zeros(1, 2), (-1.0, 1.0, -1.0, 1.0)
    pictures = [points_picture(limits, real=real, made=torch.tensor([[x, 0.5]])) for x in (-0.5, 0.5, 30.0)]
    arrays = [np.asarray(picture).astype(int) for picture in pictures]
    assert len({array.shape for array in arrays}) == 1
    columns = [np.flatnonzero(((a[:, :, 0] - a[:, :, 2]) > 120).any(0)) for a in arrays]
    assert columns[2].size == 0, "what lies outside is not drawn, and nothing gives way to it"
    middle = [array.mean() / arrays[0].shape[1] for array in columns[:2]]
    assert 0.2 < middle[0] < 0.4 < 0.6 < middle[1] < 0.8
