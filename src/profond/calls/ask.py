"""Open a run, and ask it: measure it, have it predict, explain what it says, compare it with another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profond.calls.given import Reference, as_name
from profond.calls.results import Evaluation, Explanation, Predictions
from profond.calls.trained import Trained
from profond.core.errors import ConfigError
from profond.core.find_run import find_run

if TYPE_CHECKING:
    from profond.evaluation.compare import Comparison
    from profond.serve.given import Picture
    from profond.serve.inference import Engine, Precision


def load(run: Reference | Trained = "last", *, out: Path | str = "runs") -> Trained:
    """A run that was trained before.

        trained = profond.load("last")

    Args:
        run: its folder, its name below ``out``, or ``"last"``: the newest finished one.
        out: where runs are kept.

    Raises: ConfigError when it is no run, or is damaged; MissingError when there is none.
    """
    if isinstance(run, Trained):
        return run
    name = as_name(run, "run")
    if name is None:
        raise ConfigError("run is None", 'give a folder, a name, or "last"')
    return Trained(find_run(name, out))


def evaluate(
    run: Reference | Trained = "last",
    split: str | None = None,
    *,
    data: Reference | None = None,
    batch_size: int = 256,
    device: str = "auto",
    figures: bool = True,
    out: Path | str = "runs",
) -> Evaluation:
    """Measure a run, as `profond evaluate` does: `Trained.evaluate` of `load`.

        profond.evaluate("last").metrics["accuracy"]
        profond.evaluate("last", data="others/")

    Args:
        run, out: as in `load`.
        split: by default ``test``, else ``valid``, else ``train``; all of other data that have no splits.
        data: other data: a registered name or a path.
        batch_size: samples that go through the network together.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        figures: write the figures into the run's folder too.

    Raises: ConfigError when the data have changed since training; DataError, UnknownName, DeviceError.
    """
    return load(run, out=out).evaluate(split, data=data, batch_size=batch_size, device=device, figures=figures)


def predict(
    run: Reference | Trained,
    inputs: Picture | Sequence[Picture],
    *,
    device: str = "auto",
    resize: bool = False,
    precision: Precision = "fp32",
    engine: Engine = "auto",
    batch_size: int = 256,
    out: Path | str = "runs",
    **options: Any,
) -> Predictions:
    """What a run says of images or series, as `profond predict` does: `Trained.predict` of `load`.

        profond.predict("last", "new/")

    Args:
        run, out: as in `load`.
        inputs, device, resize, precision, engine, batch_size, options: as in `Trained.predict`.

    Raises: ImageError, DataError, ConfigError, DeviceError.
    """
    trained = load(run, out=out)
    return trained.predict(
        inputs, device=device, resize=resize, precision=precision, engine=engine, batch_size=batch_size, **options
    )


def explain(
    run: Reference | Trained,
    inputs: Picture | Sequence[Picture],
    *,
    method: str = "overview",
    wanted: str | None = None,
    stage: str | None = None,
    device: str = "auto",
    resize: bool = False,
    out: Path | str = "runs",
) -> Explanation:
    """Why a run says what it says of an image, as `profond explain` does: `Trained.explain` of `load`.

        profond.explain("last", "cat.jpg").figure

    Args:
        run, out: as in `load`.
        inputs, method, wanted, stage, device, resize: as in `Trained.explain`.

    Raises: UnknownName, ImageError, DataError, ConfigError.
    """
    trained = load(run, out=out)
    return trained.explain(inputs, method=method, wanted=wanted, stage=stage, device=device, resize=resize)


def compare(*runs: Reference | Trained, split: str = "test", out: Path | str = "runs") -> Comparison:
    """Whether one run is better than another, or only luckier, as `profond runs compare` says.

        profond.compare("20260131-120000-lenet5", "last").pairs[0].p_value

    Raises: ConfigError for runs that cannot be compared.
    """
    from profond.evaluation.compare import compare as compare_runs

    return compare_runs(*(load(run, out=out).run for run in runs), split=split)
