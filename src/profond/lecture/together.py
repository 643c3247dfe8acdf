"""Several trainings at the same time, each in a process and on one thread of its own.

Small networks are no faster on two threads than on one: a recurrent one is a chain of steps of little work each.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import wait
from threading import Thread
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import nn

from profond.core.device import choose_device
from profond.core.errors import DataError
from profond.core.processor import usable_cores
from profond.experiments.configuration import Configuration, changed
from profond.experiments.experiment import assemble
from profond.lecture.outcome import Options
from profond.lecture.repeats import Trained, settings_of, train
from profond.measures.measured import Measured

Answer = TypeVar("Answer")


def train_together(configs: Sequence[Configuration], seed: int, options: Options) -> Iterator[Trained]:
    """What `train` gives of each configuration, in their order; one by one where there is a GPU or one core.

    Raises: as `at_once`.
    """
    if _workers(len(configs), options) < 2:
        yield from (train(config, seed, options) for config in configs)
        return
    quiet = quietly(options)
    jobs = [partial(sent_of, config, seed, quiet) for config in configs]
    for config, sent in zip(configs, at_once(jobs, options), strict=True):
        yield received(sent, config, seed, options)


def at_once(jobs: Sequence[Callable[[], Answer]], options: Options) -> Iterator[Answer]:
    """What each job gives, in their order; one by one where there is a GPU or one core.

    Args:
        jobs: each `functools.partial` of a module's function. What it gives holds no tensors, which travel in shared
            memory, of which containers have little: `weights_of` and `with_weights` are for those of a model.

    Raises: DataError where a process was ended from outside, such as for want of memory; what a job raises.
    """
    workers = _workers(len(jobs), options)
    if workers < 2:
        yield from (job() for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_begin) as pool:
        try:
            waiting = [pool.submit(job) for job in jobs]
            for sent in waiting:
                yield sent.result()
        except BrokenProcessPool:
            raise DataError(
                "a process that trained was ended from outside",
                "if memory ran out, train less at the same time: `taskset -c 0` gives one core",
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()


def weights_of(model: nn.Module) -> dict[str, NDArray[Any]]:
    """The state of a model, as arrays."""
    return {name: value.cpu().numpy() for name, value in model.state_dict().items()}


def with_weights(model: nn.Module, weights: Mapping[str, NDArray[Any]]) -> None:
    """Gives a model the state that `weights_of` had of another."""
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})


def _workers(jobs: int, options: Options) -> int:
    return min(jobs, usable_cores()) if choose_device(options.device).type == "cpu" else 1


def quietly(options: Options) -> Options:
    """For a process that says nothing of its own."""
    return replace(options, say=_nothing)


def _nothing(line: str) -> None:
    pass


def _begin() -> None:
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@dataclass(frozen=True)
class Sent:
    """What comes back of a training."""

    weights: dict[str, NDArray[Any]]
    result: Measured
    counts: tuple[int, int, int]
    seconds: float
    arithmetic: str


def sent_of(config: Configuration, seed: int, options: Options) -> Sent:
    """What `train` gives, to be sent from one process to another."""
    done = train(config, seed, options)
    counts = (done.train_count, done.test_count, done.parameters)
    return Sent(weights_of(done.experiment.model), done.result, counts, done.seconds, done.arithmetic)


def received(sent: Sent, config: Configuration, seed: int, options: Options) -> Trained:
    """What `train` gives, of what `sent_of` gave elsewhere."""
    experiment = assemble(changed(config, settings_of(seed, options)))
    with_weights(experiment.model, sent.weights)
    return Trained(experiment, sent.result, *sent.counts, sent.seconds, sent.arithmetic)
