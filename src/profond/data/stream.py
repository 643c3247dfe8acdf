"""Files decoded ahead by worker processes, in an order that is given."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from profond.core.device import usable_cores
from profond.core.errors import ProfondError
from profond.data.dataset import Split


class _Samples(torch.utils.data.Dataset[Tensor | ProfondError]):
    def __init__(self, split: Split) -> None:
        self.split = split

    def __getitem__(self, index: int) -> Tensor | ProfondError:
        try:
            return self.split.raw(index)
        except ProfondError as error:
            # Raised in a worker it would come back as the text of a traceback; handed over, it stays itself.
            return error


def stream(split: Split, batches: Sequence[Tensor], workers: int | None, *, pin: bool = False) -> Iterator[Tensor]:
    """The raw samples of each batch, stacked, in the order given.

    Args:
        split: decodes one sample at a time.
        batches: positions in the split, one tensor for each batch.
        workers: processes; None takes one for each core but one, at most 8; 0 decodes in this process.
        pin: page-locked memory, which copies to a GPU in the background.

    Raises: ImageError from a worker, as it was raised there.
    """
    count = min(8, usable_cores() - 1) if workers is None else workers
    loader = DataLoader(
        _Samples(split),
        batch_sampler=[batch.tolist() for batch in batches],
        num_workers=count,
        collate_fn=_stack,
        worker_init_fn=_quiet_worker,
        pin_memory=pin,
        prefetch_factor=2 if count else None,
    )
    with warnings.catch_warnings():
        # Python 3.12 warns of any fork beside threads; these workers decode with one thread each.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        running = iter(loader)
    for raw in running:
        if isinstance(raw, ProfondError):
            raise raw
        yield raw


def _stack(samples: list[Tensor | ProfondError]) -> Tensor | ProfondError:
    tensors = []
    for sample in samples:
        if isinstance(sample, ProfondError):
            return sample
        tensors.append(sample)
    return torch.stack(tensors)


def _quiet_worker(worker: int) -> None:
    torch.set_num_threads(1)  # many workers with many threads each are slower than one
