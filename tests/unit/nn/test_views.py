"""Views of a picture for an average: moved and scaled a little, never mirrored."""

from __future__ import annotations

import torch
from torch import nn

from profond.nn.views import views_of
from profond.tasks.classify import Classify


def test_four_are_moved_by_the_share_and_two_are_scaled() -> None:
    picture = torch.rand(2, 3, 20, 20)
    left, right, up, down, *_ = views_of(picture, 0.1)
    torch.testing.assert_close(left[..., :18], picture[..., 2:])
    torch.testing.assert_close(right[..., 2:], picture[..., :18])
    torch.testing.assert_close(up[..., :18, :], picture[..., 2:, :])
    torch.testing.assert_close(down[..., 2:, :], picture[..., :18, :])
    centre = torch.zeros(1, 1, 20, 20)
    centre[..., 6:14, 6:14] = 1
    areas = [float(view.sum()) for view in (*list(views_of(centre, 0.1))[4:], centre)]
    assert areas[0] > areas[2] > areas[1]


def test_none_is_a_mirror_image() -> None:
    arrow = torch.zeros(1, 1, 20, 20)
    arrow[..., 4:16, 5:9] = 1  # heavier on the left
    for view in views_of(arrow, 0.08):
        assert float(view[..., :10].sum()) > 2 * float(view[..., 10:].sum())


def test_frames_of_a_clip_move_together() -> None:
    clip = torch.rand(1, 3, 5, 12, 12)
    for seen, frame in zip(views_of(clip, 0.1), views_of(clip[:, :, 2], 0.1), strict=True):
        torch.testing.assert_close(seen[:, :, 2], frame)


def test_a_classification_averages_the_logits_of_all_of_them() -> None:
    torch.manual_seed(0)
    model, pictures = nn.Sequential(nn.Flatten(), nn.Linear(75, 4)), torch.randn(3, 3, 5, 5)
    with torch.no_grad():
        found = Classify(average_at_test=0.1).predict(model, pictures).probabilities
        both = Classify(average_at_test=0.1, flip_at_test=True).predict(model, pictures).probabilities
        views = [pictures, *views_of(pictures, 0.1)]
        logits = torch.stack([model(view) for view in views])
        mirrored = torch.stack([model(view.flip(-1)) for view in views])
    torch.testing.assert_close(found, logits.mean(0).softmax(1))
    torch.testing.assert_close(both, torch.cat([logits, mirrored]).mean(0).softmax(1))
