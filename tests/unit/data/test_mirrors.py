"""Mirror images know their class, a perspective keeps lines straight, and contrast is part of the preprocessing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from profond.core.errors import ConfigError
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.images.augment import Augment
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.tasks.classify import Classify

NAMES = ("keep left", "keep right", "straight ahead", "speed limit 30")
MIRRORS = (1, 0, 2, -1)


def signs(mirrors: tuple[int, ...] = MIRRORS) -> Dataset:
    """Pictures whose left half says the class they are of, and whose right half is 0."""
    targets = torch.arange(400) % 4
    pictures = torch.zeros(400, 1, 4, 4, dtype=torch.uint8)
    pictures[:, 0, :, :2] = (50 + 50 * targets).to(torch.uint8)[:, None, None]
    spec = Spec((1, 4, 4), "chw", classes=NAMES, mirrors=mirrors)
    return Dataset(
        "signs", spec, Preprocessing((4, 4), "L"), {"train": TensorSplit(pictures, targets, "train")}, "here"
    )


def batch(dataset: Dataset, **changes: object) -> tuple[torch.Tensor, torch.Tensor]:
    return next(iter(dataset.batches("train", 400, augment=Augment(**changes))))  # type: ignore[arg-type]


def test_a_mirrored_sign_is_of_the_class_of_its_mirror_image_and_others_are_never_mirrored() -> None:
    inputs, targets = batch(signs(), flip=True)
    before = torch.arange(400) % 4
    mirrored = inputs[:, 0, 0, 3] > 0
    assert torch.equal(targets, torch.where(mirrored, torch.tensor([1, 0, 2, -1])[before], before))
    shares = [float(mirrored[before == label].float().mean()) for label in range(4)]
    assert shares[3] == 0
    assert all(0.35 < share < 0.65 for share in shares[:3])


def test_without_a_word_of_the_data_every_class_is_its_own_mirror_image() -> None:
    inputs, targets = batch(signs(()), flip=True)
    assert torch.equal(targets, torch.arange(400) % 4)
    assert bool((inputs[3::4, 0, 0, 3] > 0).any())


def test_a_run_knows_them_and_one_from_before_has_none() -> None:
    spec = signs().spec
    assert Spec.from_json(spec.to_json()) == spec
    before = {name: value for name, value in spec.to_json().items() if name != "mirrors"}
    assert Spec.from_json(before).mirrors == ()
    for wrong in ((0, 1), (0, 1, 2, 4), (0, 1, 2, -2)):
        with pytest.raises(ConfigError, match="mirrors"):
            replace(spec, mirrors=wrong)


def test_signs_are_not_averaged_with_their_mirror_images() -> None:
    with pytest.raises(ConfigError, match="flip_at_test"):
        Classify(flip_at_test=True).settle(signs())
    Classify(flip_at_test=True).settle(signs((0, 1, 2, 3)))
    Classify(average_at_test=0.05).settle(signs())


def test_a_perspective_keeps_lines_straight_and_the_middle_in_its_place() -> None:
    augment = Augment(perspective=0.3)
    rows, columns = torch.meshgrid(torch.arange(65.0), torch.arange(65.0), indexing="ij")
    slanted = (2 * columns - rows + 100)[None, None].expand(8, 1, 65, 65).contiguous()
    drawn = augment.draw(8, 65, 65, torch.Generator().manual_seed(0))
    assert drawn["warp"].shape == (8, 3, 3)
    made = augment.apply(slanted.clone(), drawn, torch.zeros(1))
    torch.testing.assert_close(made[:, 0, 32, 32], slanted[:, 0, 32, 32])
    assert float((made - slanted)[:, 0, 16:48, 16:48].abs().max()) > 1
    # Where the plane of the picture is seen from the side, a linear function of its places divides two others.
    places = torch.stack(torch.meshgrid(torch.arange(-8.0, 9), torch.arange(-8.0, 9), indexing="ij"), -1).view(-1, 2)
    for k in range(8):
        values = made[k, 0, 24:41, 24:41].reshape(-1, 1)
        design = torch.cat([places, torch.ones(len(places), 1), -places * values], 1).double()
        solved = torch.linalg.lstsq(design, values.double()).solution
        torch.testing.assert_close(design @ solved, values.double(), atol=1e-3, rtol=0)


def test_contrast_comes_after_augmentation_and_travels_with_the_run() -> None:
    plain = signs()
    local = replace(plain, preprocessing=replace(plain.preprocessing, contrast="picture"))
    inputs, _ = batch(local, brightness=0.5)
    bright, _ = batch(plain, brightness=0.5)
    assert bright.std((1, 2, 3)).std() > 0.01
    torch.testing.assert_close(inputs.std((1, 2, 3), unbiased=False), torch.ones(400))
    kept = local.preprocessing.to_json()
    assert Preprocessing.from_json(kept) == local.preprocessing
    del kept["contrast"]
    assert Preprocessing.from_json(kept) == plain.preprocessing
    with pytest.raises(ConfigError, match="of pictures"):
        Preprocessing(contrast="local")
