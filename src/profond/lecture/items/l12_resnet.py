"""L12: ResNet (2015), up to 152 layers, equal to torchvision's and to Keras's."""

from __future__ import annotations

from profond.lecture import register_item
from profond.lecture.networks import Network, counted, network_outcome
from profond.lecture.originals import beside_keras, beside_torchvision
from profond.lecture.outcome import Options, Outcome

NETWORKS = (
    Network("resnet18", 11_689_512, 18),
    Network("resnet34", 21_797_672, 34),
    Network("resnet50", 25_557_032, 50),
    Network("resnet101", 44_549_160, 101),
    Network("resnet152", 60_192_808, 152),
)
DAMPED = 0.5  # mean scale of the random BatchNorms, or fifty added branches would overflow


@register_item("L12", try_it="profond params resnet152")
def resnet(options: Options) -> Outcome:
    """ResNet: its layers, its parameters, its outputs."""
    found = [counted(network) for network in NETWORKS]
    compared = []
    for number in (18, 50) if options.quick else (18, 34, 50, 101, 152):
        options.say(f"L12  comparing ResNet-{number} with the originals")
        compared.append(beside_torchvision(f"resnet{number}", 224, DAMPED))
        if number >= 50:
            compared.append(beside_keras(f"resnet{number}", f"ResNet{number}", 224, DAMPED))
    return network_outcome(found, compared, found[-1], shortened=options.quick)
