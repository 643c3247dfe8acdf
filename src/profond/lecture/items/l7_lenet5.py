"""L7: LeNet-5 on MNIST (exercise 3), as in 1998 and as it is written today."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from profond.experiments.configuration import changed, from_recipe
from profond.explain.draw.drawing import Panel, Sheet, show
from profond.explain.network.stages import feature_maps
from profond.lecture import register_item
from profond.lecture.charts import Series, share_dots
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import Progress, Trained, circumstances, mean_of, mean_share, train
from profond.lecture.values import Value, count, number, share, word
from profond.lecture.words import Words

RECIPES = ("lenet5", "lenet5_1998")
EPOCHS = {"lenet5": 2, "lenet5_1998": 10}  # the older one learns more slowly; in 1998 it was given 20
PARAMETERS = {"lenet5": 61_706, "lenet5_1998": 60_000}
GOAL = 0.99


@register_item("L7", try_it="profond train lenet5")
def lenet5(options: Options) -> Outcome:
    """LeNet-5 on MNIST, 1998 and modern."""
    seeds = options.repeats(3, 1)
    progress = Progress("L7", seeds * len(RECIPES), options)
    runs: dict[str, list[Trained]] = {}
    for name in RECIPES:
        config = from_recipe(name)
        config = changed(config, {"training.epochs": 2 if options.quick else EPOCHS[name]})
        runs[name] = []
        for seed in range(seeds):
            trained = train(config, seed, options, share=options.share or 1.0)
            progress.tell(f"{name}, seed {seed}", trained)
            runs[name].append(trained)
    accuracy = {name: [one.result.value for one in trained] for name, trained in runs.items()}
    sizes = {(one.train_count, one.test_count) for trained in runs.values() for one in trained}
    first = runs["lenet5"][0]
    return Outcome(
        claims=[
            Claim(
                "data",
                sizes == {(60_000, 10_000)},
                {"train": count(first.train_count), "test": count(first.test_count)},
            ),
            Claim(
                "parameters",
                all(one.parameters == PARAMETERS[name] for name, trained in runs.items() for one in trained),
                {name: count(trained[0].parameters) for name, trained in runs.items()},
            ),
            *(
                Claim(
                    name,
                    mean_of(values).value >= GOAL,
                    {"accuracy": mean_share(values), "worst": share(min(values))},
                    aside=name != "lenet5",
                )
                for name, values in accuracy.items()
            ),
        ],
        pictures=[
            Picture("accuracy", lambda words: draw(accuracy, words)),
            Picture("maps", lambda words: draw_maps({n: t[0] for n, t in runs.items()}, words)),
        ],
        tables=[
            Table(
                "networks",
                ("network", "parameters", "epochs", "accuracy", "worst", "training_time"),
                [
                    [
                        word(name),
                        count(trained[0].parameters),
                        number(trained[0].experiment.training.epochs or 0, 0),
                        mean_share(accuracy[name]),
                        share(min(accuracy[name])),
                        Value("seconds", sum(one.seconds for one in trained) / len(trained)),
                    ]
                    for name, trained in runs.items()
                ],
            )
        ],
        measured={"accuracy": accuracy, "seconds": {n: [one.seconds for one in t] for n, t in runs.items()}},
        used=circumstances(first, seeds),
        shortened=options.quick,
    )


def draw(accuracy: dict[str, list[float]], words: Words) -> Figure:
    """Accuracy of the two networks."""
    rows = {words(f"word.{n}"): {words("word.test_digits"): Series(v, mean_of(v))} for n, v in accuracy.items()}
    return share_dots(rows, words, words("L7.drawing.accuracy"))


def draw_maps(trained: dict[str, Trained], words: Words) -> Figure:
    """One test digit, and what the first convolution of each network makes of it."""
    sheet = Sheet(words("L7.drawing.maps"))
    for name, one in trained.items():
        dataset = one.experiment.dataset
        inputs, _ = next(iter(dataset.batches("test", 1)))
        model = one.experiment.model
        maps = feature_maps(model, inputs[0], model.stages[0])  # type: ignore[index, arg-type]
        digit = Image.fromarray(dataset.split("test").raw(0)[0].numpy())
        panels = [_panel(digit, words(f"word.{name}"))]
        limit = float(maps.abs().max())
        for plane in maps:
            levels = ((plane / limit + 1) * 127.5).round().numpy().astype(np.uint8)
            panels.append(_panel(Image.fromarray(levels)))
        sheet.row(*panels, gap=12)
    return sheet.figure()


def _panel(image: Image.Image, title: str = "") -> Panel:
    return Panel(138, 138, lambda axes: show(axes, image, (138, 138)), title)
