"""A run that is asked: measured, predicting, explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from profond.calls.given import Reference, as_name, files_in
from profond.calls.notebook import show_figures
from profond.calls.notices import warn
from profond.calls.results import Evaluation, Explanation, Predictions
from profond.core.device import choose_device
from profond.core.errors import ConfigError, DataError, ProfondError
from profond.core.run import Run
from profond.evaluation.evaluate import evaluate_run
from profond.evaluation.kept import folder_of
from profond.evaluation.other_data import open_other, usual_split
from profond.experiments.experiment import Experiment
from profond.explain.why.attribution import METHODS
from profond.serve.explanation import Explainer
from profond.serve.predictor import Predictor

if TYPE_CHECKING:
    from profond.explain.why.attribution import Attribution


def evaluated(
    run: Run,
    experiment: Experiment,
    split: str | None,
    *,
    data: Reference | None,
    batch_size: int,
    device: str,
    figures: bool,
) -> Evaluation:
    """As `profond.calls.trained.Trained.evaluate`."""
    reference = as_name(data, "data")
    other = None if reference is None else open_other(reference, experiment, split, target=experiment.target)
    dataset = experiment.dataset if other is None else other.dataset
    chosen = (split or usual_split(dataset)) if other is None else other.split
    name = chosen if other is None else other.name
    for warning in () if other is None else dataset.warnings:
        warn(warning)
    report = evaluate_run(
        run,
        experiment,
        chosen,
        data=None if other is None else dataset,
        name=name,
        batch_size=batch_size,
        device=choose_device(device),
        pictures=figures,
    )
    return Evaluation(report, dataset.split(chosen), f"{run.name}, {name}", folder_of(run, name))


def predicted(predictor: Predictor, inputs: Any, *, batch_size: int = 256, **options: Any) -> Predictions:
    """As `profond.calls.trained.Trained.predict`."""
    given, several = files_in(inputs, predictor.takes_series)
    refused: dict[str, ProfondError] = {}
    refuse = refused.__setitem__ if several else None
    found = list(predictor.stream(given, batch_size=batch_size, refused=refuse, **options))
    if refused and not found:
        raise next(iter(refused.values()))
    for source, error in refused.items():
        warn(f"{source} was left out: {error.message}")
    return Predictions(found, refused)


def explained(
    predictor: Predictor, name: str, given: Any, *, method: str, wanted: str | None, stage: str | None
) -> Explanation:
    """As `profond.calls.trained.Trained.explain`.

    Args:
        name: what people call the model.
    """
    show_figures()
    found, several = files_in(given, predictor.takes_series)
    if several and isinstance(found, list | tuple):
        raise DataError(f"{len(found)} were given, and one is explained at a time", "give one file, image or array")
    one = found[0] if isinstance(found, list | tuple) and found else found
    explainer = Explainer(predictor, name)
    question = explainer.question(one, getattr(one, "name", None) or "the input", wanted)
    answers: dict[str, Attribution] = {}
    notes = list(question.notes)
    for each in METHODS if method == "overview" else (method,):
        try:
            answers[each] = explainer.ask(question, each, stage)
        except ConfigError as error:
            if method != "overview" or each != "grad_cam" or stage is not None:
                raise
            notes.append(f"{each}: {error.message}")  # a network without maps: the other methods explain it as well
    if method == "overview":
        figure = question.shown.draw_overview(question.subject, list(answers.values()))
    else:
        figure = question.shown.draw_attribution(question.subject, answers[method])
    return Explanation(question.subject.explained.said.replace("\t", " "), answers, figure, tuple(notes))
