"""What L9 to L13 measure of a network: how deep it is, how large, and whether it equals its originals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure

from profond import models
from profond.explain.network.architecture import WORDS, Writing, draw
from profond.explain.network.depth import depth
from profond.explain.network.summary import Summary, summarise
from profond.lecture.originals import Compared
from profond.lecture.outcome import Claim, Outcome, Picture, Table
from profond.lecture.values import Value, count, number, text, word
from profond.lecture.words import Words
from profond.weights import naming

READABLE = 900
"""Pixels that a drawing may be wide: the page shows 864 of them, so that its letters stay about 11 high."""


@dataclass(frozen=True)
class Network:
    """A network as it is stated.

    Args:
        name: registered.
        parameters: as torchvision counts them, or as Keras does where ``convention`` says so.
        depth: layers with weights, or None where nobody states it.
        side: of the images in pixels.
        convention: ``"TORCHVISION"`` or ``"KERAS"``, whose count includes BatchNorm's statistics.
    """

    name: str
    parameters: int
    depth: int | None = None
    side: int = 224
    convention: str = "TORCHVISION"


@dataclass(frozen=True)
class Counted:
    """What was counted of it."""

    network: Network
    summary: Summary
    parameters: int
    depth: int

    @property
    def right(self) -> bool:
        return self.parameters == self.network.parameters and self.network.depth in (None, self.depth)


def counted(network: Network) -> Counted:
    """Built without memory for its numbers, and counted."""
    settings = naming.settings(models.registry.load(network.name).__module__, network.convention)
    shape = (3, network.side, network.side)
    with torch.device("meta"):
        model = models.create(network.name, input_shape=shape, num_classes=1000, **settings)
    parameters = sum(one.numel() for one in model.parameters())
    if network.convention == "KERAS":
        parameters += sum(
            one.numel() for name, one in model.named_buffers() if name.endswith(("running_mean", "running_var"))
        )
    summary = summarise(model, shape, name=network.name)
    return Counted(network, summary, parameters, depth(model, shape))


def network_outcome(
    found: Sequence[Counted], compared: Sequence[Compared], drawn: Counted, *more: Claim, shortened: bool = False
) -> Outcome:
    """Depth, parameters and equality of some networks, a line for each, and the drawing of one.

    Args:
        more: claims of the item's own, told before the comparisons.
        shortened: not all of them were compared.
    """
    return Outcome(
        claims=[depth_claim(found), parameters_claim(found), *more, *equality_claims(compared)],
        pictures=[architecture(drawn.network.name, drawn.summary)],
        tables=[networks_table(found, compared)],
        measured=measured(found, compared),
        shortened=shortened,
    )


def parameters_claim(found: Sequence[Counted]) -> Claim:
    """That every network has exactly the stated parameters."""
    right = sum(one.parameters == one.network.parameters for one in found)
    return Claim("parameters", right == len(found), {"right": count(right), "networks": count(len(found))})


def depth_claim(found: Sequence[Counted]) -> Claim:
    """That every network is as deep as stated."""
    stated = [one for one in found if one.network.depth is not None]
    layers = ", ".join(str(one.depth) for one in stated)
    return Claim("layers", all(one.network.depth == one.depth for one in stated), {"layers": text(layers)})


def equality_claims(compared: Sequence[Compared]) -> list[Claim]:
    """One for each library: that all of the networks give its outputs; aside where it is not installed."""
    claims = []
    for library in dict.fromkeys(one.library for one in compared):
        mine = [one for one in compared if one.library == library]
        ran = [one for one in mine if one.error is not None]
        worst = number(max(one.error or 0.0 for one in ran), 1) if ran else word("not_installed")
        claims.append(
            Claim(
                library,
                all(one.equal for one in ran) if ran else None,
                {"equal": count(sum(one.equal for one in ran)), "networks": count(len(mine)), "error": worst},
                aside=not ran,
            )
        )
    return claims


def networks_table(found: Sequence[Counted], compared: Sequence[Compared]) -> Table:
    """A line for each network."""
    errors = {(one.library, one.theirs.lower().replace("_", "")): one for one in compared}

    def error(library: str, name: str) -> Value:
        one = errors.get((library, name.replace("_", "")))
        return text("—") if one is None or one.error is None else number(one.error, 1)

    return Table(
        "networks",
        ("network", "layers", "parameters", "multiply_adds", "beside_torchvision", "beside_keras"),
        [
            [
                text(one.network.name),
                count(one.depth),
                count(one.parameters),
                count(one.summary.multiply_adds),
                error("torchvision", one.network.name),
                error("keras", one.network.name),
            ]
            for one in found
        ],
    )


def architecture(name: str, summary: Summary) -> Picture:
    """The drawing of a network's layers, generated, as wide as the page lets it be read."""

    def drawn(words: Words) -> Figure:
        written = {key: words.catalogue[f"drawing.{key}"] for key in WORDS}
        return draw(summary, Writing(written, lambda number: words.number(number, 0)), room=READABLE)

    return Picture(name, drawn)


def measured(found: Sequence[Counted], compared: Sequence[Compared]) -> dict[str, object]:
    """Every number, for people who calculate on."""
    return {
        "networks": {
            one.network.name: {
                "parameters": one.parameters,
                "depth": one.depth,
                "multiply_adds": one.summary.multiply_adds,
            }
            for one in found
        },
        "relative_errors": {f"{one.library} {one.theirs}": one.error for one in compared},
        "not_run": {f"{one.library} {one.theirs}": one.reason for one in compared if one.error is None},
    }
