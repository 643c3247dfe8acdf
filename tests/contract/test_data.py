"""What everything registered as data must do; a new data set is tested here by being registered."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from support.few import FEW

from profond.core.config import bind
from profond.core.errors import ConfigError, MissingError
from profond.core.tokens import END, START
from profond.data import open_dataset, registry
from profond.data.dataset import Dataset

SMALLER = {"traffic_signs": FEW["traffic_signs"]}
"""Settings of data that take minutes to make in their usual size."""


@pytest.fixture(scope="module", params=registry.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", autouse=True)
def one_s_own_copy(miniature: Path) -> Iterator[None]:
    """ImageNet may not be handed on: a miniature in its layout stands in for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROFOND_IMAGENET", str(miniature))
        yield


@pytest.fixture(scope="module")
def data(name: str) -> Dataset:
    try:
        return open_dataset(name, **SMALLER.get(name, {}))
    except MissingError as error:
        pytest.skip(f"{name} cannot be had here: {error.message.splitlines()[-1].strip()}")


def test_its_batches_are_what_its_spec_says(data: Dataset) -> None:
    assert "train" in data.splits
    for name, split in data.splits.items():
        assert len(split) == len(split.targets) > 0
        if data.spec.quantities:
            assert split.targets.isfinite().all()
            assert split.targets.shape[1:] == (len(data.spec.quantities),)
        elif data.spec.text is not None:
            assert 0 <= int(split.targets.min()) <= int(split.targets.max()) < len(data.spec.text)
            if data.spec.each:  # a text is written on: of each token the next one, the last of which is not read
                next_one = split.samples[:, 1:]
                assert ((split.targets[:, :-1] == next_one) | (split.targets[:, :-1] == 0) | (next_one == 0)).all()
            else:
                assert {*split.targets[:, 0].tolist()} == {START}
                assert ((split.targets == END).sum(1) == 1).all()
        elif data.spec.each:
            assert split.targets.shape == (len(split), data.spec.shape[data.spec.axes.index(data.spec.each)])
            assert -1 <= int(split.targets.min()) <= int(split.targets.max()) < data.spec.num_classes
            assert (split.targets >= 0).any(1).all()
        elif not data.spec.classes:  # samples to be generated
            assert split.targets.shape == (len(split),)
            assert not split.targets.any()
        else:
            assert 0 <= int(split.targets.min()) <= int(split.targets.max()) < data.spec.num_classes
        inputs, targets = next(iter(data.batches(name, 16, shuffle=True)))
        assert inputs.dtype == (torch.float32 if data.spec.tokens is None else torch.int64)
        if data.spec.tokens is None:
            assert tuple(inputs.shape[1:]) == data.spec.shape
        else:  # a batch ends with its longest text
            assert 0 < inputs.shape[1] <= data.spec.shape[0]
            assert 0 <= int(inputs.min()) <= int(inputs.max()) < len(data.spec.tokens)
        assert inputs.isfinite().all()
        assert targets.dtype == (torch.float32 if data.spec.quantities else torch.int64)
        assert len(targets) == len(inputs)


def test_every_class_and_every_number_can_be_learned(data: Dataset) -> None:
    if data.spec.quantities:
        assert (data.split("train").targets.std(0) > 0).all()
        return
    if data.spec.text is not None:
        assert len(data.split("train").targets.unique(dim=0)) > 1
        return
    if not data.spec.classes:
        assert not data.split("test").targets.any(), "there is nothing to be learned but the samples"
        return
    targets = data.split("train").targets
    assert targets[targets >= 0].bincount(minlength=data.spec.num_classes).min() > 0
    assert len(set(data.spec.classes)) == data.spec.num_classes


def test_a_batch_depends_on_seed_epoch_and_step_alone(data: Dataset) -> None:
    one, other = (data.batches("train", 8, shuffle=True, seed=3) for _ in range(2))
    for first, again in zip(next(iter(one.at(1))), next(iter(other.at(1))), strict=True):
        assert torch.equal(first, again)


def test_no_two_samples_have_one_identity(data: Dataset) -> None:
    names = [f"{name}: {split.identity(i)}" for name, split in data.splits.items() for i in range(min(len(split), 500))]
    assert len(set(names)) == len(names)
    assert {len(data.split_hash(name)) for name in data.splits} == {64}


def test_it_describes_itself_in_json(data: Dataset) -> None:
    assert json.loads(json.dumps(data.describe()))["splits"] == {
        name: len(split) for name, split in data.splits.items()
    }
    assert data.source


def test_its_splits_are_as_large_as_published(data: Dataset, name: str, miniature: Path) -> None:
    published = registry.entry(name).config.get("splits")
    if published is not None and str(miniature) not in data.source:
        assert {split: len(samples) for split, samples in data.splits.items()} == published


def test_opened_again_it_is_the_same(data: Dataset, name: str) -> None:
    few = FEW.get(name)
    first, again = data if few is None else open_dataset(name, **few), open_dataset(name, **(few or {}))
    assert {split: again.split_hash(split) for split in again.splits} == {
        split: first.split_hash(split) for split in first.splits
    }


@pytest.mark.parametrize("name", registry.names())
def test_without_a_network_and_a_cache_it_opens_or_says_what_was_tried_and_where_to_put_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PROFOND_IMAGENET", raising=False)
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody listens there
    # NOTE what is opened first decides the proxies of all that comes after it, in other tests too.
    monkeypatch.setattr("urllib.request._opener", None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PATH", str(tmp_path))  # no npm, no apt
    refusal = None
    try:
        assert open_dataset(name, **FEW.get(name, {})).splits
    except MissingError as error:
        refusal = error
    if refusal is not None:
        assert refusal.help
        assert str(tmp_path / "cache") in str(refusal)
        assert not list((tmp_path / "cache").glob("*/[!.]*")), "half a file would be taken for a whole one"


@pytest.mark.parametrize("name", registry.names())
def test_its_options_have_types_and_a_mistyped_one_is_told(name: str) -> None:
    target = registry.load(name)
    for option, parameter in inspect.signature(target).parameters.items():
        assert parameter.annotation is not parameter.empty, option
        assert parameter.default is not parameter.empty, option
        assert json.loads(json.dumps(parameter.default)) == parameter.default, option
    with pytest.raises(ConfigError, match="no setting 'colour_of_the_moon'"):
        bind(target, {"colour_of_the_moon": 1}, what=name)
