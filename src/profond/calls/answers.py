"""A run that is asked: measured, predicting, explained."""

from __future__ import annotations

from collections.abc import Mapping
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
from profond.evaluation.other_data import data_to_measure
from profond.experiments.experiment import Experiment
from profond.serve import through_time
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
    data_settings: Mapping[str, Any] | None,
    batch_size: int,
    device: str,
    figures: bool,
    options: Mapping[str, Any],
) -> Evaluation:
    """As `profond.calls.trained.Trained.evaluate`."""
    reference = as_name(data, "data")
    if data_settings and reference is None:
        raise ConfigError("data_settings are of other data, and none are given", "add data=")
    measured = data_to_measure(experiment, split, reference, data_settings)
    for warning in measured.warnings:
        warn(warning)
    report = evaluate_run(
        run,
        experiment,
        measured.split,
        data=measured.other,
        name=measured.name,
        batch_size=batch_size,
        device=choose_device(device),
        pictures=figures,
        options=options,
    )
    samples = measured.dataset.split(measured.split)
    return Evaluation(report, samples, f"{run.name}, {measured.name}", folder_of(run, measured.name))


def predicted(predictor: Predictor, inputs: Any, *, batch_size: int = 256, **options: Any) -> Predictions:
    """As `profond.calls.trained.Trained.predict`."""
    given, several = files_in(inputs, predictor)
    refused: dict[str, ProfondError] = {}
    refuse = refused.__setitem__ if several else None
    found = list(predictor.stream(given, batch_size=batch_size, refused=refuse, **options))
    if refused and not found:
        raise next(iter(refused.values()))
    for source, error in refused.items():
        warn(f"{source} was left out: {error.message}")
    return Predictions(found, refused)


def explained(
    predictor: Predictor,
    name: str,
    given: Any,
    *,
    method: str,
    wanted: str | None,
    stage: str | None,
    step: int | None = None,
) -> Explanation:
    """As `profond.calls.trained.Trained.explain`.

    Args:
        name: what people call the model.
    """
    show_figures()
    found, several = files_in(given, predictor)
    if several and isinstance(found, list | tuple):
        raise DataError(f"{len(found)} were given, and one is explained at a time", "give one file, image or array")
    one = found[0] if isinstance(found, list | tuple) and found else found
    explainer = Explainer(predictor, name)
    called = getattr(one, "name", None) or getattr(one, "source", None) or "the input"
    if method == through_time.METHOD:
        through = through_time.ThroughTime.of(explainer, one, called, wanted, step)
        said = through.question.subject.explained.said.replace("\t", " ")
        return Explanation(said, {method: through.found}, through.figure(), through.question.notes)
    if step is not None:
        raise ConfigError(f"step is {step}, and {method} knows no steps", "leave it out, or take method='recurrence'")
    if method != "overview":
        explainer.check([method])
    question = explainer.question(one, called, wanted)
    answers: dict[str, Attribution] = {}
    notes = list(question.notes)
    for each in explainer.methods if method == "overview" else (method,):
        try:
            answers[each] = explainer.ask(question, each, stage)
        except ConfigError as error:
            if method != "overview" or each != "grad_cam" or stage is not None:
                raise
            notes.append(f"{each}: {error.message}")  # a network without maps: the other methods explain it as well
    if method == "overview":
        figure = question.drawn.draw_overview(question.subject, list(answers.values()))
    else:
        figure = question.drawn.draw_attribution(question.subject, answers[method])
    return Explanation(question.subject.explained.said.replace("\t", " "), answers, figure, tuple(notes))
