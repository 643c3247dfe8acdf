"""What a generator and a critic are made of."""

from __future__ import annotations

import math

import pytest
import torch

from profond.nn.adversarial import Labelled, Projection, cropped, even, levels, scaled, widths


@pytest.mark.parametrize(
    ("size", "smallest", "expected"),
    [
        ((28, 28), 8, [(7, 7), (14, 14), (28, 28)]),
        ((28, 28), 4, [(4, 4), (7, 7), (14, 14), (28, 28)]),
        ((112, 92), 8, [(7, 6), (14, 12), (28, 23), (56, 46), (112, 92)]),
        ((5, 9), 8, [(5, 9)]),
    ],
)
def test_sizes_are_halved_rounding_up_until_one_side_is_small(
    size: tuple[int, int], smallest: int, expected: list[tuple[int, int]]
) -> None:
    assert levels(*size, smallest) == expected


def test_half_the_size_has_twice_the_channels_to_a_limit() -> None:
    assert widths(5, 32, 256) == [256, 256, 128, 64, 32]


def test_what_is_halved_rounding_up_can_be_doubled_and_cropped_to_what_it_was() -> None:
    pictures = torch.rand(1, 1, 7, 12)
    assert even(pictures).shape == (1, 1, 8, 12)
    assert torch.equal(cropped(even(pictures), (7, 12)), pictures)
    assert even(pictures[:, :, :6]).shape == (1, 1, 6, 12)


def test_a_scaled_layer_keeps_the_size_of_what_goes_through_a_leaky_rectifier() -> None:
    torch.manual_seed(0)
    weight = torch.empty(400, 300)
    scaled(weight, 300)
    outputs = torch.nn.functional.leaky_relu(torch.randn(500, 300) @ weight.T, 0.2)
    assert outputs.square().mean().sqrt().item() == pytest.approx(1.0, abs=0.03)


def test_a_class_is_behind_the_latent_and_without_one_it_is_the_mean_of_all() -> None:
    labelled = Labelled(3, num_classes=2)
    noise = torch.randn(2, 3)
    with torch.no_grad():
        given = labelled(noise, torch.tensor([1, 0]))
        assert torch.equal(given, torch.cat((noise, labelled.embedding.weight[[1, 0]]), 1))
        mean = labelled.embedding.weight.mean(0)
        torch.testing.assert_close(labelled(noise)[:, 3:], mean.expand(2, -1))
    assert torch.equal(Labelled(3, num_classes=0)(noise), noise)


def test_a_score_is_the_projection_on_a_direction_and_on_that_of_the_class() -> None:
    projection, features = Projection(16, num_classes=3), torch.randn(2, 16)
    labels = torch.tensor([2, 0])
    with torch.no_grad():
        direction = projection.direction.weight[0] + projection.classes.weight[labels]
        torch.testing.assert_close(projection(features, labels), (features * direction).sum(1) / 4)
        torch.testing.assert_close(projection(features), features @ projection.direction.weight[0] / math.sqrt(16))


def test_a_score_is_no_rounded_number_under_autocast() -> None:
    projection, features = Projection(16, num_classes=0), torch.randn(4, 16)
    with torch.autocast("cpu", torch.bfloat16):
        scores = projection(features)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, projection(features))
