"""L15: fine-tuning pretrained weights beside training the same network from random ones."""

from __future__ import annotations

from matplotlib.figure import Figure

from profond.experiments.pretraining import arm
from profond.lecture import register_item
from profond.lecture.charts import Series, share_dots
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import Progress, Trained, circumstances, difference_of, mean_of, mean_share, train
from profond.lecture.values import Value, number, points, share, word
from profond.lecture.words import Words

ARMS = ("fine_tuned", "from_scratch", "from_scratch_longer")
PER_CLASS = {"train": 20, "test": 100}


@register_item("L15", try_it="profond finetune --model efficientnet_lite0 --data photos/")
def fine_tuning(options: Options) -> Outcome:
    """Fine-tuning beside training from scratch, on few labelled pictures."""
    seeds = options.repeats(5, 2)
    epochs = 4 if options.quick else 12
    progress = Progress("L15", seeds * len(ARMS), options)
    runs: dict[str, list[Trained]] = {name: [] for name in ARMS}
    for seed in range(seeds):
        for name in ARMS:
            trained = train(arm(name, per_class=PER_CLASS, epochs=epochs, seed=seed), seed, options)
            progress.tell(f"{name}, seed {seed}", trained)
            runs[name].append(trained)
    accuracy = {name: [one.result.value for one in trained] for name, trained in runs.items()}
    seconds = {name: sum(one.seconds for one in trained) / seeds for name, trained in runs.items()}
    first = runs["fine_tuned"][0]
    claims = []
    for name in ARMS[1:]:
        gap = difference_of(accuracy[name], accuracy["fine_tuned"])
        holds = gap.value > 0 and (gap.low is None or gap.low > 0)
        values = {**_both(accuracy, name), "gap": points(gap.value, gap.low, gap.high)}
        # The short version's two seeds are too few for the smaller of the two gaps.
        claims.append(Claim(name, holds, values, aside=options.quick and name == "from_scratch_longer"))
    return Outcome(
        claims=claims,
        pictures=[Picture("accuracy", lambda words: draw(accuracy, words))],
        tables=[
            Table(
                "arms",
                ("training", "epochs", "accuracy", "worst", "training_time"),
                [
                    [
                        word(name),
                        number(runs[name][0].experiment.training.epochs or 0, 0),
                        mean_share(accuracy[name]),
                        share(min(accuracy[name])),
                        Value("seconds", seconds[name]),
                    ]
                    for name in ARMS
                ],
            )
        ],
        measured={"accuracy": accuracy, "seconds": seconds},
        used=circumstances(first, seeds),
        shortened=options.quick,
    )


def draw(accuracy: dict[str, list[float]], words: Words) -> Figure:
    """Accuracy of the three."""
    rows = {words(f"word.{n}"): {words("word.test_pictures"): Series(v, mean_of(v))} for n, v in accuracy.items()}
    return share_dots(rows, words, words("L15.drawing"))


def _both(accuracy: dict[str, list[float]], name: str) -> dict[str, Value]:
    return {"tuned": mean_share(accuracy["fine_tuned"]), "scratch": mean_share(accuracy[name])}
