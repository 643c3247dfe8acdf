"""Random regions and growing sizes, taken while decoding: the same for all workers and from any position."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from profond.core.errors import ConfigError
from profond.core.randomness import generator
from profond.data import open_dataset
from profond.data.images.augment import Augment
from profond.data.images.decoding import open_image
from profond.data.images.view import NUMBERS, View

GROWING = Augment(decode_crop=0.35, flip=True, sizes=((0.0, 32), (0.5, 64)))


def draws(count: int) -> list[tuple[float, ...]]:
    rows = torch.rand(count, NUMBERS, dtype=torch.float64, generator=generator(0, "test"))
    return [tuple(row) for row in rows.tolist()]


def equal(first, second) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a, b) for one, other in zip(first, second, strict=True) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("least", [0.08, 0.35, 1.0])
def test_regions_have_the_areas_and_proportions_that_are_asked_for(least: float) -> None:
    width, height = 2000, 2000
    boxes = np.array([View((8, 8), least, row).region(width, height) for row in draws(4000)])
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert boxes.min() >= 0
    assert boxes.max() <= 2000
    share, logarithm = wide * high / width / height, np.log(wide / high)
    assert share.min() >= least - 0.002
    assert np.abs(logarithm).max() <= math.log(4 / 3) + 0.01
    if least < 1:  # at 1 nothing but the whole fits, and even that only as a square
        small = share < (least + 1) / 2 * 0.75  # there every proportion fits, so the draws are even
        assert np.abs(np.mean(logarithm[small])) < 0.02
        assert np.std(logarithm[small]) == pytest.approx(2 * math.log(4 / 3) / math.sqrt(12), rel=0.05)
        places = boxes[small, 0] / (width - wide[small])
        assert np.mean(places) == pytest.approx(0.5, abs=0.03)
        assert np.std(places) == pytest.approx(1 / math.sqrt(12), rel=0.06)


@pytest.mark.parametrize(("width", "height", "box"), [(1000, 10, (493, 0, 506, 10)), (10, 1000, (0, 493, 10, 506))])
def test_where_no_region_fits_it_is_the_middle(width: int, height: int, box: tuple[int, ...]) -> None:
    assert View((8, 8), 0.9, draws(1)[0]).region(width, height) == box


def test_a_jpeg_decoded_smaller_shows_the_same_region(photos, tmp_path: Path) -> None:
    picture, _ = photos[10]  # 1024×683
    dataset = open_dataset_of(picture, tmp_path)
    split = dataset.split("train")
    full = open_image(picture).image.convert("RGB")
    reduced = 0
    for row in draws(40):
        view = View((96, 96), 0.08, row)
        box = view.region(*full.size)
        factor = view.shrink(*full.size)
        assert factor == max(f for f in (1, 4, 8) if f == 1 or f * 96 <= min(box[2] - box[0], box[3] - box[1]))
        reduced += factor > 1
        exact = np.asarray(full.resize((96, 96), Image.Resampling.BILINEAR, box), dtype=float)
        ours = split.decode_view(0, view).permute(1, 2, 0).numpy().astype(float)
        if factor == 1:
            assert np.abs(ours - exact).mean() < 0.6
        # a region moved by two of the wanted pixels is further away than that
        step = 2 * (box[2] - box[0]) / 96
        moved = (box[0] - step, box[1], box[2] - step, box[3]) if box[0] > step else (box[0] + step, *box[1:3], box[3])
        other = np.asarray(full.resize((96, 96), Image.Resampling.BILINEAR, moved), dtype=float)
        assert np.abs(ours - exact).mean() < 0.7 * np.abs(ours - other).mean()
    assert 10 < reduced < 40


def open_dataset_of(picture: Path, folder: Path):
    for label in "ab":
        (folder / "two" / label).mkdir(parents=True)
        (folder / "two" / label / "1.jpg").write_bytes(picture.read_bytes())
    return open_dataset(folder / "two", size=64, memory_mib=0, valid_fraction=0.0, test_fraction=0.0)


def test_a_picture_that_lies_on_its_side_is_looked_at_upright(photos, tmp_path: Path) -> None:
    lying = Image.open(photos[0][0]).convert("RGB").crop((0, 0, 500, 300))
    exif = Image.Exif()
    exif[0x0112] = 6
    for label in "ab":
        (tmp_path / "two" / label).mkdir(parents=True)
        lying.save(tmp_path / "two" / label / "1.jpg", exif=exif, quality=95)
    split = open_dataset(tmp_path / "two", size=32, memory_mib=0, valid_fraction=0.0, test_fraction=0.0).split("train")
    upright = open_image(tmp_path / "two/a/1.jpg").image
    assert upright.size == (300, 500)
    view = View((32, 32), 0.5, draws(3)[2])
    assert view.shrink(300, 500) > 1
    exact = np.asarray(upright.resize((32, 32), Image.Resampling.BILINEAR, view.region(300, 500)), dtype=float)
    ours = split.decode_view(0, view).permute(1, 2, 0).numpy()
    turned = [np.abs(np.rot90(ours, quarter) - exact).mean() for quarter in range(4)]
    assert turned[0] < 0.3 * min(turned[1:])


def test_a_batch_depends_on_seed_epoch_and_step_alone_whatever_the_workers(miniature: Path) -> None:
    def batches(workers: int = 0, seed: int = 3):
        data = open_dataset(miniature, size=48)
        return data.batches("train", 5, seed=seed, shuffle=True, augment=GROWING, workers=workers, epochs=4)

    whole = list(batches().at(1))
    assert equal(list(batches(workers=2).at(1)), whole)
    assert equal(list(batches(workers=1).at(1, start=2)), whole[2:])
    torch.rand(7)
    assert equal(list(batches().at(1, start=4)), whole[4:])
    assert not equal(list(batches(seed=4).at(1)), whole)
    assert not equal(list(batches().at(0)), whole)
    shares = [list(batches().at(1, rank=rank, world_size=2)) for rank in range(2)]
    for k, (inputs, targets) in enumerate(whole):
        for rank in range(2):
            mine = [i for i in range(len(targets)) if min(i, len(targets) - 1 - i) % 2 == rank]  # with its mirror
            assert torch.equal(shares[rank][k][0], inputs[mine])
            assert torch.equal(shares[rank][k][1], targets[mine])


def test_pictures_grow_with_the_epochs_and_evaluation_keeps_its_size(miniature: Path) -> None:
    data = open_dataset(miniature, size=96)
    batches = data.batches("train", 24, augment=GROWING, workers=0, epochs=4)
    assert [next(batches.at(epoch))[0].shape[-1] for epoch in range(4)] == [32, 32, 64, 64]
    assert next(iter(data.batches("valid", 8, workers=0)))[0].shape == (8, 3, 96, 96)
    only = data.batches("train", 24, augment=Augment(sizes=((0.0, 64),)), workers=0, epochs=1)
    plain = open_dataset(miniature, size=64).batches("train", 24, workers=0)
    assert equal(list(only), list(plain)), "without a random region it is the middle, as in evaluation"


def test_mirrored_while_decoding_is_what_flipping_would_have_given(miniature: Path) -> None:
    data = open_dataset(miniature, size=64)
    after = list(data.batches("train", 8, augment=Augment(flip=True), workers=0))
    while_decoding = list(data.batches("train", 8, augment=Augment(flip=True, sizes=((0, 64),)), workers=0, epochs=1))
    assert equal(while_decoding, after)


def test_the_recipes_size_changes_after_epoch_eleven() -> None:
    from profond.recipes.imagenet import RESNET50

    augment = Augment(**RESNET50.augment)
    assert [augment.side(epoch / 16) for epoch in range(16)] == [160] * 12 + [192] * 4


@pytest.mark.parametrize(
    "settings",
    [
        {"decode_crop": 1.0},
        {"sizes": ((0.0, 100),)},
        {"sizes": ((0.5, 64),)},
        {"sizes": ((0.0, 64), (1.0, 96))},
        {"sizes": ((0.0, 64), (0.5, 96), (0.2, 128))},
    ],
)
def test_a_setting_out_of_range_is_refused(settings) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Augment(**settings)


def test_what_needs_files_or_a_number_of_epochs_says_so(miniature: Path) -> None:
    kept = open_dataset(miniature, size=32, memory_mib=100)
    with pytest.raises(ConfigError, match="in memory") as caught:
        kept.batches("train", 4, augment=Augment(decode_crop=0.5))
    assert "memory_mib=0" in (caught.value.help or "")
    with pytest.raises(ConfigError, match="epochs"):
        open_dataset(miniature, size=32).batches("train", 4, augment=Augment(sizes=((0.0, 32),)))
