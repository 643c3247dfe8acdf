"""How other libraries call the layers of our networks: a module of `profond.weights.names` for each paper, and timm."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from torch import nn

from profond.core.errors import ConfigError
from profond.nn.inverted import InvertedResidual
from profond.weights.assignment import tensors_of
from profond.weights.names import tensor_names

KerasNames = Sequence[tuple[str, str] | tuple[str, str, tuple[int, int, int] | None]]


def keras_layers(model: nn.Module) -> KerasNames:
    """(Keras's layer, our module) in the order of Keras's ``model.layers``. Raises: ConfigError where it has none."""
    found = getattr(_module(type(model).__module__), "keras_layers", None)
    if found is None:
        raise ConfigError(f"Keras has no {type(model).__name__}", "give a .pth or .safetensors file")
    names: KerasNames = found(model)
    return names


def conventions(model: nn.Module) -> Iterator[dict[str, str]]:
    """Names of a PyTorch file to ours: our own, then those of each library that has the network."""
    yield {name: name for name in tensors_of(model)}
    module = _module(type(model).__module__)
    for convention in ("torchvision_names", "published_names"):
        if hasattr(module, convention):
            yield getattr(module, convention)(model)
    for renamed in (_timm_inverted(model), _timm_vgg(model)):
        if renamed:
            yield renamed


def without_effect(model: nn.Module) -> set[str]:
    """Names that a file may have for what changes nothing that this network computes."""
    found = getattr(_module(type(model).__module__), "without_effect", None)
    return set() if found is None else found(model)


def is_published(module: str) -> bool:
    """Whether files of the paper's own authors are read."""
    return hasattr(_module(module), "published_names")


def settings(module: str, convention: str) -> dict[str, Any]:
    """The settings that make a model of ours one of that library.

    Args:
        module: where the model is written, such as ``"profond.models.resnet"``.
        convention: ``"KERAS"``, ``"TORCHVISION"`` or ``"PUBLISHED"``.
    """
    return dict(getattr(_module(module), convention, {}))


def _timm_inverted(model: nn.Module) -> dict[str, str]:
    """timm's MobileNetV2 and EfficientNet-Lite: ``blocks.<stage>.<block>.conv_dw``."""
    stages = getattr(model, "body", None)
    if not isinstance(stages, nn.Sequential) or not isinstance(next(stages[0].children(), None), InvertedResidual):
        return {}
    modules = [("conv_stem", "stem.convolution"), ("bn1", "stem.norm")]
    for stage, blocks in enumerate(stages):
        for number, block in enumerate(blocks.children()):
            parts = [("pw", "expand"), ("dw", "depthwise"), ("pwl", "project")]
            if isinstance(block.expand, nn.Identity):  # timm's depthwise block ends in conv_pw
                parts = [("dw", "depthwise"), ("pw", "project")]
            for ordinal, (theirs, ours) in enumerate(parts, start=1):
                path = f"body.{stage}.{number}.{ours}"
                modules += [
                    (f"blocks.{stage}.{number}.conv_{theirs}", f"{path}.convolution"),
                    (f"blocks.{stage}.{number}.bn{ordinal}", f"{path}.norm"),
                ]
    modules += [("conv_head", "last.convolution"), ("bn2", "last.norm"), ("classifier", "output")]
    return tensor_names(model, modules)


def _timm_vgg(model: nn.Module) -> dict[str, str]:
    """timm's VGG: as torchvision's, but its dense layers are convolutions with names of their own."""
    module = _module(type(model).__module__)
    if module is None or type(model).__module__ != "profond.models.vgg":
        return {}
    names: dict[str, str] = module.torchvision_names(model)
    dense = {"classifier.0.": "pre_logits.fc1.", "classifier.3.": "pre_logits.fc2.", "classifier.6.": "head.fc."}
    for start, theirs in dense.items():
        names = {theirs + name[len(start) :] if name.startswith(start) else name: own for name, own in names.items()}
    return names


def _module(models: str) -> ModuleType | None:
    own = f"profond.weights.names.{models.rpartition('.')[2]}"
    return importlib.import_module(own) if importlib.util.find_spec(own) else None
