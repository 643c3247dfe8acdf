"""A run and its network, ready to be measured, asked and looked into."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profond.calls.history import History
from profond.calls.notices import warn
from profond.core.run import Run

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import nn

    from profond.calls.results import Evaluation, Explanation, Predictions
    from profond.core.spec import Spec
    from profond.data.dataset import Dataset
    from profond.experiments.configuration import Configuration
    from profond.experiments.experiment import Experiment
    from profond.measures.measured import Measured
    from profond.serve.given import Picture
    from profond.serve.inference import Engine, Precision
    from profond.serve.predictor import Predictor
    from profond.tasks.task import Task


class Trained:
    """What `profond.train` and `profond.load` give.

        trained = profond.load("last")
        trained.metrics["test"]
        trained.evaluate()
        trained.predict("new/")
        trained.explain("cat.jpg")
        trained.generate(count=64)
        trained.translate("photo.jpg")
        trained.history.figure()

    Args:
        run: its folder.
        experiment: what was trained, where it is in memory already.
    """

    def __init__(self, run: Run, experiment: Experiment | None = None) -> None:
        self.run = run
        if experiment is not None:
            experiment.model.eval()
            self.experiment = experiment

    @cached_property
    def experiment(self) -> Experiment:
        """Data, network, task and training, put together.

        Raises: ConfigError when a file of the run is missing or damaged.
        """
        from profond.experiments.experiment import load

        experiment = load(self.run)
        for note in experiment.notes:
            warn(note)
        return experiment

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.run.path

    @property
    def model(self) -> nn.Module:
        """The trained network, an ordinary ``torch.nn.Module`` in eval mode."""
        return self.experiment.model

    @property
    def config(self) -> Configuration:
        """Everything needed to do it again."""
        return self.experiment.config

    @property
    def task(self) -> Task:
        return self.experiment.task

    @property
    def dataset(self) -> Dataset:
        """What it was trained with. Raises: ConfigError when the data are not there any more."""
        return self.experiment.dataset

    @property
    def spec(self) -> Spec:
        """Shape of a sample, and what is told apart or estimated."""
        return self.experiment.spec

    @property
    def history(self) -> History:
        """The metrics of the training, step by step."""
        return History.of(self.run)

    @property
    def metrics(self) -> dict[str, dict[str, Measured]]:
        """What evaluations found so far, by split and by name."""
        from profond.evaluation.summary import Summary

        return Summary.of(self.run).metrics

    def evaluate(
        self,
        split: str | None = None,
        *,
        data: Path | str | None = None,
        data_settings: Mapping[str, Any] | None = None,
        batch_size: int = 256,
        device: str = "auto",
        figures: bool = True,
        **options: Any,
    ) -> Evaluation:
        """Measure it on a split of its own data, or on other data, as `profond evaluate` does.

            evaluation = trained.evaluate()
            evaluation.metrics["accuracy"].value
            evaluation.figures["mistakes"]

        Args:
            split: by default ``test``, else ``valid``, else ``train``; all of other data that have no splits.
            data: other data: a registered name or a path.
            data_settings: of the other data, such as ``{"target": "weight"}``.
            figures: write the figures into the run's folder too.
            options: what else its task's judgement can be asked, such as ``judge="runs/…"`` of generated pictures.

        Raises: ConfigError when the data have changed since training, or for an option that is not there; DataError,
        UnknownName, DeviceError.
        """
        from profond.calls.answers import evaluated

        return evaluated(
            self.run,
            self.experiment,
            split,
            data=data,
            data_settings=data_settings,
            batch_size=batch_size,
            device=device,
            figures=figures,
            options=options,
        )

    def predict(
        self,
        inputs: Picture | Sequence[Picture],
        *,
        device: str = "auto",
        resize: bool = False,
        precision: Precision = "fp32",
        engine: Engine = "auto",
        batch_size: int = 256,
        **options: Any,
    ) -> Predictions:
        """What it says of images or series it has not seen, as `profond predict` does.

            trained.predict("new/")[0].label

        Args:
            inputs: paths, folders or patterns; Pillow images; arrays (h, w), (h, w, 3) or (n, h, w, c); tensors
                (3, h, w) or (n, 3, h, w); of a run on series files or arrays (channels, time).
            device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
            resize: convert images of another size than the run's, where it was trained on images of one size alone.
            precision, engine: as in `profond.serve.predictor.Predictor`: others than the usual are sooner.
            batch_size: inputs that go through the network together.
            options: what the task's answers take, such as ``top=3``, the classes to name.

        Returns: one prediction for each input that can be used. A single input that cannot be raises its error; of
        several these are warned of, and kept in ``refused``.

        Raises: ImageError, DataError, ConfigError, DeviceError.
        """
        from profond.calls.answers import predicted

        predictor = self.predictor(device=device, resize=resize, precision=precision, engine=engine)
        return predicted(predictor, inputs, batch_size=batch_size, **options)

    def explain(
        self,
        inputs: Picture | Sequence[Picture],
        *,
        method: str = "overview",
        wanted: str | None = None,
        stage: str | None = None,
        step: int | None = None,
        device: str = "auto",
        resize: bool = False,
    ) -> Explanation:
        """Why it says what it says of one image, as `profond explain` does.

            trained.explain("cat.jpg").figure

        Args:
            inputs: one image, as in `predict`.
            method: ``grad_cam``, ``integrated_gradients``, ``smooth_grad``, ``occlusion``, or ``overview`` for
                all of these; of recurrent networks also ``recurrence``: what reaches each step, gates, states.
            wanted: the class or quantity to explain; by default what it says.
            stage: of grad_cam: a module of the network.
            step: of recurrence: which step's output, where there is one for each; by default the last.
            device, resize: as in `predict`.

        Raises: UnknownName, ImageError, DataError, ConfigError.
        """
        from profond.calls.answers import explained

        predictor = self.predictor(device=device, resize=resize)
        return explained(predictor, self.run.name, inputs, method=method, wanted=wanted, stage=stage, step=step)

    def generate(self, way: str = "generate", *, device: str = "auto", **options: Any) -> Any:
        """What it makes by itself, as `profond generate` does: pictures, points or texts.

            trained.generate(count=64, label="sneaker", seed=0).sheet()
            trained.generate("walk").write(Path("walk.gif"))

        Args:
            way: ``"generate"``; of pictures also ``"interpolate"`` and ``"walk"``.
            options: of the run's task: ``count``, ``seed``, ``label``, ``truncation``; of a text ``prompt``,
                ``length``, ``temperature``.

        Returns: a sequence; of pictures and points with ``samples``, a tensor, ``sheet()`` and ``write(path)``.

        Raises: ConfigError, UnknownName, DeviceError.
        """
        from profond.serve.making import make

        return make(self.experiment, way, device=device, **options)

    def project(self, picture: Picture, *, device: str = "auto", **options: Any) -> Any:
        """The nearest to a picture that it can make, as `profond generate --project` does.

            trained.project("photo.jpg").sheet()

        Args:
            picture: one, as in `predict`.
            options: ``label``, ``seed`` and ``steps``.

        Raises: ConfigError, UnknownName, ImageError, DataError, DeviceError.
        """
        from profond.serve.making import find_again

        return find_again(self.experiment, picture, device=device, say=warn, **options)

    def translate(
        self, picture: Picture, direction: str | None = None, *, tile: int | None = None, device: str = "auto"
    ) -> Image:
        """A picture of the other kind, of the same size, as `profond translate` makes it.

            trained.translate("photo.jpg").save("drawing.png")

        Args:
            picture: one, as in `predict`; its transparency is kept.
            direction: ``"a-to-b"`` or ``"b-to-a"``, or with the names of the classes; by default the first there is.
            tile: pixels of the side of a tile; by default pictures go through whole unless they are too large.

        Raises: ConfigError of a run that translates no pictures; UsageError for a direction that it does not have;
        ImageError, DataError, DeviceError.
        """
        from profond.serve.translator import Translator

        done = Translator.of(self.predictor(device=device), direction, tile=tile).translate(picture)
        for note in done.notes:
            warn(f"{done.source}: {note}")
        return done.after

    def predictor(self, **options: Any) -> Predictor:
        """What answers; kept for the next time with the same options.

        Args:
            options: as in `Predictor.of`.
        """
        from profond.serve.predictor import Predictor

        key = tuple(sorted(options.items()))
        if key not in self._predictors:
            self._predictors[key] = Predictor.of(self.experiment, **options)
        return self._predictors[key]

    @cached_property
    def _predictors(self) -> dict[tuple[tuple[str, Any], ...], Predictor]:
        return {}

    def __repr__(self) -> str:
        return "\n".join([f"Trained({str(self.path)!r})", *(f"  {line}" for line in self._lines())])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{html.escape(line)}</td></tr>" for line in self._lines())
        return f"<b>{html.escape(str(self.path))}</b><table>{rows}</table>"

    def _lines(self) -> list[str]:
        """What is known from the run's files alone: it is not opened to be shown."""
        from profond.core.errors import ProfondError
        from profond.evaluation.summary import Summary

        try:
            config, state = self.run.config, self.run.state
            names = [(config.get(part) or {}).get("name") or "?" for part in ("model", "data")]
            lines = [f"{names[0]} on {names[1]}, {state.get('status')}, {state.get('steps') or 0:,} steps"]
            summary = Summary.of(self.run)
            for split, metrics in summary.metrics.items():
                lines += [f"{split} {number.title or name}: {number.written}" for name, number in metrics.items()]
            return [*lines, *summary.said]
        except ProfondError as error:
            return [error.message]
