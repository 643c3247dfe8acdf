"""What pretrained weights are worth: fine-tuning beside training the same network from random weights."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping

from profond import models
from profond.experiments.configuration import Configuration, changed, for_finetuning, for_model
from profond.experiments.finetune import located

ARMS = ("fine_tuned", "head_only", "from_scratch", "from_scratch_longer")


def arm(
    name: str,
    data: str = "fashion_mnist",
    *,
    model: str = "efficientnet_lite0",
    size: int = 96,
    per_class: Mapping[str, int] | None = None,
    epochs: float = 12,
    seed: int = 0,
) -> Configuration:
    """One side of the comparison, for `profond.experiments.experiment.assemble`.

    All sides see the same few pictures, prepared in the same way. From random weights the network does as many steps
    as the fine-tuning, each of which trains all layers from the start, so that it costs more time; three times as many
    in the longer one. Its BatchNorm's statistics follow in a few steps (momentum 0.2): at the published 0.01
    they would still be those of the random start when so short a training ends, and it would be worth nothing.
    Its rate is the best of 0.002, 0.006 and 0.02 (59, 69 and 60 % with seed 0).

    Args:
        name: one of `ARMS`.
        per_class: pictures of each class to learn from and to measure on.
        epochs: of the fine-tuning.
        seed: of the choice of pictures, of weights and order.
    """
    assert name in ARMS, name
    tuned = for_finetuning(model, data, parts=0 if name == "head_only" else None)
    counts = dict(per_class or {"train": 20, "test": 100})
    # With so few pictures none is spared for validation: every side keeps its last weights.
    common = {"loader.per_class": counts, "loader.valid_fraction": 0.0, "training.keep": "last", "training.seed": seed}
    tuned = changed(tuned, {"model.input_shape": [3, size, size], **common})
    if name == "head_only":
        return tuned
    if name == "fine_tuned":
        return changed(tuned, {"training.epochs": epochs})
    file = located(tuned)
    scratch = for_model(model, data)
    settings = {f"model.{key}": value for key, value in file.config.items() if key != "num_classes"}
    if "norm_momentum" in inspect.signature(models.registry.load(model)).parameters:
        settings["model.norm_momentum"] = 0.2
    settings["data.preprocessing"] = dataclasses.asdict(file.preprocessing)
    longer = 3 if name == "from_scratch_longer" else 1
    given = {"loader.batch_size": 32, "training.epochs": longer * epochs, "training.learning_rate": 6e-3}
    return changed(scratch, {**settings, **common, **given})
