"""Batches from memory and from files: whole, deterministic, resumable anywhere."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest
import torch
from PIL import Image

from profond.core.errors import ConfigError, ImageError, UnknownName
from profond.core.randomness import numpy_generator
from profond.core.spec import Spec
from profond.data import open_dataset
from profond.data.dataset import Dataset
from profond.data.images.augment import Augment
from profond.data.loader import Batches
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit

EVERYTHING = Augment(
    shift=2, flip=True, rotate=10, scale=0.1, crop=0.5, erase=3, brightness=0.2, contrast=0.2, mixup=0.4
)


def pictures(count=53, channels=3, height=9, width=7):
    random = torch.Generator().manual_seed(0)
    raw = torch.randint(0, 256, (count, channels, height, width), dtype=torch.uint8, generator=random)
    split = TensorSplit(raw, torch.arange(count) % 5, "train")
    preprocessing = Preprocessing(size=(height, width), mode="RGB" if channels == 3 else "L")
    spec = Spec((channels, height, width), "chw", (0, 255), tuple("abcde"))
    return Dataset("noise", spec, preprocessing, {"train": split}, "made here")


def equal(first, second):
    return len(first) == len(second) and all(
        torch.equal(a, b) for one, other in zip(first, second, strict=True) for a, b in zip(one, other, strict=True)
    )


def test_without_shuffling_the_batches_are_the_samples_in_order():
    dataset = pictures()
    batches = dataset.batches("train", 10)
    inputs, targets = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert len(batches) == 6
    assert torch.equal(inputs, dataset.preprocessing.normalise(dataset.splits["train"].samples))
    assert torch.equal(targets, dataset.splits["train"].targets)
    assert len(list(dataset.batches("train", 10, drop_last=True))) == 5


def test_an_epoch_takes_each_sample_once_and_epochs_differ():
    dataset = pictures()
    batches = dataset.batches("train", 10, shuffle=True)
    orders = [batches.order(epoch) for epoch in range(3)]
    assert all(torch.equal(order.sort().values, torch.arange(53)) for order in orders)
    assert not torch.equal(orders[0], orders[1])
    # NOTE seeds that are added up would give seed 1, epoch 0 the order of seed 0, epoch 1
    assert not torch.equal(dataset.batches("train", 10, seed=1, shuffle=True).order(0), orders[1])


@pytest.mark.parametrize("augment", [None, Augment(shift=1), EVERYTHING], ids=["plain", "shift", "everything"])
def test_a_batch_depends_on_seed_epoch_and_step_alone(augment):
    dataset = pictures()
    whole = list(dataset.batches("train", 8, seed=3, shuffle=True, augment=augment).at(2))
    for start in (0, 1, 4, 6, 7):
        fresh = dataset.batches("train", 8, seed=3, shuffle=True, augment=augment)
        torch.rand(start + 1)  # the global random state must not matter
        assert equal(list(fresh.at(2, start)), whole[start:])


def test_the_shares_of_all_processes_make_up_the_batch_of_one():
    dataset = pictures()
    batches = dataset.batches("train", 8, shuffle=True, augment=Augment(shift=2, flip=True, erase=2)).joined(6)
    alone = list(batches.at(1))
    shares = [list(batches.at(1, rank=rank, world_size=3)) for rank in range(3)]
    assert {len(share) for share in shares} == {len(batches)}
    for k, (inputs, targets) in enumerate(alone):
        assert sorted(row.sum().item() for share in shares for row in share[k][0]) == pytest.approx(
            sorted(row.sum().item() for row in inputs)
        )
        for rank in range(3):
            mine = [i for i in range(len(targets)) if min(i, len(targets) - 1 - i) % 3 == rank]  # with its mirror
            assert torch.equal(shares[rank][k][0], inputs[mine])
            assert torch.equal(shares[rank][k][1], targets[mine])


def test_a_last_batch_that_is_too_small_is_joined_to_the_one_before():
    batches = pictures(33).batches("train", 8, shuffle=True)
    joined = batches.joined(2)
    assert [len(targets) for _, targets in batches] == [8, 8, 8, 8, 1]
    assert [len(targets) for _, targets in joined] == [8, 8, 8, 9]
    assert (len(batches), len(joined), batches.last_joined, joined.last_joined) == (5, 4, 0, 1)
    assert equal(list(joined)[:3], list(batches)[:3])
    assert torch.equal(joined.order(0), batches.order(0))
    for augment in (None, EVERYTHING):
        whole = list(pictures(33).batches("train", 8, shuffle=True, augment=augment).joined(2).at(1))
        for start in range(5):
            again = pictures(33).batches("train", 8, shuffle=True, augment=augment).joined(2)
            assert equal(list(again.at(1, start)), whole[start:])


@pytest.mark.parametrize(("count", "sizes"), [(32, [8] * 4), (34, [8, 8, 8, 8, 2]), (9, [9]), (8, [8]), (1, [1])])
def test_only_what_is_too_small_is_joined(count, sizes):
    joined = pictures(count).batches("train", 8).joined(2)
    assert [len(targets) for _, targets in joined] == sizes
    assert len(joined) == len(sizes)


def test_a_small_last_batch_that_is_left_out_is_not_joined():
    joined = pictures(33).batches("train", 8, drop_last=True).joined(2)
    assert [len(targets) for _, targets in joined] == [8] * 4


def test_every_process_gets_two_samples_of_each_batch():
    for count in range(40, 56):
        joined = pictures(count).batches("train", 8, shuffle=True).joined(2 * 3)
        alone = list(joined)
        shares = [list(joined.at(0, rank=rank, world_size=3)) for rank in range(3)]
        for k, (_, targets) in enumerate(alone):
            parts = [share[k][1] for share in shares]
            assert min(map(len, parts)) >= 2
            assert sum(map(len, parts)) == len(targets)


def test_no_process_goes_without_when_the_last_batch_is_small():
    batches = pictures(count=33).batches("train", 16)
    last = [list(batches.joined(8).at(0, rank=rank, world_size=4))[-1][1] for rank in range(4)]
    assert sorted(map(len, last)) == [4, 4, 4, 5]
    with pytest.raises(ConfigError, match="a batch of 1 cannot be shared by 4 processes"):
        list(batches.at(0, rank=0, world_size=4))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_shift_is_a_crop_of_the_padded_picture(channels):
    dataset = pictures(channels=channels)
    raw = dataset.splits["train"].samples
    shift = 2
    padded = torch.nn.functional.pad(raw, (shift,) * 4)
    inputs, _ = next(iter(dataset.batches("train", 53, augment=Augment(shift=shift))))
    found = set()
    for i in range(53):
        places = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if torch.equal(inputs[i], dataset.preprocessing.normalise(padded[i : i + 1, :, y : y + 9, x : x + 7])[0])
        ]
        assert len(places) == 1
        found.update(places)
    assert len(found) > 12


def test_a_clip_is_shifted_in_all_its_frames_alike():
    raw = torch.randint(1, 256, (4, 1, 3, 6, 6), dtype=torch.uint8)
    batches = Batches(
        TensorSplit(raw, torch.zeros(4), "t"), Preprocessing(), 4, num_classes=2, augment=Augment(shift=1)
    )
    inputs, _ = next(iter(batches))
    black = (inputs == 0).float()
    assert inputs.shape == raw.shape
    assert torch.equal(black[:, :, 0], black[:, :, 2])
    assert black.sum() > 0


def test_signals_take_mixup_and_refuse_what_is_for_pictures():
    split = TensorSplit(torch.randn(6, 12, 29), torch.arange(6), "train")
    batches = Batches(split, Preprocessing(scale=1.0), 6, num_classes=6, augment=Augment(mixup=0.3))
    inputs, targets = next(iter(batches))
    assert inputs.shape == (6, 12, 29)
    torch.testing.assert_close(targets.sum(1), torch.ones(6))
    with pytest.raises(ConfigError, match="signals"):
        Batches(split, Preprocessing(scale=1.0), 6, num_classes=6, augment=Augment(flip=True))


def test_mixup_blends_inputs_and_targets_by_the_same_weight():
    dataset = pictures(count=2)
    (plain, labels), (mixed, targets) = (
        next(iter(dataset.batches("train", 2, augment=augment))) for augment in (None, Augment(mixup=1.0))
    )
    weight = targets[0, labels[0]]
    assert 0 < weight < 1
    torch.testing.assert_close(mixed[0], weight * plain[0] + (1 - weight) * plain[1])


@pytest.mark.parametrize("alpha", [1e-8, 0.2, 1.0, 8.0])
def test_mixups_weights_are_of_a_beta_distribution_and_depend_on_the_step_alone(alpha):
    def weights() -> np.ndarray:
        mixed = [
            Augment(mixup=alpha).mix(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]), 2, numpy_generator(7, step))
            for step in range(400)
        ]
        return np.array([float(targets[0, 0]) for _, targets in mixed])

    drawn = weights()
    assert np.array_equal(drawn, weights())
    assert drawn.mean() == pytest.approx(0.5, abs=0.08)
    assert drawn.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.15)


@pytest.mark.parametrize(
    "augment", [Augment(rotate=1e-6), Augment(scale=1e-7), Augment(brightness=1e-7), Augment(contrast=1e-7)]
)
def test_a_vanishing_change_changes_nothing(augment):
    dataset = pictures()
    (plain, _), (changed, _) = (next(iter(dataset.batches("train", 53, augment=a))) for a in (None, augment))
    torch.testing.assert_close(changed, plain, atol=1e-4, rtol=0)


def test_flip_erase_and_crop_do_what_they_say():
    dataset = pictures(height=16, width=16)
    plain, _ = next(iter(dataset.batches("train", 53)))
    flipped, _ = next(iter(dataset.batches("train", 53, augment=Augment(flip=True))))
    mirrored = [torch.equal(flipped[i], plain[i].flip(-1)) for i in range(53)]
    kept = [torch.equal(flipped[i], plain[i]) for i in range(53)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 10 < sum(mirrored) < 43
    erased, _ = next(iter(dataset.batches("train", 53, augment=Augment(erase=4))))
    changed = (erased != plain).any(1).flatten(1).sum(1)
    assert changed.min() >= 1
    assert changed.max() <= 16
    cropped, _ = next(iter(dataset.batches("train", 53, augment=Augment(crop=0.3))))
    assert cropped.shape == plain.shape
    assert not torch.equal(cropped, plain)
    assert cropped.amin() >= -1e-4
    assert cropped.amax() <= 1 + 1e-4


@pytest.mark.parametrize("settings", [{"shift": -1}, {"crop": 1.0}, {"brightness": -0.1}, {"rotate": float("nan")}])
def test_an_augmentation_out_of_range_is_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Augment(**settings)


def test_bad_requests_are_refused_by_name():
    dataset = pictures()
    with pytest.raises(UnknownName, match="tset"):
        dataset.batches("tset", 8)
    with pytest.raises(ConfigError, match="batch_size"):
        dataset.batches("train", 0)


@pytest.fixture
def photos(tmp_path):
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for i in range(12):
            pixels = random.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{i}.png")
    return tmp_path


@pytest.mark.parametrize("workers", [0, 2])
def test_streaming_gives_what_memory_gives(photos, workers):
    kept = open_dataset(str(photos), size=16)
    streamed = open_dataset(str(photos), size=16, memory_mib=0)
    assert kept.preprocessing == streamed.preprocessing
    assert kept.split_hash("train") == streamed.split_hash("train")
    batches = [d.batches("train", 5, shuffle=True, augment=EVERYTHING, workers=workers) for d in (kept, streamed)]
    assert equal(list(batches[0].at(1)), list(batches[1].at(1)))
    assert equal(list(batches[0].at(1, 2, 1, 2)), list(batches[1].at(1, 2, 1, 2)))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_breaks_while_streaming_is_named(photos, workers):
    dataset = open_dataset(str(photos), size=16, memory_mib=0)
    broken = dataset.splits["train"].locations[-1]
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(ImageError, match=f"{broken.name} is damaged") as kept:
        list(dataset.batches("train", 4, workers=workers))
    assert kept.tb is not None
    assert multiprocessing.active_children() == [], "the traceback keeps no process alive"


def test_skipped_batches_are_not_decoded(photos):
    dataset = open_dataset(str(photos), size=16, memory_mib=0)
    dataset.splits["train"].locations[0].unlink()
    batches = dataset.batches("train", 4, workers=0)
    assert len(list(batches.at(0, start=1))) == len(batches) - 1
