"""From a listing of image files to a data set, in memory when it is small and streamed when it is not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from profond.core.device import usable_cores
from profond.core.errors import ConfigError, DataError, ImageError
from profond.core.progress import track
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.images.decoding import eight_bit, is_grey, opening
from profond.data.images.unreadable import glance, refuse
from profond.data.listing import Listing, Sample
from profond.data.locations import Location, relative
from profond.data.preprocessing import Mode, Preprocessing
from profond.data.split import FileSplit, Split, TensorSplit
from profond.data.targets import targets_of

DEFAULT_SIDE = 64
_LOOKED_AT = 2000
_MEASURED = 2048
CUT_OFF = 0.3
"""Share of a picture's area that may be lost to a square; pictures of 4:3 lose a quarter."""
CUT_IMAGES = 0.1
"""Share of the pictures that may lose more."""
_BORDERS, _OF_A_BORDER = 256, 64
"""Pictures whose borders are looked at, and pixels of each."""
_ALIKE, _MOST = 8, 0.5
"""Steps of 255 by which pixels of one background may differ, and the share of the pixels that must agree."""


def build(
    listing: Listing,
    size: int | tuple[int, int] | None,
    channels: Literal[1, 3] | None,
    resize: Literal["crop", "stretch", "pad"],
    memory_mib: int,
    preprocessing: Mapping[str, Any] | None = None,
    largest: int = DEFAULT_SIDE,
) -> Dataset:
    """A data set of a listing whose samples are all placed in splits.

    With ``preprocessing``, all of it is as a model with weights was trained; otherwise mean and deviation are measured.
    Images that all have one size of at most ``largest`` pixels keep it.

    Raises: ImageError when an image cannot be read, ConfigError when a setting does not fit.
    """
    notes, warnings = list(listing.notes), list(listing.warnings)
    chosen_here = preprocessing is None
    saved = None if preprocessing is None else Preprocessing.from_json(preprocessing)
    if saved is not None:
        if saved.series is not None:
            raise DataError(f"{listing.name} holds images, and the network was trained on series", "give it series")
        if saved.text is not None or saved.clip is not None:
            raise DataError("these are images, and the network was trained on something else", "give it what it knows")
        if saved.size is None or saved.mode is None or saved.padding or saved.permutation_seed is not None:
            raise ConfigError("this preprocessing is not one for images of any size", "leave it out")
        size, channels = saved.size, 1 if saved.mode == "L" else 3
    if isinstance(size, int):
        size = (size, size)
    if size is not None and not all(1 <= side <= 4096 for side in size):
        raise ConfigError(f"size is {size}", "use 1 to 4096 pixels")
    mode: Mode | None = None if channels is None else ("L" if channels == 1 else "RGB")
    if size is None or mode is None:
        size, mode = _choose_size_and_mode(listing.samples, size, mode, notes, largest)
    plain = saved or Preprocessing(size=size, mode=mode, mean=(0.0,), std=(1.0,), resize=resize)
    if plain.background is None:
        border_colours = _background([sample for sample in listing.samples if sample.split == "train"], mode)
        plain = replace(plain, background=border_colours)
    names = [name for name in ("train", "valid", "test") if any(s.split == name for s in listing.samples)]
    by_split = {name: [s for s in listing.samples if s.split == name] for name in names}
    planes = 1 if mode == "L" else 3
    decoded_mib = len(listing.samples) * planes * size[0] * size[1] / 2**20
    splits: dict[str, Split] = {}
    if decoded_mib <= memory_mib:
        conversions: dict[str, list[Location]] = defaultdict(list)
        decoded, sizes = _decode(listing.samples, plain, listing.name, conversions)
        notes += [_conversion_note(what, paths) for what, paths in sorted(conversions.items())]
        position = {id(sample): i for i, sample in enumerate(listing.samples)}
        for name, samples in by_split.items():
            rows = decoded[torch.tensor([position[id(sample)] for sample in samples])]
            names_of = [relative(sample.path, listing.root) for sample in samples]
            targets, groups = targets_of(samples, listing), _groups(samples)
            files = _files(samples, targets, listing.root, plain, groups)
            splits[name] = TensorSplit(rows, targets, names_of, groups, origin=files)
    else:
        notes.append(f"{decoded_mib:,.0f} MiB when decoded: streamed from the files")
        sizes = glance(listing)
        for name, samples in by_split.items():
            splits[name] = _files(samples, targets_of(samples, listing), listing.root, plain, _groups(samples))
    if plain.resize == "crop" and (warning := cut_off(sizes, size, plain.crop)):
        warnings.append(warning)
    if chosen_here:
        mean, std = _moments(splits["train"], planes)
        plain = replace(plain, mean=mean, std=std)
    spec = Spec((planes, *size), "chw", (0.0, 255.0), listing.classes, listing.quantities, text=listing.text)
    source = f"files in {listing.root}"
    return Dataset(listing.name, spec, plain, splits, source, tuple(notes), tuple(warnings), listing.skipped)


def cut_off(sizes: Sequence[tuple[int, int]], size: tuple[int, int], crop: float = 1.0) -> str | None:
    """What is lost by keeping the middle of each picture, in words; None where that is little, or of few pictures.

    Args:
        sizes: width and height of each picture.
        size: height and width that they are brought to.
        crop: the share of the middle's sides that is kept.
    """
    wanted = size[1] / size[0]
    kept = [min(width / height / wanted, height * wanted / width) for width, height in sizes]
    losing = sorted(1 - share * crop**2 for share in kept if 1 - share > CUT_OFF)
    if not losing or len(losing) < CUT_IMAGES * len(sizes):
        return None
    of = "of the median picture" if len(losing) == len(sizes) else f"of the median of {len(losing)} of {len(sizes)}"
    lost = 100 * losing[len(losing) // 2]
    return (
        f"the middle of each picture is used, brought to {size[1]}×{size[0]}: {lost:.0f} % {of} is cut off; "
        "--set data.resize=pad keeps all of it, data.resize=stretch squashes it"
    )


def _choose_size_and_mode(
    samples: Sequence[Sample], size: tuple[int, int] | None, mode: Mode | None, notes: list[str], largest: int
) -> tuple[tuple[int, int], Mode]:
    """Choose size and mode from the images, as far as they were not given."""
    step = max(1, len(samples) // _LOOKED_AT)
    sizes: Counter[tuple[int, int]] = Counter()
    grey = True
    failure: ImageError | None = None
    for sample in track(samples[::step], len(samples[::step]), "looking at the images"):
        try:
            with opening(sample.path) as opened:
                sizes[(opened.image.height, opened.image.width)] += 1
                grey = grey and (mode is not None or is_grey(opened.image))
        except ImageError as error:
            failure = failure or error
    if failure is not None and not sizes:
        raise failure  # not one can be read; otherwise decoding counts those that cannot
    if size is None:
        first = next(iter(sizes))
        if len(sizes) == 1 and max(first) <= largest:
            size = first
        else:
            size = (DEFAULT_SIDE, DEFAULT_SIDE)
            many = f"{len(sizes)} sizes" if len(sizes) > 1 else f"size {first[1]}×{first[0]}"
            notes.append(f"images of {many} are brought to {size[1]}×{size[0]}; choose with size=…")
    if mode is None:
        mode = "L" if grey else "RGB"
    return size, mode


def _background(samples: Sequence[Sample], mode: Mode) -> tuple[int, ...]:
    """The colour of most pixels along the borders of evenly spaced pictures; black where they do not agree."""
    border_colours = []
    for sample in samples[:: -(-len(samples) // _BORDERS) or 1]:
        try:
            with opening(sample.path) as opened:
                pixels = np.asarray(eight_bit(opened.image, mode))
        except ImageError:
            continue  # it is told of where all are decoded, or looked at
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        border_colours.append(border[np.linspace(0, len(border) - 1, _OF_A_BORDER).astype(int)])
    black = (0,) if mode == "L" else (0, 0, 0)
    if not border_colours:
        return black
    all_colours = np.concatenate(border_colours).astype(int)
    middle = np.median(all_colours, axis=0).astype(int)
    agreeing = (np.abs(all_colours - middle).max(1) <= _ALIKE).mean()
    return tuple(middle.tolist()) if agreeing > _MOST else black


def _files(
    samples: Sequence[Sample], targets: Tensor, root: Path, plain: Preprocessing, groups: list[str] | None
) -> FileSplit:
    regions = [sample.region for sample in samples if sample.region is not None]
    assert len(regions) in (0, len(samples)), "all pictures have a region, or none has"
    return FileSplit([sample.path for sample in samples], targets, root, plain, groups, regions or None)


def _decode(
    samples: Sequence[Sample], plain: Preprocessing, name: str, conversions: dict[str, list[Location]]
) -> tuple[Tensor, list[tuple[int, int]]]:
    """All images as uint8 (n, c, h, w), and their sizes. Raises: ImageError that counts those that cannot be read."""
    assert plain.size is not None
    paths = [sample.path for sample in samples]
    planes = 1 if plain.mode == "L" else 3
    decoded = torch.empty((len(paths), planes, *plain.size), dtype=torch.uint8)
    failures: list[ImageError] = []
    sizes = [(0, 0)] * len(paths)

    def work(i: int) -> tuple[str, ...]:
        try:
            with opening(paths[i]) as opened:
                region = samples[i].region
                opened = opened if region is None else opened.cropped(region)
                sizes[i] = opened.size
                decoded[i] = plain.decode(opened.image)
                return opened.notes
        except ImageError as error:
            failures.append(error)
            return ()

    with ThreadPoolExecutor(min(8, usable_cores())) as pool:
        found = pool.map(work, range(len(paths)))
        for path, notes in zip(paths, track(found, len(paths), f"reading {name}"), strict=True):
            for note in notes:
                conversions[note].append(path)
    refuse(failures, len(paths), name)
    return decoded, sizes


def _conversion_note(what: str, paths: Sequence[Location]) -> str:
    return f"{len(paths)} image{'s' if len(paths) > 1 else ''}: {what} (first: {paths[0].name})"


def _groups(samples: Sequence[Sample]) -> list[str] | None:
    if not any(sample.group for sample in samples):
        return None
    return [sample.group or f"\0{sample.path}" for sample in samples]


def _moments(train: Split, planes: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, from evenly spaced training images, in units of 0 to 1."""
    step = max(1, -(-len(train) // _MEASURED))
    total = torch.zeros(planes, dtype=torch.float64)
    squares = torch.zeros(planes, dtype=torch.float64)
    pixels = 0
    chosen = range(0, len(train), step)
    for i in chosen:
        values = train.raw(i).flatten(1).to(torch.float64) / 255
        total += values.sum(1)
        squares += values.square().sum(1)
        pixels += values.shape[1]
    if not pixels:
        raise DataError("there is nothing in train to measure")
    mean = total / pixels
    std = (squares / pixels - mean.square()).clamp_min(0).sqrt()
    std = torch.where(std < 1e-3, torch.ones_like(std), std)  # pictures of one colour have nothing to scale
    return tuple(round(v, 6) for v in mean.tolist()), tuple(round(v, 6) for v in std.tolist())
