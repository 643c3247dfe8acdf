"""L16: the five ways in which a network can take and give sequences, each of them trained and set beside a baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from profond.data.sets.mnist import mnist
from profond.data.sets.scene_words import Language
from profond.data.split import TensorSplit
from profond.experiments.configuration import changed, from_recipe
from profond.lecture import register_item
from profond.lecture.mode_figure import Shown, draw_modes
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import Progress, Trained, origin
from profond.lecture.scene_reader import read_scenes
from profond.lecture.together import train_together
from profond.lecture.values import Value, count, points, share, word
from profond.measures.intervals import wilson
from profond.measures.linear_texts import simple_classes
from profond.measures.measured import Measured

GOALS = {"one_to_one": 0.98, "one_to_many": 0.95, "many_to_one": 0.77, "many_to_many": 0.99}
"""Shares of the test split that are to be right: of captions, those of two digits."""
AHEAD = 0.05
"""By how much seeing all frames is to be better than seeing each alone."""
BEAM = 4
SCENE = 7
"""The test scene that is drawn; its number says that it has two digits."""
QUICK: Mapping[str, Mapping[str, Any]] = {
    "digits": {"training.epochs": 0.3},
    "captions": {
        "data.train_scenes": 9_000,
        "data.valid_scenes": 60,
        "data.test_scenes": 900,
        "training.epochs": 2,
        "loader.batch_size": 16,
    },
    "sentiment": {"training.epochs": 2},
    "dates": {"training.epochs": 3},
    "frames": {"data.train_clips": 400, "data.test_clips": 200, "training.epochs": 3},
    "frames_convnet": {"data.train_clips": 400, "data.test_clips": 200, "training.epochs": 3},
}


@dataclass(frozen=True)
class Mode:
    """One mode, trained.

    Args:
        result: the share of the test split that is right.
        baseline: of what is simpler, on the same samples.
        against: what that is, a word of the catalogue.
        usual: the share that the most frequent answer would have.
        shown: a sample and what the network says of it.
        trained: the trainings, the network's first.
        details: more numbers, JSON-able.
    """

    result: Measured
    baseline: Measured
    against: str
    usual: float
    shown: Shown
    trained: tuple[Trained, ...]
    details: Mapping[str, Any] = field(default_factory=dict)


class Trainer:
    """Trains recipes at the same time and says how far it is."""

    def __init__(self, jobs: Sequence[tuple[str, Mapping[str, Any]]], options: Options) -> None:
        progress = Progress("L16", len(jobs), options, alike=False)
        quick = {name: settings for name, settings in QUICK.items() if options.quick}
        configs = [changed(from_recipe(recipe), {**quick.get(recipe, {}), **changes}) for recipe, changes in jobs]
        self.trained: dict[str, Trained] = {}
        for (recipe, changes), trained in zip(jobs, train_together(configs, 0, options), strict=True):
            name = " ".join([recipe, *map(str, changes.values())])
            progress.tell(name, trained)
            self.trained[name] = trained

    def __call__(self, *name: str) -> Trained:
        return self.trained[" ".join(name)]


@register_item("L16", try_it="profond train captions")
def five_modes(options: Options) -> Outcome:
    """One-to-one, one-to-many, many-to-one, many-to-many, and in step."""
    languages: tuple[Language, ...] = ("en",) if options.quick else ("en", "fr")
    others = ("digits", "sentiment", "dates", "frames", "frames_convnet")
    longest = [("captions", {"data.language": language}) for language in languages]
    trainer = Trainer([*longest, *((name, {}) for name in others)], options)
    digits = trainer("digits")
    scenes = {language: captions(trainer, language, digits) for language in languages}
    modes = {
        "one_to_one": one_to_one(digits),
        "one_to_many": scenes["en"],
        "many_to_one": sentiment(trainer),
        "many_to_many": dates(trainer),
        "in_step": frames(trainer),
    }
    two = {language: mode.details["two digits"] for language, mode in scenes.items()}
    above = [name for name, mode in modes.items() if (mode.result.low or mode.result.value) > mode.usual]
    gap = modes["in_step"].result.value - modes["in_step"].baseline.value
    rows = [row for language, mode in scenes.items() for row in _by_digits(language, mode)]
    claims = [Claim("learned", len(above) == len(modes), {"above": count(len(above)), "modes": count(len(modes))})]
    if not options.quick:  # the networks of the short version have only begun to learn
        reached = {name: mode.result.value for name, mode in modes.items()} | {"one_to_many": min(two.values())}
        least = share(reached["one_to_many"])
        claims += [
            *(Claim(name, reached[name] >= goal, {**_both(modes[name]), "two": least}) for name, goal in GOALS.items()),
            Claim("in_step", gap >= AHEAD, {**_both(modes["in_step"]), "gap": points(gap)}),
        ]
    return Outcome(
        claims=claims,
        pictures=[Picture("modes", lambda words: draw_modes({n: mode.shown for n, mode in modes.items()}, words))],
        tables=[
            Table(
                "modes",
                ("mode", "right", "against", "baseline", "training_time"),
                [
                    [
                        word(name),
                        _share(mode.result),
                        word(mode.against),
                        _share(mode.baseline),
                        Value("seconds", mode.trained[0].seconds),
                    ]
                    for name, mode in modes.items()
                ],
            ),
            Table("captions", ("language", "digits", "greedy", "beam", "template"), rows),
        ],
        measured={
            name: {"right": mode.result.value, "baseline": mode.baseline.value, **mode.details}
            for name, mode in {**modes, **{f"captions {one}": mode for one, mode in scenes.items()}}.items()
        },
        used={"data": origin(*(mode.trained[0].experiment.dataset for mode in modes.values()))},
        shortened=options.quick,
    )


def one_to_one(digits: Trained) -> Mode:
    """Image classification; L7 has it at length."""
    split = digits.experiment.dataset.split("test")
    usual = _usual(digits)
    inputs, _ = next(iter(digits.experiment.batches("test", device=_device(digits))))
    with torch.no_grad():
        said = digits.experiment.task.answer(digits.experiment.model, inputs[:1], digits.experiment.spec)[0]
    shown = Shown(pictures=(split.raw(0)[0].numpy(),), said=(str(said.row()["label"]),))
    return Mode(digits.result, Measured(usual), "most_frequent", usual, shown, (digits,))


def captions(trainer: Trainer, language: Language, digits: Trained) -> Mode:
    """Scenes of digits described; beside a classifier of single digits with the template filled in."""
    trained = trainer("captions", language)
    split = trained.experiment.dataset.split("test")
    assert isinstance(split, TensorSplit)
    true = [trained.experiment.spec.target_text(one) for one in split.targets.tolist()]
    found = {"greedy": written(trained, 1), "beam": written(trained, BEAM)}
    found["template"] = read_scenes(
        split.samples, digits.experiment.model.eval().cpu(), mnist().preprocessing, language
    )
    by_digits = {
        name: [_right(said[number::3], true[number::3]) for number in range(3)] for name, said in found.items()
    }
    scene = split.raw(SCENE)[0].numpy()
    return Mode(
        _right(found["greedy"], true),
        _right(found["template"], true),
        "template",
        Counter(true).most_common(1)[0][1] / len(true),
        Shown(pictures=(scene,), said=tuple(found["greedy"][SCENE].split())),
        (trained,),
        {
            "two digits": by_digits["greedy"][1].value,
            **{name: [[one.value, one.low, one.high] for one in rows] for name, rows in by_digits.items()},
        },
    )


def sentiment(trainer: Trainer) -> Mode:
    """Whether a sentence of a film review is for or against the film; beside a linear model of words and pairs."""
    trained = trainer("sentiment")
    dataset, spec = trained.experiment.dataset, trained.experiment.spec
    tokens = spec.tokens
    assert tokens is not None
    texts: dict[str, list[str]] = {}
    labels: dict[str, list[int]] = {}
    for name in ("train", "test"):
        split = dataset.split(name)
        texts[name] = [tokens.decode(split.raw(at).tolist()) for at in range(len(split))]
        labels[name] = split.targets.tolist()
    simple = simple_classes(texts["train"], labels["train"], texts["test"], labels["test"], spec.num_classes)
    at = next(at for at, sentence in enumerate(texts["test"]) if 4 <= len(sentence.split()) <= 7)
    with torch.no_grad():
        raw = dataset.preprocessing.normalise(dataset.split("test").raw(at)[None]).to(_device(trained))
        said = trained.experiment.task.answer(trained.experiment.model, raw, spec)[0]
    shown = Shown(read=tuple(texts["test"][at].split()), said=(str(said.row()["label"]),))
    return Mode(trained.result, simple.metrics["linear"], "linear_words", _usual(trained), shown, (trained,))


def dates(trainer: Trainer) -> Mode:
    """Dates rewritten, a small translation; beside the answer of the most similar date of train."""
    trained = trainer("dates")
    dataset, spec = trained.experiment.dataset, trained.experiment.spec
    tokens, target = spec.tokens, spec.text
    assert tokens is not None
    assert target is not None
    read = {
        name: [tokens.decode(dataset.split(name).raw(at).tolist()) for at in range(len(dataset.split(name)))]
        for name in ("train", "test")
    }
    true = {name: [spec.target_text(one) for one in dataset.split(name).targets.tolist()] for name in read}
    similar = [true["train"][at] for at in most_similar(read["test"], read["train"])]
    said = written(trained, 1)
    at = next(at for at, date in enumerate(read["test"]) if date.split()[0].isdigit() and len(date.split()) == 3)
    shown = Shown(read=tuple(read["test"][at].split()), said=tuple(said[at].replace("-", "- ").split()))
    return Mode(
        _right(said, true["test"]), _right(similar, true["test"]), "most_similar", _usual(trained), shown, (trained,)
    )


def frames(trainer: Trainer) -> Mode:
    """Which digit is in each frame of a clip; beside the same convnet, which sees each frame alone."""
    trained, alone = trainer("frames"), trainer("frames_convnet")
    dataset, spec = trained.experiment.dataset, trained.experiment.spec
    raw = dataset.split("test").raw(0)
    with torch.no_grad():
        inputs = dataset.preprocessing.normalise(raw[None]).to(_device(trained))
        scores = trained.experiment.model(inputs)
    labels = [spec.classes[one] for one in scores[0].argmax(-1).tolist()]
    every = range(0, raw.shape[1], 3)
    shown = Shown(pictures=tuple(raw[0, at].numpy() for at in every), said=tuple(labels[at] for at in every))
    return Mode(trained.result, alone.result, "each_alone", _usual(trained), shown, (trained, alone))


def written(trained: Trained, beam: int) -> list[str]:
    """What a network writes of each test sample, in order."""
    said: list[str] = []
    experiment = trained.experiment
    experiment.model.eval()
    answer: Any = experiment.task.answer  # with the options of this task
    with torch.no_grad():
        for inputs, _ in experiment.batches("test", device=_device(trained)):
            answers = answer(experiment.model, inputs, experiment.spec, beam=beam)
            said += [one.row()["text"] for one in answers]
    return said


def most_similar(texts: Sequence[str], among: Sequence[str]) -> list[int]:
    """For each text, which of the others shares most groups of three letters with it, by the cosine."""
    groups = [
        [{f"  {one} "[at : at + 3] for at in range(len(one) + 1)} for one in several] for several in (texts, among)
    ]
    place = {group: at for at, group in enumerate(sorted(set().union(*groups[1])))}
    tables = []
    for several in groups:
        table = torch.zeros(len(several), len(place))
        for row, found in enumerate(several):
            table[row, [place[group] for group in found if group in place]] = 1.0
        tables.append(torch.nn.functional.normalize(table))
    nearest: list[int] = (tables[0] @ tables[1].T).argmax(1).tolist()
    return nearest


def _usual(trained: Trained) -> float:
    """The share of the test split's answers that are the most frequent one; of steps, each counts."""
    targets = trained.experiment.dataset.split("test").targets
    spec = trained.experiment.spec
    if spec.each:
        real = targets[targets >= 0]
        return float(real.bincount().max()) / len(real)
    answers = Counter(spec.target_text(one) for one in targets.tolist())
    return answers.most_common(1)[0][1] / len(targets)


def _device(trained: Trained) -> torch.device:
    return next(trained.experiment.model.parameters()).device


def _right(said: Sequence[str], true: Sequence[str]) -> Measured:
    return wilson(sum(one == other for one, other in zip(said, true, strict=True)), len(true))


def _share(measured: Measured) -> Value:
    return share(measured.value, measured.low, measured.high)


def _both(mode: Mode) -> dict[str, Value]:
    return {"right": _share(mode.result), "baseline": _share(mode.baseline)}


def _by_digits(language: str, mode: Mode) -> list[list[Value]]:
    rows = []
    for number in range(3):
        shares = [share(*mode.details[name][number]) for name in ("greedy", "beam", "template")]
        rows.append([word(language), count(number + 1), *shares])
    return rows
