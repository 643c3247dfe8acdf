"""L9: AlexNet (2012), eight layers, equal to torchvision's."""

from __future__ import annotations

from profond.lecture import register_item
from profond.lecture.networks import (
    Network,
    architecture,
    counted,
    depth_claim,
    equality_claims,
    measured,
    networks_table,
    parameters_claim,
)
from profond.lecture.originals import beside_torchvision
from profond.lecture.outcome import Options, Outcome


@register_item("L9")
def alexnet(options: Options) -> Outcome:
    """AlexNet: its layers, its parameters, its outputs."""
    options.say("L9  counting AlexNet and comparing it with torchvision's")
    found = [counted(Network("alexnet", 61_100_840, 8))]
    compared = [beside_torchvision("alexnet", 224)]
    return Outcome(
        claims=[depth_claim(found), parameters_claim(found), *equality_claims(compared)],
        pictures=[architecture("alexnet", found[0].summary)],
        tables=[networks_table(found, compared)],
        measured=measured(found, compared),
    )
