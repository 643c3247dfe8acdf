"""L14: pretrained models used as they are: prediction, and features from a stage."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from profond.data.images import open_image
from profond.data.photos import Photo, twenty_photos
from profond.explain.drawing import Sheet
from profond.explain.stages import stage_output
from profond.lecture import register_item
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table, count, share, text, word
from profond.lecture.photo import photo_panel
from profond.lecture.words import Words
from profond.weights.pretrained import Pretrained, load_pretrained

# Who published the weights, and how many of the twenty photos they are to know at once and among five.
NETWORKS = {"efficientnet_lite0": ("published", 18, 19), "squeezenet1_1": ("caffe", 14, 18)}
SHOWN, LONGEST = 5, 150


@dataclass(frozen=True)
class Answers:
    """What one network says of the photos.

    Args:
        best: n 5, class numbers, most probable first.
        probability: of the first.
        features: n d, what its head is given, averaged over positions.
    """

    loaded: Pretrained
    best: Tensor
    probability: Tensor
    features: Tensor


@register_item("L14")
def pretrained(options: Options) -> Outcome:
    """Published weights on twenty photos."""
    photos = twenty_photos()
    labels = torch.tensor([photo.label for photo in photos])
    answers = {}
    for name, (source, _, _) in NETWORKS.items():
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
                    first[name] >= least_first and five[name] >= least_five,
                    {"first": count(first[name]), "five": count(five[name]), "photos": count(len(photos))},
                )
                for name, (_, least_first, least_five) in NETWORKS.items()
            ),
            Claim("features", lite.features.shape == (len(photos), 1280), {"numbers": count(lite.features.shape[1])}),
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
        },
        used={"data": word("twenty_photos"), "test": count(len(photos))},
    )


def ask(loaded: Pretrained, photos: list[Photo]) -> Answers:
    """One network on all photos."""
    raw = torch.stack([loaded.preprocessing.decode(open_image(photo.path).image) for photo in photos])
    inputs = loaded.preprocessing.normalise(raw)
    with torch.inference_mode():
        shares = loaded.model(inputs).softmax(1)
        features = stage_output(loaded.model, inputs)
    top = shares.topk(SHOWN)
    return Answers(
        loaded, top.indices, top.values[:, 0], features.flatten(2).mean(2) if features.ndim > 2 else features
    )


def draw(photos: list[Photo], answers: Answers, words: Words) -> Figure:
    """Every photo with what the network says of it; a cross where that is not its label."""
    sheet = Sheet(words("L14.drawing"))
    panels = []
    for photo, best, probability in zip(photos, answers.best, answers.probability, strict=True):
        sign = "✓" if int(best[0]) == photo.label else "✗"
        said = answers.loaded.classes[int(best[0])].partition(",")[0]
        note = f"{sign} {said}, {words.write(share(float(probability), digits=0))}"
        panels.append(photo_panel(photo.path, note, LONGEST))
    for start in range(0, len(panels), SHOWN):
        sheet.row(*panels[start : start + SHOWN], gap=12)
    return sheet.figure()
