"""From a listing of image files to a data set, in memory when it is small and streamed when it is not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import torch
from torch import Tensor

from profond.core.device import usable_cores
from profond.core.errors import ConfigError, DataError, ImageError
from profond.core.spec import Spec
from profond.data.dataset import Dataset, FileSplit, Split, TensorSplit
from profond.data.images import is_grey, open_image
from profond.data.listing import Listing, Sample
from profond.data.places import Place, relative
from profond.data.preprocessing import Mode, Preprocessing
from profond.data.progress import track

DEFAULT_SIDE = 64
_LOOKED_AT = 2000
_MEASURED = 2048


def build(
    listing: Listing,
    size: int | tuple[int, int] | None,
    channels: Literal[1, 3] | None,
    resize: Literal["crop", "stretch", "pad"],
    memory_mib: int,
    preprocessing: Mapping[str, Any] | None = None,
) -> Dataset:
    """A data set of a listing whose samples are all placed in splits.

    With ``preprocessing``, all of it is as a model with weights was trained; otherwise mean and deviation are measured.

    Raises: ImageError when an image cannot be read, ConfigError when a setting does not fit.
    """
    notes, warnings = list(listing.notes), list(listing.warnings)
    known = None if preprocessing is None else Preprocessing.from_json(preprocessing)
    if known is not None:
        if known.series is not None:
            raise DataError(f"{listing.name} holds images, and the network was trained on series", "give it series")
        if known.size is None or known.mode is None or known.padding or known.permutation_seed is not None:
            raise ConfigError("this preprocessing is not one for images of any size", "leave it out")
        size, channels = known.size, 1 if known.mode == "L" else 3
    if isinstance(size, int):
        size = (size, size)
    if size is not None and not all(1 <= side <= 4096 for side in size):
        raise ConfigError(f"size is {size}", "use 1 to 4096 pixels")
    mode: Mode | None = None if channels is None else ("L" if channels == 1 else "RGB")
    if size is None or mode is None:
        size, mode = _look(listing.samples, size, mode, notes)
    plain = known or Preprocessing(size=size, mode=mode, mean=(0.0,), std=(1.0,), resize=resize)
    names = [name for name in ("train", "valid", "test") if any(s.split == name for s in listing.samples)]
    by_split = {name: [s for s in listing.samples if s.split == name] for name in names}
    planes = 1 if mode == "L" else 3
    decoded_mib = len(listing.samples) * planes * size[0] * size[1] / 2**20
    splits: dict[str, Split] = {}
    if decoded_mib <= memory_mib:
        conversions: dict[str, list[Place]] = defaultdict(list)
        decoded = _decode([s.path for s in listing.samples], plain, listing.name, conversions)
        notes += [_told(what, paths) for what, paths in sorted(conversions.items())]
        place = {id(sample): i for i, sample in enumerate(listing.samples)}
        for name, samples in by_split.items():
            rows = decoded[torch.tensor([place[id(sample)] for sample in samples])]
            names_of = [relative(sample.path, listing.root) for sample in samples]
            splits[name] = TensorSplit(rows, _targets(samples, listing), names_of, _groups(samples))
    else:
        notes.append(f"{decoded_mib:,.0f} MiB when decoded: streamed from the files")
        for name, samples in by_split.items():
            paths = [sample.path for sample in samples]
            splits[name] = FileSplit(paths, _targets(samples, listing), listing.root, plain, _groups(samples))
    if known is None:
        mean, std = _moments(splits["train"], planes)
        known = Preprocessing(size=size, mode=mode, mean=mean, std=std, resize=resize)
    spec = Spec((planes, *size), "chw", (0.0, 255.0), listing.classes)
    return Dataset(listing.name, spec, known, splits, f"files in {listing.root}", tuple(notes), tuple(warnings))


def _look(
    samples: Sequence[Sample], size: tuple[int, int] | None, mode: Mode | None, notes: list[str]
) -> tuple[tuple[int, int], Mode]:
    """Choose size and mode from the images, as far as they were not given."""
    step = max(1, len(samples) // _LOOKED_AT)
    sizes: Counter[tuple[int, int]] = Counter()
    grey = True
    failure: ImageError | None = None
    for sample in track(samples[::step], len(samples[::step]), "looking at the images"):
        try:
            image = open_image(sample.path).image
        except ImageError as error:
            failure = failure or error
            continue
        sizes[(image.height, image.width)] += 1
        grey = grey and (mode is not None or is_grey(image))
    if failure is not None and not sizes:
        raise failure  # not one can be read; otherwise decoding counts those that cannot
    if size is None:
        first = next(iter(sizes))
        if len(sizes) == 1 and max(first) <= DEFAULT_SIDE:
            size = first
        else:
            size = (DEFAULT_SIDE, DEFAULT_SIDE)
            many = f"{len(sizes)} sizes" if len(sizes) > 1 else f"size {first[0]}×{first[1]}"
            notes.append(f"images of {many} are brought to {size[0]}×{size[1]}; choose with size=…")
    if mode is None:
        mode = "L" if grey else "RGB"
    return size, mode


def _decode(paths: Sequence[Place], plain: Preprocessing, name: str, conversions: dict[str, list[Place]]) -> Tensor:
    """All images as uint8 (n, c, h, w). Raises: ImageError that counts those that cannot be read."""
    assert plain.size is not None
    planes = 1 if plain.mode == "L" else 3
    decoded = torch.empty((len(paths), planes, *plain.size), dtype=torch.uint8)
    failures: list[ImageError] = []

    def work(i: int) -> tuple[str, ...]:
        try:
            opened = open_image(paths[i])
        except ImageError as error:
            failures.append(error)
            return ()
        decoded[i] = plain.decode(opened.image)
        return opened.notes

    with ThreadPoolExecutor(min(8, usable_cores())) as pool:
        found = pool.map(work, range(len(paths)))
        for path, notes in zip(paths, track(found, len(paths), f"reading {name}"), strict=True):
            for note in notes:
                conversions[note].append(path)
    if failures:
        failures.sort(key=lambda error: error.message)
        if len(failures) == 1:
            error = failures[0]
            raise ImageError(error.message, f"{error.help}; `profond data check {name}` looks at all of them")
        shown = "; ".join(error.message for error in failures[:3]) + ("; …" if len(failures) > 3 else "")
        raise ImageError(
            f"{len(failures)} of {len(paths)} images cannot be read: {shown}", f"`profond data check {name}` lists them"
        )
    return decoded


def _told(what: str, paths: Sequence[Place]) -> str:
    return f"{len(paths)} image{'s' if len(paths) > 1 else ''}: {what} (first: {paths[0].name})"


def _targets(samples: Sequence[Sample], listing: Listing) -> Tensor:
    label_of = {name: i for i, name in enumerate(listing.classes)}
    return torch.tensor([label_of[sample.label] for sample in samples], dtype=torch.int64)


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
