"""L14: pretrained models used as they are: prediction, and features from a stage."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from scipy.stats import binom
from torch import Tensor

from profond.data.images.decoding import open_image
from profond.data.sets.photos import Photo, twenty_photos
from profond.explain.draw.drawing import Sheet
from profond.explain.network.stages import stage_output
from profond.lecture import register_item
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.photo import photo_panel
from profond.lecture.values import count, number, share, text, word
from profond.lecture.words import Words
from profond.weights.pretrained import Pretrained, load_pretrained

# Who published the weights, and the top-1 accuracy on ImageNet that they state (the EfficientNet-Lite release; the
# paper of SqueezeNet, whose version 1.1 keeps it). What is expected of the photos follows from these alone.
NETWORKS = {"efficientnet_lite0": ("published", 0.751), "squeezenet1_1": ("caffe", 0.575)}
SHOWN, LONGEST = 5, 150
ROUNDING = 1e-5  # of float32, relative to the greatest answer


@dataclass(frozen=True)
class Answers:
    """What one network says of the photos.

    Args:
        best: n 5, class numbers, most probable first.
        probability: of the first.
        features: n d, what its head is given, averaged over positions.
        gap: between its answers and those that its head alone gives to the features, the greatest of all numbers,
            relative to the greatest answer.
    """

    loaded: Pretrained
    best: Tensor
    probability: Tensor
    features: Tensor
    gap: float


@register_item("L14", try_it="profond predict --model efficientnet_lite0 --pretrained photo.jpg")
def pretrained(options: Options) -> Outcome:
    """Published weights on twenty photos."""
    photos = twenty_photos()
    labels = torch.tensor([photo.label for photo in photos])
    answers = {}
    for name, (source, _) in NETWORKS.items():
        options.say(f"L14  {name} looks at {len(photos)} photos")
        answers[name] = ask(load_pretrained(name, source), photos)
    first = {name: int((one.best[:, 0] == labels).sum()) for name, one in answers.items()}
    five = {name: int((one.best == labels[:, None]).sum()) for name, one in answers.items()}
    lite = answers["efficientnet_lite0"]
    return Outcome(
        claims=[
            *(
                Claim(
                    name,
                    first[name] >= least(published, len(photos)),
                    {
                        "first": count(first[name]),
                        "five": count(five[name]),
                        "photos": count(len(photos)),
                        "least": count(least(published, len(photos))),
                    },
                )
                for name, (_, published) in NETWORKS.items()
            ),
            Claim(
                "features",
                len(lite.features) == len(photos) and lite.gap < ROUNDING,
                {"numbers": count(lite.features.shape[1]), "gap": number(lite.gap, 1)},
            ),
        ],
        pictures=[Picture("photos", lambda words: draw(photos, lite, words))],
        tables=[
            Table(
                "photos",
                ("photo", "stated_class", "predicted", "probability"),
                [
                    [
                        text(photo.path.name),
                        text(lite.loaded.classes[photo.label]),
                        text(lite.loaded.classes[int(best[0])]),
                        share(float(probability), digits=0),
                    ]
                    for photo, best, probability in zip(photos, lite.best, lite.probability, strict=True)
                ],
            )
        ],
        measured={
            "right": {name: {"first": first[name], "five": five[name]} for name in answers},
            "expected": {name: least(published, len(photos)) for name, (_, published) in NETWORKS.items()},
        },
        used={"data": word("twenty_photos"), "test": count(len(photos))},
    )


def least(published: float, photos: int) -> int:
    """How many right answers are to be expected: no fewer come of 97.5 % of draws at the published accuracy."""
    return int(binom.ppf(0.025, photos, published))


def ask(loaded: Pretrained, photos: list[Photo]) -> Answers:
    """One network on all photos."""
    raw = torch.stack([loaded.preprocessing.decode(open_image(photo.path).image) for photo in photos])
    inputs = loaded.preprocessing.normalise(raw)
    with torch.inference_mode():
        scores = loaded.model(inputs)
        features = stage_output(loaded.model, inputs)
        again = loaded.model.get_submodule(str(loaded.model.head))(features)
    again = again.flatten(2).mean(2) if again.ndim > 2 else again
    gap = float((again - scores).abs().max() / scores.abs().max())
    top = scores.softmax(1).topk(SHOWN)
    mean = features.flatten(2).mean(2) if features.ndim > 2 else features
    return Answers(loaded, top.indices, top.values[:, 0], mean, gap)


def draw(photos: list[Photo], answers: Answers, words: Words) -> Figure:
    """Every photo with what the network says of it; a cross where that is not its label."""
    sheet = Sheet(words("L14.drawing"))
    panels = []
    for photo, best, probability in zip(photos, answers.best, answers.probability, strict=True):
        sign = "✓" if int(best[0]) == photo.label else "✗"
        label = answers.loaded.classes[int(best[0])].partition(",")[0]
        note = f"{sign} {label}, {words.write(share(float(probability), digits=0))}"
        panels.append(photo_panel(photo.path, note, LONGEST))
    for start in range(0, len(panels), SHOWN):
        sheet.row(*panels[start : start + SHOWN], gap=12)
    return sheet.figure()
