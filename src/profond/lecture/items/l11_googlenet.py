"""L11: GoogLeNet (Inception), twenty-two layers, auxiliary heads included, and InceptionV3."""

from __future__ import annotations

import torch

from profond import models
from profond.lecture import register_item
from profond.lecture.networks import Network, counted, network_outcome
from profond.lecture.originals import beside_keras, beside_torchvision
from profond.lecture.outcome import Claim, Options, Outcome
from profond.lecture.values import count
from profond.nn.auxiliary import Logits

NETWORKS = (Network("googlenet", 6_624_904, 22), Network("inception_v3", 23_851_784, None, 299, "KERAS"))


@register_item("L11", try_it="profond models show googlenet --picture googlenet.png")
def googlenet(options: Options) -> Outcome:
    """GoogLeNet: its layers, its parameters, its auxiliary heads, its outputs."""
    options.say("L11  counting GoogLeNet and InceptionV3 and comparing them with the originals")
    found = [counted(network) for network in NETWORKS]
    compared = [
        beside_torchvision("googlenet", 224),
        beside_torchvision("inception_v3", 299),
        beside_keras("inception_v3", "InceptionV3", 299),
    ]
    heads, apart = auxiliary_heads()
    auxiliary = Claim("auxiliary", heads == 2 and apart == 1, {"training": count(1 + heads), "eval": count(apart)})
    return network_outcome(found, compared, found[0], auxiliary)


def auxiliary_heads() -> tuple[int, int]:
    """Auxiliary outputs in training, and all outputs afterwards."""
    with torch.device("meta"):
        model = models.create("googlenet", num_classes=10, auxiliary=True)
        images = torch.zeros(2, 3, 224, 224)
    training = model.train()(images)
    assert isinstance(training, Logits)
    after = model.eval()(images)
    return len(training.auxiliary), 1 if isinstance(after, torch.Tensor) else len(after)
