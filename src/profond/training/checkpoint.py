"""A checkpoint is one safetensors file: weights, optimizer and the loop's position, whole or absent. Never pickle."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.core.files import write_bytes
from profond.core.names import openable

LAST = "checkpoints/last/state.safetensors"
BEST = "checkpoints/best/model.safetensors"
EARLY = "checkpoints/early/model.safetensors"
FINAL = "model.safetensors"


def save_tensors(path: Path | str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any] | None = None) -> None:
    """Write tensors and JSON-able facts atomically. Raises: StorageError; the old file stays."""
    seen: set[int] = set()
    plain = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        address = value.untyped_storage().data_ptr()
        plain[name] = value.clone() if address in seen else value  # the format refuses shared memory (tied weights)
        seen.add(address)
    write_bytes(path, save(plain, {"profond": json.dumps(facts or {})}))


def load_tensors(path: Path | str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Raises: ConfigError when the file is missing, cut short or not safetensors."""
    with _opened(path) as file:
        facts = _facts(file)
        return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118


def load_facts(path: Path | str) -> dict[str, Any]:
    """The facts without the tensors. Raises: ConfigError as `load_tensors`."""
    with _opened(path) as file:
        return _facts(file)


def _facts(file: Any) -> dict[str, Any]:
    facts = json.loads((file.metadata() or {}).get("profond", "{}"))
    if not isinstance(facts, dict):
        raise ValueError("its facts are no JSON object")
    return facts


@contextlib.contextmanager
def _opened(path: Path | str) -> Iterator[Any]:
    """Raises: ConfigError when the file is missing, cut short or not safetensors."""
    path = Path(path)
    try:
        if not path.is_file():
            raise ConfigError(f"{path} is missing", "is the run finished? `profond runs resume` continues one")
        with openable(path) as name, safe_open(name, framework="pt") as file:
            yield file
    except ConfigError:
        raise
    except (SafetensorError, ValueError, RecursionError, OSError) as error:
        raise ConfigError(f"{path} is damaged: {error}", "restore the file, or train again") from None


def names(path: Path | str, prefix: str) -> set[str]:
    """What a checkpoint has under a prefix, without reading the tensors. Raises: ConfigError as `load_tensors`."""
    with _opened(path) as file:
        return {name.removeprefix(f"{prefix}.") for name in file.keys() if name.startswith(f"{prefix}.")}  # noqa: SIM118


def steps_of(facts: Mapping[str, Any]) -> int:
    """The steps that a checkpoint's training had done; 0 where it does not say."""
    position = facts.get("position")
    steps = position.get("step") if isinstance(position, dict) else None
    return steps if isinstance(steps, int) else 0


def load_weights(model: nn.Module, path: Path | str) -> None:
    """Put a file's weights into a model. Raises: ConfigError naming the first few that do not fit."""
    tensors, _ = load_tensors(path)
    restore(model, tensors, str(path))


def restore(model: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    own = model.state_dict()
    wrong = [f"{name} is missing" for name in own if name not in tensors]
    wrong += [f"{name} is not in the model" for name in tensors if name not in own]
    wrong += [
        f"{name} is {tuple(tensors[name].shape)}, the model's is {tuple(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    wrong += [
        f"{name} is {tensors[name].dtype}, the model's is {own[name].dtype}"
        for name in own
        if name in tensors and tensors[name].is_floating_point() != own[name].is_floating_point()
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ConfigError(
            f"{what} does not fit the model: {'; '.join(wrong[:3])}{more}",
            "it is another network's: restore the run's own file, or train again",
        )
    model.load_state_dict(dict(tensors))


def pack_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's state as flat tensors and JSON-able facts."""
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, dict[str, Any]] = {}
    for index, entry in state["state"].items():
        for key, value in entry.items():
            if isinstance(value, Tensor):
                tensors[f"{index}.{key}"] = value
            else:
                scalars.setdefault(str(index), {})[key] = value
    return tensors, {"scalars": scalars, "groups": state["param_groups"]}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    for index, entry in facts["scalars"].items():
        state.setdefault(int(index), {}).update(entry)
    for entry in state.values():
        if not all(value is None or isinstance(value, Tensor | int | float) for value in entry.values()):
            raise ValueError("the state of an optimizer is no number")
    settings = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    optimizer.load_state_dict({"state": state, "param_groups": facts["groups"]})
    for group, own in zip(optimizer.param_groups, settings, strict=True):
        group.update(own)  # they come from the configuration, which may have another length since
    # NOTE fused optimizers walk through memory: what belongs to a parameter must lie as it does, channels last or not.
    for parameter, entry in optimizer.state.items():
        for key, value in entry.items():
            if isinstance(value, Tensor) and value.numel() != 1 and value.shape != parameter.shape:
                raise ValueError(f"the state {key!r} of an optimizer has another shape than its parameter")
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                entry[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name[len(start) :]: tensor for name, tensor in tensors.items() if name.startswith(start)}
