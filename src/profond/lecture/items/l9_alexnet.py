"""L9: AlexNet (2012), eight layers, equal to torchvision's."""

from __future__ import annotations

from profond.lecture import register_item
from profond.lecture.networks import Network, counted, network_outcome
from profond.lecture.originals import beside_torchvision
from profond.lecture.outcome import Options, Outcome


@register_item("L9", try_it="profond models show alexnet --picture alexnet.png")
def alexnet(options: Options) -> Outcome:
    """AlexNet: its layers, its parameters, its outputs."""
    options.say("L9  counting AlexNet and comparing it with torchvision's")
    found = [counted(Network("alexnet", 61_100_840, 8))]
    compared = [beside_torchvision("alexnet", 224)]
    return network_outcome(found, compared, found[0])
