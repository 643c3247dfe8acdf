"""L8: ImageNet's layout, shards and recipe, on a miniature of it; the thousand classes by name."""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from profond.data.dataset import Dataset
from profond.data.images.decoding import open_image
from profond.data.open import open_dataset
from profond.data.sets.photos import Photo, twenty_photos
from profond.data.shards.write import write_shards
from profond.experiments.configuration import changed, from_recipe, on_data
from profond.experiments.experiment import assemble
from profond.explain.draw.drawing import Sheet
from profond.lecture import register_item
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.photo import photo_panel
from profond.lecture.values import count, number, text, word
from profond.lecture.words import Words
from profond.training import fit
from profond.weights.classes import imagenet_synsets

CLASSES, PARTS, HELD = 1000, 6, 2
SIDE, LONGEST = 96, 130


@dataclass(frozen=True)
class Streamed:
    """What came of reading one form of the data."""

    dataset: Dataset
    a_second: float


@register_item("L8", try_it="profond data shard photos/ shards/")
def imagenet(options: Options) -> Outcome:
    """ImageNet's layout in small: read, packed into shards, and learned from by the ResNet-50 recipe."""
    synsets = imagenet_synsets()
    photos = twenty_photos()
    with tempfile.TemporaryDirectory() as scratch:
        folder, shards = Path(scratch) / "ILSVRC2012", Path(scratch) / "shards"
        miniature(folder, photos, [synset for synset, _ in synsets])
        options.say("L8  reading a miniature of ImageNet from its folder and from tar shards")
        written = write_shards(folder, shards, count=25)
        forms = {"folder": streamed(folder), "shards": streamed(shards)}
        sizes = {name: {s: len(one.dataset.split(s)) for s in ("train", "valid")} for name, one in forms.items()}
        held = {name: pictures(one.dataset) for name, one in forms.items()}
        options.say("L8  two steps of the ResNet-50 recipe on it")
        fitted = two_steps(folder, options)
    classes = len(forms["folder"].dataset.spec.classes)
    different = max((held["folder"] - held["shards"]).total(), (held["shards"] - held["folder"]).total())
    loss = fitted.metrics["train"]["loss"]
    return Outcome(
        claims=[
            Claim("classes", len(synsets) == CLASSES, {"classes": count(len(synsets))}),
            Claim(
                "layout",
                sizes["folder"] == {"train": PARTS * len(photos), "valid": HELD * len(photos)},
                {**{name: count(size) for name, size in sizes["folder"].items()}, "classes": count(classes)},
            ),
            Claim(
                "shards",
                different == 0 and sizes["folder"] == sizes["shards"],
                {
                    "shards": count(sum(part["shards"] for part in written.values())),
                    "different": count(different),
                    "pictures": count(held["folder"].total()),
                },
            ),
            Claim(
                "recipe",
                fitted.steps == 2 and math.isfinite(loss),
                {"steps": count(fitted.steps), "loss": number(loss)},
            ),
        ],
        pictures=[Picture("classes", lambda words: draw(photos, dict(enumerate(synsets)), words))],
        tables=[
            Table(
                "forms",
                ("form", "train", "test", "images_a_second"),
                [
                    [word(name), count(sizes[name]["train"]), count(sizes[name]["valid"]), number(one.a_second, 0)]
                    for name, one in forms.items()
                ],
            )
        ],
        measured={"images_a_second": {name: one.a_second for name, one in forms.items()}, "sizes": sizes},
        used={"data": word("miniature"), "arithmetic": text(str(fitted.arithmetic))},
    )


def miniature(root: Path, photos: list[Photo], synsets: list[str]) -> None:
    """ImageNet's official layout, with parts of each photo instead of thousands of photos."""
    (root / "val").mkdir(parents=True)
    solution = ["ImageId,PredictionString"]
    for photo in photos:
        synset = synsets[photo.label]
        folder = root / "train" / synset
        folder.mkdir(parents=True, exist_ok=True)
        image = open_image(photo.path).image.convert("RGB")
        image.thumbnail((256, 256))
        for part in range(PARTS + HELD):
            cut = image.crop((3 * part, 2 * part, image.width - 5 * part, image.height - 4 * part))
            if part < PARTS:
                cut.save(folder / f"{synset}_{photo.path.stem}_{part}.JPEG", "JPEG")
                continue
            name = f"ILSVRC2012_val_{len(solution):08}"
            cut.save(root / "val" / f"{name}.JPEG", "JPEG")
            solution.append(f"{name},{synset} 1 1 2 2")
    (root / "LOC_val_solution.csv").write_text("\n".join(solution) + "\n", encoding="utf-8")


def streamed(path: Path) -> Streamed:
    """The data set, and how many pictures a second come out of it."""
    dataset = open_dataset(str(path), size=SIDE, memory_mib=0)
    began = time.perf_counter()
    samples = sum(len(labels) for _, labels in dataset.batches("train", 20, workers=0))
    return Streamed(dataset, samples / (time.perf_counter() - began))


def pictures(dataset: Dataset) -> Counter[tuple[str, int, bytes]]:
    """Every picture with its split and class, in whatever order, and how often it is there."""
    return Counter(
        (name, int(label), dataset.split(name).raw(i).numpy().tobytes())
        for name in ("train", "valid")
        for i, label in enumerate(dataset.split(name).targets)
    )


def two_steps(folder: Path, options: Options) -> Any:
    """The recipe as it stands, but for batches of eight, small pictures and two steps."""
    config = on_data(from_recipe("imagenet_resnet50"), str(folder))
    changes: dict[str, Any] = {
        "loader.batch_size": 8,
        "loader.workers": 0,
        "augment.sizes": [[0.0, 64], [0.5, SIDE]],
        "data.size": SIDE,
        "training.learning_rate": config.training.learning_rate * 8 / config.loader.batch_size,
        "training.steps": 2,
        "training.log_every_steps": 1,
        "training.device": options.device,
    }
    experiment = assemble(changed(config, changes))
    return fit(experiment.model, experiment.task, experiment.batches("train", training=True), experiment.training)


def draw(photos: list[Photo], names: dict[int, tuple[str, str]], words: Words) -> Figure:
    """Five of the classes: synset, words, a photo."""
    sheet = Sheet(words("L8.drawing"))
    panels = []
    for photo in photos[:5]:
        synset, synonyms = names[photo.label]
        panels.append(photo_panel(photo.path, f"{synset}: {synonyms.partition(',')[0]}", LONGEST))
    sheet.row(*panels, gap=16)
    return sheet.figure()
