"""L3: the same pixels in another order (exercise 2): an MLP does not mind, a convolutional network does."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from profond.core.device import choose_device
from profond.core.errors import UsageError
from profond.data.dataset import Dataset
from profond.data.images.augment import Augment
from profond.data.preprocessing import permutation
from profond.evaluation.evaluate import evaluate
from profond.experiments.configuration import Chosen, Configuration, changed, from_recipe
from profond.explain.draw.drawing import Panel, Sheet, show
from profond.lecture import register_item
from profond.lecture.charts import Series, share_dots
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import Progress, Trained, difference_of, mean_of, mean_share, origin, spread, train
from profond.lecture.values import Value, count, points, text, word
from profond.lecture.words import Words

PERMUTATION = 2020
EPOCHS = 2
ORDERS = ("original", "permuted")


def networks() -> dict[str, Configuration]:
    """The lecture's MLP and LeNet-5, and two small convnets; no augmentation, which would know the pixels' places."""
    plain = {"training.epochs": EPOCHS}
    mlp, lenet5, small = (changed(from_recipe(name), plain) for name in ("mlp", "lenet5", "digits"))
    return {
        "mlp": mlp,
        "lenet5": replace(lenet5, augment=Augment()),
        "convnet1d": replace(small, model=Chosen("convnet1d")),
        "dilated": replace(small, model=Chosen("convnet2d", {"dilation": [1, 2, 4]})),
    }


@register_item("L3", try_it="profond train mlp --set permutation_seed=2020")
def permutation_experiment(options: Options) -> Outcome:
    """One fixed permutation of the pixels."""
    seeds = options.repeats(5, 3)
    if seeds < 2:
        raise UsageError("L3 compares with the spread from seed to seed", "give --seeds 2 or more")
    part = options.share or (0.1 if options.quick else 1.0)
    progress = Progress("L3", 2 * seeds * len(networks()), options)
    accuracy: dict[str, dict[str, list[float]]] = {}
    last: dict[tuple[str, str], Trained] = {}
    for name, config in networks().items():
        accuracy[name] = {}
        for order in ORDERS:
            data = config.data.having(permutation_seed=PERMUTATION) if order == "permuted" else config.data
            accuracy[name][order] = []
            for seed in range(seeds):
                trained = train(replace(config, data=data), seed, options, share=part)
                progress.tell(f"{name}, {order} pixels, seed {seed}", trained)
                accuracy[name][order].append(trained.result.value)
                last[name, order] = trained
    different, of = rearranged(last["mlp", "original"], last["mlp", "permuted"].experiment.dataset, options)
    gaps = {name: difference_of(*rows.values()) for name, rows in accuracy.items()}
    changes = {name: points(gap.value, gap.low, gap.high) for name, gap in gaps.items()}
    spreads = {name: spread(rows["original"]) for name, rows in accuracy.items()}
    sample = last["mlp", "original"]
    return Outcome(
        claims=[
            Claim(
                "mlp",
                abs(gaps["mlp"].value) <= spreads["mlp"],
                {"change": changes["mlp"], "spread": points(spreads["mlp"]), **_means(accuracy["mlp"])},
            ),
            Claim("exact", different <= of // 1000, {"different": count(different), "of": count(of)}),
            *(
                Claim(
                    name,
                    _falls(gaps[name].high) and -gaps[name].value > spreads[name],
                    {"change": changes[name], "spread": points(spreads[name]), **_means(accuracy[name])},
                    aside=name != "lenet5",
                )
                for name in ("lenet5", "dilated", "convnet1d")
            ),
        ],
        pictures=[
            Picture("accuracy", lambda words: draw(accuracy, words)),
            Picture("digits", lambda words: draw_digits(sample.experiment.dataset, words)),
        ],
        tables=[
            Table(
                "accuracy",
                ("network", "parameters", "original", "permuted", "change"),
                [
                    [
                        word(name),
                        count(last[name, "original"].parameters),
                        *(mean_share(rows[order]) for order in ORDERS),
                        changes[name],
                    ]
                    for name, rows in accuracy.items()
                ],
            )
        ],
        measured={"accuracy": accuracy, "spread": spreads, "change": {n: g.to_json() for n, g in gaps.items()}},
        used={
            "data": origin(sample.experiment.dataset),
            "train": count(sample.train_count),
            "test": count(sample.test_count),
            "seeds": count(seeds),
            "epochs": count(EPOCHS),
            "permutation": text(f"profond train mlp --set permutation_seed={PERMUTATION}"),
            "arithmetic": text(sample.arithmetic),
        },
        shortened=options.quick,
    )


def rearranged(trained: Trained, permuted: Dataset, options: Options) -> tuple[int, int]:
    """Put the first layer's columns of an MLP in the permuted order, learn nothing, and look at permuted digits.

    Returns: how many predictions differ from those on the original digits, and of how many.
    """
    experiment, device = trained.experiment, choose_device(options.device)
    model = copy.deepcopy(experiment.model)
    first = next(module for module in model.modules() if isinstance(module, nn.Linear))
    order = permutation(first.in_features, PERMUTATION).to(first.weight.device)
    with torch.no_grad():
        first.weight.copy_(first.weight[:, order].clone())
    before = _labels(experiment.model, experiment.task, experiment.dataset, device)
    after = _labels(model, experiment.task, permuted, device)
    return int((before != after).sum()), len(before)


def draw(accuracy: dict[str, dict[str, list[float]]], words: Words) -> Figure:
    """Accuracy of each network, on original and on permuted digits."""
    rows = {
        words(f"word.{name}"): {
            words(f"word.{order}"): Series(values, mean_of(values)) for order, values in row.items()
        }
        for name, row in accuracy.items()
    }
    return share_dots(rows, words, words("L3.drawing.accuracy"))


def draw_digits(dataset: Dataset, words: Words) -> Figure:
    """Ten digits, and the same ten with their pixels in the permuted order."""
    split = dataset.split("test")
    chosen = [int((split.targets == digit).nonzero()[0]) for digit in range(dataset.spec.num_classes)]
    raws = [split.raw(index)[0] for index in chosen]
    order = permutation(raws[0].numel(), PERMUTATION)
    shuffled = [raw.flatten()[order].view(raw.shape) for raw in raws]
    sheet = Sheet(words("L3.drawing.digits"))
    for images, title in ((raws, "original"), (shuffled, "permuted")):
        panels = [_digit(image.numpy(), words(f"word.{title}") if not n else "") for n, image in enumerate(images)]
        sheet.row(*panels, gap=10)
    return sheet.figure()


def _digit(pixels: np.ndarray, title: str) -> Panel:
    image = Image.fromarray(pixels)
    return Panel(84, 84, lambda axes: show(axes, image, (84, 84)), title)


def _labels(model: nn.Module, task: Any, dataset: Dataset, device: torch.device) -> np.ndarray:
    report = evaluate(model, task, dataset.batches("test", 1000, device=device), device=device)
    predicted: np.ndarray = report.findings.predictions.predicted
    return predicted


def _means(rows: dict[str, list[float]]) -> dict[str, Value]:
    return {order: mean_share(values) for order, values in rows.items()}


def _falls(high: float | None) -> bool:
    """Whether the whole interval of a change lies below zero."""
    return high is not None and high < 0
