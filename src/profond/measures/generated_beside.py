"""Against what samples are measured: real ones of the training data, of which they may be copies, and early ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from profond.core.randomness import generator
from profond.data.dataset import Dataset
from profond.data.split import Split
from profond.measures.compared import HEADLINE, LEAST, Comparison, Early, beside_early, compared, with_floor
from profond.measures.features import Features, in_parts
from profond.measures.generated_figures import nearest_figure
from profond.measures.judge import Judge
from profond.measures.judged import judged
from profond.measures.measured import Measured
from profond.measures.memorised import OTHERS, memorised, nearest
from profond.measures.modes import covered, modes_of_classes
from profond.measures.pixels import as_pixels
from profond.measures.report import Report

LOOKED_UP = 1000
"""Samples, and held-out pictures, whose nearest training picture is looked for."""
_TRAINING_BYTES = 400_000_000
_SHOWN = 24


def beside_training(
    report: Report, dataset: Dataset, split: str, judge: Judge | None = None, inception: Features | None = None
) -> Report:
    """The report with what is known from the training data and of early samples, and what a judge says.

    Args:
        report: of a `profond.measures.generated.SamplesMeter`.
        dataset: as the model takes it.
        split: that was measured.
        judge: a classifier, or none.
        inception: the features that FID and KID are defined by, or none.

    Raises: as `profond.measures.judged.judged`.
    """
    found: Comparison = report.findings
    training, labels, whole = _training(dataset, split)
    if training is not None:
        report = _with_floor(report, found, training)
        if found.pictures and len(training) > OTHERS:
            report = _with_copies(report, found, training, whole)
        elif not found.pictures:
            report = _with_modes(report, found, training, labels)
    if found.early is not None:
        report = _with_early(report, found, found.early)
    if judge is not None:
        more = judged(found, judge, training)
        report = replace(
            report,
            metrics={**report.metrics, **more.metrics},
            pictures={**report.pictures, **more.pictures},
            lines=(*report.lines, *more.lines),
            facts={**report.facts, "judge": {"name": judge.name, "features": judge.features.name}},
        )
    return report if inception is None else _with_fid(report, found, inception, training)


def _with_fid(report: Report, found: Comparison, inception: Features, training: Tensor | None) -> Report:
    metrics = _fid_and_kid(inception, found.real, found.made)
    if training is not None and len(training) >= len(found.real):
        metrics = with_floor(metrics, _fid_and_kid(inception, found.real, training[: len(found.real)]))
    if found.early is not None:
        metrics = beside_early(metrics, _fid_and_kid(inception, found.real, found.early.made))
    lines = (
        () if "fid" in metrics else ("FID is left out: it needs twice as many samples as there are features, 4,096",)
    )
    return replace(report, metrics={**report.metrics, **metrics}, lines=(*report.lines, *lines))


def _fid_and_kid(inception: Features, real: Tensor, samples: Tensor) -> dict[str, Measured]:
    found = compared(inception, real, samples)
    names = (("kernel_distance", "kid", "KID"), ("frechet_distance", "fid", "FID"))
    return {short: found[name].called(title, better="lower") for name, short, title in names if name in found}


def _with_early(report: Report, found: Comparison, early: Early) -> Report:
    """As many samples of early in the training, against the same real ones."""
    metrics = compared(found.features, found.real, early.made)
    line = f"early: {early.when}"
    if not metrics[HEADLINE].value > report.metrics[HEADLINE].value:
        line += "; by the kernel distance, the rest of the training has brought nothing"
    return replace(report, metrics=beside_early(report.metrics, metrics), lines=(*report.lines, line))


def _with_floor(report: Report, found: Comparison, training: Tensor) -> Report:
    """Real samples of the training split against those of the measured one, as many as were measured."""
    count = min(len(found.real), len(training))
    if count < LEAST:
        return report
    floor = compared(found.features, found.real[:count], training[:count])
    line = f"kernel distance {report.metrics[HEADLINE]}; of {count:,} real training samples instead {floor[HEADLINE]}"
    lines = [line, *_faults(report.metrics, floor)]
    facts = {"floor": {"samples": count, "of": "the training split, against the split that was measured"}}
    return replace(
        report,
        metrics=with_floor(report.metrics, floor),
        lines=(*report.lines, *lines),
        facts={**report.facts, **facts},
    )


def _faults(metrics: Mapping[str, Measured], floor: Mapping[str, Measured]) -> list[str]:
    """What is plainly wrong, in words: half as good as real samples, or less."""
    far = {name for name, one in metrics.items() if name in floor and one.value < floor[name].value / 2}
    lines = []
    if "precision" in far:
        lines.append(
            f"{100 * metrics['precision'].value:.0f} % of the samples look real (precision; of real ones"
            f" {100 * floor['precision'].value:.0f} %): more steps help, or a larger network"
        )
    if "recall" in far or "coverage" in far:
        lines.append(
            f"much of what is real is never made (recall {100 * metrics['recall'].value:.0f} %, coverage"
            f" {100 * metrics['coverage'].value:.0f} %; of real ones {100 * floor['recall'].value:.0f} % and"
            f" {100 * floor['coverage'].value:.0f} %): the samples are too much alike, or all of them unlike the data"
        )
    return lines


def _with_copies(report: Report, found: Comparison, training: Tensor, whole: int) -> Report:
    made, held_out = found.made[:LOOKED_UP], found.real[:LOOKED_UP]
    parts = in_parts(training, 2048)
    of_made, of_held_out = nearest(made, parts), nearest(held_out, parts)
    told = memorised(of_made, of_held_out)
    metrics = {"memorised": told.share}
    if found.early is not None:
        then = memorised(nearest(found.early.made[:LOOKED_UP], parts), of_held_out)
        metrics = beside_early(metrics, {"memorised": then.share})
    order = np.argsort(of_made.apart, kind="stable")[:_SHOWN]
    beside = training[torch.from_numpy(of_made.index[order])].numpy()
    shown, apart, near = made[torch.from_numpy(order)].numpy(), of_made.apart[order].tolist(), told.near[order].tolist()
    lines = [told.words]
    if whole > len(training):
        lines.append(f"{len(training):,} of {whole:,} training pictures were looked at")
    return replace(
        report,
        metrics={**report.metrics, **metrics},
        pictures={
            **report.pictures,
            "nearest": lambda samples, title: nearest_figure(shown, beside, apart, near, title),
        },
        lines=(*report.lines, *lines),
        facts={**report.facts, "memorised": {"found": told.found, "chance": told.chance, "held_out": len(held_out)}},
    )


def _with_modes(report: Report, found: Comparison, training: Tensor, labels: Tensor | None) -> Report:
    """Of points that were drawn from modes, how many of these have samples."""
    modes = None if labels is None else modes_of_classes(training.double().numpy(), labels.numpy())
    if labels is None or modes is None:
        return report
    shares = np.unique(labels.numpy(), return_counts=True)[1] / len(labels)
    metrics = covered(modes.of(found.made.double().numpy()), shares)
    if found.early is not None:
        metrics = beside_early(metrics, covered(modes.of(found.early.made.double().numpy()), shares))
    line = f"{metrics['modes'].value:.0f} of {len(shares)} modes have samples"
    return replace(report, metrics={**report.metrics, **metrics}, lines=(*report.lines, line))


def _training(dataset: Dataset, split: str) -> tuple[Tensor | None, Tensor | None, int]:
    """Samples of the training split in an order drawn by lot, uint8 of pictures; what mode or class each is of; and how
    many there are. None where these are what was measured."""
    if split == "train":
        return None, None, 0
    train = dataset.split("train")
    sample = train.raw(0)
    most = max(LEAST, _TRAINING_BYTES // max(1, sample.numel()))
    order = torch.randperm(len(train), generator=generator(0, "training samples"))[:most]
    part = replace(dataset, splits={"train": train.subset(order.tolist())})
    inputs = (inputs for inputs, _ in part.batches("train", 512))
    samples = torch.cat([as_pixels(one) if one.ndim == 4 else one for one in inputs])
    return samples, _modes(train, order), len(train)


def _modes(train: Split, order: Tensor) -> Tensor | None:
    marks: Mapping[str, Tensor] = getattr(train, "marks", {})
    if "mode" in marks:
        return marks["mode"][order]
    targets = train.targets
    return targets[order] if targets.ndim == 1 and not targets.is_floating_point() else None
