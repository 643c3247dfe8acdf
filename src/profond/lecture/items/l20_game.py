"""L20: two networks in competition: a generator makes points, a discriminator tells them from real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from profond.experiments.configuration import Configuration, changed, from_recipe
from profond.lecture import register_item
from profond.lecture.curves import Curve, Panel, draw_curves
from profond.lecture.game import HEAPS, SHOWN, Moment, Played, Standing, alone, play, play_at_once, standing
from profond.lecture.game_figure import draw_maps, moved_by_push
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import origin
from profond.lecture.values import Value, count, number, share, word
from profond.lecture.words import Words
from profond.measures.distances import kernel_distance
from profond.measures.points_figure import limits_of

AT = (0.01, 0.03, 0.08, 0.12, 0.25, 0.5, 1.0)
"""Shares of a training at which the game is drawn, besides its beginning."""
EARLY, ARROWS = 3, 120
"""The moment, counted from the beginning, at which one player plays alone and the critic's push is measured."""
ALONE = 20
"""Steps of one player alone that are drawn; one step is too small to be seen."""
NEAR = 0.8
"""The share of the samples that are to lie within three deviations of a heap, with every seed."""
ORIGINAL: Mapping[str, Any] = {"task.loss": "saturating", "task.penalty_weight": 0.0, "task.penalty_every": 1}
"""The game as it was first published: log(1 - D(G(z))) for the generator, no penalty."""
PLAYERS = ("critic", "generator")


@register_item("L20", try_it="profond train ring")
def game(options: Options) -> Outcome:
    """Every heap of a ring and of a grid is found, whatever the seed; the two players watched."""
    seeds, names = options.repeats(10, 2), ("ring",) if options.quick else ("ring", "grid")
    games = [(name, kind, changes) for name in names for kind, changes in (("", {}), ("_original", ORIGINAL))]
    played = {
        name + kind: [told(f"{name}{kind}", play(configuration(name, 0, changes, options), AT), options)]
        for name, kind, changes in games
    }
    others = [(*one, seed) for one in games for seed in range(1, seeds)]
    configs = [configuration(name, seed, changes, options) for name, _, changes, seed in others]
    for (name, kind, *_), one in zip(others, play_at_once(configs, options), strict=True):
        played[name + kind].append(told(f"{name}{kind}", one, options))
    first = played["ring"][0]
    early = first.course.moments[EARLY]
    after = {(player, n): alone(early.model, first.experiment, player, n) for player in PLAYERS for n in (1, ALONE)}
    stood = {"before": standing(early.model, first.experiment)}
    stood |= {f"{player}_{n}": standing(model, first.experiment) for (player, n), model in after.items()}
    before, pushed = distances(early, first)
    highest, last = first.told_apart
    nearest = min(one.found.near for name in names for one in played[name])
    claims = [
        *(found_claim(name, played, options) for name in names),
        Claim(
            "alone",
            all(
                stood[f"{one}_1"].losses[one] < stood["before"].losses[one]
                and stood[f"{one}_1"].losses[other] > stood["before"].losses[other]
                for one, other in (PLAYERS, PLAYERS[::-1])
            ),
            {"step": count(early.step), **step_values(stood)},
        ),
        Claim("push", pushed < before, {"before": number(before, 4), "after": number(pushed, 4)}),
        Claim(
            "fooled",
            highest > 0.7 and last < 0.6,
            {"highest": share(highest, digits=0), "last": share(last, digits=0)},
        ),
        Claim("near", nearest >= NEAR, {"near": share(nearest, digits=0)}, aside=True),
    ]
    return Outcome(
        claims=claims,
        pictures=[
            Picture("maps", lambda words: draw_course(first, words)),
            Picture("losses", lambda words: draw_losses(first, words)),
            Picture("alone", lambda words: draw_alone(first, early, after, words)),
            Picture("push", lambda words: draw_push(first, words)),
            Picture("coverage", lambda words: draw_coverage(played, words)),
            *([] if options.quick else [Picture("grid", lambda words: draw_end(played["grid"][0], words))]),
        ],
        tables=[
            Table(
                "found",
                ("data", "game", "heaps_least", "heaps_mean", "rarest", "near_least", "near_mean"),
                found_rows(played),
            ),
            Table(
                "alone",
                ("who", "critic_loss", "generator_loss", "score_real", "score_made"),
                [
                    [
                        word(f"alone_{name}"),
                        *(number(one.losses[player], 3) for player in PLAYERS),
                        number(one.real, 3),
                        number(one.made, 3),
                    ]
                    for name, one in stood.items()
                ],
            ),
        ],
        measured={
            "found": {
                name: [{**vars(one.found), "seconds": one.seconds} for one in games] for name, games in played.items()
            },
            "course": {
                name: {str(step): vars(found) for step, found in games[0].course.looks.items()}
                for name, games in played.items()
            },
            "alone": {name: {**one.losses, "real": one.real, "made": one.made} for name, one in stood.items()},
            "push": {"before": before, "after": pushed},
            "told_apart": {"highest": highest, "last": last},
        },
        used={
            "data": origin(*(played[name][0].experiment.dataset for name in names)),
            "seeds": count(seeds),
            "steps": count(first.experiment.training.steps or 0),
        },
        shortened=options.quick,
    )


def configuration(name: str, seed: int, changes: Mapping[str, Any], options: Options) -> Configuration:
    settings: dict[str, Any] = {
        "training.seed": seed,
        "training.device": options.device,
        "training.log_every_steps": 10,
    }
    return changed(from_recipe(name), {**settings, **changes})


def told(what: str, played: Played, options: Options) -> Played:
    total, seed = len(HEAPS[played.experiment.config.data.name].centres), played.experiment.training.seed
    options.say(
        f"L20  {what}, seed {seed}: {played.found.heaps} of {total} heaps, {played.found.near:.0%} of the samples near"
        f" one ({played.seconds:.0f} s)"
    )
    return played


def found_claim(name: str, played: Mapping[str, Sequence[Played]], options: Options) -> Claim:
    """All heaps by every seed, and not by the original game."""
    found, original = ([one.found for one in played[key]] for key in (name, f"{name}_original"))
    total = len(HEAPS[name].centres)
    near, rarest = min(one.near for one in found), min(one.rarest for one in found)
    return Claim(
        name,
        all(one.heaps == total for one in found) and fmean(one.heaps for one in original) < total,
        {
            "seeds": count(len(found)),
            "whole": count(sum(one.heaps == total for one in found)),
            "near": share(near, digits=0),
            "rarest": share(rarest, digits=0),
            "original": number(fmean(one.heaps for one in original), 1),
            "original_near": share(fmean(one.near for one in original), digits=0),
        },
    )


def found_rows(played: Mapping[str, Sequence[Played]]) -> list[list[Value]]:
    rows = []
    for name, games in played.items():
        data, _, original = name.partition("_")
        heaps, near = [one.found.heaps for one in games], [one.found.near for one in games]
        rows.append(
            [
                word(f"points_{data}"),
                word("game_original" if original else "game_relativistic"),
                count(min(heaps)),
                number(fmean(heaps), 1),
                share(min(one.found.rarest for one in games), digits=0),
                share(min(near), digits=0),
                share(fmean(near), digits=0),
            ]
        )
    return rows


def step_values(stood: Mapping[str, Standing]) -> dict[str, Value]:
    """What one step of each player changed of both losses."""
    return {
        f"{player}_{which}": number(stood[f"{player}_1"].losses[loss] - stood["before"].losses[loss], 4)
        for player, other in (PLAYERS, PLAYERS[::-1])
        for which, loss in (("own", player), ("other", other))
    }


def distances(moment: Moment, played: Played) -> tuple[float, float]:
    """Kernel distance of samples from real points, as they are and moved along the critic's push."""
    real = real_points(played, SHOWN).double().numpy()
    low, high, *_ = limits(played)
    moved = moved_by_push(moment.made, moment.push, (high - low) / 12)
    found = [kernel_distance(real, np.asarray(made.double().numpy()), "distance") for made in (moment.made, moved)]
    return found[0].value, found[1].value


# -- shown -------------------------------------------------------------------------------------------------------------


def real_points(played: Played, most: int = SHOWN) -> Tensor:
    test = played.experiment.dataset.split("test")
    return torch.stack([test.raw(index) for index in range(most)])


def limits(played: Played) -> tuple[float, float, float, float]:
    return limits_of(torch.from_numpy(HEAPS[played.experiment.config.data.name].centres))


def draw_course(played: Played, words: Words) -> Figure:
    """The critic's map as it moves."""
    moments = [(words("L20.drawing.step", {"step": count(one.step)}), one) for one in played.course.moments]
    return draw_maps(words("L20.drawing.maps"), moments, real_points(played), limits(played), words)


def draw_push(played: Played, words: Words) -> Figure:
    """The gradient of the critic at the samples."""
    chosen = played.course.moments[EARLY : EARLY + 3]
    moments = [(words("L20.drawing.step", {"step": count(one.step)}), one) for one in chosen]
    return draw_maps(words("L20.drawing.push"), moments, real_points(played), limits(played), words, arrows=ARROWS)


def draw_alone(played: Played, early: Moment, after: Mapping[tuple[str, int], Any], words: Words) -> Figure:
    """One moment, and what it becomes when one of the players stands still."""
    square = limits(played)
    steps = {"steps": count(ALONE)}
    moments = [(words("L20.drawing.step", {"step": count(early.step)}), early)]
    moments += [
        (words(f"L20.drawing.{player}", steps), Moment.of(after[player, ALONE], early.step, square))
        for player in PLAYERS
    ]
    return draw_maps(words("L20.drawing.alone"), moments, real_points(played), square, words)


def draw_end(played: Played, words: Words) -> Figure:
    """The game on the grid, at its beginning, half-way and at its end."""
    chosen = [played.course.moments[at] for at in (2, 4, -1)]
    moments = [(words("L20.drawing.step", {"step": count(one.step)}), one) for one in chosen]
    return draw_maps(words("L20.drawing.grid"), moments, real_points(played, 4 * SHOWN), limits(played), words)


def draw_losses(played: Played, words: Words) -> Figure:
    """Both losses, and how often the critic is right."""
    records = played.course.records
    steps = [record["step"] for record in records]
    losses = [
        Curve(words(f"word.player_{player}"), steps, smooth([record[f"{player}/loss"] for record in records]))
        for player in PLAYERS
    ]
    right = Curve(
        words("L20.drawing.told_apart"), steps, smooth([100 * record["critic/told_apart"] for record in records])
    )
    across = words("L20.drawing.steps")
    panels = [
        Panel("", across, words("L20.drawing.loss"), losses, {words("L20.drawing.even"): float(np.log(2))}),
        Panel("", across, words("L20.drawing.right"), [right], {words("L20.drawing.coin"): 50.0}, range=(0, 103)),
    ]
    return draw_curves(words("L20.drawing.losses"), panels, words)


def smooth(values: Sequence[float], over: int = 7) -> list[float]:
    return [fmean(values[max(0, at - over + 1) : at + 1]) for at in range(len(values))]


def draw_coverage(played: Mapping[str, Sequence[Played]], words: Words) -> Figure:
    """Heaps that are found as the game goes on, mean over the seeds, between the least and the most."""
    panels = list[Panel]()
    for name in (key for key in played if not key.endswith("_original")):
        curves = []
        for key, label in ((name, "game_relativistic"), (f"{name}_original", "game_original")):
            courses = [[found.heaps for found in one.course.looks.values()] for one in played[key]]
            rows = list(zip(*courses, strict=True))
            mean, low, high = ([float(of(row)) for row in rows] for of in (fmean, min, max))
            curves.append(Curve(words(f"word.{label}"), list(played[key][0].course.looks), mean, low, high))
        total = len(HEAPS[name].centres)
        title, up = words(f"word.points_{name}"), words("L20.drawing.heaps") if not panels else ""
        level = {words("L20.drawing.all", {"total": count(total)}): float(total)}
        panels.append(Panel(title, words("L20.drawing.steps"), up, curves, level, range=(0, total * 1.1)))
    return draw_curves(words("L20.drawing.coverage"), panels, words)
