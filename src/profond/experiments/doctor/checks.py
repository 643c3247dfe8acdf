"""The usual mistakes of fine-tuning, each looked for by measuring."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from profond.core.device import device_of
from profond.core.errors import NonFiniteLoss
from profond.core.run import Run
from profond.data import registry as data_sets
from profond.data.check import FEW, IMBALANCE, check_splits
from profond.data.leaks import split_command
from profond.data.preprocessing import Preprocessing
from profond.experiments import finetune
from profond.experiments.experiment import Experiment
from profond.measures.measured import SHARE, Measured
from profond.training.loop import fit
from profond.training.observers import Losses
from profond.training.selection import selections

LOOKED_AT = 256
NO_CLASSES = "these data have no classes"
TRIAL_STEPS = 12
SMALL_BATCH = 16
_ALTERNATIVES: dict[str, dict[str, Any]] = {
    "ImageNet's mean and deviation": {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    "from -1 to 1": {"mean": (0.5,), "std": (0.5,)},
    "from 0 to 1": {"mean": (0.0,), "std": (1.0,)},
    "from 0 to 255": {"mean": (0.0,), "std": (1.0,), "scale": 1.0},
    "blue, green, red minus their means": {
        "mean": (103.939, 116.779, 123.68),
        "std": (1.0,) * 3,
        "scale": 1.0,
        "channels": "BGR",
    },
}


@dataclass(frozen=True)
class Sign:
    """What one check saw.

    Args:
        kind: of the mistake.
        found: whether it is there.
        evidence: what was measured.
        help: what to do about it.
    """

    kind: str
    found: bool
    evidence: str
    help: str = ""


def preprocessing(experiment: Experiment) -> Sign:
    """Are images prepared as the weights know them? Settings are compared, then what the first BatchNorms meet."""
    used, known = experiment.preprocessing, None
    if experiment.transfer is not None:
        known = finetune.located(experiment.config).preprocessing
        differ = _differences(used, known)
        if differ:
            help = "leave preprocessing and size of the data out: they come with the weights"
            return Sign("preprocessing", True, f"not that of the weights: {differ}", help)
    raw = torch.stack([experiment.dataset.splits["train"].raw(index) for index in _spread(experiment, 64)])
    own = strangeness(experiment.model, used.normalise(raw))
    if own is None:
        return Sign(
            "preprocessing", False, "as with the weights; no BatchNorm tells more" if known else "the data's own"
        )
    others = {
        name: strangeness(experiment.model, dataclasses.replace(used, **{**_PLAIN, **change}).normalise(raw))
        for name, change in _ALTERNATIVES.items()
        if len(raw[0]) == 3 or len(change["mean"]) == 1
    }
    best = min(others, key=lambda name: others[name] or 0.0)
    told = f"what the BatchNorms meet is {own:.2f} standard deviations from what they know"
    if own > 1.0 and (others[best] or own) < own / 2:
        evidence = f"{told}, but {others[best]:.2f} with pixels {best}"
        return Sign("preprocessing", True, evidence, "use the preprocessing that the weights were trained with")
    return Sign("preprocessing", False, told)


_PLAIN = {"scale": 255.0, "channels": "RGB"}


@torch.no_grad()
def strangeness(model: nn.Module, inputs: Tensor) -> float | None:
    """How far from its running mean each BatchNorm's input is, in running deviations, on average; None without any.

    Only the first quarter of the layers is asked: further up, strange inputs have lost themselves.
    """
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None]
    norms = norms[: max(1, len(norms) // 4)]
    if not norms:
        return None
    found: list[float] = []

    def look(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        mean, variance = module.running_mean, module.running_var
        assert isinstance(mean, Tensor)
        assert isinstance(variance, Tensor)
        away = (given[0].mean((0, 2, 3)) - mean).abs() / (variance + 1e-5).sqrt()
        found.append(float(away.median()))

    handles = [norm.register_forward_pre_hook(look) for norm in norms]
    was_training = model.training
    try:
        model.eval()(inputs.to(device_of(model)))
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return sum(found) / len(found)


def labels(experiment: Experiment, run: Run | None) -> Sign:
    """Does each output stand for the class that its label says?"""
    named, known = experiment.classes, experiment.dataset.spec.classes
    if not known:
        return Sign("labels", False, NO_CLASSES)
    if experiment.dataset.spec.each:
        return Sign("labels", False, f"a class for each step, in the order of the data: {_few(known)}")
    if run is None:
        return Sign("labels", False, f"a new head, in the order of the data: {_few(known)}")
    if sorted(named) == sorted(known) and named != known:
        first = next(i for i, (one, other) in enumerate(zip(named, known, strict=True)) if one != other)
        evidence = f"spec.json has {named[first]!r} as number {first}, the data has {known[first]!r}"
        return Sign("labels", True, evidence, "restore spec.json: the order is that of the data, as trained")
    true, said = _answers(experiment)
    count = len(known)
    confusion = torch.bincount(true * count + said, minlength=count * count).view(count, count)
    present = confusion.sum(1) > 0
    called = confusion.argmax(1)
    right, permuted = confusion.diagonal().sum() / len(true), confusion.amax(1).sum() / len(true)
    places = called[present].tolist()
    if permuted > right + 0.3 and len(set(places)) == len(places):
        worst = int(torch.where(present & (called != torch.arange(count)), confusion.amax(1), -1).argmax())
        evidence = (
            f"{100 * right:.0f} % right, but {100 * permuted:.0f} % if the outputs stood in another order: "
            f"{known[worst]!r} is called {named[int(called[worst])]!r} "
            f"{int(confusion[worst].max())} times of {int(confusion[worst].sum())}"
        )
        return Sign(
            "labels", True, evidence, "put the classes of spec.json into the order in which the head was trained"
        )
    return Sign("labels", False, f"{100 * right:.0f} % right of {len(true)} samples, in the order of the data")


def rate(experiment: Experiment, run: Run | None) -> Sign:
    """Does the loss fall at this learning rate?"""
    training = experiment.training
    help = f"lower the learning rate (now {training.learning_rate:g}), or --learning-rate auto"
    if run is not None:
        losses, validated = _logged(run, "train"), _logged(run, "valid")
        error = str(run.state.get("error") or "")
        if "not finite" in error:
            return Sign("rate", True, error, help)
        if len(losses) > 1 and losses[-1] > 1.5 * min(losses):
            return Sign("rate", True, f"the training loss rose from {min(losses):.3g} to {losses[-1]:.3g}", help)
        classes = experiment.dataset.spec.num_classes
        guessing = math.log(classes) if classes else next(iter(losses), math.inf)  # or what the network began with
        # NOTE a validation far worse than guessing, where the training is not, is another mistake than the rate.
        checked = losses[-1:] if losses and losses[-1] <= guessing else losses[-1:] + validated[-1:]
        worst = max(checked, default=0.0, key=lambda loss: loss if math.isfinite(loss) else math.inf)
        if not worst <= 2 * guessing:
            which = "training" if worst in losses else "validation"
            among = "among the classes " if classes else ""
            evidence = f"the last {which} loss is {worst:.3g}, and guessing {among}has {guessing:.3g}"
            return Sign("rate", True, evidence, help)
        if len(losses) > 1:
            return Sign("rate", False, f"the training loss went from {losses[0]:.3g} to {losses[-1]:.3g}")
        if losses:
            return Sign("rate", False, f"the training loss was {losses[0]:.3g} on average, guessing has {guessing:.3g}")
        return Sign("rate", False, "the run has logged no loss")
    first = trial(experiment, training.learning_rate)
    if not _rises(first):
        return Sign("rate", False, f"in {len(first)} steps the loss goes from {first[0]:.3g} to {first[-1]:.3g}")
    lower = trial(experiment, training.learning_rate / 10)
    evidence = f"at {training.learning_rate:g} the loss {_course(first)}; at a tenth of it it {_course(lower)}"
    return Sign("rate", True, evidence, help)


def trial(experiment: Experiment, learning_rate: float) -> list[float]:
    """The losses of the first few steps on a copy, everything unfrozen that will be, without warm-up."""
    watch = Losses()
    training = dataclasses.replace(
        experiment.training,
        epochs=None,
        steps=TRIAL_STEPS,
        learning_rate=learning_rate,
        schedule="constant",
        warmup=0.0,
        unfreeze=(),
        log_every_steps=1,
        patience=None,
        keep="last",
        ema=None,
        compile=False,
    )
    batches = experiment.batches("train", training=True)
    try:
        fit(copy.deepcopy(experiment.model), experiment.task, batches, training, observers=(watch,))
    except NonFiniteLoss:
        watch.losses.append(float("inf"))
    return watch.losses


def batch_norm(experiment: Experiment, run: Run | None) -> Sign:
    """Are BatchNorm's running statistics sound, and unmoved where they are frozen?"""
    norms = {
        name: part
        for name, part in experiment.model.named_modules()
        if isinstance(part, nn.modules.batchnorm._NormBase) and part.running_mean is not None
    }
    if not norms:
        return Sign("batch_norm", False, "the network has none")
    last = selections(experiment.model, experiment.task.phases, experiment.training, 1000)[-1]
    frozen = {name for name, part in norms.items() if any(part is kept for kept in last.norms)}
    moving = len(norms) - len(frozen)
    size, count = experiment.loader.batch_size, len(experiment.dataset.splits["train"])
    if run is not None:
        if experiment.transfer is not None and frozen:
            origin = dict(finetune.started(experiment.config)[0].named_modules())
            moved = [name for name in sorted(frozen) if not _same_statistics(norms[name], origin[name])]
            if moved:
                evidence = f"the statistics of {len(moved)} frozen layers are not those of the weights: {_few(moved)}"
                return Sign("batch_norm", True, evidence, "the file of the run was changed: fine-tune again")
        running, batch = _measured_both_ways(experiment)
        how = f"{running.written} with running statistics, {batch.written} without"
        told = f"{running.title or experiment.task.headline} on training images {how}"
        if moving and _clearly_better(batch, running):
            return Sign("batch_norm", True, told, "keep the statistics of the weights: --set freeze_norms=true")
        return Sign("batch_norm", False, f"{told}; {len(frozen)} of {len(norms)} layers frozen")
    help = "keep the statistics of the weights (--set freeze_norms=true), or take larger batches"
    if moving and min(size, count) < SMALL_BATCH:
        evidence = f"{moving} layers would take their statistics from batches of {min(size, count)}"
        return Sign("batch_norm", True, evidence, help)
    return Sign("batch_norm", False, f"{len(frozen)} of {len(norms)} layers keep the statistics of the weights")


def leaks(experiment: Experiment) -> Sign:
    """Do equal, or nearly equal, pictures stand in two splits?"""
    report = check_splits(experiment.dataset)
    found = [issue.message for issue in report.issues if issue.kind in ("leak", "near-leak")]
    if found:
        name = experiment.dataset.name
        help = f"`{split_command(name, experiment.target)}`, then --data split.csv"
        if name in data_sets.names():
            help = "the data set is published so: say beside a result that its splits share pictures"
        return Sign("leaks", True, "; ".join(found), help)
    return Sign("leaks", False, f"{report.samples:,} pictures, none in two splits")


def few(experiment: Experiment) -> Sign:
    """Is there enough of every class to learn from?"""
    targets, classes = experiment.dataset.splits["train"].targets, experiment.dataset.spec.classes
    if not classes:
        return Sign("few", len(targets) < FEW, f"{len(targets)} to learn from; {NO_CLASSES}", "add pictures")
    counts = torch.bincount(targets[targets >= 0], minlength=len(classes)).tolist()
    scarce = [f"{name} ({count})" for name, count in zip(classes, counts, strict=True) if count < FEW]
    if scarce:
        evidence = f"fewer than {FEW} to learn from of {_few(scarce)}"
        return Sign("few", True, evidence, "add pictures of it, merge it with another class, or leave it out")
    least, most = min(counts), max(counts)
    if most >= IMBALANCE * least and experiment.config.task.settings.get("class_weights") is None:
        evidence = f"{most} of one class, {least} of another, and the loss does not weigh them"
        return Sign("few", True, evidence, "--set class_weights=balanced")
    return Sign("few", False, f"{least} to {most} of each class to learn from")


def _logged(run: Run, split: str) -> list[float]:
    return [line["loss"] for line in run.metrics() if line["split"] == split and "loss" in line]


def _rises(losses: list[float]) -> bool:
    """Whether the last quarter is clearly above the first step."""
    last = losses[-max(1, len(losses) // 4) :]
    return not sum(last) / len(last) < 1.5 * losses[0]


def _course(losses: list[float]) -> str:
    if losses[-1] == float("inf"):
        return "becomes infinite" if len(losses) == 1 else f"goes from {losses[0]:.3g} to infinity"
    return f"goes from {losses[0]:.3g} to {losses[-1]:.3g} in {len(losses)} steps"


def _differences(used: Preprocessing, known: Preprocessing) -> str:
    """NOTE the background is the data's own, and how pictures of other proportions fit is the user's to choose."""
    names = [field.name for field in dataclasses.fields(known) if field.name not in ("background", "resize")]
    pairs = ((name, getattr(used, name), getattr(known, name)) for name in names)
    return "; ".join(f"{name} is {mine}, the weights' is {theirs}" for name, mine, theirs in pairs if mine != theirs)


def _spread(experiment: Experiment, count: int) -> range:
    total = len(experiment.dataset.splits["train"])
    return range(0, total, max(1, total // count))[:count]


def _answers(experiment: Experiment) -> tuple[Tensor, Tensor]:
    """True and predicted classes of pictures that were not learned from, if there are any; the first so many."""
    split = next(name for name in ("valid", "test", "train") if name in experiment.dataset.splits)
    true, said = zip(*_predicted(experiment, experiment.model.eval(), split), strict=True)
    return torch.cat(true), torch.cat(said)


@torch.no_grad()
def _predicted(experiment: Experiment, model: nn.Module, split: str) -> Iterator[tuple[Tensor, Tensor]]:
    """True and predicted classes by batch, prepared as predicting does; mixed, as batches of one class tell little."""
    dataset = dataclasses.replace(experiment.dataset, preprocessing=experiment.preprocessing)
    seen = 0
    for inputs, targets in dataset.batches(split, 64, shuffle=True).joined(2):
        logits = model(inputs.to(device_of(model)))
        yield targets, logits.argmax(1).cpu()
        seen += len(targets)
        if seen >= LOOKED_AT:
            return


@torch.no_grad()
def _measured_both_ways(experiment: Experiment) -> tuple[Measured, Measured]:
    """The headline on training pictures: with running statistics, and with those of each batch."""
    dataset = dataclasses.replace(experiment.dataset, preprocessing=experiment.preprocessing)
    device = next(experiment.model.parameters()).device
    other = copy.deepcopy(experiment.model).eval()
    for part in other.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase):
            part.train()
    found = []
    for model in (experiment.model.eval(), other):
        meter, seen = experiment.task.meter(experiment.spec), 0
        for batch in dataset.batches("train", 64, shuffle=True, device=device).joined(2):
            seen += meter.update(model, batch)
            if seen >= LOOKED_AT:
                break
        found.append(meter.metrics()[experiment.task.headline])
    return found[0], found[1]


def _clearly_better(one: Measured, other: Measured) -> bool:
    """By 15 in 100 of a share, or by a third of any other number."""
    far = 0.15 if one.unit == SHARE else abs(other.value) / 3
    return one.beats(other.value) and abs(one.value - other.value) > far


def _same_statistics(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = dict(one.named_buffers()), dict(other.named_buffers())
    return all(torch.equal(mine[name], theirs[name]) for name in ("running_mean", "running_var"))


def _few(names: Any) -> str:
    shown = ", ".join(list(names)[:5])
    return shown + (" …" if len(names) > 5 else "")
