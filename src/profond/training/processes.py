"""One process or many: the processes of a training, and what they tell each other."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from profond.core.device import choose_device
from profond.core.errors import ConfigError
from profond.core.launcher import started
from profond.core.run import Run
from profond.tasks.task import Loss
from profond.training.launch import settled, start_others
from profond.training.norms import SharedNorms
from profond.training.settings import Training

if TYPE_CHECKING:
    from profond.training.together import Together

_JOINING = timedelta(minutes=5)
_WORKING = timedelta(hours=12)
"""A process that has ended is noticed otherwise; this is how long one may work while the others wait for it."""


@dataclass(frozen=True)
class Processes:
    """The processes that train one model, seen from one of them; what they tell each other is in the order of ranks.

    Args:
        rank: of this one, from 0; the one of rank 0 leads: it alone writes, and speaks.
        size: how many there are.
        device: of this one.
        together: sees that all of them end together; None in one process.
        fabric: what knows the launchers and their machines; None in one process.
    """

    rank: int
    size: int
    device: torch.device
    together: Together | None = None
    fabric: Any = None

    @property
    def leads(self) -> bool:
        return self.rank == 0

    @property
    def _group(self) -> Any:
        return self.together and self.together.group

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over all processes; the tensor itself is changed."""
        if self.size > 1:
            with self._connected():
                torch.distributed.all_reduce(tensor, group=self._group)
        return tensor

    def total_of(self, number: float | Tensor) -> float:
        """The sum of a number over all processes."""
        return float(self.total(torch.as_tensor(number, dtype=torch.float64, device=self.device).clone()))

    def everyone(self, value: Any) -> list[Any]:
        """What each process gives; all of them get all of it."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        with self._connected():
            torch.distributed.all_gather_object(found, value, group=self._group)
        return found

    def leaders(self, value: Any) -> Any:
        """What the one that leads gives."""
        if self.size == 1:
            return value
        found = [value]
        with self._connected():
            torch.distributed.broadcast_object_list(found, 0, group=self._group)
        return found[0]

    @contextlib.contextmanager
    def ending(self, run: Run | None = None) -> Iterator[None]:
        """Within it the end of one process is the end of all; see `Together.ending`.

        Args:
            run: that could go on.
        """
        if self.together is None:
            yield
            return
        if run is not None:
            self.together.help = f"`profond runs resume {run.path}` continues it"
        with self.together.ending():
            yield

    def norms(self) -> contextlib.AbstractContextManager[object]:
        """Within it batch normalisation takes the statistics of the whole batch."""
        return SharedNorms(self.total) if self.size > 1 else contextlib.nullcontext()

    def hear(self, stop: bool) -> bool:
        """Whether this process knows of any that was asked to stop; where it was, the others hear of it."""
        if self.together is None:
            return stop
        if stop:
            self.together.ask_to_stop()
        return self.together.stop_asked

    def held(self, run: Run, doing: str) -> contextlib.AbstractContextManager[None]:
        """The run is written by the process that leads, and by no other program meanwhile; see `Run.held`."""
        return run.held(doing) if self.leads else contextlib.nullcontext()

    def same_start(self, model: nn.Module) -> None:
        """Give every process the leading one's weights and buffers."""
        if self.size > 1:
            with self._connected():
                for tensor in model.state_dict().values():
                    torch.distributed.broadcast(tensor, 0, group=self._group)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # of torch: one of the others has closed its connection, or has been killed
            from profond.training.together import Gone  # needs torch's distributed part, which not every system has

            raise Gone(str(error)) from None


_opened: Processes | None = None
_apart = False


def open_processes(training: Training) -> Processes:
    """The processes that the settings and a launcher ask for; those of a machine are started where none has done so.

    They are the same for all that a program trains. One of GPUs works with NCCL, on processors with Gloo.

    Raises: as `settled`; ConfigError when not all of them come.
    """
    global _opened
    if _apart:
        return Processes(0, 1, _indexed(choose_device(training.device)))
    training = settled(training)
    size = training.devices * training.nodes
    if size == 1:
        device = _indexed(choose_device(training.device))
        if device.type == "cuda":
            torch.cuda.set_device(device)
        return Processes(0, 1, device)
    if _opened is None:
        _opened = _open(training)
    if _opened.size != size:
        raise ConfigError(f"this program trains in {_opened.size} processes already, and now {size} are asked for")
    if _opened.together is not None and _opened.together.ended:
        raise ConfigError(
            "a training of this program has failed, and its processes have left each other", "start the program again"
        )
    return _opened


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Within it a training is this process's own, whatever a launcher has started."""
    global _apart
    before, _apart = _apart, True
    try:
        yield
    finally:
        _apart = before


def _open(training: Training) -> Processes:
    others = [] if started() else start_others(training.devices)
    # Fabric takes as long to import as torch itself, which a training in one process need not wait for.
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy

    from profond.training.together import Together

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # we say these things ourselves
    os.environ.setdefault("LOCAL_WORLD_SIZE", str(training.devices))
    device, size = choose_device(training.device), training.devices * training.nodes
    if "RANK" in os.environ:
        os.environ.setdefault("NODE_RANK", str(int(os.environ["RANK"]) // training.devices))
    fabric = Fabric(
        accelerator=device.type,
        devices=training.devices,
        num_nodes=training.nodes,
        strategy=DDPStrategy(timeout=_JOINING),
    )
    come = threading.Event()
    threading.Thread(target=_end_with, args=(others, come), name="starting-processes", daemon=True).start()
    try:
        fabric.launch()
    except torch.distributed.DistError as error:
        where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise ConfigError(
            f"not all {size} processes of this training have come to {where}: {str(error).splitlines()[0]}",
            "are all of them started, with the same address, and may they reach it?",
        ) from None
    finally:
        come.set()
    rank = fabric.global_rank
    if rank:
        os.environ["PROFOND_QUIET"] = "1"  # before anything shows how far it is
    group = torch.distributed.new_group(timeout=_WORKING)
    atexit.register(_leave)
    together = Together(rank, size, group, others)
    return Processes(rank, size, fabric.device, together, fabric)


def _end_with(others: Sequence[subprocess.Popen[bytes]], come: threading.Event) -> None:
    """End this process, which waits inside torch and hears nothing, where one that it has started ends meanwhile."""
    while not come.wait(0.3):
        for other in others:
            if other.poll() is not None and not come.is_set():
                code = other.returncode if other.returncode in range(2, 131) else 1
                os.write(2, b"error: a process that this training has started has ended before it began\n")
                for each in others:
                    each.kill()
                os._exit(code)


def _leave() -> None:
    """Close the connection before the interpreter ends.

    NOTE Gloo's threads would now and then still run when the process is taken down, which then aborts ("terminate
    called without an active exception") with its work done.
    """
    if _opened is not None and _opened.together is not None:
        _opened.together.leave()


def _indexed(device: torch.device) -> torch.device:
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


class SharedStep:
    """What the processes tell each other in a step, in one flat message: gradients, numbers to report, and stops.

    NOTE not DistributedDataParallel, whose hooks expect one forward of the whole module for each backward.
    """

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.stop_asked = False
        self._numbers: list[tuple[str, Tensor]] = []

    def note(self, loss: Loss, prefix: str = "") -> None:
        """What a batch reports: numbers, or one number for each sample of this process."""
        weight = torch.as_tensor(1.0 if loss.weight is None else loss.weight, device=self.processes.device).float()
        for name, value in {"loss": loss.value, **loss.report}.items():
            value = value.detach().float()
            count = weight.new_tensor(value.numel()) if value.ndim else weight
            self._numbers.append((prefix + name, torch.stack([value.sum() if value.ndim else value * weight, count])))

    def exchange(self, parameters: Sequence[nn.Parameter], stop: bool) -> list[tuple[str, Tensor, Tensor]]:
        """Add up the gradients, and see whether a stop was asked for anywhere.

        Returns: of what was noted, its name, its mean over all processes, and its weight.
        """
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        numbers, self._numbers = self._numbers, []
        flag = torch.tensor([float(stop)], device=self.processes.device)
        sums = [value for _, value in numbers]
        whole = self.processes.total(torch.cat([*(gradient.flatten() for gradient in gradients), *sums, flag]))
        *parts, rest = torch.split(whole, [*(gradient.numel() for gradient in gradients), 2 * len(numbers) + 1])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        self.stop_asked = bool(rest[-1] > 0)
        pairs = rest[:-1].clone().view(-1, 2)  # not a view, which would keep all gradients as long as it is kept
        return [(name, pair[0] / pair[1], pair[1]) for (name, _), pair in zip(numbers, pairs, strict=True)]


def shared(processes: Processes, batches: Iterable[Any]) -> Iterable[Any]:
    """The batches; a `DataLoader`'s samples are dealt out over the processes, and our own loaders deal each batch."""
    if processes.size > 1 and isinstance(batches, torch.utils.data.DataLoader):
        dealt: Iterable[Any] = processes.fabric.setup_dataloaders(batches, move_to_device=False)
        return dealt
    return batches
