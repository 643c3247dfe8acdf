"""One forward pass, watched: which module made what, at what cost, looking at which part of the input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from profond.core.errors import ConfigError
from profond.explain.network import receptive_field
from profond.explain.network.receptive_field import Field
from profond.nn.modes import evaluating

BATCH = 2  # NOTE not 1, which a view could not tell from an axis of length 1


@dataclass
class Visit:
    """What one module did.

    Args:
        calls: how often it was called.
        output_shape: of its first call that gave a tensor, without the batch axis; where it gave several, of the first.
        other_shapes: those of later calls that differ, in the order in which they came.
        multiply_adds: for one sample, by its own operations, not its sub-modules'.
        field: of its first output; None where it does not depend on the input, empty where it is unknown.
    """

    calls: int = 0
    output_shape: tuple[int, ...] | None = None
    other_shapes: tuple[tuple[int, ...], ...] = ()
    multiply_adds: int = 0
    field: Field | None = None


@dataclass
class Trace:
    """Every visited module by name, in the order in which they gave their first output.

    Args:
        parallel: those of which one part does not use what the part called before it gave.
    """

    visits: dict[str, Visit] = field(default_factory=dict)
    parallel: set[str] = field(default_factory=set)


def trace(model: nn.Module, input_shape: Sequence[int], *, axes: str | None = None) -> Trace:
    """Run a model once, without its numbers where it can be: only shapes go through.

    Args:
        model: any module that takes one batch; it is left as it was.
        input_shape: one sample, without the batch axis.
        axes: a letter for each axis of the sample, as in a Spec; by default channels first, then space or time.

    Raises: ConfigError when the model does not take such an input.
    """
    parameters = [*model.parameters(), *model.buffers()]
    if any(nn.parameter.is_lazy(one) for one in parameters):
        raise ConfigError("the model has parameters without a shape", "run it once on real data before")
    letters = axes or "c" + "x" * (len(input_shape) - 1)
    dims = [1 + index for index, letter in enumerate(letters) if letter != "c"]
    first = next((module for module in model.modules() if not any(module.children())), model)
    dtype = torch.long if isinstance(first, nn.Embedding | nn.EmbeddingBag) else None
    shape = (BATCH, *input_shape)

    def run(device: torch.device | str, tensors: dict[str, Tensor] | None) -> Trace:
        found = Trace()
        inputs = torch.zeros(shape, device=device, dtype=dtype or torch.get_default_dtype())
        watch = _Watch(found, inputs, receptive_field.start(shape, dims))
        with _quiet(model), watch.hooks(model), watch:
            if tensors is None:
                model(inputs)
            else:
                torch.func.functional_call(model, tensors, (inputs,))
        return found

    named = dict([*model.named_parameters(), *model.named_buffers()])
    try:
        try:
            return run("meta", {name: torch.empty_like(one, device="meta") for name, one in named.items()})
        except Exception:  # it looks at its numbers, or keeps tensors of its own: run it for real
            real = parameters[0].device if parameters else torch.device("cpu")
            if real.type == "meta":
                return run("cpu", {name: torch.zeros_like(one, device="cpu") for name, one in named.items()})
            return run(real, None)
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError) as error:
        reason = str(error).strip().split("\n")[0]
        sizes = "×".join(map(str, input_shape))
        raise ConfigError(f"the model does not take an input of {sizes}: {reason}", "give another --input") from None


@contextmanager
def _quiet(model: nn.Module) -> Iterator[None]:
    """Eval mode, no gradients, and attention as separate operations; all put back at the end."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with evaluating(model), torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation of a forward pass, and the module that asked for it."""

    def __init__(self, found: Trace, inputs: Tensor, field: Field) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found = found
        self.inside = [""]
        self.fields = WeakTensorKeyDictionary()
        self.fields[inputs] = field
        self.calls = 0
        self.latest = [0]  # for each module that we are inside of, the bit of the call that ended last in it
        self.made_by = WeakTensorKeyDictionary()  # the bits of all calls that a tensor comes from

    @contextmanager
    def hooks(self, model: nn.Module) -> Iterator[None]:
        handles = []
        for name, module in model.named_modules():
            handles.append(module.register_forward_pre_hook(self._entering(name)))
            handles.append(module.register_forward_hook(self._leaving(name)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _entering(self, name: str) -> Any:
        def enter(module: nn.Module, inputs: Any) -> None:
            first = name not in self.found.visits
            if first and self.latest[-1] and not self.made(inputs) & self.latest[-1]:
                self.found.parallel.add(self.inside[-1])
            self.inside.append(name)
            self.latest.append(0)

        return enter

    def _leaving(self, name: str) -> Any:
        def leave(module: nn.Module, inputs: Any, output: Any) -> None:
            self.inside.pop()
            self.latest.pop()
            tensors = [one for one in tree_leaves(output) if isinstance(one, Tensor)]
            if tensors:
                self.latest[-1] = 1 << self.calls
                self.calls += 1
            for one in tensors:
                self.made_by[one] = self.made_by.get(one, 0) | self.latest[-1]  # type: ignore[no-untyped-call]
            visits = self.found.visits
            visit = visits.get(name) or Visit()
            visit.calls += 1
            if visit.output_shape is None:
                visits.pop(name, None)  # an operation of its own may have put it before its parts
                visits[name] = visit
            if not tensors:
                return
            shape = tuple(tensors[0].shape[1:])
            if visit.output_shape is None:
                visit.output_shape = shape
                visit.field = self.fields.get(tensors[0])  # type: ignore[no-untyped-call]
            elif shape not in (visit.output_shape, *visit.other_shapes):
                visit.other_shapes = (*visit.other_shapes, shape)

        return leave

    def made(self, values: Any) -> int:
        """The bits of all calls that some tensors come from."""
        bits = 0
        for one in tree_leaves(values):
            if isinstance(one, Tensor):
                bits |= self.made_by.get(one, 0)  # type: ignore[no-untyped-call]
        return bits

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        schema = func._schema.arguments
        arguments = {one.name: one.default_value for one in schema if one.has_default_value()}
        arguments |= dict(zip((one.name for one in schema), args, strict=False)) | (kwargs or {})
        outputs = [one for one in tree_leaves(output) if isinstance(one, Tensor)]
        if not outputs:
            return output
        bits = self.made((args, kwargs))
        for one in outputs:
            self.made_by[one] = bits
        if cost := multiply_adds(func.overloadpacket.__name__, arguments, outputs[0]):
            self.found.visits.setdefault(self.inside[-1], Visit()).multiply_adds += cost // BATCH
        for one, reach in zip(outputs, receptive_field.follow(func, arguments, outputs, self.fields.get), strict=True):
            if reach is not None:
                self.fields[one] = reach
        return output


def multiply_adds(operation: str, arguments: dict[str, Any], output: Tensor) -> int:
    """Multiplications that are each followed by an addition: convolutions and matrix products, biases not counted."""
    if operation == "convolution":
        weight: Tensor = arguments["weight"]
        numbers: Tensor = arguments["input"] if arguments["transposed"] else output
        return numbers.numel() * math.prod(weight.shape[1:])
    if operation in LEFT:
        left: Tensor = arguments[LEFT[operation]]
        return output.numel() * left.shape[-1]
    if operation.startswith("_scaled_dot_product"):
        query, key, value = (arguments[name] for name in ("query", "key", "value"))
        pairs: int = query[..., 0].numel() * key.shape[-2]
        return pairs * int(query.shape[-1] + value.shape[-1])
    return 0


LEFT = {"mm": "self", "bmm": "self", "addmm": "mat1", "baddbmm": "batch1"}
