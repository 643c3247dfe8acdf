"""Equal samples that stand in two splits of an open data set: what was learned from would be measured on."""

from __future__ import annotations

import shlex
from dataclasses import replace

import torch
import torch.nn.functional as F

from profond.data.copies import equal_digests, equal_files, equal_rows, leak
from profond.data.dataset import Dataset
from profond.data.split import FileSplit, TensorSplit, contents
from profond.data.text.pairs import Pairs
from profond.data.text.texts import Texts


def with_leaks(dataset: Dataset, target: str | None = None) -> Dataset:
    """The same, with a warning where equal samples stand in two splits.

    Args:
        target: as in `split_command`.
    """
    written_on = dataset.spec.text is not None and dataset.spec.each  # a long text may say a thing twice
    found = [] if written_on else across(dataset)
    if not found:
        return dataset
    way = f"`{split_command(dataset.name, target)}` keeps them together"
    return replace(dataset, warnings=(*dataset.warnings, f"{leak(found, 'the same', _noun(dataset))}; {way}"))


def split_command(reference: str, target: str | None = None) -> str:
    """What splits data so that equal samples stay together.

    Args:
        target: the columns that hold the target, where they have to be named.
    """
    named = "" if target is None else f" --set {shlex.quote(f'data.target={target}')}"
    return f"profond data split {reference}{named} --out split.csv --duplicates-together"


def across(dataset: Dataset) -> list[tuple[str, ...]]:
    """Names of equal samples that stand in more than one split: in memory those that the network would see as equal,
    in files those of the same bytes."""
    splits = dataset.splits
    where = [(name, i) for name, split in splits.items() for i in range(len(split))]
    parts = list(splits.values())
    if len(parts) < 2:
        return []
    if any(isinstance(part, TensorSplit) and isinstance(part.origin, Texts | Pairs) for part in parts):
        sets = equal_digests([digest for part in parts for digest in contents(part)])
    elif all(isinstance(part, TensorSplit) for part in parts):
        tensors = [part.samples for part in parts if isinstance(part, TensorSplit)]
        if all(tensor.ndim == 3 and tensor.is_floating_point() for tensor in tensors):
            longest = max(tensor.shape[2] for tensor in tensors)  # of series that stay as long as they are
            tensors = [F.pad(tensor, (0, longest - tensor.shape[2]), value=torch.nan) for tensor in tensors]
        if len({(tensor.shape[1:], tensor.dtype) for tensor in tensors}) > 1:
            return []
        sets = equal_rows(torch.cat([tensor.cpu() for tensor in tensors]))
    elif all(isinstance(part, FileSplit) for part in parts):
        files = [part for part in parts if isinstance(part, FileSplit)]
        locations = [part.locations[i] for part in files for i in range(len(part))]
        sets = equal_files(locations)
    else:
        return []
    torn = [group for group in sets if len({where[i][0] for i in group}) > 1]
    return [tuple(splits[where[i][0]].identity(where[i][1]) for i in group) for group in torn]


def _noun(dataset: Dataset) -> str:
    return {"chw": "images", "cthw": "clips", "ct": "series", "t": "texts"}.get(dataset.spec.axes, "samples")
