"""Open a run, and ask it: measure it, have it predict, explain what it says, compare it with another."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profond.calls.given import Reference, as_name, files_in
from profond.calls.results import Evaluation, Explanation, Predictions
from profond.calls.trained import Trained
from profond.core.errors import ConfigError, DataError, ProfondError
from profond.core.find_run import find_run

if TYPE_CHECKING:
    from profond.evaluation.compare import Comparison
    from profond.serve.given import Picture


def load(run: Reference = "last", *, out: Path | str = "runs") -> Trained:
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


def evaluate(run: Reference | Trained = "last", split: str | None = None, **options: Any) -> Evaluation:
    """Measure a run, as `profond evaluate` does: `Trained.evaluate` of `load`.

        profond.evaluate("last").metrics["accuracy"]
        profond.evaluate("last", data="others/")

    Args:
        run: as in `load`.
        split, options: as in `Trained.evaluate`.
    """
    return load(run).evaluate(split, **options)


def predict(run: Reference | Trained, inputs: Picture | Sequence[Picture], **options: Any) -> Predictions:
    """What a run says of images or series, as `profond predict` does: `Trained.predict` of `load`.

        profond.predict("last", "new/")

    Args:
        run: as in `load`.
        inputs, options: as in `Trained.predict`.
    """
    return load(run).predict(inputs, **options)


def explain(run: Reference | Trained, inputs: Picture | Sequence[Picture], **options: Any) -> Explanation:
    """Why a run says what it says of an image, as `profond explain` does: `Trained.explain` of `load`.

        profond.explain("last", "cat.jpg").figure

    Args:
        run: as in `load`.
        inputs, options: as in `Trained.explain`.
    """
    return load(run).explain(inputs, **options)


def compare(*runs: Reference | Trained, split: str = "test", out: Path | str = "runs") -> Comparison:
    """Whether one run is better than another, or only luckier, as `profond runs compare` says.

        profond.compare("20260131-120000-lenet5", "last").pairs[0].p_value

    Raises: ConfigError for runs that cannot be compared.
    """
    from profond.evaluation.compare import compare as compare_runs

    return compare_runs(*(load(run, out=out).run for run in runs), split=split)


def evaluated(
    trained: Trained, split: str | None, *, data: Reference | None, batch_size: int, device: str, figures: bool
) -> Evaluation:
    """As `Trained.evaluate`."""
    from profond.core.device import choose_device
    from profond.evaluation.evaluate import evaluate_run
    from profond.evaluation.kept import folder_of
    from profond.evaluation.other_data import open_other, usual_split

    experiment, reference = trained.experiment, as_name(data, "data")
    other = None if reference is None else open_other(reference, experiment, split)
    dataset = experiment.dataset if other is None else other.dataset
    chosen = (split or usual_split(dataset)) if other is None else other.split
    name = chosen if other is None else other.name
    for warning in () if other is None else dataset.warnings:
        warnings.warn(warning, stacklevel=4)
    report = evaluate_run(
        trained.run,
        experiment,
        chosen,
        data=None if other is None else dataset,
        name=name,
        batch_size=batch_size,
        device=choose_device(device),
        pictures=figures,
    )
    return Evaluation(report, dataset.split(chosen), f"{trained.run.name}, {name}", folder_of(trained.run, name))


def predicted(
    trained: Trained,
    inputs: Any,
    *,
    batch_size: int = 256,
    device: str = "auto",
    resize: bool = False,
    precision: Any = "fp32",
    engine: Any = "auto",
    **options: Any,
) -> Predictions:
    """As `Trained.predict`."""
    predictor = trained.predictor(device=device, resize=resize, precision=precision, engine=engine)
    given, several = files_in(inputs, predictor.takes_series)
    refused: dict[str, ProfondError] = {}
    refuse = refused.__setitem__ if several else None
    found = list(predictor.stream(given, batch_size=batch_size, refused=refuse, **options))
    if refused and not found:
        raise next(iter(refused.values()))
    for source, error in refused.items():
        warnings.warn(f"{source} was left out: {error.message}", stacklevel=4)
    return Predictions(found, refused)


def explained(
    trained: Trained, given: Any, *, method: str, wanted: str | None, stage: str | None, device: str = "auto",
    resize: bool = False,
) -> Explanation:  # fmt: skip
    """As `Trained.explain`."""
    from profond.calls.notebook import show_figures
    from profond.serve.explanation import Explainer

    show_figures()
    predictor = trained.predictor(device=device, resize=resize)
    explainer = Explainer(predictor, trained.run.name)
    found, several = files_in(given, predictor.takes_series)
    if several:
        raise DataError("several images were given", "explain one at a time")
    raise NotImplementedError
