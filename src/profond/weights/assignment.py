"""Tensors by our names into a model; what is missing, left over or of another shape is said, all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from profond.core.errors import ConfigError

SHOWN = 5
HEAD_HELP = "`--set num_classes=N`, as many as the file has, or `profond finetune` (new_head=True) for a new head"


@dataclass(frozen=True)
class Assigned:
    """What came of it.

    Args:
        fresh: our modules that were started anew, because they were asked to be.
        unused: what of the file has no place in the model.
    """

    fresh: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def assign_tensors(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    what: str,
    *,
    fresh: Sequence[str] = (),
    unused: Sequence[str] = (),
    assign: bool = False,
) -> Assigned:
    """Put tensors into a model.

    Args:
        tensors: by the model's own names. Only counters of batches seen may be absent, and what is in ``fresh``.
        what: the file, for messages.
        fresh: modules to start anew.
        unused: for the answer.
        assign: let the model take the tensors themselves, without copying. For a model that nothing refers to yet.

    Raises: ConfigError naming what does not fit.
    """
    own = tensors_of(model)
    counters = {name for name in own if name.endswith("num_batches_tracked")}
    new = tuple(f"{path}." for path in fresh)
    problems = [
        f"{name} is missing"
        for name in own
        if name not in tensors and name not in counters and not name.startswith(new or ("\0",))
    ]
    problems += [f"{name} has no place in the model" for name in tensors if name not in own]
    problems += [
        f"{name} is {by(tensor.shape)} in the file, {by(own[name].shape)} in the model"
        for name, tensor in tensors.items()
        if name in own and tensor.shape != own[name].shape
    ]
    refuse(what, problems)
    ready = {name: tensor.to(own[name].dtype) for name, tensor in tensors.items()}
    if assign:
        _exchange(model, ready)
    else:
        model.load_state_dict(ready, strict=False)
    for path in fresh:
        restart(model.get_submodule(path))
    return Assigned(tuple(fresh), tuple(unused))


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """As ``state_dict``, in a fifth of its time: the model's own tensors by name, not detached."""
    return {
        f"{path}.{name}" if path else name: tensor
        for path, module in model.named_modules(remove_duplicate=False)
        for name, tensor in (*module._parameters.items(), *module._buffers.items())
        if tensor is not None and name not in module._non_persistent_buffers_set
    }


def _exchange(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """As ``load_state_dict(assign=True)``, in a third of its time; kernels may have their channels last."""
    modules = dict(model.named_modules())
    for name, loaded in tensors.items():
        channels_last = loaded.ndim == 4 and loaded.is_contiguous(memory_format=torch.channels_last)
        tensor = loaded if channels_last else loaded.contiguous()
        path, _, own = name.rpartition(".")
        module = modules[path]
        if own in module._parameters:
            module._parameters[own] = nn.Parameter(tensor, requires_grad=module._parameters[own].requires_grad)
        else:
            module._buffers[own] = tensor


def refuse(what: str, problems: Sequence[str], help: str | None = None) -> None:
    """Raises: ConfigError with the first few problems and the number of the others, when there are any."""
    if problems:
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        usual = "is it a file of this network, in this variant? `profond models show` lists its parts"
        raise ConfigError(f"{what} does not fit the model: {'; '.join(problems[:SHOWN])}{more}", help or usual)


def another_network(what: str, fitting: int, of: str, model: nn.Module) -> ConfigError:
    """For a file that has little in common with the model."""
    name = type(model).__name__
    return ConfigError(
        f"{what} holds the weights of another network: {fitting} of its {of} have a place in {name}",
        "choose the model that the file is of; `profond models list` shows them",
    )


def replaceable(model: nn.Module, path: str) -> bool:
    """Whether fine-tuning may start this module anew: the head, or a dense layer before it."""
    head = getattr(model, "head", None)
    own = isinstance(head, str) and (path == head or path.startswith(f"{head}."))
    return own or isinstance(model.get_submodule(path), nn.Linear)


def restart(module: nn.Module) -> None:
    """Fresh weights, as PyTorch starts them."""
    for part in module.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            reset()


@contextmanager
def unfilled() -> Iterator[None]:
    """Models built inside have memory for their weights, but nothing is drawn to fill it: the file will.

    Nothing random is used, so building costs no more than making the modules.
    """
    with _Unfilled():
        yield


class _Unfilled(TorchFunctionMode):
    _FILLS = frozenset({Tensor.normal_, Tensor.uniform_, Tensor.fill_, Tensor.zero_, Tensor.clamp_, Tensor.mul_})

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(function, "__module__", None) == "torch.nn.init" or function in self._FILLS:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **kwargs)


def by(shape: Sequence[int] | torch.Size) -> str:
    """(64, 3, 7, 7) as ``64×3×7×7``."""
    return "×".join(map(str, shape)) or "one number"
