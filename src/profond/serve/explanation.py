"""An image, a signal or a text, and why a network says what it says: prepared, asked, drawn, written to a folder."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from profond.core.errors import ConfigError, UnknownName
from profond.core.files import write_bytes, write_json, write_text
from profond.core.lettering import class_names
from profond.core.run import SCHEMA_VERSION
from profond.core.tokens import END, SPECIAL, UNKNOWN
from profond.data.fingerprint import of_image
from profond.data.images.decoding import eight_bit, open_image
from profond.explain.draw.drawing import save_figure
from profond.explain.network.filters import filters
from profond.explain.network.guard import logits_of
from profond.explain.network.layer_figure import draw_filters, draw_maps
from profond.explain.network.stages import feature_maps, map_stage
from profond.explain.steps.layer_pixel import LayerPixel, layer_pixel
from profond.explain.steps.layer_pixel_figure import draw_layer_pixel
from profond.explain.why.attribution import METHODS, Attribution
from profond.explain.why.attribution_figure import Seen
from profond.explain.why.clip_figure import Clip
from profond.explain.why.places_figure import draw_places
from profond.explain.why.signal_figure import Signal
from profond.explain.why.subject import Subject
from profond.explain.why.words import Words, word_gradients
from profond.nn.sequence import lengths_of, token_lengths
from profond.serve.films import clips_of
from profond.serve.given import Picture, as_picture
from profond.serve.predictor import Predictor
from profond.serve.seen import as_image, as_seen, finely_seen, seen_part
from profond.serve.text import Text
from profond.tasks.task import Explained

_OF_TEXTS = "that of a translation: profond translate RUN TEXT --attention MAP.png"


@dataclass(frozen=True)
class Question:
    """A sample that is ready to be explained.

    Args:
        subject: what pictures need to know of it.
        shown: the image, the signal, the text or the clip, for pictures.
        sample: as the model takes it (c h w), (c t) of a signal, the tokens (t) of a text, or a clip (c t h w).
        zero: an image that is black, or a signal that is the mean alone, likewise.
        digest: of what was given, whatever its name.
        notes: what had to be converted.
    """

    subject: Subject
    shown: Seen | Signal | Words | Clip
    sample: Tensor
    zero: Tensor
    digest: str
    notes: tuple[str, ...]

    @property
    def drawn(self) -> Seen | Signal | Words:
        """The same where there is one answer, of which attributions are drawn."""
        assert not isinstance(self.shown, Clip)
        return self.shown

    @property
    def seen(self) -> Image.Image:
        """What the model sees of an image; a signal has nothing of the kind, see `Explainer.check`."""
        assert isinstance(self.shown, Seen)
        return self.shown.seen


@dataclass(frozen=True)
class Attended:
    """What was written of a picture, and where the network looked.

    Args:
        name: what people call the picture.
        said: all of it.
        pieces: word by word, the end too.
        weights: (pieces, rows, columns), those of a word sum to 1.
        seen: what the network sees of the picture.
        digest: of what was given, whatever its name.
        notes: what had to be converted.
    """

    name: str
    said: str
    pieces: Sequence[str]
    weights: np.ndarray
    seen: Image.Image
    digest: str
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"said": self.said, "words": list(self.pieces)}

    def write(self, folder: Path, model: str) -> list[Path]:
        """A picture for each word on one sheet, and the weights."""
        words = [*self.pieces[:-1], "(end)"] if self.pieces[-1] == SPECIAL[END] else list(self.pieces)
        figure = draw_places(self.seen, words, self.weights, name=self.name, model=model, text=self.said)
        return [save_figure(figure, folder / "attention.png"), write_array(folder / "attention.npy", self.weights)]


@dataclass(frozen=True)
class Explainer:
    """A predictor whose answers can be explained.

    Args:
        predictor: of a run, or of published weights.
        name: what people call its model.
    """

    predictor: Predictor
    name: str

    def check(self, methods: Iterable[str]) -> None:
        """Raises: ConfigError where one of the methods is for images, and the network takes series or texts."""
        others = [one for one in methods if one not in (*self.methods, "overview", "recurrence")]
        if self.predictor.takes == "texts" and others:
            raise ConfigError(
                f"{others[0]} is for images, and this run was trained on texts",
                "take integrated_gradients, or recurrence",
            )
        wrong = [method for method in methods if method not in (*METHODS, "overview", "recurrence")]
        if self.predictor.takes == "series" and wrong:
            raise ConfigError(
                f"{wrong[0]} is for images, and this run was trained on series",
                f"methods for series: overview, {', '.join(METHODS)}, recurrence",
            )

    @property
    def methods(self) -> tuple[str, ...]:
        """Those that there are for what the network takes."""
        return ("integrated_gradients",) if self.predictor.takes == "texts" else tuple(METHODS)

    def question(
        self,
        given: Picture | Tensor,
        name: str,
        wanted: str | None = None,
        about: Callable[[Tensor], Explained] | None = None,
    ) -> Question:
        """Prepare a sample.

        Args:
            given: as in `Predictor.predict`, but that a tensor is a raw sample (c h w) or (c t) of the model's size.
            name: what people call it.
            wanted: the class or quantity to explain; by default what the task chooses, such as the most probable class.
            about: from the network's outputs to what is explained, where that is not for the task to say.

        Raises: ImageError, DataError; UnknownName for what the task does not know.
        """
        predictor = self.predictor
        refusal = getattr(predictor.task, "unexplained", None)  # of a network that takes no sample to be asked with
        if refusal is not None:
            raise ConfigError(*refusal)
        if predictor.takes == "videos" and about is None:
            raise ConfigError(
                "explanations are of one answer, and this run says something of each frame of a video",
                "`profond explain recurrence RUN VIDEO` is about one frame, --step says which; `profond predict` draws"
                " the labels over the frames: --pictures FOLDER",
            )
        prepare: dict[str, Callable[..., tuple[Tensor, Any, str, list[str]]]] = {
            "texts": self._words,
            "series": self._signal,
            "videos": self._clip,
        }
        raw, shown, digest, notes = prepare.get(predictor.takes, self._image)(given, name)
        batch = raw[None].to(predictor.device)
        inputs = predictor.preprocessing.normalise(batch)
        with torch.inference_mode():
            outputs = logits_of(predictor.ready(inputs))
        explained = about(outputs) if about else predictor.task.explained(outputs, predictor.spec, wanted)
        names = list(dict.fromkeys([*predictor.spec.classes, explained.name, *(one for one, _ in explained.top)]))
        written, note = class_names(names, 80)
        subject = Subject(name, self.name, explained, dict(zip(names, written, strict=True)))
        zero = predictor.preprocessing.normalise(self._zero(batch))[0]
        return Question(subject, shown, inputs[0], zero, digest, (*notes, note) if note else tuple(notes))

    def _image(self, given: Picture | Tensor, name: str) -> tuple[Tensor, Seen, str, list[str]]:
        """The raw sample, what pictures show, a digest, and what was converted."""
        preprocessing, notes = self.predictor.preprocessing, list[str]()
        if isinstance(given, Tensor):
            raw, image = given, as_image(given)
            seen = as_seen(preprocessing, raw)
        else:
            picture = as_picture(given, name)
            image = picture if isinstance(picture, Image.Image) else open_image(picture).image
            raw, notes = self.predictor.decode(image, name)
            seen = finely_seen(preprocessing, image) or as_seen(preprocessing, raw)
        upright = eight_bit(image, "RGB")
        sides = (raw.shape[-2] + 2 * preprocessing.padding, raw.shape[-1] + 2 * preprocessing.padding)
        shown = Seen(upright, seen, seen_part(preprocessing, image), sides)
        return raw, shown, of_image(upright).exact.hex(), notes

    def _signal(self, given: Picture | Tensor, name: str) -> tuple[Tensor, Signal, str, list[str]]:
        notes = list[str]()
        raw = given
        if not isinstance(given, Tensor):
            raw, notes = self.predictor.decode(given, name)
        assert isinstance(raw, Tensor)
        raw = raw[:, : int(lengths_of(raw[None]))]  # without what follows it where longer ones stand beside it
        values = raw.float().numpy()
        prepared = self.predictor.preprocessing.series
        names = prepared.names if prepared is not None else ()
        return raw, Signal(values, names), hashlib.sha256(values.tobytes()).hexdigest(), notes

    def _clip(self, given: Picture | Tensor, name: str) -> tuple[Tensor, Clip, str, list[str]]:
        prepared, notes = self.predictor.preprocessing.clip, list[str]()
        assert prepared is not None
        clips = clips_of(given, name, prepared)
        raw = next(clips)
        raw = raw[:, : int(lengths_of(raw[None].float()))]  # as in `_signal`
        if next(clips, None) is not None:
            notes.append(f"{name} is longer: its first {raw.shape[1]} frames are explained")
        frames = raw.to(torch.uint8).numpy()
        return raw, Clip(frames), hashlib.sha256(frames.tobytes()).hexdigest(), notes

    def _words(self, given: Picture | Tensor, name: str) -> tuple[Tensor, Words, str, list[str]]:
        tokens, notes = self.predictor.preprocessing.text, list[str]()
        assert tokens is not None
        if isinstance(given, Tensor):
            raw = given[: int(token_lengths(given[None])[0])].long()
            pieces = tokens.pieces(raw.tolist())
        else:
            raw, notes = self.predictor.decode(given, name)
            pieces = tokens.cut(given.text if isinstance(given, Text) else str(given))
        known = tuple(one != UNKNOWN for one in raw.tolist())
        return raw, Words(tuple(pieces), tokens.kind, known), hashlib.sha256(raw.numpy().tobytes()).hexdigest(), notes

    def _zero(self, batch: Tensor) -> Tensor:
        """A raw sample without anything in it: black, or of a signal each channel's mean in training."""
        if self.predictor.takes != "series":
            return torch.zeros_like(batch)
        mean = torch.tensor(self.predictor.preprocessing.mean, dtype=torch.float32, device=batch.device)
        return mean.view(1, -1, 1).expand_as(batch) * self.predictor.preprocessing.scale

    def ask(self, question: Question, method: str, stage: str | None = None) -> Attribution:
        """One method's answer. Raises: UnknownName, ConfigError, MissingError."""
        if method not in METHODS:
            raise UnknownName("method", method, METHODS)
        settings: dict[str, Any] = {}
        if self.predictor.takes == "texts":
            return word_gradients(self.predictor.model, question.sample, question.subject.explained.index)
        if method == "grad_cam":
            settings["stage"] = stage
        if method == "integrated_gradients":
            settings["baseline"] = question.zero
        target = question.subject.explained.index
        return METHODS[method](self.predictor.model, question.sample, target, **settings)

    def overview(self, question: Question, folder: Path, suffix: str = "", stage: str | None = None) -> list[Path]:
        """Every method that the model allows: each picture and array, and one sheet with all of them.

        Returns: the files, the sheet first.
        """
        answers: list[Attribution] = []
        refused: dict[str, str] = {}
        for method in self.methods:
            try:
                answers.append(self.ask(question, method, stage))
            except ConfigError as error:
                if method != "grad_cam" or stage is not None:
                    raise
                refused[method] = error.message  # a network without maps: the other methods explain it as well
        files = [save_figure(question.drawn.draw_overview(question.subject, answers), folder / f"overview{suffix}.png")]
        for answer in answers:
            files += self.write(question, answer, folder, suffix)
        files.append(folder / f"explanation{suffix}.json")
        write_json(files[-1], {**describe(question, answers), "refused": refused})
        return files

    def write(self, question: Question, answer: Attribution, folder: Path, suffix: str = "") -> list[Path]:
        """One method's picture and its numbers."""
        picture = save_figure(
            question.drawn.draw_attribution(question.subject, answer), folder / f"{answer.method}{suffix}.png"
        )
        return [picture, write_array(folder / f"{answer.method}{suffix}.npy", answer.values)]

    def attention(self, given: Picture | Tensor, name: str) -> Attended:
        """What is written of a picture, and where the network looked for each word.

        Raises: ConfigError for a network that writes nothing, or has no attention on places of a picture.
        """
        predictor = self.predictor
        if predictor.takes != "images":
            raise ConfigError("attention is drawn here over pictures, and this network takes none", _OF_TEXTS)
        raw, shown, digest, notes = self._image(given, name)
        inputs = predictor.preprocessing.normalise(raw[None].to(predictor.device))
        with torch.inference_mode():
            (answer,) = predictor.task.answer(predictor.model, inputs, predictor.spec)
        weights, grid = getattr(answer, "attention", None), getattr(predictor.model, "grid", None)
        if weights is None or grid is None:
            raise ConfigError(
                f"{self.name} has no attention on the places of a picture",
                "use a network that has, such as --model show_attend_and_tell",
            )
        pieces: Sequence[str] = getattr(answer, "pieces")  # noqa: B009
        return Attended(name, answer.line(), pieces, weights.reshape(-1, *grid), shown.seen, digest, tuple(notes))

    def maps(self, question: Question, folder: Path, stage: str | None = None) -> list[Path]:
        """What the image becomes at a stage, by default the last one with maps."""
        self.check(["maps"])
        model = self.predictor.model
        name = stage if stage is not None else map_stage(model, question.sample)
        found = feature_maps(model, question.sample, name).numpy()
        figure = draw_maps(found, name, question.seen, name=question.subject.name, model=self.name)
        picture = save_figure(figure, folder / f"maps-{name}.png")
        return [picture, write_array(folder / f"maps-{name}.npy", found)]

    def filters(self, folder: Path, layer: str | None = None) -> list[Path]:
        """A layer's kernels, by default the first's."""
        self.check(["filters"])
        preprocessing, shape = self.predictor.preprocessing, self.input_shape
        found = filters(self.predictor.model, layer, input_shape=shape)
        figure = draw_filters(found, model=self.name, channels=preprocessing.channels)
        picture = save_figure(figure, folder / f"filters-{found.layer}.png")
        return [picture, write_array(folder / f"filters-{found.layer}.npy", found.values)]

    def pixel(
        self, question: Question, folder: Path, layer: str, channel: int, position: Sequence[int]
    ) -> tuple[LayerPixel, list[Path]]:
        """The arithmetic of one output number of one convolution: a picture, and every product as a table."""
        self.check(["pixel"])
        found = layer_pixel(self.predictor.model, question.sample, layer, channel, position)
        name = "-".join(["pixel", found.layer, *map(str, (channel, *found.position))])
        figure = draw_layer_pixel(found, question.seen, name=question.subject.name, model=self.name)
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


def describe(question: Question, answers: Sequence[Attribution]) -> dict[str, Any]:
    """What was asked and what each method says of itself, JSON-able."""
    subject = question.subject
    return {
        "schema_version": SCHEMA_VERSION,
        "image": subject.name,
        "model": subject.model,
        **subject.explained.to_json(),
        "input_shape": list(question.sample.shape),
        "methods": {one.method: {"shape": list(one.values.shape), **one.facts} for one in answers},
        "notes": list(question.notes),
    }


def write_array(path: Path, values: np.ndarray) -> Path:
    """A .npy, whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    write_bytes(path, buffer.getvalue())
    return path
