"""What part of the input each number depends on, followed operation by operation.

For each axis of the input (height, width, …) a tensor carries where its first number looks, how many input positions
it sees, and how far the next one's view is shifted. The rules are those of convolution arithmetic, borders left aside;
after an operation without a rule the field is unknown, never guessed. Normalisation counts as fixed, as it is in use.

Source: A. Araujo, W. Norris, J. Sim, Computing receptive fields of convolutional neural networks, Distill, 2019;
V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning, 2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Axis:
    """One axis of the input, as one tensor sees it.

    Args:
        size: input positions from the first to the last that one number sees.
        step: input positions between the views of neighbours; a fraction after upsampling, 0 when all see the same.
        start: input position where the first number's view starts; negative in the padding.
        dim: the tensor's dimension that runs along this axis, or None when none does.
        positions: how many there are along it.
        length: of the input along this axis.
        stride: numbers in ``dim`` between two of them: more than 1 when other axes were flattened into it as well.
    """

    size: float
    step: float
    start: float
    dim: int | None
    positions: int
    length: int
    stride: int = 1

    def whole(self) -> Axis:
        """After every position was brought together."""
        return Axis(self.size + (self.positions - 1) * self.step, 0, self.start, None, 1, self.length)

    def at(self, position: int) -> Axis:
        """After one position was picked."""
        return Axis(self.size, 0, self.start + position * self.step, None, 1, self.length)

    @property
    def sees_all(self) -> bool:
        """Whether each position sees the input from end to end."""
        return self.start + (self.positions - 1) * self.step <= 0 and self.start + self.size >= self.length


Field = tuple[Axis, ...]
UNKNOWN: Field = ()


def start(shape: Sequence[int], dims: Sequence[int]) -> Field:
    """The field of the input itself: each number sees its own position."""
    return tuple(Axis(1, 1, 0, dim, shape[dim], shape[dim]) for dim in dims)


@dataclass(frozen=True)
class Call:
    """One operation: its arguments by name, one of its outputs, and that output's number."""

    arguments: dict[str, Any]
    output: Tensor
    index: int
    fields: list[tuple[Tensor, Field]]

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    @property
    def inputs(self) -> Tensor:
        return self.fields[0][0]

    @property
    def field(self) -> Field:
        return self.fields[0][1]

    def dims(self, name: str = "dim") -> list[int]:
        """Dimensions of the input that an argument names; all of them when it names none."""
        given = self.arguments.get(name)
        given = [given] if isinstance(given, int) else given
        return [dim % self.inputs.ndim for dim in given or range(self.inputs.ndim)]


def follow(operation: Any, arguments: dict[str, Any], outputs: Sequence[Tensor], get: Any) -> list[Field | None]:
    """The fields of an operation's outputs; None where they do not depend on the input, as weights.

    Args:
        operation: such as ``torch.ops.aten.convolution.default``.
        arguments: by name.
        get: from a tensor to its field, or None.
    """
    tensors = [one for one in torch.utils._pytree.tree_leaves(arguments) if isinstance(one, Tensor)]
    fields = [(tensor, field) for tensor in tensors if (field := get(tensor)) is not None]
    if not fields:
        return [None] * len(outputs)
    name = operation.overloadpacket.__name__.rstrip("_")
    rule = RULES.get(name, pointwise if name in NORMALISED or torch.Tag.pointwise in operation.tags else None)
    if rule is None or any(field == UNKNOWN for _, field in fields):
        return [UNKNOWN] * len(outputs)
    return [rule(Call(arguments, output, index, fields)) for index, output in enumerate(outputs)]


def combined(fields: Sequence[Field]) -> Field:
    """Of a number made from several: from the first position that one sees to the last that another sees."""
    result = []
    for axes in zip(*fields, strict=True):
        carried = [axis for axis in axes if axis.dim is not None]
        if len({(axis.dim, axis.positions, axis.stride) for axis in carried}) > 1:
            return UNKNOWN
        steps = {axis.step for axis in carried}
        if len(steps) > 1 or (carried and len(carried) < len(axes)):  # hull: a view for all that holds each view
            axes = tuple(replace(axis, size=axis.size + (axis.positions - 1) * axis.step, step=0) for axis in axes)
        first = min(axis.start for axis in axes)
        last = max(axis.start + axis.size for axis in axes)
        shape = carried[0] if carried else axes[0]
        result.append(replace(shape, size=last - first, step=axes[0].step, start=first))
    return tuple(result)


def pointwise(call: Call) -> Field:
    """Broadcasting lines tensors up at their last dimension."""
    fields = []
    for tensor, field in call.fields:
        by = call.output.ndim - tensor.ndim
        # one position is the same for all, however often it is repeated
        fields.append(tuple(a.whole() if a.positions == 1 else replace(a, dim=(a.dim or 0) + by) for a in field))
    return combined(fields)


def slide(
    call: Call, kernel: Any, stride: Any, padding: Any, dilation: Any = 1, count: int = 0, up: bool = False
) -> Field:
    """Windows slid along the last dimensions (``up``: each number spread over a window, as transposed convolution)."""
    count = count or len(kernel)
    first = call.output.ndim - count
    kernel, stride, padding, dilation = (
        spread(value, count) for value in (kernel, stride or kernel, padding, dilation)
    )
    field = call.field
    for dim in range(first, call.output.ndim):
        along = [axis for axis in field if axis.dim == dim]
        if len(along) > 1:  # flattened axes are a signal of their own, if nothing has been looked at before
            if len(along) < len(field) or any(axis.size > 1 for axis in field):
                return UNKNOWN
            length = math.prod(axis.positions for axis in along)
            field = (Axis(1, 1, 0, dim, length, length),)
    result = []
    for axis in field:
        if axis.dim is None or axis.dim < first:
            result.append(axis)
            continue
        index = axis.dim - first
        step = axis.step / axis.stride  # one axis spread over more numbers: it was upsampled
        reach = (kernel[index] - 1) * dilation[index]
        if up:
            size = axis.size + reach // stride[index] * step
            begin = axis.start + math.ceil((padding[index] - reach) / stride[index]) * step
            step = step / stride[index]
        else:
            size = axis.size + reach * step
            begin = axis.start - padding[index] * step
            step = step * stride[index]
        result.append(Axis(size, step, begin, axis.dim, call.output.shape[axis.dim], axis.length))
    return tuple(result)


def spread(value: Any, count: int) -> list[int]:
    """PyTorch's one number for all dimensions."""
    values = [value] if isinstance(value, int) else list(value)
    return values * count if len(values) == 1 else values


def convolution(call: Call) -> Field:
    kernel = list(call["weight"].shape[2:])
    return slide(call, kernel, call["stride"], call["padding"], call["dilation"], len(kernel), call["transposed"])


def pooling(call: Call) -> Field:
    dilation = call.arguments.get("dilation", 1)
    count = call.inputs.ndim - 2 if len(call["kernel_size"]) == 1 else len(call["kernel_size"])
    return slide(call, call["kernel_size"], call["stride"], call["padding"], dilation, count)


def adaptive(call: Call) -> Field:
    result = []
    for axis in call.field:
        after = None if axis.dim is None else call.output.shape[axis.dim]
        if axis.dim is None or after == axis.positions:
            result.append(axis)
        elif after == 1 or after is None:
            result.append(axis.whole())
        else:
            before = axis.positions
            window = max(math.ceil((i + 1) * before / after) - i * before // after for i in range(after))
            size = axis.size + (window - 1) * axis.step
            result.append(replace(axis, size=size, step=axis.step * before / after, positions=after))
    return tuple(result)


def reduction(call: Call) -> Field:
    gone = call.dims()
    kept = call.output.ndim == call.inputs.ndim
    result = []
    for axis in call.field:
        if axis.dim is None or axis.dim in gone:
            result.append(axis.whole())
        else:
            result.append(replace(axis, dim=axis.dim if kept else axis.dim - sum(dim < axis.dim for dim in gone)))
    return tuple(result)


def mixed(call: Call) -> Field:
    """Along one dimension every number sees every other, as in softmax."""
    dims = call.dims()
    return tuple(replace(axis, size=axis.whole().size, step=0) if axis.dim in dims else axis for axis in call.field)


def view(call: Call) -> Field:
    """Reshaping keeps the order of the numbers, so an axis is where its stride in that order is."""
    result = []
    for axis in call.field:
        if axis.dim is None or axis.positions == 1:
            result.append(axis.whole())
            continue
        apart = axis.stride * math.prod(call.inputs.shape[axis.dim + 1 :])
        for dim, length in enumerate(call.output.shape):
            below = math.prod(call.output.shape[dim + 1 :])
            if below <= apart and apart * axis.positions <= below * length:
                result.append(replace(axis, dim=dim, stride=apart // below))
                break
        else:
            return UNKNOWN
    return tuple(result)


def moved(call: Call, order: list[int]) -> Field:
    return tuple(axis if axis.dim is None else replace(axis, dim=order.index(axis.dim)) for axis in call.field)


def permute(call: Call) -> Field:
    return moved(call, call.dims("dims"))


def transpose(call: Call) -> Field:
    order = list(range(call.output.ndim))
    one, other = (call["dim0"], call["dim1"]) if "dim0" in call.arguments else (0, -1)
    order[one], order[other] = order[other], order[one]
    return moved(call, order)


def concatenate(call: Call) -> Field:
    dim = call["dim"] % call.output.ndim
    if any(axis.dim == dim for _, field in call.fields for axis in field):
        return UNKNOWN
    return combined([field for _, field in call.fields])


def stack(call: Call) -> Field:
    dim = call["dim"] % call.output.ndim
    fields = [
        tuple(axis if axis.dim is None or axis.dim < dim else replace(axis, dim=axis.dim + 1) for axis in field)
        for _, field in call.fields
    ]
    return combined(fields)


def padded(call: Call) -> Field:
    before = call["pad"] if "pad" in call.arguments else call["padding"]
    result = []
    for axis in call.field:
        left = 0 if axis.dim is None else (list(before)[2 * (call.output.ndim - 1 - axis.dim) :] or [0])[0]
        if left and axis.stride > 1:
            return UNKNOWN
        positions = axis.positions if axis.dim is None else call.output.shape[axis.dim] // axis.stride
        result.append(replace(axis, start=axis.start - left * axis.step, positions=positions))
    return tuple(result)


def sliced(call: Call) -> Field:
    return cut(call, call["dim"] % call.output.ndim, call["start"] or 0, call["step"])


def split(call: Call) -> Field:
    sizes = call["split_size"] if "split_size" in call.arguments else call["split_sizes"]
    begin = call.index * sizes if isinstance(sizes, int) else sum(sizes[: call.index])
    return cut(call, call["dim"] % call.output.ndim, begin, 1)


def cut(call: Call, dim: int, begin: int, by: int) -> Field:
    before, after = call.inputs.shape[dim], call.output.shape[dim]
    result = []
    for axis in call.field:
        if axis.dim == dim and before != after:
            if axis.positions != before:
                return UNKNOWN
            first = axis.start + begin % before * axis.step
            axis = replace(axis, start=first, step=axis.step * by, positions=after)
        result.append(axis)
    return tuple(result)


def selected(call: Call) -> Field:
    dim = call["dim"] % call.inputs.ndim
    position = call.arguments.get("index", call.index) % call.inputs.shape[dim]
    if any(axis.dim == dim and axis.stride * axis.positions < call.inputs.shape[dim] for axis in call.field):
        return UNKNOWN
    result = []
    for axis in call.field:
        if axis.dim == dim:
            result.append(axis.at(position // axis.stride % axis.positions))
        else:
            result.append(axis if axis.dim is None or axis.dim < dim else replace(axis, dim=axis.dim - 1))
    return tuple(result)


def upsampled(call: Call) -> Field:
    result = []
    for axis in call.field:
        if axis.dim is None:
            result.append(axis)
            continue
        length = call.output.shape[axis.dim]
        between = axis.step if call.arguments.get("align_corners") is not None else 0  # smooth: from two neighbours
        step = axis.step * axis.positions / length
        result.append(
            replace(axis, size=axis.size + between, step=step, start=axis.start - between / 2, positions=length)
        )
    return tuple(result)


def product(call: Call) -> Field:
    """A matrix product mixes the left one's columns and the right one's rows."""
    if len(call.fields) > 1:
        return combined([tuple(axis.whole() for axis in field) for _, field in call.fields])
    left = call.arguments.get("mat1", call.arguments.get("batch1", call.arguments.get("self")))
    gone = call.inputs.ndim - (1 if call.inputs is left else 2)
    return tuple(axis.whole() if axis.dim == gone else axis for axis in call.field)


def everything(call: Call) -> Field:
    return combined([tuple(axis.whole() for axis in field) for _, field in call.fields])


def same(call: Call) -> Field:
    return call.field


NORMALISED = {
    *("native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm", "batch_norm"),
    *("native_layer_norm", "native_group_norm", "clone", "copy", "_to_copy", "detach", "native_dropout", "alias"),
}
RULES: dict[str, Callable[[Call], Field]] = {
    "convolution": convolution,
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool2d", "avg_pool3d"), pooling),
    **dict.fromkeys(("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d"), adaptive),
    "adaptive_max_pool3d": adaptive,
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min", "argmax", "var", "std", "logsumexp"), reduction),
    **dict.fromkeys(("_softmax", "_safe_softmax", "_log_softmax", "cumsum"), mixed),
    **dict.fromkeys(("view", "_unsafe_view", "_reshape_alias", "unsqueeze", "squeeze"), view),
    "permute": permute,
    **dict.fromkeys(("transpose", "t"), transpose),
    "cat": concatenate,
    "stack": stack,
    **dict.fromkeys(("constant_pad_nd", "replication_pad1d", "replication_pad2d", "replication_pad3d"), padded),
    **dict.fromkeys(("reflection_pad1d", "reflection_pad2d", "reflection_pad3d"), padded),
    "slice": sliced,
    **dict.fromkeys(("split", "unsafe_split", "split_with_sizes"), split),
    **dict.fromkeys(("select", "unbind"), selected),
    **dict.fromkeys(("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"), upsampled),
    **dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"), upsampled),
    **dict.fromkeys(("mm", "bmm", "addmm", "baddbmm"), product),
    "pixel_shuffle": upsampled,
    "_scaled_dot_product_flash_attention_for_cpu": everything,
    "expand": pointwise,
    "embedding": same,
}
