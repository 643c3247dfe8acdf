"""Files decoded ahead by worker processes, in an order that is given."""

from __future__ import annotations

import contextlib
import os
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from profond.core.allocator import keep_freed_memory
from profond.core.device import processes_here, usable_cores
from profond.core.errors import ProfondError
from profond.core.signals import deaf_in_workers
from profond.data.images.view import View
from profond.data.split import FileSplit, Split
from profond.nn.sequence import padded

Request = tuple[int, View | None]


class _Samples(torch.utils.data.Dataset[Tensor | ProfondError]):
    def __init__(self, split: Split) -> None:
        self.split = split

    def __getitem__(self, request: Request) -> Tensor | ProfondError:
        index, view = request
        try:
            if view is None:
                return self.split.raw(index)
            assert isinstance(self.split, FileSplit)
            return self.split.decode_view(index, view)
        except ProfondError as error:
            # Raised in a worker it would come back as the text of a traceback; handed over, it stays itself.
            return error


class _Requests:
    """What the workers are asked for, a batch at a time; made when it is needed, for an epoch can be a million."""

    def __init__(self, batches: Sequence[Tensor], views: Callable[[int], Sequence[View]] | None) -> None:
        self.batches, self.views = batches, views

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Request]]:
        for number, batch in enumerate(self.batches):
            indices = batch.tolist()
            views = [None] * len(indices) if self.views is None else self.views(number)
            yield list(zip(indices, views, strict=True))


def stream(
    split: Split,
    batches: Sequence[Tensor],
    workers: int | None,
    *,
    views: Callable[[int], Sequence[View]] | None = None,
    pin: bool = False,
) -> Iterator[Tensor]:
    """The raw samples of each batch, stacked, in the order given.

    Args:
        split: decodes one sample at a time.
        batches: positions in the split, one tensor for each batch.
        workers: processes; None takes one for each core but one, at most 8, and less where several processes of one
            training share the machine; 0 decodes in this process.
        views: given a batch's number, how each of its samples is looked at; None is as in evaluation.
        pin: page-locked memory, which copies to a GPU in the background.

    Raises: ImageError from a worker, as it was raised there; ProfondError where a worker ended.
    """
    count = min(8, max(usable_cores() // processes_here(), 1) - 1) if workers is None else workers
    loader: DataLoader[Tensor | ProfondError] = DataLoader(
        _Samples(split),
        batch_sampler=_Requests(batches, views),
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
    while True:
        try:
            raw = next(running)
        except StopIteration:
            return
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise ProfondError(
                f"a process that decodes images ended: {error}",
                "too little memory, or a script that it imports anew: this needs what it does below a line "
                'if __name__ == "__main__":, or loader.workers=0',
            ) from None
        if isinstance(raw, ProfondError):
            # NOTE the workers end here, not with the traceback, which would keep them: while rubbish is collected, each
            # is waited for in vain for five seconds.
            del running
            raise raw
        yield raw


def _stack(samples: list[Tensor | ProfondError]) -> Tensor | ProfondError:
    tensors = []
    for sample in samples:
        if isinstance(sample, ProfondError):
            return sample
        tensors.append(sample)
    if tensors[0].ndim == 3 and tensors[0].stride(0) == 1:
        # Colours innermost, as Pillow decodes and as convolutions like them: stacked as they are, nothing is moved.
        return torch.stack([tensor.permute(1, 2, 0) for tensor in tensors]).permute(0, 3, 1, 2)
    if tensors[0].ndim == 2 and len({tensor.shape for tensor in tensors}) > 1:  # series that stay as long as they are
        return padded(tensors, torch.nan)
    return torch.stack(tensors)


def _quiet_worker(worker: int) -> None:
    deaf_in_workers()
    _let_go_of_connections()
    keep_freed_memory()  # a decoded picture's memory is wanted again for the next
    torch.set_num_threads(1)  # many workers with many threads each are slower than one


def _let_go_of_connections() -> None:
    """Close the copies that a fork has of its parent's connections.

    NOTE while one of them is open, who is connected to the parent does not notice that it has closed it, or has died.
    """
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        with contextlib.suppress(OSError):  # no socket
            connection = socket.socket(fileno=int(name))
            if connection.family in (socket.AF_INET, socket.AF_INET6):
                connection.close()
            else:  # such as those by which tensors are handed over
                connection.detach()
