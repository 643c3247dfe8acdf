"""A trained run, or a network with published weights, ready to answer for images, series and texts."""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from profond.core.device import choose_device, together, usable_cores
from profond.core.errors import ConfigError, DataError, ProfondError, suggest
from profond.core.find_run import find_run
from profond.core.run import Run
from profond.core.spec import Spec
from profond.data.images.decoding import conversions, opening, without_colour
from profond.data.preprocessing import Kind, Preprocessing
from profond.experiments.experiment import Experiment, load
from profond.explain.network.stages import stage_output
from profond.export.in_memory import LEARNED_FROM
from profond.serve.compiled import COMPARED, PAYS_FROM, Compiled
from profond.serve.films import answer_of
from profond.serve.given import Picture, as_picture, as_series, as_tokens, name_of, several, stacked, with_rows
from profond.serve.inference import Engine, Precision, prepared
from profond.serve.prediction import Prediction
from profond.tasks.task import Answer, Task
from profond.weights.classes import readable


class Predictor:
    """Model, task, spec and preprocessing of a run; its data is not needed.

    A run that was trained on images brought to one size takes images of any size and colour. One trained on images
    that all had one size, such as MNIST, refuses others, unless ``resize`` allows them to be converted.

    ``takes`` says what it answers for: images, series, texts or videos.

    Args:
        model: in eval mode.
        task: turns the model's outputs into answers.
        spec: what the outputs are about, such as the names of classes.
        preprocessing: from an image to the model's input.
        device: where the model is put.
        resize: convert images that do not have the run's size and channels, instead of refusing them.
        precision: ``"fp32"`` answers as evaluation does; ``"auto"``, ``"bf16"`` and ``"int8"`` sooner, see `prepared`.
        engine: what computes, see `prepared`; ``"auto"`` takes the fastest that is installed for many images.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        spec: Spec,
        preprocessing: Preprocessing,
        *,
        device: torch.device | str = "cpu",
        resize: bool = False,
        precision: Precision = "fp32",
        engine: Engine = "auto",
    ) -> None:
        if preprocessing.takes is None:
            raise ConfigError(
                "this run was not trained on images, series or videos in files, or on texts",
                "`profond evaluate` measures it on its own data",
            )
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.precision = precision
        self._undecided = engine == "auto" and precision != "int8"
        at_once: Engine = "torch" if self._undecided else engine
        self.task = task
        self.spec = spec
        self.ready = self._prepared(at_once)
        self.resize = resize
        self.conversions: Counter[str] = Counter()
        self.weights = ""
        self.notes: tuple[str, ...] = ()
        self.preprocessing = preprocessing
        self.takes: Kind = preprocessing.takes
        self._required = preprocessing.size if preprocessing.fixed_size else None

    @property
    def agreement(self) -> tuple[int, int] | None:
        """How many images get the network's own answer in ``"int8"``, of how many that were tried."""
        return self.ready.agreement if isinstance(self.ready, Compiled) else None

    @property
    def options(self) -> tuple[str, ...]:
        """What may be asked of the task's answers besides: the keyword-only parameters of ``task.answer``."""
        parameters = inspect.signature(self.task.answer).parameters.values()
        return tuple(one.name for one in parameters if one.kind is one.KEYWORD_ONLY)

    @classmethod
    def open(
        cls,
        path: Run | Path | str,
        *,
        runs: Path | str = "runs",
        device: str = "auto",
        resize: bool = False,
        precision: Precision = "fp32",
        engine: Engine = "auto",
    ) -> Predictor:
        """A run's predictor; of one that was stopped, that of its best checkpoint, which ``notes`` says.

        Args:
            path: a run's folder, its name below ``runs``, or ``"last"``, the newest finished one.
            runs: folder where names are looked up.

        Raises: ConfigError when the folder is not a run, or is damaged; MissingError; DeviceError.
        """
        run = path if isinstance(path, Run) else find_run(path, runs)
        return cls.of(load(run), device=device, resize=resize, precision=precision, engine=engine)

    @classmethod
    def pretrained(
        cls,
        model: str,
        weights: Path | str | None = None,
        *,
        device: str = "auto",
        precision: Precision = "fp32",
        engine: Engine = "auto",
        **settings: Any,
    ) -> Predictor:
        """The predictor of a registered model with pretrained weights and its preprocessing.

        Args:
            model: a registered name.
            weights: who published them, or a file; as in `profond.weights.pretrained.load_pretrained`.
            settings: of the model, such as ``num_classes``.

        Raises: UnknownName, MissingError, ConfigError, DeviceError.
        """
        from profond.models import family_of
        from profond.tasks import task_class, task_for, task_of_family
        from profond.weights.pretrained import load_pretrained

        processor = choose_device(device)
        loaded = load_pretrained(model, weights, **settings)
        predictor = cls(
            loaded.model,
            task_class(task_of_family(family_of(model)) or task_for(loaded.spec))(),
            loaded.spec,
            loaded.preprocessing,
            device=processor,
            precision=precision,
            engine=engine,
        )
        predictor.weights = loaded.weights
        return predictor

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        *,
        device: str = "auto",
        resize: bool = False,
        precision: Precision = "fp32",
        engine: Engine = "auto",
    ) -> Predictor:
        """The predictor of an experiment with trained weights. Raises: ConfigError, DeviceError."""
        predictor = cls(
            experiment.model,
            experiment.task,
            replace(experiment.spec, classes=readable(experiment.spec.classes)),
            experiment.preprocessing,
            device=choose_device(device),
            resize=resize,
            precision=precision,
            engine=engine,
        )
        predictor.notes = experiment.notes
        return predictor

    def predict(
        self, images: Picture | Iterable[Picture], *, batch_size: int = 256, **options: Any
    ) -> list[Prediction]:
        """Predict pictures, all or none: a list of predictions, of one where a single picture is given.

        Args:
            images: one picture or any number: paths, Pillow images, arrays (h, w) or (h, w, c), tensors (c, h, w),
                bytes, or files open for bytes; or an array (n, h, w, c) or tensor (n, c, h, w) of many, or a
                `DataLoader`, whose targets are left out. Numbers are pixels, 0 to 255 or 0 to 1. Of a run
                on series: paths, or arrays (channels, time). Of a run on texts: strings.
            batch_size: images that go through the model together.
            options: of the task's answers, such as ``top`` of a classification, how many classes to name; see
                ``options``.

        Raises: ImageError for a file that cannot be read; DataError for what is no picture, and for an image of another
        size or channel count than the run's; ConfigError when the model's outputs are not finite, and for an option
        that the task's answers do not have.
        """
        return list(self.stream(images, batch_size=batch_size, **options))

    def stream(
        self,
        images: Picture | Iterable[Picture],
        *,
        batch_size: int = 256,
        refused: Callable[[str, ProfondError], None] | None = None,
        **options: Any,
    ) -> Iterator[Prediction]:
        """Predict any number of images, a batch at a time, in order.

        What had to be converted is counted in ``conversions``.

        Args:
            batch_size: images that are decoded and go through the model together; ``"int8"`` takes 192 at least, for
                its ranges come from the first of them.
            refused: called with source and error for an image that cannot be used; without it the error is raised.
            options: as in ``predict``.
        """
        for name in options:
            if name not in self.options:
                raise ConfigError(
                    f"the answers of this run have no option {name!r}",
                    suggest(name, self.options) if self.options else "leave it out",
                )
        images = several(images, self.takes)
        if self.takes == "videos":
            yield from self._films(images, refused, options)
            return
        if self.precision == "int8":
            batch_size = max(batch_size, LEARNED_FROM + COMPARED)
        elif self._undecided and isinstance(images, Sized) and len(images) >= PAYS_FROM and not self._any_length:
            self.ready = self._prepared("auto")
            self._undecided = False
        for sources, raws in self._decoded(images, batch_size, refused):
            yield from self.answer(sources, raws, **options)

    def features(
        self,
        images: Picture | Iterable[Picture],
        stage: str | None = None,
        *,
        average: bool = False,
        batch_size: int = 256,
        refused: Callable[[str, ProfondError], None] | None = None,
    ) -> Iterator[tuple[str, Tensor]]:
        """What each image becomes at a stage of the network: (source, float32 tensor on the CPU), in order.

        Args:
            stage: dotted name of one of the model's modules, whose output is wanted; None is what its head is given.
            average: maps are averaged over their positions, to one number for each.
            batch_size, refused: as in ``stream``.

        Raises: UnknownName for a stage that the model does not have; ConfigError for one that gives no tensor.
        """
        if self.takes == "videos":
            raise ConfigError("features are of images and series, and this run was trained on videos", "predict them")
        for sources, raws in self._decoded(several(images, self.takes), batch_size, refused):
            if not raws:
                continue
            with torch.inference_mode():
                inputs = self.preprocessing.normalise(stacked(raws).to(self.device))
                parts = torch.split(inputs, min(len(raws), together(inputs.shape[1:], self.device)))
                found = torch.cat([stage_output(self.model, part, stage).float().cpu() for part in parts])
            if average and found.ndim > 2:
                found = found.flatten(2).mean(2)
            yield from zip(sources, found, strict=True)

    def decode(self, picture: Picture, source: str = "the image") -> tuple[Tensor, list[str]]:
        """One image to the raw tensor (c, h, w) that ``preprocessing.normalise`` takes, and what was converted.

        Raises: ImageError, DataError.
        """
        found = self._decode(picture, source)
        if isinstance(found, ProfondError):
            raise found
        return found

    def _decoded(
        self, images: Iterable[Picture], batch_size: int, refused: Callable[[str, ProfondError], None] | None
    ) -> Iterator[tuple[list[str], list[Tensor]]]:
        """Sources and raw tensors, a batch at a time, without those that cannot be used."""
        if batch_size < 1:
            raise ConfigError(f"the batch size is {batch_size}", "use 1 or more")
        remaining = enumerate(with_rows(images, self.preprocessing, refused))
        with ThreadPoolExecutor(usable_cores()) as pool:  # decoding leaves Python's lock alone, so threads are enough
            while chunk := list(islice(remaining, batch_size)):
                sources = [name_of(image, i) for i, image in chunk]
                with warnings.catch_warnings():  # the decoder's own guard is not made for threads: this one restores
                    decoded = list(pool.map(self._decode, (image for _, image in chunk), sources))
                raws, good = [], []
                for source, found in zip(sources, decoded, strict=True):
                    if not isinstance(found, ProfondError):
                        raws.append(found[0])
                        good.append(source)
                        self.conversions.update(found[1])
                    elif refused is None:
                        raise found
                    else:
                        refused(source, found)
                yield good, raws

    @torch.inference_mode()
    def answer(self, sources: Sequence[str], raws: Sequence[Tensor], **options: Any) -> list[Prediction]:
        """Predict raw tensors (c, h, w), each from the source of its place."""
        if not raws:
            return []
        inputs = self.preprocessing.normalise(stacked(raws).to(self.device))
        size = min(len(raws), together(inputs.shape[1:], self.device))
        if isinstance(self.ready, Compiled) and not self.ready.is_ready(tuple(inputs.shape[1:]), size):
            self.ready.prepare(inputs, size)
        answers: list[Answer] = []
        for part in torch.split(inputs, size):
            answers += self.task.answer(self.ready, part, self.spec, **options)
        return [Prediction(source, answer) for source, answer in zip(sources, answers, strict=True)]

    def _films(
        self, given: Iterable[Picture], refused: Callable[[str, ProfondError], None] | None, options: dict[str, Any]
    ) -> Iterator[Prediction]:
        """One prediction a video."""
        clip = self.preprocessing.clip
        assert clip is not None

        def say(raws: Sequence[Tensor]) -> list[Answer]:
            return [one.answer for one in self.answer([""] * len(raws), raws, **options)]

        for number, one in enumerate(given):
            source = name_of(one, number, "video")
            try:
                yield Prediction(source, answer_of(one, source, clip, say))
            except DataError as error:
                if refused is None:
                    raise
                refused(source, error)

    @property
    def _any_length(self) -> bool:
        """Whether inputs of many lengths may come, for which nothing can be compiled once."""
        return bool(getattr(self.model, "any_length", False))

    def _prepared(self, engine: Engine) -> nn.Module:
        same = getattr(self.task, "same_answers", None)  # not every task can say so
        return prepared(self.model, self.device, self.precision, engine, same)

    def _decode(self, picture: Picture, source: str) -> tuple[Tensor, list[str]] | ProfondError:
        """The raw tensor and what was converted, or why there is none."""
        try:
            if self.takes == "texts":
                return as_tokens(picture, source, self.preprocessing)
            if self.takes == "series":
                return as_series(picture, source, self.preprocessing)
            picture = as_picture(picture, source)
            if isinstance(picture, Image.Image):
                notes = [*conversions(picture), *self._unlike(picture, source)]
                return self.preprocessing.decode(picture), notes
            with opening(picture) as opened:
                notes = list(opened.notes)
                if opened.mislabelled:
                    notes.append(f"the name promises another format than {opened.format}, which it is")
                notes += self._unlike(opened.image, source)
                return self.preprocessing.decode(opened.image), notes
        except ProfondError as error:
            return error

    def _unlike(self, image: Image.Image, source: str) -> list[str]:
        """How the image differs from the only kind that the run knows. Raises: DataError unless ``resize``."""
        if self._required is None:
            return []
        height, width = self._required
        colour = "grey" if without_colour(image) else "colour"
        wanted = "grey" if self.preprocessing.mode == "L" else "colour"
        if image.size == (width, height) and colour == wanted:
            return []
        if not self.resize:
            received = f"{image.width}×{image.height} {colour}"
            raise DataError(
                f"{source} is {received}, but the run was trained on {width}×{height} {wanted}",
                "--resize converts it (resize=True in Python); what it then says may mean little",
            )
        return [f"converted to {width}×{height} {wanted}"]
