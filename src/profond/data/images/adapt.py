"""Pictures of any data set brought to what a network with weights takes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from profond.core.errors import ConfigError
from profond.data.dataset import Dataset
from profond.data.images.build import cut_off
from profond.data.preprocessing import Preprocessing
from profond.data.split import ChangedSplit, Split, TensorSplit


def adapted(dataset: Dataset, preprocessing: Preprocessing, memory_mib: int = 512) -> Dataset:
    """The same pictures, prepared as ``preprocessing`` says instead of in the data's own way.

    Args:
        dataset: of pictures, such as a registered one.
        preprocessing: with a size and a mode.
        memory_mib: up to this size the pictures are converted once and kept; above, each time that they are needed.

    Raises: ConfigError when the samples are not pictures.
    """
    sizes = []
    for split in dataset.splits.values():
        raw = split.raw(0)
        sizes.append((int(raw.shape[-1]), int(raw.shape[-2])))
        if raw.dtype != torch.uint8 or raw.ndim != 3 or raw.shape[0] not in (1, 3):
            raise ConfigError(
                f"the samples of {dataset.name} are not pictures: {'×'.join(map(str, raw.shape))}, {raw.dtype}",
                "a network with weights for pictures takes pictures only",
            )
    assert preprocessing.size is not None
    lost = cut_off(sizes, preprocessing.size, preprocessing.crop) if preprocessing.resize == "crop" else None
    shape = (1 if preprocessing.mode == "L" else 3, *preprocessing.size)
    count = sum(len(split) for split in dataset.splits.values())
    small = count * torch.Size(shape).numel() <= memory_mib * 2**20
    splits: dict[str, Split] = {}
    for name, split in dataset.splits.items():
        lazy = ChangedSplit(split, partial(_prepared, preprocessing))
        splits[name] = _in_memory(lazy) if small else lazy
    spec = replace(dataset.spec, shape=shape, axes="chw", range=(0.0, 255.0))
    warnings = (*dataset.warnings, lost) if lost else dataset.warnings
    return replace(dataset, spec=spec, preprocessing=preprocessing, splits=splits, warnings=warnings, _hashes={})


def to_image(raw: Tensor) -> Image.Image:
    """A raw sample, uint8 (1 or 3, h, w), as Pillow has it."""
    planes = raw.cpu()
    return Image.fromarray((planes[0] if len(planes) == 1 else planes.permute(1, 2, 0).contiguous()).numpy())


def _prepared(preprocessing: Preprocessing, raw: Tensor, identity: str) -> Tensor:
    """A raw sample, uint8 (1 or 3, h, w), in another size and colour."""
    return preprocessing.decode(to_image(raw))


def _in_memory(split: ChangedSplit) -> TensorSplit:
    samples = torch.stack([split.raw(index) for index in range(len(split))])
    names = [split.identity(i) for i in range(len(split))]
    return TensorSplit(samples, split.targets, names, split.groups, origin=split)
