"""L10: VGG (2014), nineteen layers, equal to torchvision's and to Keras's."""

from __future__ import annotations

from profond.lecture import register_item
from profond.lecture.networks import Network, counted, network_outcome
from profond.lecture.originals import beside_keras, beside_torchvision
from profond.lecture.outcome import Options, Outcome

NETWORKS = (
    Network("vgg11", 132_863_336, 11),
    Network("vgg13", 133_047_848, 13),
    Network("vgg16", 138_357_544, 16),
    Network("vgg19", 143_667_240, 19),
)


@register_item("L10", try_it="profond models show vgg19")
def vgg(options: Options) -> Outcome:
    """VGG: its layers, its parameters, its outputs."""
    found = [counted(network) for network in NETWORKS]
    compared = []
    for number in (16,) if options.quick else (16, 19):
        options.say(f"L10  comparing VGG{number} with torchvision's and Keras's")
        compared += [beside_torchvision(f"vgg{number}", 224), beside_keras(f"vgg{number}", f"VGG{number}", 224)]
    return network_outcome(found, compared, found[-1], shortened=options.quick)
