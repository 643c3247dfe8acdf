"""Sequences of unlike length in batches: cut, sorted, and nothing of it changes what is in them."""

from __future__ import annotations

import pytest
import torch

from profond.core.errors import ConfigError, DataError
from profond.core.spec import Spec
from profond.core.tokens import Tokens
from profond.data.dataset import Dataset
from profond.data.images.augment import Augment
from profond.data.loader import Batches
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.data.subsample import subsample
from profond.experiments.train import split_lines

KNOWN = Tokens.learn(["a b c d e f g h"], "words")
COUNT, LONGEST = 1000, 30


def lengths(count: int = COUNT) -> torch.Tensor:
    return torch.randint(1, LONGEST + 1, (count,), generator=torch.Generator().manual_seed(1))


def tokens(count: int = COUNT) -> torch.Tensor:
    """Each row's first token is not padding, and tells the row's number by the second and third."""
    real = torch.arange(LONGEST) < lengths(count)[:, None]
    return torch.where(real, 4 + torch.arange(count)[:, None] % 7, 0)


def texts(count: int = COUNT, **spec: object) -> Dataset:
    targets = torch.arange(count) % 2
    split = TensorSplit(tokens(count), targets, "train")
    described = Spec((LONGEST,), "t", classes=("bad", "good"), tokens=KNOWN)
    return Dataset("texts", described, Preprocessing(text=KNOWN), {"train": split}, "made here")


def test_a_batch_of_texts_is_cut_behind_its_longest_and_stays_whole_numbers() -> None:
    dataset = texts()
    raw, at = dataset.splits["train"].samples, 0  # type: ignore[attr-defined]
    for inputs, _ in dataset.batches("train", 16):
        assert inputs.dtype == torch.int64
        assert inputs.shape[1] == int(lengths()[at : at + 16].max())
        assert torch.equal(inputs, raw[at : at + len(inputs), : inputs.shape[1]])
        at += len(inputs)
    assert at == COUNT


def test_texts_of_like_length_go_together_when_shuffled() -> None:
    batches = texts().batches("train", 16, shuffle=True, seed=3)
    spread = [int(lengths()[part].max() - lengths()[part].min()) for part in torch.split(batches.order(0), 16)]
    assert sum(spread) / len(spread) < 3  # 28 in an order without regard to length
    firsts = [int(lengths()[part].float().mean()) for part in torch.split(batches.order(0), 16)]
    assert firsts != sorted(firsts)  # the batches themselves are mixed


def test_every_sample_comes_once_an_epoch_and_each_epoch_has_an_order_of_its_own() -> None:
    batches = texts().batches("train", 16, shuffle=True, seed=3)
    assert sorted(batches.order(0).tolist()) == list(range(COUNT))
    assert not torch.equal(batches.order(0), batches.order(1))
    assert torch.equal(batches.order(1), texts().batches("train", 16, shuffle=True, seed=3).order(1))


def test_a_training_that_goes_on_gets_the_same_batches() -> None:
    batches = texts(200).batches("train", 16, shuffle=True)
    whole = [inputs for inputs, _ in batches.at(2)]
    late = [inputs for inputs, _ in batches.at(2, start=5)]
    assert all(torch.equal(a, b) for a, b in zip(whole[5:], late, strict=True))


def test_the_last_batch_is_joined_as_ever() -> None:
    batches = texts(33).batches("train", 16, shuffle=True).joined(2)
    sizes = [len(inputs) for inputs, _ in batches]
    assert sizes == [16, 17]


def test_processes_share_every_batch_of_texts() -> None:
    batches = texts(64).batches("train", 16, shuffle=True)
    parts = [torch.cat([targets for _, targets in batches.at(0, rank=rank, world_size=2)]) for rank in (0, 1)]
    assert [len(part) for part in parts] == [32, 32]


def test_images_and_series_of_one_length_are_ordered_as_before() -> None:
    random = torch.Generator().manual_seed(0)
    for samples in (
        torch.randint(0, 256, (40, 1, 4, 4), generator=random).to(torch.uint8),
        torch.rand(40, 2, 9, generator=random),
    ):
        split = TensorSplit(samples, torch.arange(40) % 2, "train")
        batches = Batches(split, Preprocessing(), 8, num_classes=2, shuffle=True, seed=5)
        from profond.core.randomness import generator

        assert torch.equal(batches.order(4), torch.randperm(40, generator=generator(5, "order", 4)))
        assert all(inputs.shape[1:] == samples.shape[1:] for inputs, _ in batches.at(4))


def series(ends: torch.Tensor) -> Dataset:
    values = torch.rand(len(ends), 2, LONGEST, generator=torch.Generator().manual_seed(2))
    values = values.masked_fill((torch.arange(LONGEST) >= ends[:, None])[:, None], torch.nan)
    split = TensorSplit(values, torch.arange(len(ends)) % 2, "train")
    spec = Spec((2, LONGEST), "ct", classes=("a", "b"))
    return Dataset("series", spec, Preprocessing(mean=(0.5,), std=(2.0,), scale=1.0), {"train": split}, "made here")


def test_series_that_end_in_missing_values_are_cut_and_sorted_too() -> None:
    dataset = series(lengths(200))
    for inputs, _ in dataset.batches("train", 8):
        assert not inputs[..., -1].isnan().all()
    order = dataset.batches("train", 8, shuffle=True).order(0)
    spread = [int(lengths(200)[part].max() - lengths(200)[part].min()) for part in torch.split(order, 8)]
    assert sum(spread) / len(spread) < 6


def test_gaps_inside_a_series_are_no_end() -> None:
    dataset = series(torch.full((8,), LONGEST))
    dataset.splits["train"].samples[:, :, 3:5] = torch.nan  # type: ignore[attr-defined]
    assert all(inputs.shape[-1] == LONGEST for inputs, _ in dataset.batches("train", 4))


# -- targets that are more than one class ------------------------------------------------------------------------


def stepwise() -> Dataset:
    ends = lengths(60)
    targets = torch.where(torch.arange(LONGEST) < ends[:, None], torch.arange(60)[:, None] % 2, -1)
    dataset = series(ends)
    split = TensorSplit(dataset.splits["train"].samples, targets, "train")  # type: ignore[attr-defined]
    spec = Spec((2, LONGEST), "ct", classes=("a", "b"), each="t")
    return Dataset("steps", spec, dataset.preprocessing, {"train": split}, "made here")


def test_the_classes_of_steps_are_cut_with_their_steps() -> None:
    for inputs, targets in stepwise().batches("train", 8, shuffle=True):
        assert targets.shape == (len(inputs), inputs.shape[-1])
        assert torch.equal(targets >= 0, ~inputs.isnan().all(1))


def test_texts_to_be_written_are_cut_behind_their_own_longest() -> None:
    written = tokens(60).flip(0)
    split = TensorSplit(tokens(60), written, "train")
    spec = Spec((LONGEST,), "t", tokens=KNOWN, text=KNOWN)
    dataset = Dataset("pairs", spec, Preprocessing(text=KNOWN), {"train": split}, "made here")
    for _, targets in dataset.batches("train", 8):
        assert (targets[:, -1] != 0).any()


def test_a_share_is_held_out_and_splits_are_written_with_a_class_for_each_step() -> None:
    dataset = stepwise().holdout(0.2)
    assert len(dataset.splits["valid"]) == 12
    assert dataset.split_hash("train") != dataset.split_hash("valid")
    lines = "".join(split_lines(dataset)).splitlines()
    assert len(lines) == 61
    assert {word for line in lines[1:] for word in line.split(",")[1].split()} == {"a", "b"}


def test_a_few_of_each_class_cannot_be_had_where_each_step_has_one() -> None:
    with pytest.raises(DataError, match="no such classes"):
        subsample(stepwise(), {"train": 3})


def test_texts_cannot_be_blended() -> None:
    with pytest.raises(ConfigError, match="blended"):
        texts(40).batches("train", 8, augment=Augment(mixup=0.2))
