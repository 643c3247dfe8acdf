"""A model layer by layer: shapes, parameters with the formula behind them, multiply-adds, receptive field."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from profond.explain.network.trace import Visit, trace

Counting = Literal["torch", "keras"]
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@dataclass(frozen=True)
class Layer:
    """One row.

    Args:
        name: dotted path in the model.
        kind: its class.
        output_shape: without the batch axis, of the first call and the first tensor of it; None when the forward pass
            did not call it, or it gave no tensor.
        parameters: its own, each counted once in the whole model.
        trainable: those that a gradient reaches.
        formula: gives ``parameters``; empty when there are none.
        multiply_adds: for one sample.
        receptive_field: input positions that one number sees along each axis, borders left aside; None when unknown.
        step: input positions between neighbours' views, 0 when all see the same.
        sees_all: whether that is the whole input.
        calls: how often one forward pass calls it.
        other_shapes: what later calls put out, where that differs.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...] | None
    parameters: int
    trainable: int
    formula: str
    multiply_adds: int
    receptive_field: tuple[int, ...] | None
    step: tuple[float, ...] | None
    sees_all: bool
    calls: int
    other_shapes: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Summary:
    """All rows, in the order in which they gave their first output, and the sums over them.

    Args:
        counting: ``"torch"`` counts parameters; ``"keras"`` adds BatchNorm's running mean and variance, as Keras does.
        activations: numbers that the layers put out for one sample.
        buffers: stored numbers that no gradient reaches and that are not counted as parameters.
        weight_bytes: parameters and buffers as they are stored.
        shapes: what every module put out first, those that are no rows too, by its name.
        parallel: names of the modules of which one part does not use what the part before it gave.
    """

    model: str
    input_shape: tuple[int, ...]
    counting: Counting
    layers: tuple[Layer, ...]
    activations: int
    buffers: int
    weight_bytes: int
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False)
    parallel: frozenset[str] = field(default_factory=frozenset, repr=False)

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable(self) -> int:
        return sum(layer.trainable for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """For one sample in float32."""
        return 4 * self.activations

    def to_json(self) -> dict[str, Any]:
        names = "parameters trainable buffers multiply_adds activations activation_bytes weight_bytes"
        return {
            "model": self.model,
            "input_shape": list(self.input_shape),
            "counting": self.counting,
            "layers": [asdict(layer) for layer in self.layers],
            "total": {name: getattr(self, name) for name in names.split()},
        }


def summarise(
    model: nn.Module,
    input_shape: Sequence[int],
    *,
    counting: Counting = "torch",
    axes: str | None = None,
    name: str | None = None,
) -> Summary:
    """Account for any module, its parameters and one forward pass; nothing is computed where shapes suffice.

    Args:
        model: it is left as it was; it may be on the meta device.
        input_shape: one sample, without the batch axis.
        counting: see Summary.
        axes: a letter for each axis of the sample, as in a Spec; by default channels first.
        name: how to call the model.

    Raises: ConfigError when the model does not take such an input.
    """
    traced = trace(model, input_shape, axes=axes)
    visits = traced.visits
    modules = dict(model.named_modules())
    first_names: dict[int, str] = {}
    rows = {path: row(path, modules[path], visits.get(path), counting, first_names) for path in modules}
    order = [*visits, *(path for path in modules if path not in visits)]
    layers = tuple(rows[path] for path in order if is_row(modules[path], visits.get(path)))
    shapes = [layer.output_shape for layer in layers if layer.output_shape is not None]
    stored = {id(one): one for one in model.state_dict(keep_vars=True).values()}
    counted = sum(layer.parameters for layer in layers)
    return Summary(
        name or type(model).__name__,
        tuple(input_shape),
        counting,
        layers,
        activations=sum(math.prod(shape) for shape in shapes),
        buffers=sum(one.numel() for one in stored.values() if one.is_floating_point()) - counted,
        weight_bytes=sum(one.numel() * one.element_size() for one in stored.values()),
        shapes={path: visit.output_shape for path, visit in visits.items() if visit.output_shape is not None},
        parallel=frozenset(traced.parallel),
    )


def is_row(module: nn.Module, visit: Visit | None) -> bool:
    """Leaves, whatever has parameters of its own, and whatever multiplies by itself."""
    own = any(True for _ in module.parameters(recurse=False))
    if isinstance(module, nn.Identity):
        return False
    if not any(True for _ in module.children()):
        return own or visit is not None
    return own or (visit is not None and visit.multiply_adds > 0)


def row(path: str, module: nn.Module, visit: Visit | None, counting: Counting, first_names: dict[int, str]) -> Layer:
    own, shared = {}, []
    for name, one in module.named_parameters(recurse=False):
        if id(one) in first_names:
            shared.append(f"{name} is {first_names[id(one)]}")
        else:
            first_names[id(one)] = f"{path}.{name}".lstrip(".")
            own[name] = one
    statistics = kept_statistics(module) if counting == "keras" else 0
    text = formula(module, {name: tuple(one.shape) for name, one in own.items()}, statistics)
    visit = visit or Visit()
    field = visit.field or None
    return Layer(
        name=path or "(model)",
        kind=type(module).__name__,
        output_shape=visit.output_shape,
        parameters=sum(one.numel() for one in own.values()) + statistics,
        trainable=sum(one.numel() for one in own.values() if one.requires_grad),
        formula="; ".join([*([text] if text else []), *shared]),
        multiply_adds=visit.multiply_adds,
        receptive_field=None if field is None else tuple(round(axis.size) for axis in field),
        step=None if field is None else tuple(round(axis.step, 4) if axis.positions > 1 else 0 for axis in field),
        sees_all=field is not None and all(axis.sees_all for axis in field),
        calls=visit.calls,
        other_shapes=visit.other_shapes,
    )


def kept_statistics(module: nn.Module) -> int:
    """BatchNorm's running means and variances."""
    return 2 * module.num_features if isinstance(module, _BatchNorm) and module.running_mean is not None else 0


def count(model: nn.Module, counting: Counting = "torch") -> int:
    """A model's parameters without a forward pass: the sum that ``summarise`` comes to."""
    parameters = sum(one.numel() for one in model.parameters())
    return parameters + (sum(map(kept_statistics, model.modules())) if counting == "keras" else 0)


def formula(module: nn.Module, shapes: dict[str, tuple[int, ...]], statistics: int = 0) -> str:
    """What the parameter count is made of, in the order that the layer is described in: ``5·5·1·6 + 6``."""
    if isinstance(module, nn.RNNBase) and not module.proj_size and len(shapes) == len(module._flat_weights):
        return recurrent(module)
    if isinstance(module, _ConvNd) and "weight" in shapes:
        one, other, *kernel = shapes["weight"]
        maps = (one, other) if module.transposed else (other, one)
        return added([(*kernel, *maps), *(shape for name, shape in shapes.items() if name != "weight")])
    if isinstance(module, nn.Linear) and "weight" in shapes:
        rest = [shape for name, shape in shapes.items() if name != "weight"]
        return added([shapes["weight"][::-1], *rest])
    return added([*shapes.values(), *[(statistics // 2,)] * (2 if statistics else 0)])


def recurrent(module: nn.RNNBase) -> str:
    gates = GATES[module.mode.split("_")[0]]
    terms = []
    for layer in range(module.num_layers):
        directions = 2 if module.bidirectional else 1
        width = module.input_size if layer == 0 else module.hidden_size * directions
        hidden = f"{module.hidden_size:,}"
        inner = f"{width:,}·{hidden} + {hidden}·{hidden}" + (f" + 2·{hidden}" if module.bias else "")
        terms += [f"{gates}·({inner})" if gates > 1 else f"({inner})"] * directions
    return joined(terms)


def added(shapes: Iterable[Sequence[int]]) -> str:
    return joined(["·".join(f"{length:,}" for length in shape) or "1" for shape in shapes])


def joined(terms: Sequence[str]) -> str:
    """Terms with a plus between them; equal ones are counted."""
    counts = {term: terms.count(term) for term in terms}
    return " + ".join(term if count == 1 else f"{count}·{term}" for term, count in counts.items())
