"""The networks that a generator's samples are judged by, and where their weights come from."""

from __future__ import annotations

from functools import cache

from torch import nn

from profond.core.errors import MissingError
from profond.core.progress import announce
from profond.measures.features import SIDE, Features, of_network, random_features
from profond.weights.pretrained import load_pretrained

NETWORK = "efficientnet_lite0"
STAGES = 7
"""Of the network, whose 320 channels are taken: 1,280 after them would ask for 2,560 samples for one covariance."""


@cache
def usual_features() -> Features:
    """What pictures are compared by: EfficientNet-Lite0's last stage, or random features where it cannot be had."""
    try:
        found = load_pretrained(NETWORK, input_shape=(3, SIDE, SIDE))
    except MissingError:
        announce(f"the weights of {NETWORK} cannot be had here: samples are compared by random features")
        return random_features()
    network = nn.Sequential(found.model.stem, found.model.body[:STAGES]).eval().requires_grad_(False)
    prepared = found.preprocessing
    name = "EfficientNet-Lite0 trained on ImageNet, mean of its last stage (320 channels)"
    return of_network(name, network, prepared.mean, prepared.std, prepared.scale)
