"""An image, and why a network says what it says of it: prepared, asked, drawn, and written to a folder."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from profond.core.errors import ConfigError, UnknownName
from profond.core.files import write_bytes, write_json, write_text
from profond.core.lettering import class_names
from profond.core.run import SCHEMA_VERSION
from profond.data.images.decoding import eight_bit, open_image, resize
from profond.explain.draw.drawing import save_figure
from profond.explain.network.filters import filters
from profond.explain.network.layer_figure import draw_filters, draw_maps
from profond.explain.network.stages import feature_maps, map_stage
from profond.explain.steps.layer_pixel import LayerPixel, layer_pixel
from profond.explain.steps.layer_pixel_figure import draw_layer_pixel
from profond.explain.why.attribution import METHODS, Attribution
from profond.explain.why.attribution_figure import Subject, draw_attribution, draw_overview
from profond.serve.given import Picture, as_picture
from profond.serve.predictor import Predictor

if TYPE_CHECKING:
    from profond.data.preprocessing import Preprocessing

_FINE = 480  # pixels: no picture on a sheet is larger


@dataclass(frozen=True)
class Look:
    """An image that is ready to be explained.

    Args:
        subject: what pictures need to know of it.
        sample: as the model takes it (c h w).
        black: a black image, likewise.
        target: number of the class that is explained.
        notes: what had to be converted.
    """

    subject: Subject
    sample: Tensor
    black: Tensor
    target: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Sight:
    """A predictor whose answers can be explained.

    Args:
        predictor: of a run, or of published weights.
        name: what people call its model.
    """

    predictor: Predictor
    name: str

    def __post_init__(self) -> None:
        if self.predictor.preprocessing.series is not None:
            raise ConfigError(
                "this run was trained on series, and only pictures can be explained",
                "`profond predict` and `profond features` take series",
            )

    def look(self, picture: Picture | Tensor, name: str, label: str | None = None) -> Look:
        """Prepare an image.

        Args:
            picture: as in `Predictor.predict`, but that a tensor is a raw sample uint8 (c h w) of the model's size.
            name: what people call it.
            label: the class to explain; by default the most probable one.

        Raises: ImageError, DataError; UnknownName for a class that the model does not know.
        """
        predictor = self.predictor
        notes: list[str] = []
        if isinstance(picture, Tensor):
            raw, image = picture, as_image(picture)
            seen = as_seen(predictor.preprocessing, raw)
        else:
            given = as_picture(picture, name)
            image = given if isinstance(given, Image.Image) else open_image(given).image
            raw, notes = predictor.decode(image, name)
            seen = finely_seen(predictor.preprocessing, image) or as_seen(predictor.preprocessing, raw)
        classes = predictor.classes
        said = predictor.say([name], [raw], len(classes))[0]
        chosen = said.label if label is None else known_class(label, classes)
        batch = raw[None].to(predictor.device)
        sample = predictor.preprocessing.normalise(batch)[0]
        written, note = class_names(classes, 80)
        notes = [*notes, note] if note else notes
        subject = Subject(
            name=name,
            model=self.name,
            image=eight_bit(image, "RGB"),
            seen=seen,
            box=seen_part(predictor.preprocessing, image),
            sides=(sample.shape[-2], sample.shape[-1]),
            top=said.top[:5],
            label=chosen,
            probability=dict(said.top)[chosen],
            written=dict(zip(classes, written, strict=True)),
        )
        black = predictor.preprocessing.normalise(torch.zeros_like(batch))[0]
        return Look(subject, sample, black, classes.index(chosen), tuple(notes))

    def ask(self, look: Look, method: str, stage: str | None = None) -> Attribution:
        """One method's answer. Raises: UnknownName, ConfigError, MissingError."""
        if method not in METHODS:
            raise UnknownName("method", method, METHODS)
        settings: dict[str, Any] = {}
        if method == "grad_cam":
            settings["stage"] = stage
        if method == "integrated_gradients":
            settings["baseline"] = look.black
        return METHODS[method](self.predictor.model, look.sample, look.target, **settings)

    def overview(self, look: Look, folder: Path, suffix: str = "", stage: str | None = None) -> list[Path]:
        """Every method that the model allows: each picture and array, and one sheet with all of them.

        Returns: the files, the sheet first.
        """
        answers: list[Attribution] = []
        refused: dict[str, str] = {}
        for method in METHODS:
            try:
                answers.append(self.ask(look, method, stage))
            except ConfigError as error:
                if method != "grad_cam" or stage is not None:
                    raise
                refused[method] = error.message  # a network without maps: the other methods explain it as well
        files = [save_figure(draw_overview(look.subject, answers), folder / f"overview{suffix}.png")]
        for answer in answers:
            files += self.write(look, answer, folder, suffix)
        files.append(folder / f"explanation{suffix}.json")
        write_json(files[-1], {**describe(look, answers), "refused": refused})
        return files

    def write(self, look: Look, answer: Attribution, folder: Path, suffix: str = "") -> list[Path]:
        """One method's picture and its numbers."""
        picture = save_figure(draw_attribution(look.subject, answer), folder / f"{answer.method}{suffix}.png")
        return [picture, write_array(folder / f"{answer.method}{suffix}.npy", answer.values)]

    def maps(self, look: Look, folder: Path, stage: str | None = None) -> list[Path]:
        """What the image becomes at a stage, by default the last one with maps."""
        model = self.predictor.model
        name = stage if stage is not None else map_stage(model, look.sample)
        found = feature_maps(model, look.sample, name).numpy()
        figure = draw_maps(found, name, look.subject.seen, name=look.subject.name, model=self.name)
        picture = save_figure(figure, folder / f"maps-{name}.png")
        return [picture, write_array(folder / f"maps-{name}.npy", found)]

    def filters(self, folder: Path, layer: str | None = None) -> list[Path]:
        """A layer's kernels, by default the first's."""
        preprocessing, shape = self.predictor.preprocessing, self.input_shape
        found = filters(self.predictor.model, layer, input_shape=shape)
        figure = draw_filters(found, model=self.name, channels=preprocessing.channels)
        picture = save_figure(figure, folder / f"filters-{found.layer}.png")
        return [picture, write_array(folder / f"filters-{found.layer}.npy", found.values)]

    def pixel(
        self, look: Look, folder: Path, layer: str, channel: int, position: Sequence[int]
    ) -> tuple[LayerPixel, list[Path]]:
        """The arithmetic of one output number of one convolution: a picture, and every product as a table."""
        found = layer_pixel(self.predictor.model, look.sample, layer, channel, position)
        name = "-".join(["pixel", found.layer, *map(str, (channel, *found.position))])
        figure = draw_layer_pixel(found, look.subject.seen, name=look.subject.name, model=self.name)
        picture = save_figure(figure, folder / f"{name}.png")
        table = folder / f"{name}.csv"
        write_text(table, found.table())
        return found, [picture, table]

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """One sample as the model takes it, where the preprocessing says it."""
        preprocessing = self.predictor.preprocessing
        if preprocessing.size is None:
            return None
        sides = [side + 2 * preprocessing.padding for side in preprocessing.size]
        return (1 if preprocessing.mode == "L" else 3, *sides)


def known_class(label: str, classes: Sequence[str]) -> str:
    """A class by its name, whatever its capitals, or by its number where none is called so. Raises: UnknownName."""
    if label in classes:
        return label
    alike = [name for name in classes if name.casefold() == label.casefold()]
    if len(alike) == 1:
        return alike[0]
    if label.isascii() and label.isdigit() and int(label) < len(classes):
        return classes[int(label)]
    raise UnknownName("class", label, classes)


def as_image(raw: Tensor) -> Image.Image:
    """A raw sample (c h w) as a picture: grey with one channel, otherwise the first three as colour."""
    levels = raw.detach().cpu()
    if levels.dtype != torch.uint8:
        levels = (levels * (255 if float(levels.max()) <= 1 else 1)).clamp(0, 255).to(torch.uint8)
    pixels = levels.numpy()
    return Image.fromarray(pixels[0] if len(pixels) < 3 else np.ascontiguousarray(pixels[:3].transpose(1, 2, 0)))


def as_seen(preprocessing: Preprocessing, raw: Tensor) -> Image.Image:
    """A raw sample as the model gets it, padded and permuted, its levels left alone."""
    plain = dataclasses.replace(preprocessing, mean=(0.0,), std=(1.0,), scale=1.0)
    return as_image(plain.arrange(raw[None].float())[0].clamp(0, 255).to(torch.uint8))


def finely_seen(preprocessing: Preprocessing, image: Image.Image) -> Image.Image | None:
    """What the model gets of an image, in more pixels than it gets; None where these would not fit on its own."""
    if preprocessing.size is None or preprocessing.padding or preprocessing.permutation_seed is not None:
        return None
    assert preprocessing.mode is not None
    height, width = preprocessing.size
    scale = preprocessing.crop if preprocessing.resize == "crop" else 1.0
    finer = max(1, min(math.ceil(_FINE / max(height, width)), math.ceil(scale * min(image.size) / max(height, width))))
    size = (height * finer, width * finer)
    how = preprocessing.interpolation
    return resize(eight_bit(image, preprocessing.mode), size, preprocessing.resize, how, crop=preprocessing.crop)


def seen_part(preprocessing: Preprocessing, image: Image.Image) -> tuple[float, float, float, float] | None:
    """Which part of an image the model gets (left, top, right, bottom); None where that is all of it."""
    if preprocessing.size is None or preprocessing.resize != "crop":
        return None
    height, width = preprocessing.size
    across, down = image.width * preprocessing.crop, image.height * preprocessing.crop
    if across / down > width / height:
        across = down * width / height
    else:
        down = across * height / width
    left, top = (image.width - across) / 2, (image.height - down) / 2
    if left < 1 and top < 1:
        return None
    return left, top, left + across, top + down


def describe(look: Look, answers: Sequence[Attribution]) -> dict[str, Any]:
    """What was asked and what each method says of itself, JSON-able."""
    subject = look.subject
    return {
        "schema_version": SCHEMA_VERSION,
        "image": subject.name,
        "model": subject.model,
        "class": subject.label,
        "probability": subject.probability,
        "logit": answers[0].logit if answers else None,
        "top": [{"label": label, "probability": probability} for label, probability in subject.top],
        "input_shape": list(look.sample.shape),
        "methods": {one.method: {"shape": list(one.values.shape), **one.facts} for one in answers},
        "notes": list(look.notes),
    }


def write_array(path: Path, values: np.ndarray) -> Path:
    """A .npy, whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    write_bytes(path, buffer.getvalue())
    return path
