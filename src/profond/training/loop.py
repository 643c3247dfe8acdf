"""The loop. There is one: phases in turn, on any iterable of batches, resumable to the bit."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from profond.core.allocator import freed_memory_kept
from profond.core.errors import ConfigError, Interrupted, ProfondError
from profond.core.randomness import seed_here
from profond.core.run import Run
from profond.tasks.plain import as_task
from profond.tasks.task import Phase, Remembering, Task
from profond.training import checkpoint
from profond.training.average import MovingAverage
from profond.training.door import check_given
from profond.training.failures import failures_in_words, not_finite
from profond.training.feed import count, enough_for_each, groups
from profond.training.fitted import Fitted
from profond.training.measure import Stopped, measure, watched_metric
from profond.training.observers import Observer, Progress
from profond.training.optimize import build_optimizer, gradients_only_for
from profond.training.position import Learner, Position, Window
from profond.training.precision import Mixed, precision_for
from profond.training.processes import Processes, SharedStep, open_processes, shared
from profond.training.schedule import late_factor, rate_factor
from profond.training.selection import selections, trained_parameters
from profond.training.settings import Training
from profond.training.stop import StopRequest, interrupted, stop_requests
from profond.training.weighing import Shares


def fit(
    model: nn.Module,
    task: Task | Callable[[Any, Tensor], Tensor] | str,
    batches: Iterable[Any],
    training: Training | None = None,
    *,
    valid: Iterable[Any] | None = None,
    observers: Sequence[Observer] = (),
    run: Run | None = None,
    resume: bool = False,
    whole: nn.Module | None = None,
) -> Fitted:
    """Train a model on a task.

    Args:
        model: any module; changed in place.
        task: its phases and their losses, see `profond.tasks.task.Task`; a registered task's name; or a loss function
            such as ``nn.CrossEntropyLoss()``, which is `Classify`, or ``nn.MSELoss()``.
        batches: our loader, a `torch.utils.data.DataLoader`, or any iterable that can be iterated once an epoch. Tasks
            here take (inputs, targets), tensors or NumPy's arrays.
        training: how; `Training()` when not given.
        valid: batches to validate on, in the same form.
        observers: what may watch, such as `ProgressBar()`.
        run: the folder that gets metrics and checkpoints; without one nothing is written.
        resume: continue from the run's last checkpoint, or from the start where it has none.
        whole: the network that ``model`` is a part of; its weights are then the run's final ones.

    Raises:
        NonFiniteLoss: the loss became infinite or not a number; the last good checkpoint stays.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP, up to the last moment; the checkpoint is saved first.
        ConfigError: settings and model, or checkpoint and model, do not fit.
        DataError: a batch is not what the task or the model takes, or a label is no class of the model's.
        DeviceError: the device is absent or out of memory.
        StorageError: the disk is full; what was saved stays.
    """
    task = as_task(task)
    check_given(model, batches, training, valid, observers, run)
    training = training or Training()
    if valid is None:
        training.check_without_validation()
    processes = open_processes(training)
    with processes.ending(run):
        loop = _Loop(model, task, batches, training, valid, observers, run, whole, processes)
        alone = run.held("training") if run is not None and processes.leads else contextlib.nullcontext()
        memory = freed_memory_kept() if loop.device.type == "cpu" else contextlib.nullcontext()
        with alone, stop_requests() as request, memory, failures_in_words(loop.device):
            fitted = loop.run(request, resume)
        if request.asked:  # while the final weights were written: they are, and what would come after is left
            loop.stop_at_the_end()
        return fitted


class _Loop:
    def __init__(
        self,
        model: nn.Module,
        task: Task,
        batches: Iterable[Any],
        training: Training,
        valid: Iterable[Any] | None,
        observers: Sequence[Observer],
        run: Run | None,
        whole: nn.Module | None,
        processes: Processes,
    ) -> None:
        self.whole = model if whole is None else whole
        self.task, self.training, self.observers, self.folder = task, training, observers, run
        self.processes, self.device = processes, processes.device
        self.arithmetic = precision_for(model, self.device, training.precision)
        self.mixed = Mixed(self.arithmetic, self.device)
        self.step_shared = SharedStep(processes) if processes.size > 1 else None
        batches = enough_for_each(batches, model, training.freeze_norms, processes.size)
        self.batches, self.valid = shared(processes, batches), valid
        self.model = model.to(self.device)
        self.channels_last = any(isinstance(part, nn.Conv2d | nn.ConvTranspose2d) for part in model.modules())
        if self.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        processes.same_start(self.model)
        self.forward: nn.Module = torch.compile(self.model) if training.compile else self.model  # type: ignore[assignment]
        self.phases = list(task.phases)
        self.total_steps, self.steps_an_epoch = self._count()
        self.selections = selections(model, self.phases, training, self.total_steps)
        self.selection = self.selections[0]
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        for phase in self.phases:
            ever = trained_parameters(model, phase, training)
            self.optimizers[phase.name] = build_optimizer(ever, training, phase, self.total_steps)
        self.rates = {
            name: [(group["lr"], group["start"]) for group in optimizer.param_groups]
            for name, optimizer in self.optimizers.items()
        }
        averaged = training.ema is not None or training.ema_half_life is not None
        self.average = MovingAverage(model, training.ema, training.ema_half_life) if averaged else None
        self.learner = Learner(
            self.model,
            self.average.model if self.average else None,
            self.optimizers,
            Window(),
            Position(),
            task if isinstance(task, Remembering) else None,
        )
        self.position = self.learner.position
        self.finite = torch.ones((), dtype=torch.bool, device=self.device)
        self.best: dict[str, Tensor] | None = None

    def _count(self) -> tuple[int, int | None]:
        """Steps of the whole training, and of an epoch where that is known."""
        length, training = count(self.batches), self.training
        an_epoch = None if length is None else -(-length // training.accumulate)
        if training.steps is not None:
            return training.steps, an_epoch
        if an_epoch is None:
            raise ConfigError("these batches have no length, so epochs cannot be counted", "give steps instead")
        assert training.epochs is not None
        return max(1, round(training.epochs * an_epoch)), an_epoch

    # -- the loop ----------------------------------------------------------------------------------------------

    def run(self, request: StopRequest, resume: bool) -> Fitted:
        if self.folder is not None:
            if resume:
                self._load()
            if self.processes.leads:
                self.folder.rewind_metrics(self.position.lines)
                how = {"device": str(self.device), "precision": str(self.arithmetic), "total_steps": self.total_steps}
                self.folder.update(status="running", **how)
        for observer in self._watching:
            observer.started(self._progress())
        try:
            with self.processes.ending(self.folder):
                try:
                    self._train(request)
                finally:
                    for observer in self._watching:
                        observer.finished(self._progress())
                self._finish()
        except BaseException as error:
            if self.folder is not None and self.processes.leads and not isinstance(error, GeneratorExit):
                with contextlib.suppress(OSError, ProfondError):  # the first error is the one to tell
                    stopped = isinstance(error, Interrupted | KeyboardInterrupt)
                    self.folder.update(status="interrupted" if stopped else "failed", error=str(error) or None)
            raise
        return Fitted(self.model, self.position.metrics, self.position.seconds, self.position.step, self.arithmetic)

    def _train(self, request: StopRequest) -> None:
        position, training = self.position, self.training
        saved_at = time.monotonic()
        if position.validation_due:  # stopped between a step and its validation
            self._validate(request)
        batches = groups(self.batches, position, training, self.processes, self.channels_last)
        only_some = len(self.phases) > 1 or bool(training.freeze or training.unfreeze or training.freeze_norms)
        while position.step < self.total_steps and not position.stopped_early:
            if self._stop_is_asked(request):
                self._stop()
            began = time.perf_counter()
            try:
                epoch, used, group = next(batches)
            except StopIteration:
                raise ConfigError(f"the batches ended at step {position.step} of {self.total_steps}") from None
            self._select()
            for phase in self.phases:
                if position.step % phase.every == 0:
                    parameters = self.selection.trained[phase.name]
                    with gradients_only_for(self.model, parameters) if only_some else contextlib.nullcontext():
                        self._step(phase, group, parameters, request)
            position.step, position.epoch, position.batch = position.step + 1, epoch, used
            if self.average:
                self.average.update(self.model, position.step)
            position.seconds += time.perf_counter() - began
            for observer in self._watching:
                observer.stepped(self._progress())
            if position.step % training.log_every_steps == 0 or position.step == self.total_steps:
                self._log_training()
            if self.valid is not None and self._validation_is_due():
                position.validation_due = True
                self._validate(request)
            at_epoch_end = self.steps_an_epoch is not None and position.step % self.steps_an_epoch == 0
            if at_epoch_end or time.monotonic() - saved_at > training.checkpoint_every_seconds:
                self._save()
                saved_at = time.monotonic()
        if self._stop_is_asked(request):  # in the last step
            self._stop()

    def _stop_is_asked(self, request: StopRequest) -> bool:
        """Several processes agree on it in a step's message, so that all of them stop after the same one."""
        return self.step_shared.stop_asked if self.step_shared else request.asked

    def _step(
        self, phase: Phase, group: Sequence[Any], parameters: Sequence[nn.Parameter], request: StopRequest
    ) -> None:
        """One optimizer step of one phase, over a group of accumulated batches."""
        position, optimizer = self.position, self.optimizers[phase.name]
        factor = position.rate_reduction * rate_factor(self.training, position.step, self.total_steps)
        for (rate, start), parameter_group in zip(self.rates[phase.name], optimizer.param_groups, strict=True):
            late = late_factor(self.training, position.step, start, self.total_steps) if start else 1.0
            parameter_group["lr"] = rate * factor * late
        seed_here(self.training.seed, "step", position.step, phase.name, self.processes.rank)
        shares = Shares(len(group), self.processes.total_of if self.step_shared else None)
        prefix = f"{phase.name}/" if len(self.phases) > 1 else ""
        for batch in group:
            with self.mixed.autocast(), self.processes.norms():
                loss = self.task.loss(self.forward, batch, replace(phase, step=position.step))
            value = loss.value.detach()
            self._check_finite(value, phase)
            self.mixed.backward(shares.of(loss))
            if self.step_shared:
                self.step_shared.note(loss, prefix)
            else:
                self.learner.window.add({"loss": value, **loss.report}, prefix, loss.weight)
        if self.step_shared:
            for name, mean, weight in self.step_shared.exchange(parameters, self.processes.hear(request.asked)):
                self.learner.window.add({name: mean}, weight=weight)
        shares.settle(parameters)
        if self.training.gradient_clip is not None:
            self.mixed.clip(optimizer, parameters, self.training.gradient_clip)
        self.mixed.step(optimizer)
        for parameter in parameters:
            parameter.grad = None

    def _select(self) -> None:
        """What this step trains, in training mode."""
        before = self.selection
        for selection in self.selections:
            if selection.start <= self.position.step:
                self.selection = selection
        if self.selection is not before or not self.model.training:
            self.model.train()
        for norm in self.selection.norms:  # each step: a task may have put the whole model into training mode
            norm.eval()

    # -- numbers -----------------------------------------------------------------------------------------------

    def _check_finite(self, value: Tensor, phase: Phase) -> None:
        if self.device.type == "cpu":
            if not math.isfinite(value.item()):
                self._not_finite(phase.name)
        else:  # asking each step would make the processor wait for the device
            self.finite &= torch.isfinite(value)

    def _not_finite(self, phase: str | None = None) -> None:
        name = phase if len(self.phases) > 1 else None
        saved = self.folder is not None
        raise not_finite(name, self.position.step + 1, self.total_steps, saved, self.training.learning_rate)

    def _log_training(self) -> None:
        if not bool(self.finite):
            self._not_finite()
        rate = next(iter(self.optimizers.values())).param_groups[0]["lr"]
        self._log("train", {**self.learner.window.means(), "learning_rate": rate})

    def _log(self, split: str, metrics: dict[str, float]) -> None:
        position = self.position
        position.metrics[split] = metrics
        record = {"step": position.step, "epoch": round(self._epoch, 4), "split": split, **metrics}
        record["seconds"] = round(position.seconds, 3)
        position.lines += 1
        if self.folder is not None and self.processes.leads:
            self.folder.append_metrics(record)
        for observer in self._watching:
            observer.logged(self._progress(), record)

    # -- validation --------------------------------------------------------------------------------------------

    def _validation_is_due(self) -> bool:
        if self.training.validate_every_steps is not None:
            due = self.position.step % self.training.validate_every_steps == 0
            return due or self.position.step == self.total_steps
        if self.steps_an_epoch is None:
            return self.position.step == self.total_steps
        every = max(1, round(self.training.validate_every_epochs * self.steps_an_epoch))
        return self.position.step % every == 0 or self.position.step == self.total_steps

    def _validate(self, request: StopRequest) -> None:
        assert self.valid is not None
        position, training = self.position, self.training
        try:
            meter = measure(
                self._kept,
                self.task,
                self.valid,
                what="validation split",
                device=self.device,
                channels_last=self.channels_last,
                around=self.mixed.autocast,
                stop=lambda: self.processes.hear(request.asked),
                processes=self.processes,
            )
        except Stopped:
            self._stop()
        measured = self.processes.leaders(meter.metrics())
        metrics = {name: number.value for name, number in measured.items()}
        watched = watched_metric(training.monitor, measured, getattr(self.task, "headline", ""))
        if position.judge(measured[watched], training):
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in self._kept.state_dict().items()}
            if self.folder is not None and self.processes.leads:
                facts = {"step": position.step, watched: position.best}
                checkpoint.save_tensors(self.folder.file(checkpoint.BEST), self.best, facts)
        self._log("valid", metrics)

    # -- keeping -----------------------------------------------------------------------------------------------

    @property
    def _kept(self) -> nn.Module:
        return self.average.model if self.average else self.model

    @property
    def _watching(self) -> Sequence[Observer]:
        return self.observers if self.processes.leads else ()

    @property
    def _epoch(self) -> float:
        return self.position.step / self.steps_an_epoch if self.steps_an_epoch else 0.0

    def _progress(self) -> Progress:
        position = self.position
        return Progress(position.step, self.total_steps, int(self._epoch), position.seconds, self.model, self._kept)

    def _stop(self) -> NoReturn:
        self._save()
        raise interrupted(self.position.step, self.total_steps, self.folder)

    def stop_at_the_end(self) -> None:
        """Raises: Interrupted, in the place of going on with what follows a training."""
        if self.folder is not None and self.processes.leads:
            self.folder.update(status="interrupted")
        raise interrupted(self.position.step, self.total_steps, self.folder)

    def _save(self) -> None:
        if self.folder is None or not self.processes.leads:
            return
        if not all(bool(torch.isfinite(p).all()) for p in self.model.parameters()):
            self._not_finite()
        self.learner.save(self.folder.file(checkpoint.LAST))

    def _load(self) -> None:
        assert self.folder is not None
        if self.folder.holds(checkpoint.LAST):
            self.learner.load(self.folder.file(checkpoint.LAST))
        if self.position.best is not None:
            self.best, _ = checkpoint.load_tensors(self.folder.file(checkpoint.BEST))

    def _finish(self) -> None:
        self._save()
        final = self.best if self.training.keep == "best" and self.best else self._kept.state_dict()
        self.model.load_state_dict({name: tensor.to(self.device) for name, tensor in final.items()})
        self.model.eval()
        if self.folder is not None and self.processes.leads:
            checkpoint.save_tensors(self.folder.file(checkpoint.FINAL), self.whole.state_dict())
            facts = {"steps": self.position.step, "total_steps": self.total_steps}
            self.folder.update(status="done", error=None, seconds=round(self.position.seconds, 3), **facts)
