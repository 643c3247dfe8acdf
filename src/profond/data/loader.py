"""Batches: batch k depends on (seed, epoch, k) alone, whether it comes from memory or from files.

Sequences are padded on the right: each batch is cut behind the last step that is real in one of its samples, and when
shuffled, samples of like length go together.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor

from profond.core.config import Count, Natural, checked
from profond.core.errors import ConfigError
from profond.core.randomness import generator, numpy_generator
from profond.core.spec import Spec
from profond.data.images.augment import Augment
from profond.data.images.view import NUMBERS, View
from profond.data.preprocessing import Preprocessing
from profond.data.split import FileSplit, Split, TensorSplit, bordered
from profond.data.stream import stream
from profond.nn.sequence import ends, token_ends

WINDOW = 8
"""Archives among whose samples an epoch's order is drawn at a time, so that a disk reads a few of them only."""
ALIKE = 50
"""Batches that are sorted by length together: few enough to stay mixed, many enough to be of like length."""


class Batches:
    """An epoch's batches, any epoch, from any position.

    Iterating gives epoch 0; ``at`` gives the others. A split in memory is gathered, shifted and normalised as
    whole tensors on the device; files are decoded by worker processes.

    Args: as in ``Dataset.batches``.
    """

    @checked("batches")
    def __init__(
        self,
        split: Split,
        preprocessing: Preprocessing,
        batch_size: Count,
        *,
        num_classes: int,
        spec: Spec | None = None,
        seed: int = 0,
        shuffle: bool = False,
        augment: Augment | None = None,
        device: torch.device | None = None,
        drop_last: bool = False,
        balanced: bool = False,
        workers: Natural | None = None,
        epochs: float | None = None,
    ) -> None:
        if balanced and not shuffle:
            raise ConfigError("balanced batches are in an order of their own", "use shuffle=True with balanced=True")
        self.split = split
        self.preprocessing = preprocessing
        self.batch_size = batch_size
        self.num_classes = num_classes
        self.spec = spec
        self.seed = seed
        self.shuffle = shuffle
        self.augment = augment
        self.device = device or torch.device("cpu")
        self.drop_last = drop_last
        self.balanced = balanced
        self.least = 1
        self.workers = workers
        self.epochs = epochs
        self._targets = split.targets.to(self.device)
        self._mirrors = torch.tensor(spec.mirrors) if spec is not None and spec.mirrors else None
        self._members = _members(split, num_classes) if balanced else []
        self._lengths = self._measured()
        if augment is not None:
            _check(augment, split, epochs)

    @property
    def count(self) -> int:
        """Samples of an epoch: those of the split, or as many of each class as the largest has."""
        return len(self._members) * max(map(len, self._members)) if self._members else len(self.split)

    def __len__(self) -> int:
        full, rest = divmod(self.count, self.batch_size)
        alone = rest >= self.least or not full
        return full + (1 if rest and alone and not self.drop_last else 0)

    @property
    def last_joined(self) -> int:
        """How many samples too few for a batch of their own are in the last one; 0 for none."""
        full, rest = divmod(self.count, self.batch_size)
        return rest if full and rest < self.least and not self.drop_last else 0

    def joined(self, least: int) -> Batches:
        """The same, but a last batch of fewer than ``least`` samples belongs to the one before it."""
        other = copy.copy(self)
        other.least = least
        return other

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.at(0)

    def order(self, epoch: int) -> Tensor:
        """The samples' positions in the order of that epoch."""
        if not self.shuffle:
            return torch.arange(len(self.split))
        random = generator(self.seed, "order", epoch)
        if self._members:
            return _in_turn(self._members, random)
        archives = self.split.locations.archives if isinstance(self.split, FileSplit) else None
        if archives is None:
            order = torch.randperm(len(self.split), generator=random)
            return order if self._lengths is None else self._alike(order, self._lengths, random)
        return _shuffled_by_archive(torch.from_numpy(archives), random)

    def _alike(self, order: Tensor, lengths: Tensor, random: torch.Generator) -> Tensor:
        """The full batches of an order, each of samples of like length, and mixed; what is left comes last."""
        full = len(order) // self.batch_size * self.batch_size
        parts = torch.split(order[:full], ALIKE * self.batch_size)
        whole = [part[lengths[part].argsort(stable=True)].view(-1, self.batch_size) for part in parts if len(part)]
        if not whole:
            return order
        batches = torch.cat(whole)
        batches = batches[torch.randperm(len(batches), generator=random)]
        return torch.cat([batches.flatten(), order[full:]])

    def _measured(self) -> Tensor | None:
        """How long each sample in memory is, with what is to be written for it; None where all are equally long."""
        if not isinstance(self.split, TensorSplit):
            return None
        samples, targets = self.split.samples, self.split.targets
        lengths = self._real(samples)
        if lengths is not None and self.spec is not None and self.spec.text is not None:
            lengths = lengths + token_ends(targets)
        return lengths if lengths is not None and len(lengths) and int(lengths.min()) < int(lengths.max()) else None

    def _real(self, samples: Tensor) -> Tensor | None:
        """How long each of some samples is (n); None where they are no sequences, or end with no padding."""
        if self.preprocessing.text is not None:
            return token_ends(samples)
        signals = samples.ndim == 3 and samples.is_floating_point()
        if signals and bool(samples[..., -1].isnan().all(1).any()):
            return ends(samples)
        return None

    def _cut(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """A batch up to its longest sample; the classes of steps with them, and texts up to the longest text."""
        lengths = self._real(inputs)
        if lengths is not None and len(lengths):
            longest = max(1, int(lengths.max()))
            inputs = inputs[..., :longest]
            if self.spec is not None and self.spec.each:
                targets = targets[:, :longest]
        if self.spec is not None and self.spec.text is not None and targets.ndim == 2 and len(targets):
            targets = targets[:, : max(1, int(token_ends(targets).max()))]
        return inputs, targets

    def at(
        self, epoch: int, start: int = 0, rank: int = 0, world_size: int = 1, stop: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches ``start``, ``start + 1``, … of an epoch, up to ``stop``; those before are not touched.

        With several processes each gets its share of every batch, so that all of them take equally many steps, and
        the shares together are what one process alone would get: no sample twice, and mixed up in the same pairs.

        Raises: ConfigError for a batch of fewer than two samples for each process.
        """
        assert 0 <= rank < world_size
        assert start >= 0
        order = self.order(epoch)
        steps = range(start, len(self) if stop is None else stop)
        chosen = [_share(order[self._within(k)], rank, world_size) for k in steps]
        if isinstance(self.split, TensorSplit):
            for k, indices in zip(steps, chosen, strict=True):
                yield self._from_memory(self.split, indices, self._draw(epoch, k, rank, world_size, indices), epoch, k)
            return
        views = None
        if self.augment is not None and (self.augment.decode_crop or self.augment.sizes):
            views = lambda k: self._views(epoch, start + k, rank, world_size, chosen[k])  # noqa: E731
        raws = stream(self.split, chosen, self.workers, views=views, pin=self.device.type == "cuda")
        for k, indices, raw in zip(steps, chosen, raws, strict=True):
            raw = raw.to(self.device, non_blocking=True)
            draw = self._draw(epoch, k, rank, world_size, indices)
            yield self._from_raw(raw, indices, draw, epoch, k, mirrored=views is not None)

    def _draw(self, epoch: int, k: int, rank: int, world_size: int, indices: Tensor) -> dict[str, Tensor]:
        if self.augment is None or not (self.augment.shift or self.augment.changes_pixels):
            return {}
        count = self._count(k)
        height, width = self.extent(epoch)
        drawn = self.augment.draw(count, height, width, generator(self.seed, "augment", epoch, k))
        drawn = {name: _share(values, rank, world_size) for name, values in drawn.items()}
        if "flip" in drawn and self._mirrors is not None:
            drawn["flip"] &= self._mirrors[self.split.targets[indices]] >= 0
        return drawn

    def _views(self, epoch: int, k: int, rank: int, world_size: int, indices: Tensor) -> list[View]:
        """How each sample of a batch is looked at; all that is random about it is drawn here."""
        assert self.augment is not None
        count, size, least = self._count(k), self.extent(epoch), self.augment.decode_crop
        numbers = NUMBERS if least else 0
        draws = torch.rand(count, numbers, dtype=torch.float64, generator=generator(self.seed, "view", epoch, k))
        rows = _share(draws, rank, world_size).tolist()
        flips = self._draw(epoch, k, rank, world_size, indices).get("flip", torch.zeros(len(rows))).tolist()
        return [View(size, least, tuple(row), bool(flip)) for row, flip in zip(rows, flips, strict=True)]

    def _within(self, k: int) -> slice:
        """Where batch ``k`` lies in an epoch's order."""
        start = k * self.batch_size
        to_the_end = k == len(self) - 1 and not self.drop_last
        return slice(start, self.count if to_the_end else start + self.batch_size)

    def _count(self, k: int) -> int:
        within = self._within(k)
        return int(within.stop - within.start)

    def extent(self, epoch: int) -> tuple[int, int]:
        """Height and width of a raw sample in an epoch."""
        if self.augment is not None and self.augment.sizes:
            assert self.epochs is not None
            side = self.augment.side(epoch / self.epochs)
            return side, side
        if isinstance(self.split, TensorSplit):
            height, width = self.split.samples.shape[-2:]
        else:
            assert self.preprocessing.size is not None
            height, width = self.preprocessing.size
        return int(height), int(width)

    def _from_memory(
        self, split: TensorSplit, indices: Tensor, draw: dict[str, Tensor], epoch: int, k: int
    ) -> tuple[Tensor, Tensor]:
        indices = indices.to(self.device)
        shift = draw.pop("shift", None)
        if shift is None:
            raw = split.on_device(self.device).index_select(0, indices)
            inputs = self.preprocessing.standardise(raw)
        else:
            assert self.augment is not None
            samples = split.on_device(self.device, self.augment.shift, self.preprocessing.background)
            crops = _gather(samples, indices, shift.to(self.device), self.extent(epoch))
            inputs = self.preprocessing.standardise(crops, fresh=True)
        return self._finish(inputs, indices, draw, epoch, k)

    def _from_raw(
        self, raw: Tensor, indices: Tensor, draw: dict[str, Tensor], epoch: int, k: int, mirrored: bool
    ) -> tuple[Tensor, Tensor]:
        shift = draw.pop("shift", None)
        if shift is not None:
            assert self.augment is not None
            padded = bordered(raw, self.augment.shift, self.preprocessing.background).contiguous()
            positions = torch.arange(len(raw), device=raw.device)
            raw = _gather(padded, positions, shift.to(raw.device), self.extent(epoch))
        inputs = self.preprocessing.standardise(raw, fresh=True)
        return self._finish(inputs, indices.to(self.device), draw, epoch, k, mirrored)

    def _finish(
        self, inputs: Tensor, indices: Tensor, draw: dict[str, Tensor], epoch: int, k: int, mirrored: bool = False
    ) -> tuple[Tensor, Tensor]:
        inputs, targets = self._cut(inputs, self._targets.index_select(0, indices))
        if "flip" in draw and self._mirrors is not None:
            targets = torch.where(draw["flip"].to(self.device), self._mirrors.to(self.device)[targets], targets)
        if mirrored:
            draw.pop("flip", None)  # done while decoding
        if draw:
            assert self.augment is not None
            on_device = {name: values.to(self.device) for name, values in draw.items()}
            black = self.preprocessing.black(inputs.shape[1], self.device)
            outside = self.preprocessing.outside(inputs.shape[1], self.device)
            inputs = self.augment.apply(inputs, on_device, black, outside)
        inputs = self.preprocessing.arrange(inputs)
        if self.augment is not None and self.augment.mixup:
            random = numpy_generator(self.seed, "mixup", epoch, k)
            inputs, targets = self.augment.mix(inputs, targets, self.num_classes, random)
        return inputs, targets


def _members(split: Split, num_classes: int) -> list[Tensor]:
    """Which samples are of each class. Raises: ConfigError where there are no classes, or one has no sample."""
    if not num_classes or split.targets.ndim != 1 or split.targets.is_floating_point():
        raise ConfigError("these samples have no classes, of which each batch could have as many", "leave balanced out")
    members = [(split.targets == label).nonzero()[:, 0] for label in range(num_classes)]
    if any(not len(one) for one in members):
        raise ConfigError("a class has no sample, so that no batch can have as many of each", "leave balanced out")
    return members


def _in_turn(members: list[Tensor], random: torch.Generator) -> Tensor:
    """One sample of each class after the other, in a new order; a smaller class comes again in another one."""
    longest = max(map(len, members))
    columns = []
    for one in members:
        rounds = [one[torch.randperm(len(one), generator=random)] for _ in range(-(-longest // len(one)))]
        columns.append(torch.cat(rounds)[:longest])
    return torch.stack(columns, 1).flatten()


def _gather(padded: Tensor, indices: Tensor, shift: Tensor, extent: tuple[int, int]) -> Tensor:
    """Crops of (height, width) at each sample's own offset, as float32 (n, …, h, w).

    A crop is a run of the padded sample's memory with the borders between its rows still in it: gathering the runs
    is one plain copy for each sample, five times faster than indexing pixels, and the borders go in the conversion.
    """
    height, width = extent
    *outer, tall, wide = padded.shape
    planes = padded[0].numel() // (tall * wide)
    plane = tall * wide
    span = (planes - 1) * plane + (height - 1) * wide + width
    total = padded.numel()
    runs = padded.view(-1).as_strided((total - span + 1, span), (1, 1))
    positions = indices * (planes * plane) + shift[:, 0] * wide + shift[:, 1]
    gathered = runs.index_select(0, positions).to(torch.float32)
    crops = gathered.as_strided((len(indices), planes, height, width), (span, plane, wide, 1))
    return crops.reshape(len(indices), *outer[1:], height, width).contiguous()


def _share(values: Tensor, rank: int, world_size: int) -> Tensor:
    """What one process has of a batch: pairs of samples that are each other's mirror in it, which mixup blends."""
    if world_size == 1:
        return values
    if len(values) < 2 * world_size:
        raise ConfigError(
            f"a batch of {len(values)} cannot be shared by {world_size} processes",
            f"use a --batch-size of {2 * world_size} or more, or fewer processes",
        )
    places = torch.arange(len(values))
    return values[torch.minimum(places, places.flip(0)) % world_size == rank]


def _shuffled_by_archive(archives: Tensor, random: torch.Generator) -> Tensor:
    """A new order of the archives, and of the samples of every `WINDOW` archives together."""
    counts = torch.bincount(archives)
    parts = [part for part in torch.split(archives.argsort(stable=True), counts.tolist()) if len(part)]
    order = torch.randperm(len(parts), generator=random).tolist()
    shuffled = []
    for first in range(0, len(order), WINDOW):
        together = torch.cat([parts[i] for i in order[first : first + WINDOW]])
        shuffled.append(together[torch.randperm(len(together), generator=random)])
    return torch.cat(shuffled)


def _check(augment: Augment, split: Split, epochs: float | None) -> None:
    """Raises: ConfigError when changes are asked for that these samples, or this many epochs, cannot have."""
    changed = augment.shift or augment.changes_pixels or augment.decode_crop or augment.sizes
    if changed and _are_signals(split):
        raise ConfigError(
            "these samples are signals, and only mixup is for signals", "leave the other augmentation out"
        )
    if (augment.decode_crop or augment.sizes) and not isinstance(split, FileSplit):
        raise ConfigError(
            "decode_crop and sizes are for pictures that are decoded from their files, and these are in memory",
            "leave them out; or, for a folder, --set memory_mib=0",
        )
    if augment.sizes and (epochs is None or epochs <= 0):
        raise ConfigError("sizes change with the epochs, and their number is not given", "say how many: epochs=16")
    if (
        augment.mixup
        and isinstance(split, TensorSplit)
        and not split.samples.is_floating_point()
        and (split.samples.ndim == 2)
    ):
        raise ConfigError("these samples are texts, and tokens cannot be blended", "leave mixup out")


def _are_signals(split: Split) -> bool:
    if isinstance(split, FileSplit):
        return split.preprocessing.takes == "series"
    return (split.samples[0] if isinstance(split, TensorSplit) else split.raw(0)).ndim < 3
