"""Inception-ResNet v2 in Keras.

Keras names the convolutions that end its residual modules, and the last of all; the others it numbers, and the numbers
go on through a session. So they mean something only against each other, within a class; see
`profond.weights.names.numbering`.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from profond.models.inception_resnet_v2 import InceptionResNetV2, Residual
from profond.weights.names.numbering import Numbering

KERAS: dict[str, Any] = {}
"""Keras's way is the default."""

BODIES = {"body35": "block35", "body17": "block17", "body8": "block8"}


def keras_layers(model: InceptionResNetV2) -> list[tuple[str, str]]:
    """(Keras layer, our module), in Keras's order, numbered as in a fresh session, in which layers were made."""
    numbering = Numbering()
    layers: list[tuple[str, str]] = []
    for stage in model.stages[:-1]:
        module = model.get_submodule(stage)
        if stage in BODIES:
            assert isinstance(module, nn.Sequential)
            for index, part in enumerate(module):
                assert isinstance(part, Residual)
                layers += numbering.layers(part.branches, f"{stage}.{index}.branches")
                layers.append((f"{BODIES[stage]}_{index + 1}_conv", f"{stage}.{index}.widen.convolution"))
        else:
            layers += numbering.layers(module, stage)
    return [*layers, ("conv_7b", "conv6.convolution"), ("conv_7b_bn", "conv6.norm"), ("predictions", "output")]
