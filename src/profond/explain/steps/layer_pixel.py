"""The arithmetic of one output number of one convolution inside a network, on a real sample, exact.

The convolution is caught where it is computed, so that padding, stride, dilation, groups and bias are those that were
used, in any module: a layer of PyTorch's, a layer of one's own, or a functional call.

Source: V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning, 2016, section 2.
"""

from __future__ import annotations

import csv
import functools
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from profond.core.errors import ConfigError
from profond.explain.draw.numbers import Array, write_number
from profond.explain.network.guard import device_and_dtype, undisturbed
from profond.explain.network.stages import find_module
from profond.explain.network.trace import trace
from profond.explain.steps.sums import Written, added, factors, signed

_WRITTEN_OUT, _LARGEST = 75, 12
DIGITS = 4  # of the value, at least; the layer's own output beside it has all that float32 holds
_AXES = {1: ("position",), 2: ("row", "column"), 3: ("frame", "row", "column")}


@dataclass(frozen=True)
class LayerPixel:
    """One output number of a convolution, taken apart.

    Args:
        layer: dotted name of the module that computed it.
        channel: which of the layer's output maps.
        position: where in that map: (row, column); of a signal (position), of a clip (frame, row, column).
        input_channels: numbers of the input maps that this output map sees: all, unless there are groups.
        patch: what lies under the kernel, float64 (c kh kw); zero where it is padding.
        kernel: the weights of this output map, float64 (c kh kw).
        input_positions: for each axis, where the kernel's columns lie in the layer's input; outside of it is padding.
        inside: False where the patch is padding (kh kw).
        bias: added at the end.
        output: what the layer itself put out, in its own arithmetic.
        plane: the whole output map that it stands in (h w).
        input_shape, output_shape: of the layer, without the batch axis.
        stride, padding, dilation, groups: of the convolution.
        field: for each axis, the first and the last position of the network's input that it can see; None if unknown.
        sides: of the network's input.
    """

    layer: str
    channel: int
    position: tuple[int, ...]
    input_channels: tuple[int, ...]
    patch: Array
    kernel: Array
    input_positions: tuple[tuple[int, ...], ...]
    inside: NDArray[np.bool_]
    bias: float
    output: float
    plane: Array
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    field: tuple[tuple[int, int], ...] | None
    sides: tuple[int, ...]

    @property
    def products(self) -> Array:
        """Patch times kernel, number by number: (c kh kw)."""
        return self.patch * self.kernel

    @property
    def sum(self) -> float:
        return float(self.products.sum())

    @property
    def value(self) -> float:
        """The sum of the products and the bias; equal to ``output`` but for rounding."""
        return self.sum + self.bias

    @property
    def axes(self) -> tuple[str, ...]:
        return _AXES[len(self.position)]

    def lines(self) -> list[str]:
        """Step by step, for a terminal: every product where there are few, or else the largest ones and the rest."""
        at = ", ".join(f"{name} {index}" for name, index in zip(self.axes, self.position, strict=True))
        lines = [
            f"{self.layer}: {self.words()}",
            f"map {self.channel}, {at}: the kernel lies on {self.where()} of the layer's input",
        ]
        if padded := int((~self.inside).sum()):
            lines.append(f"{padded} of its {self.inside.size} places are padding, which counts as 0")
        explained, terms, written = self._all() if self.products.size <= _WRITTEN_OUT else self._largest()
        lines += explained
        lines.append(f"  sum: {written.part(0, terms)}")
        lines.append(f"  bias: {written.terms[terms]}" if self.bias else "  bias: none")
        lines.append(f"  value: {written.total}   (the layer put out {exact(self.output)})")
        return lines

    def words(self) -> str:
        """The layer in a line."""
        maps, *kernel = self.kernel.shape
        text = f"{by(kernel)} convolution of {maps} {'map' if maps == 1 else 'maps'}, stride {by(self.stride)}"
        text += f", padding {by(self.padding)}" if any(self.padding) else ", no padding"
        text += f", dilation {by(self.dilation)}" if any(step > 1 for step in self.dilation) else ""
        text += f", {self.groups} groups" if self.groups > 1 else ""
        return f"{text}; {by(self.input_shape)} becomes {by(self.output_shape)}"

    def where(self) -> str:
        spans = []
        for name, indices, step in zip(self.axes, self.input_positions, self.dilation, strict=True):
            if len(indices) == 1:
                spans.append(f"{name} {indices[0]}".replace("-", "−"))
                continue
            every = "" if step == 1 else f" by {step}"
            spans.append(f"{name}s {indices[0]} to {indices[-1]}{every}".replace("-", "−"))
        return ", ".join(spans)

    def _all(self) -> tuple[list[str], int, Written]:
        """The lines, how many terms they have, and these with the bias and the value as they are written."""
        lines = []
        wide = self.kernel.shape[-1]
        patch, kernel = self.patch.reshape(-1, wide), self.kernel.reshape(-1, wide)
        written = added([*(patch * kernel).sum(axis=1), self.bias], self.value, DIGITS, part=len(patch))
        digits = factors(patch, kernel, written.terms[: len(patch)], written.unit)
        each = len(patch) // len(self.input_channels)
        for row, (values, weights) in enumerate(zip(patch, kernel, strict=True)):
            if len(self.input_channels) > 1 and row % each == 0:
                lines.append(f"  input map {self.input_channels[row // each]}:")
            terms = " + ".join(_product(a, b, digits) for a, b in zip(values, weights, strict=True))
            lines.append(f"    {terms} = {written.terms[row]}")
        return lines, len(patch), written

    def _largest(self) -> tuple[list[str], int, Written]:
        """Likewise."""
        products = self.products
        lines = [f"  {products.size:,} products ({by(products.shape)}); the {_LARGEST} largest in size:"]
        order = np.argsort(-np.abs(products), axis=None, kind="stable")[:_LARGEST]
        rest = products.copy()
        rest.ravel()[order] = 0.0
        shown = [products.ravel()[order], self.patch.ravel()[order], self.kernel.ravel()[order]]
        terms = [*shown[0], float(rest.sum())]
        written = added([*terms, self.bias], self.value, DIGITS, part=len(terms))
        digits = factors(shown[1], shown[2], written.terms[: len(order)], written.unit)
        for flat, product in zip(order, written.terms, strict=False):
            index = tuple(int(one) for one in np.unravel_index(flat, products.shape))
            at = ", ".join(
                f"{name} {indices[one]}".replace("-", "−")
                for name, indices, one in zip(self.axes, self.input_positions, index[1:], strict=True)
            )
            term = f"{_product(self.patch[index], self.kernel[index], digits)} = {product}"
            lines.append(f"    input map {self.input_channels[index[0]]}, {at}:  {term}")
        lines.append(f"    the other {products.size - len(order):,} add up to {written.terms[len(order)]}")
        return lines, len(terms), written

    def table(self) -> str:
        """Every product as CSV: input map, position, whether it is inside the input, value, weight, product."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["input_map", *self.axes, "inside", "value", "weight", "product"])
        products = self.products
        for index in itertools.product(*map(range, products.shape)):
            at = [indices[one] for indices, one in zip(self.input_positions, index[1:], strict=True)]
            inside = int(self.inside[index[1:]])
            numbers = [repr(float(one[index])) for one in (self.patch, self.kernel, products)]
            writer.writerow([self.input_channels[index[0]], *at, inside, *numbers])
        return text.getvalue()

    def to_json(self) -> dict[str, Any]:
        """Everything but the single products, which are in ``table``."""
        return {
            "layer": self.layer,
            "channel": self.channel,
            "position": list(self.position),
            "input_shape": list(self.input_shape),
            "output_shape": list(self.output_shape),
            "kernel": list(self.kernel.shape[1:]),
            "stride": list(self.stride),
            "padding": list(self.padding),
            "dilation": list(self.dilation),
            "groups": self.groups,
            "products": int(self.products.size),
            "sum": self.sum,
            "bias": self.bias,
            "value": self.value,
            "layer_output": self.output,
            "field": None if self.field is None else [list(span) for span in self.field],
        }


def layer_pixel(
    model: nn.Module, sample: Float[Tensor, "c ..."], layer: str, channel: int, position: Sequence[int]
) -> LayerPixel:
    """Take one output number of a convolution apart.

    Args:
        model: any module; it is left as it was.
        sample: as the model takes it, without the batch axis.
        layer: dotted name of a convolution, or of a module in which there is one.
        channel: which output map, from 0.
        position: (row, column) in it; as many numbers as the layer has axes.

    Raises: UnknownName for the layer; ConfigError when it has no convolution, or several, or no such output number.
    """
    find_module(model, layer)
    device, dtype = device_and_dtype(model)
    with undisturbed(model), torch.no_grad(), _Catch(model, layer) as caught:
        model(sample[None].to(device, dtype, copy=True))
    name, arguments, output = caught.only(model, layer)
    weight, bias = arguments["weight"].detach(), arguments["bias"]
    maps, positions = output.shape[1], tuple(output.shape[2:])
    at = tuple(int(one) for one in position)
    if len(at) != len(positions):
        axes = ", ".join(_AXES[len(positions)])
        raise ConfigError(f"{name} has {len(positions)} axes, but {len(at)} were given", f"give channel, {axes}")
    for index, size, axis in zip((channel, *at), (maps, *positions), ("map", *_AXES[len(at)]), strict=True):
        if not 0 <= index < size:
            raise ConfigError(
                f"{name} has no {axis} {index}: it puts out {by(output.shape[1:])}", f"from 0 to {size - 1}"
            )
    stride, padding, dilation = (tuple(arguments[key]) for key in ("stride", "padding", "dilation"))
    groups, inputs = int(arguments["groups"]), arguments["input"][0]
    group_channels = weight.shape[1]
    first = channel // (maps // groups) * group_channels
    input_positions = tuple(
        tuple(index * step - border + gap * tap for tap in range(width))
        for index, step, border, gap, width in zip(at, stride, padding, dilation, weight.shape[2:], strict=True)
    )
    group = inputs[first : first + group_channels].double().cpu().numpy()
    valid = [
        (np.array(indices) >= 0) & (np.array(indices) < side)
        for indices, side in zip(input_positions, group.shape[1:], strict=True)
    ]
    inside = np.asarray(functools.reduce(np.logical_and.outer, valid))
    near = [np.clip(indices, 0, side - 1) for indices, side in zip(input_positions, group.shape[1:], strict=True)]
    patch = np.where(inside, group[np.ix_(np.arange(group_channels), *near)], 0.0)
    kernel = weight[channel].double().cpu().numpy()
    plane = output[0, channel].double().cpu().numpy()
    return LayerPixel(
        layer=name,
        channel=channel,
        position=at,
        input_channels=tuple(range(first, first + group_channels)),
        patch=patch,
        kernel=kernel,
        input_positions=input_positions,
        inside=inside,
        bias=0.0 if bias is None else float(bias[channel]),
        output=float(plane[at]),
        plane=plane,
        input_shape=tuple(inputs.shape),
        output_shape=tuple(output.shape[1:]),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        field=_field(model, sample, name, at),
        sides=tuple(sample.shape[1:]),
    )


class _Catch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps every convolution that a module, or one inside it, computes."""

    def __init__(self, model: nn.Module, layer: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[tuple[str, dict[str, Any], Tensor]] = []
        self.inside = [""]
        self.layer = layer
        self.handles: list[Any] = []
        for name, module in model.named_modules():
            self.handles.append(module.register_forward_pre_hook(self._enter(name)))
            self.handles.append(module.register_forward_hook(self._leave))

    def _enter(self, name: str) -> Any:
        return lambda module, inputs: self.inside.append(name)

    def _leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.inside.pop()

    def __exit__(self, *error: Any) -> None:
        for handle in self.handles:
            handle.remove()
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        here = self.inside[-1]
        if func.overloadpacket.__name__ == "convolution" and f"{here}.".startswith(f"{self.layer}."):
            names = (one.name for one in func._schema.arguments)
            arguments = dict(zip(names, args, strict=False)) | (kwargs or {})
            kept = {key: one.detach().clone() if isinstance(one, Tensor) else one for key, one in arguments.items()}
            self.found.append((here, kept, output.detach().clone()))
        return output

    def only(self, model: nn.Module, layer: str) -> tuple[str, dict[str, Any], Tensor]:
        """The one that there is. Raises: ConfigError."""
        names = list(dict.fromkeys(name for name, _, _ in self.found))
        if not names:
            raise ConfigError(f"{layer} computes no convolution", f"{_examples(model)}; `profond params` lists all")
        if len(names) > 1:
            more = " …" if len(names) > 4 else ""
            raise ConfigError(f"{layer} computes {len(names)} convolutions", f"name one: {', '.join(names[:4])}{more}")
        if self.found[0][1]["transposed"]:
            raise ConfigError(f"{layer} is a transposed convolution", "name a convolution that is not")
        return self.found[0]


def _examples(model: nn.Module) -> str:
    convolutions = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    names = [name for name, module in model.named_modules() if isinstance(module, convolutions)]
    return (
        f"convolutions are {', '.join(names[:4])}{' …' if len(names) > 4 else ''}" if names else "this model has none"
    )


def _field(
    model: nn.Module, sample: Tensor, layer: str, position: tuple[int, ...]
) -> tuple[tuple[int, int], ...] | None:
    """The part of the network's input that the number can see."""
    visit = trace(model, tuple(sample.shape)).visits.get(layer)
    if visit is None or not visit.field or len(visit.field) != len(position):
        return None
    spans = []
    for axis, index in zip(visit.field, position, strict=True):
        start = axis.start + index * axis.step
        spans.append((max(0, round(start)), min(axis.length - 1, round(start + axis.size) - 1)))
    return tuple(spans)


def exact(value: float) -> str:
    """Seven digits: as many as float32 holds."""
    return f"{value:.7g}".replace("-", "−")


def _product(value: float, weight: float, digits: int) -> str:
    return f"{signed(write_number(value, digits))}×{signed(write_number(weight, digits))}"


def by(sides: Sequence[int]) -> str:
    """``3×3``; of a signal, ``9``."""
    return "×".join(map(str, sides))
