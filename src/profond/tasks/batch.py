"""A batch of inputs and targets, looked at before a network is blamed: what does not fit is said in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from profond.core.errors import ConfigError, DataError, ProfondError

PAIRS = "DataLoader(TensorDataset(inputs, targets), batch_size=32, shuffle=True) gives such batches"


def pair(batch: Any) -> tuple[Any, Tensor]:
    """Inputs and targets of a batch. Raises: DataError when it is not a pair, or one sample alone."""
    if isinstance(batch, Mapping):
        keys = ", ".join(map(repr, list(batch)[:5]))
        raise DataError(
            f"a batch is a dict of {keys}, not a pair (inputs, targets)",
            "let the DataLoader's collate_fn give the pair, or write a task that takes the dict",
        )
    if isinstance(batch, Tensor | np.ndarray):
        raise DataError(f"a batch is one array of {described(batch)}, not a pair (inputs, targets)", PAIRS)
    if not isinstance(batch, tuple | list):
        raise DataError(f"a batch is a {type(batch).__name__}, not a pair (inputs, targets)", PAIRS)
    if len(batch) != 2:
        raise DataError(
            f"a batch has {len(batch)} parts, not two (inputs, targets)",
            "leave the others out with the DataLoader's collate_fn, or write a task that takes them",
        )
    inputs, targets = batch
    if isinstance(targets, int | float) or (isinstance(targets, Tensor) and targets.ndim == 0):
        raise DataError(
            "a batch is a single sample: its target is one number", "DataLoader(dataset, batch_size=32) makes batches"
        )
    if not isinstance(targets, Tensor):
        raise DataError(f"the targets of a batch are a {type(targets).__name__}, not a tensor", PAIRS)
    if isinstance(inputs, Tensor) and len(inputs) != len(targets):
        raise DataError(f"a batch has {len(inputs)} inputs and {len(targets)} targets", "give each input its target")
    if len(targets) == 0:
        raise DataError("a batch is empty", "leave it out")
    return inputs, targets


def called(model: nn.Module, inputs: Any, *more: Any) -> Any:
    """The model's outputs. Raises: DataError when PyTorch refuses these inputs, with what it says.

    Args:
        more: what else the model is called with, such as the text that it learns to write.
    """
    try:
        return model(inputs, *more)
    except (RuntimeError, ValueError) as error:
        # A subclass is another matter (memory, a device, a compiler), and so is what a model says in our own words.
        if type(error) not in (RuntimeError, ValueError) or isinstance(error, ProfondError) or _of_the_device(error):
            raise
        raise DataError(
            f"the model cannot take inputs of {described(inputs)}: {_first_line(error)}", _advice(model, inputs, error)
        ) from error


def class_scores(output: Any) -> Tensor:
    """The output, where it is one row of scores for each sample. Raises: DataError."""
    if not isinstance(output, Tensor):
        raise DataError(
            f"the model gives a {type(output).__name__}, and classification needs one tensor of scores",
            "wrap it in a module that gives the logits alone: shape (samples, classes)",
        )
    if output.ndim == 1 or (output.ndim == 2 and output.shape[1] == 1):
        raise DataError(
            f"the model gives one number for each sample ({described(output)}), not one score for each class",
            "give its last layer one output for each class, two at least, or train with another loss, such as"
            " nn.BCEWithLogitsLoss()",
        )
    if output.ndim != 2:
        raise DataError(
            f"the model gives {described(output)}, and classification needs one row of scores for each sample",
            "end it in a layer with one output for each class: shape (samples, classes); for a class at each place"
            " train with a loss function of your own: lambda outputs, targets: F.cross_entropy(outputs, targets)",
        )
    return output


def class_targets(targets: Tensor, scores: Tensor) -> Tensor:
    """Labels as int64 (n), or shares of classes as floating point (n, k). Raises: DataError for anything else.

    That labels are in range is not looked at: on a GPU that would make the processor wait.
    """
    if targets.ndim == 1 and not targets.is_floating_point():
        return targets if targets.dtype == torch.int64 else targets.long()
    if targets.ndim == 1:
        raise DataError(
            f"the labels are {_kind(targets)}, and classes are whole numbers from 0",
            "convert them: targets.long(); for numbers to be estimated train with another loss, such as nn.MSELoss()",
        )
    if targets.shape == scores.shape:  # one-hot, or mixed
        return targets if targets.is_floating_point() else targets.to(scores.dtype)
    if targets.ndim == 2 and targets.shape[1] == 1:
        raise DataError(
            f"the labels are {described(targets)}, a table with one column", "give one number each: targets.squeeze(1)"
        )
    raise DataError(
        f"the model gives {scores.shape[1]} scores for each sample, and the targets are {described(targets)}",
        "give one whole number for each sample, or one share for each class",
    )


def class_labels(targets: Tensor, scores: Tensor) -> Tensor:
    """Labels as int64 (n); of shares of classes, the largest one's. Raises: as ``class_targets``."""
    targets = class_targets(targets, scores)
    return targets.argmax(1) if targets.shape == scores.shape else targets


def check_labels(labels: Tensor, num_classes: int) -> None:
    """Raises: DataError when a label is no class of the model's."""
    if len(labels) and (int(labels.min()) < 0 or int(labels.max()) >= num_classes):
        outside = int(labels.max()) if int(labels.max()) >= num_classes else int(labels.min())
        first = " (labels begin at 0)" if outside == num_classes else ""
        raise DataError(
            f"a label is {outside}, and the model tells {num_classes} classes apart: 0 to {num_classes - 1}{first}",
            "number the classes from 0, or give the model's last layer as many outputs as there are classes",
        )


def check_finite(outputs: Tensor) -> None:
    """Raises: ConfigError when one of a model's outputs is not finite."""
    if not torch.isfinite(outputs).all():
        raise ConfigError(
            "the model's outputs are not finite numbers", "its weights are damaged: fetch them again, or train again"
        )


def described(values: Any) -> str:
    """Shape and kind: ``16×3×8×8 float32``."""
    if not isinstance(values, Tensor | np.ndarray):
        return f"type {type(values).__name__}"
    return f"{'×'.join(map(str, values.shape)) or 'one number,'} {_kind(values)}"


def _kind(values: Any) -> str:
    return str(values.dtype).removeprefix("torch.")


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")


def _of_the_device(error: Exception) -> bool:
    return any(word in str(error) for word in ("out of memory", "can't allocate memory", "CUDA", "cuda", "MPS"))


def _advice(model: nn.Module, inputs: Any, error: Exception) -> str:
    if "more than 1 value per channel" in str(error):
        return "BatchNorm needs two samples or more in training: leave a last batch of one out (drop_last=True)"
    kinds = {parameter.dtype for parameter in model.parameters()}
    if isinstance(inputs, Tensor) and kinds and inputs.dtype not in kinds:
        scaled = " / 255" if inputs.dtype == torch.uint8 else ""
        return f"its weights are {', '.join(sorted(str(k)[6:] for k in kinds))}: convert them, inputs.float(){scaled}"
    if isinstance(inputs, Tensor) and inputs.ndim == 4 and inputs.shape[1] > 4 and inputs.shape[3] in (1, 3):
        return "pictures are (samples, channels, height, width) here: inputs.permute(0, 3, 1, 2)"
    return "give it inputs of the shape that it was made for: (samples, channels, height, width) for pictures"
