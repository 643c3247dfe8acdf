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
