"""Contrast made alike: light and shadow go, edges stay, plain surfaces stay plain."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from profond.nn.contrast import LocalContrast, local_contrast, picture_contrast


def pictures() -> torch.Tensor:
    return torch.rand(3, 3, 20, 24, generator=torch.Generator().manual_seed(0))


def test_a_picture_in_other_light_is_the_same_picture() -> None:
    given = pictures()
    for change in (picture_contrast, local_contrast):
        torch.testing.assert_close(change(0.3 * given + 0.4), change(given), atol=2e-3, rtol=2e-3)


def test_a_whole_picture_has_mean_0_and_deviation_1() -> None:
    made = picture_contrast(pictures())
    torch.testing.assert_close(made.mean((1, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(made.std((1, 2, 3), unbiased=False), torch.ones(3))


def test_each_picture_is_judged_alone() -> None:
    given = pictures()
    for change in (picture_contrast, local_contrast):
        torch.testing.assert_close(change(given)[1:2], change(given[1:2]))


def test_a_plain_picture_becomes_zero_and_stays_finite_in_its_gradient() -> None:
    plain = torch.full((1, 3, 12, 12), 0.7, requires_grad=True)
    for change in (picture_contrast, local_contrast):
        made = change(plain)
        assert float(made.detach().abs().max()) < 0.05
        made.sum().backward()
        assert plain.grad is not None
        assert torch.isfinite(plain.grad).all()


def test_local_contrast_is_what_scipy_makes_of_mean_and_deviation_around_a_pixel() -> None:
    given = pictures()[:1].double()
    places = np.arange(7) - 3
    row = np.exp(-((places / (7 / 4)) ** 2) / 2)
    window = np.outer(row, row) / np.outer(row, row).sum()
    centred = given[0].numpy() - ndimage.convolve(given[0].mean(0).numpy(), window, mode="nearest")
    deviation = np.sqrt(ndimage.convolve((centred**2).mean(0), window, mode="nearest") + 1e-8)
    expected = centred / np.maximum(deviation, deviation.mean())
    np.testing.assert_allclose(LocalContrast()(given)[0].numpy(), expected, atol=1e-9)
