"""L4: local structure in signals, images and clips: convolutions use it, an MLP of the same size cannot."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from profond.core.errors import UsageError
from profond.data.dataset import Dataset
from profond.experiments.configuration import from_recipe
from profond.explain.draw.drawing import COLOURS, Panel, Sheet, show
from profond.lecture import register_item
from profond.lecture.charts import Series, share_dots
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import Progress, Trained, difference_of, mean_of, mean_share, origin, train
from profond.lecture.values import count, formula, number, points, text, word
from profond.lecture.words import Words

# kind: recipe, the share of the training data that the short version learns from, and the word for its network
KINDS = {"signal": ("vowels", 1.0, "conv1d"), "image": ("digits", 0.1, "conv2d"), "clip": ("clips", 0.35, "conv3d")}
NETWORKS = ("convolution", "perceptron")
TOLERANCE = 0.03  # of the number of parameters


@register_item("L4", try_it="profond train clips")
def structure(options: Options) -> Outcome:
    """Conv1d, Conv2d and Conv3d, each against an MLP with as many parameters."""
    seeds = options.repeats(5, 3)
    if seeds < 2:
        raise UsageError("L4 compares means over several seeds", "give --seeds 2 or more")
    progress = Progress("L4", 2 * seeds * len(KINDS), options)
    runs: dict[str, dict[str, list[Trained]]] = {}
    for kind, (recipe, quick_share, _) in KINDS.items():
        part = options.share or (quick_share if options.quick else 1.0)
        runs[kind] = {}
        for network, name in zip(NETWORKS, (recipe, f"{recipe}_mlp"), strict=True):
            runs[kind][network] = []
            for seed in range(seeds):
                trained = train(from_recipe(name), seed, options, share=part)
                progress.tell(f"{name}, seed {seed}", trained)
                runs[kind][network].append(trained)
    accuracy = {k: {n: [t.result.value for t in trained] for n, trained in row.items()} for k, row in runs.items()}
    gaps = {kind: difference_of(row["perceptron"], row["convolution"]) for kind, row in accuracy.items()}
    ratios = {k: row["perceptron"][0].parameters / row["convolution"][0].parameters for k, row in runs.items()}
    furthest = max(ratios.values(), key=lambda ratio: abs(ratio - 1))
    datasets = {kind: row["convolution"][0].experiment.dataset for kind, row in runs.items()}
    claims = [Claim("parameters", abs(furthest - 1) <= TOLERANCE, {"furthest": number(100 * abs(furthest - 1), 1)})]
    for kind, gap in gaps.items():
        values = {name: mean_share(accuracy[kind][name]) for name in NETWORKS}
        wins = gap.low is not None and gap.low > 0
        claims.append(Claim(kind, wins, {**values, "gain": points(gap.value, gap.low, gap.high)}))
    return Outcome(
        claims=claims,
        pictures=[
            Picture("accuracy", lambda words: draw(accuracy, words)),
            Picture("samples", lambda words: draw_samples(datasets, words)),
        ],
        tables=[
            Table(
                "accuracy",
                ("data", "input", "train", "test", "network", "parameters", "accuracy"),
                [
                    [
                        word(kind),
                        formula(" × ".join(map(str, datasets[kind].spec.shape))),
                        count(trained[0].train_count),
                        count(trained[0].test_count),
                        word(KINDS[kind][2] if network == "convolution" else network),
                        count(trained[0].parameters),
                        mean_share(accuracy[kind][network]),
                    ]
                    for kind, row in runs.items()
                    for network, trained in row.items()
                ],
            )
        ],
        measured={
            "accuracy": accuracy,
            "gain": {kind: gap.to_json() for kind, gap in gaps.items()},
            "parameters": {k: {n: t[0].parameters for n, t in row.items()} for k, row in runs.items()},
        },
        used={
            "data": origin(*datasets.values()),
            "seeds": count(seeds),
            "arithmetic": text(runs["image"]["convolution"][0].arithmetic),
        },
        shortened=options.quick,
    )


def draw(accuracy: dict[str, dict[str, list[float]]], words: Words) -> Figure:
    """Accuracy of convolution and MLP, for each kind of data."""
    rows = {
        words(f"word.{kind}"): {words(f"word.{name}"): Series(v, mean_of(v)) for name, v in row.items()}
        for kind, row in accuracy.items()
    }
    return share_dots(rows, words, words("L4.drawing.accuracy"))


def draw_samples(datasets: dict[str, Dataset], words: Words) -> Figure:
    """A signal's channels over time, a picture, and the frames of a clip."""
    sheet = Sheet(words("L4.drawing.samples"))
    signal = datasets["signal"].split("test").raw(0)

    def curves(axes: Axes) -> None:
        for index, channel in enumerate(signal.tolist()):
            axes.plot(channel, color=COLOURS[index % len(COLOURS)], linewidth=1.3)
        axes.margins(x=0)

    side = 150
    image = Image.fromarray(datasets["image"].split("test").raw(0)[0].numpy())
    sheet.row(
        Panel(560, side, curves, words("word.signal")),
        Panel(side, side, lambda axes: show(axes, image, (side, side)), words("word.image")),
    )
    clip = datasets["clip"].split("test").raw(1)[0].numpy()
    frames = [Image.fromarray(frame) for frame in clip]

    def frame_panel(frame: Image.Image, title: str) -> Panel:
        return Panel(86, 86, lambda axes: show(axes, frame, (86, 86)), title)

    sheet.row(*(frame_panel(f, words("word.clip") if not n else "") for n, f in enumerate(frames)), gap=8)
    return sheet.figure()
