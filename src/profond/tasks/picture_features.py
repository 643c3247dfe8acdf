"""The networks that a generator's samples are judged by, and where their weights come from."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from torch import nn

from profond.core.errors import ConfigError, MissingError
from profond.core.progress import announce
from profond.core.run import Run
from profond.measures.features import LARGE, SMALL, Features, of_inception, of_network, random_features
from profond.measures.judge import Judge
from profond.models import family_of
from profond.weights.of_run import in_run
from profond.weights.pretrained import load_pretrained

NETWORK = "efficientnet_lite0"
STAGES = 7
"""Of the network, whose 320 channels are taken: 1,280 after them would ask for 2,560 samples for one covariance."""


@cache
def usual_features(longest: int) -> Features:
    """What pictures are compared by: EfficientNet-Lite0's last stage, or random features where it cannot be had.

    Args:
        longest: of a picture's sides, in pixels.
    """
    side = SMALL if longest <= SMALL else LARGE
    try:
        found = load_pretrained(NETWORK, input_shape=(3, side, side))
    except MissingError:
        announce(f"the weights of {NETWORK} cannot be had here: samples are compared by random features")
        return random_features()
    network = nn.Sequential(found.model.stem, found.model.body[:STAGES]).eval().requires_grad_(False)
    prepared = found.preprocessing
    name = "EfficientNet-Lite0 trained on ImageNet, mean of its last stage (320 channels)"
    return of_network(name, network, prepared.mean, prepared.std, prepared.scale, side)


def judge_of(folder: str | Path) -> Judge:
    """The trained network of a run, as a judge of pictures.

    Raises: ConfigError for a folder that is no run that is done, or whose network tells no classes of pictures apart.
    """
    run = Run.open(folder)
    if not in_run(run.path).is_file():
        raise ConfigError(f"{run.path} cannot judge: it is not done", "resume it, or name another run")
    name = str(run.config.get("model", {}).get("name", ""))
    if not name or family_of(name) != "feedforward":
        raise ConfigError(
            f"{run.path} cannot judge: it tells no classes apart", "name a run of `profond train` on classes"
        )
    found = load_pretrained(name, run.path)
    found.model.requires_grad_(False)
    return Judge(run.name, found.model, found.preprocessing, found.classes)


def inception_features(weights: str | Path) -> Features:
    """The features of FID and KID, from a file of the published weights, ``pt_inception-2015-12-05-6726825d.pth``.

    Raises: ConfigError for a file that is not there, or holds something else.
    """
    path = Path(weights)
    if not path.is_file():
        raise ConfigError(
            f"{path} is no file", "give pt_inception-2015-12-05-6726825d.pth, which torch-fidelity publishes"
        )
    found = load_pretrained("inception_v3", path.absolute(), num_classes=1008, count_padding=False)
    network: Any = found.model
    network.mixed7c.get_submodule("pooled")[0] = nn.MaxPool2d(3, 1, padding=1)  # a slip of the network of 2015
    network.output = nn.Identity()
    return of_inception(network.requires_grad_(False))
