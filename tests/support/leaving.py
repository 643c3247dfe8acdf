"""Every registered model with a task of its family, as small as it can be, with weights that no rounding hides."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from profond import models
from profond.core.spec import Quantity, Spec
from profond.core.tokens import SPECIAL, Tokens
from profond.tasks.classify import Classify
from profond.tasks.continue_text import ContinueText
from profond.tasks.forecast import ForecastWindows
from profond.tasks.generate import Generate
from profond.tasks.label_frames import LabelFrames
from profond.tasks.seq2seq import Seq2Seq
from profond.tasks.translate_images import TranslateImages

WORDS = Tokens("words", (*SPECIAL, *["one", "two", "three", "four", "five", "six", "seven", "eight"]))
CLASSES = ("a", "b", "c")
HORIZON = 4
OTHERS = ("series", "text", "language", "each_step", "encoder_decoder", "forecaster", "generator", "translator")
"""Families whose networks do not tell what is on one picture."""
_AXES = {1: "c", 2: "ct", 3: "chw", 4: "cthw"}


def leaving(name: str, **settings: Any) -> tuple[nn.Module, Any, Spec]:
    """A model in eval mode, a task, and what the data are like."""
    family, given = models.family_of(name), {**models.example_settings(name), **settings}
    shape = models.example_shape(name)
    axes = _AXES[len(shape)]
    names = CLASSES if name != "lenet5_1998" else tuple("0123456789")  # it has a fixed picture for each digit
    spec, task = Spec(shape, axes, classes=names), None
    if family == "text":
        spec, task = Spec((8,), "t", classes=CLASSES, tokens=WORDS), Classify()
    elif family == "language":
        spec, task = Spec((8,), "t", tokens=WORDS, text=WORDS, each="t"), ContinueText()
    elif family == "encoder_decoder":
        read = (8,) if len(shape) == 1 else shape
        spec = Spec(read, "t" if len(shape) == 1 else axes, tokens=WORDS if len(shape) == 1 else None, text=WORDS)
        task = Seq2Seq(longest=9)
    elif family == "forecaster":
        spec = Spec(shape, axes, (-4, 4), quantities=tuple(Quantity(f"step {k + 1}") for k in range(HORIZON)))
        task = ForecastWindows(quantiles=(0.1, 0.5, 0.9)[: given.get("quantiles", 0)])
    elif family == "each_step":
        spec, task = Spec(shape, axes, classes=CLASSES, each="t"), LabelFrames()
    elif family == "translator":
        spec, task = Spec(shape, axes, classes=("drawings", "photos")), TranslateImages()
    elif family == "generator":
        task = Generate()
    else:
        task = Classify()
    torch.manual_seed(0)
    return shaken(models.create(name, spec, **given)), task, spec


@torch.no_grad()
def shaken(model: nn.Module) -> nn.Module:
    """With every weight and every kept statistic moved, so that none is a zero that hides what it multiplies."""
    for parameter in model.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    for name, kept in model.named_buffers():
        if name.endswith("running_mean"):
            kept.add_(0.1 * torch.randn_like(kept))
        elif name.endswith("running_var"):
            kept.mul_(0.5 + torch.rand_like(kept))
    return model.eval()
