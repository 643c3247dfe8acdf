"""Equal samples are dealt to one split, held out together, and told where given splits part them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from profond.core.errors import DataError
from profond.core.spec import Spec
from profond.data import open_dataset
from profond.data.check import check
from profond.data.copies import equal_files, equal_rows
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.data.splitting import assign

SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)


def splits_of(dataset: Dataset) -> dict[str, str]:
    return {split.identity(i): name for name, split in dataset.splits.items() for i in range(len(split))}


def doubled(root: Path) -> Path:
    for place, label in enumerate(("cat", "dog")):
        for number in range(20):
            picture(root / label / f"{number}.png", 100 * place + number)
            copy = root / label / f"{number} (1).png"
            copy.write_bytes((root / label / f"{number}.png").read_bytes())
    return root


@pytest.mark.parametrize("memory_mib", [512, 0])
def test_copies_are_dealt_to_one_split_and_the_shares_stay(tmp_path: Path, memory_mib: int) -> None:
    dataset = open_dataset(str(doubled(tmp_path)), memory_mib=memory_mib)
    where = splits_of(dataset)
    assert all(split == where[name.replace(" (1)", "")] for name, split in where.items())
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 64, "valid": 8, "test": 8}
    assert any("40 sets of equal files, 80 in all" in note for note in dataset.notes)
    assert not dataset.warnings


@pytest.mark.parametrize("memory_mib", [512, 0])
def test_copies_are_held_out_together(tmp_path: Path, memory_mib: int) -> None:
    whole = open_dataset(str(doubled(tmp_path)), memory_mib=memory_mib, valid_fraction=0.0, test_fraction=0.0)
    held = whole.holdout(0.25)
    where = splits_of(held)
    assert all(split == where[name.replace(" (1)", "")] for name, split in where.items())
    assert len(held.splits["valid"]) == 20


def test_nothing_moves_where_there_are_no_copies() -> None:
    names, targets = [str(i) for i in range(60)], [i % 3 for i in range(60)]
    placed = assign(names, targets, None, SHARES, seed=4)
    one_pair = assign(names, targets, None, SHARES, seed=4, copies=[[0, 3]])
    assert one_pair[0] == one_pair[3]
    assert [one_pair[i] for i in range(60) if targets[i]] == [placed[i] for i in range(60) if targets[i]]


def test_many_copies_of_one_picture_and_contradicting_ones_are_learned_from() -> None:
    names, targets = [str(i) for i in range(60)], [i % 2 for i in range(60)]
    for seed in range(20):
        placed = assign(names, targets, None, SHARES, seed=seed, copies=[list(range(0, 40, 2)), [41, 43, 44]])
        assert {placed[i] for i in range(0, 40, 2)} == {"train"}
        assert {placed[i] for i in (41, 43, 44)} == {"train"}
        assert set(placed) == {"train", "valid", "test"}


def test_groups_that_share_a_copy_stay_together() -> None:
    names, targets = [str(i) for i in range(40)], [i % 2 for i in range(40)]
    groups = [f"g{i // 2}" for i in range(40)]
    for seed in range(10):
        placed = assign(names, targets, groups, SHARES, seed=seed, copies=[[0, 21], [20, 38]])
        assert len({placed[i] for i in (0, 1, 20, 21, 38, 39)}) == 1


def test_samples_that_are_all_alike_are_no_copies() -> None:
    placed = assign([str(i) for i in range(20)], [i % 2 for i in range(20)], None, SHARES, copies=[list(range(20))])
    assert set(placed) == {"train", "valid", "test"}


def test_only_equal_content_is_equal(tmp_path: Path) -> None:
    contents = [b"", b"", b"a" * 5000, b"a" * 4999 + b"b", b"a" * 5000, b"xy", b"xz"]
    paths = [tmp_path / str(i) for i in range(8)]
    for path, content in zip(paths, contents, strict=False):
        path.write_bytes(content)
    assert equal_files(paths) == [[2, 4]]
    assert equal_rows(torch.tensor([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]])) == [[0, 2]]
    assert equal_rows(torch.zeros(3, 0)) == []


@pytest.mark.parametrize("memory_mib", [512, 0])
def test_a_picture_in_two_given_splits_is_told_when_it_is_opened(tmp_path: Path, memory_mib: int) -> None:
    for split, first in (("train", 0), ("test", 100)):
        for place, label in enumerate(("cat", "dog")):
            for number in range(6):
                picture(tmp_path / split / label / f"{number}.png", first + 10 * place + number)
    assert open_dataset(str(tmp_path), memory_mib=memory_mib).warnings == ()
    (tmp_path / "test" / "cat" / "x.png").write_bytes((tmp_path / "train" / "cat" / "0.png").read_bytes())
    (warning,) = open_dataset(str(tmp_path), memory_mib=memory_mib).warnings
    leak = next(issue for issue in check(str(tmp_path)).issues if issue.kind == "leak")
    assert warning.startswith(leak.message)
    assert "train/cat/0.png = test/cat/x.png" in warning
    assert "--duplicates-together" in warning


def test_one_picture_a_class_is_told_what_works() -> None:
    few = TensorSplit(torch.arange(3 * 64).reshape(3, 1, 8, 8).to(torch.uint8), torch.arange(3), "train")
    spec = Spec((1, 8, 8), "chw", (0.0, 255.0), ("a", "b", "c"))
    dataset = Dataset(
        "few", spec, Preprocessing(size=(8, 8), mode="L", mean=(0.5,), std=(0.3,)), {"train": few}, "here"
    )
    with pytest.raises(DataError) as caught:
        dataset.holdout(0.1)
    assert "1 of a class at most" in caught.value.message
    assert "--valid-fraction 0 --set keep=last" in (caught.value.help or "")
