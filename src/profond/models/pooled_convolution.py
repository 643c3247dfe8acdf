"""Convolution, 2×2 max pooling and ReLU as one matrix product, for training small networks on a CPU.

A convolution with few maps keeps a processor's vector units idle, and pooling it afterwards costs as much again. Cut
the maps into blocks of pixels, and both become what a processor is good at: the pixels that a block of outputs needs
form one row of a matrix; the four numbers that pooling takes the greatest of stand side by side in its product.

The function and its parameters are exactly those of ``relu(max_pool2d(conv2d(maps, weight, bias), 2))``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


def to_blocks(maps: Float[Tensor, "n c h w"], side: int) -> Float[Tensor, "n rows columns d"]:
    """Each block of ``side`` × ``side`` pixels as one row of numbers: row in the block, column in the block, map.

    What does not fill a block, on the right and below, is left out.
    """
    n, c, h, w = maps.shape
    rows, columns = h // side, w // side
    whole = maps[:, :, : rows * side, : columns * side]
    blocks = whole.reshape(n, c, rows, side, columns, side).permute(0, 2, 4, 3, 5, 1)
    return blocks.reshape(n, rows, columns, side * side * c)


def from_blocks(blocks: Float[Tensor, "n rows columns d"], side: int) -> Float[Tensor, "n c h w"]:
    """The reverse of ``to_blocks``."""
    n, rows, columns, d = blocks.shape
    maps = blocks.view(n, rows, columns, side, side, d // side**2).permute(0, 5, 1, 3, 2, 4)
    return maps.reshape(n, d // side**2, rows * side, columns * side)


def pooled_convolution(
    blocks: Float[Tensor, "n rows columns d"],
    weight: Float[Tensor, "o c k k"],
    bias: Float[Tensor, " o"],
    side: int,
) -> Float[Tensor, "n rows2 columns2 d2"]:
    """``relu(max_pool2d(conv2d(maps, weight, bias), 2))``, from and to blocks.

    Args:
        blocks: of ``2 * side`` pixels; the numbers of a block as ``to_blocks`` orders them.
        side: of the blocks that come out; the last rows and columns, where they do not fill a block, are left out.

    Under autocast on a CPU the product is computed in autocast's number type, as a convolution would be.
    """
    outputs, channels, kernel, _ = weight.shape
    reach, placements = _placements(kernel, side)
    spread = weight.reshape(outputs * channels, -1) @ placements.to(weight).view(kernel**2, -1)
    spread = spread.view(outputs, channels, 4 * side**2, -1).permute(2, 0, 3, 1)
    matrix = spread.reshape(4 * side**2 * outputs, -1)
    product: Tensor = _PooledProduct.apply(blocks, matrix, bias.repeat(4 * side**2), reach)  # type: ignore[no-untyped-call]
    return product


@cache
def _placements(kernel: int, side: int) -> tuple[int, Tensor]:
    """Where each weight of a kernel meets each pixel.

    Returns: the blocks that a kernel reaches over in each direction, and ones and zeros of shape
        (kernel², outputs in two by two blocks, pixels in reach), outputs as (place in the pooling window, place in the
        block), pixels as (block, place in the block).
    """
    step = 2 * side
    reach = -(-(step + kernel - 1) // step)
    line = torch.zeros(kernel, step, reach * step)
    for weight in range(kernel):
        for output in range(step):
            line[weight, output, output + weight] = 1
    line = line.view(kernel, side, 2, reach, step)  # i, block, window, reached block, pixel
    plane = torch.einsum("itpqs,judrv->ijpdtuqrsv", line, line)
    return reach, plane.reshape(kernel**2, 4 * side**2, (reach * step) ** 2)


class _PooledProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, blocks: Tensor, matrix: Tensor, bias: Tensor, reach: int) -> Tensor:
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else blocks.dtype
        n, height, width, depth = blocks.shape
        rows, columns = height - reach + 1, width - reach + 1
        own = blocks.to(dtype).contiguous()
        strides = (height * width * depth, width * depth, depth, width * depth, 1)
        patches = own.as_strided((n, rows, columns, reach, reach * depth), strides)
        patches = patches.reshape(n * rows * columns, reach * reach * depth)
        factor = matrix.to(dtype)
        outputs = len(matrix) // 4
        with torch.autocast("cpu", enabled=False):
            maps = torch.addmm(bias.to(dtype), patches, factor.t())
        windows = maps.view(-1, 2, 2, outputs).permute(0, 3, 1, 2)
        pooled, winner = F.max_pool2d(windows, 2, return_indices=True)
        pooled = pooled.relu_().view(-1, outputs)
        ctx.save_for_backward(patches, factor, pooled, winner)
        ctx.geometry = (n, rows, columns, reach, depth)
        ctx.dtypes = (blocks.dtype, matrix.dtype, bias.dtype)
        return pooled.view(n, rows, columns, outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        patches, factor, pooled, winner = ctx.saved_tensors
        n, rows, columns, reach, depth = ctx.geometry
        of_blocks, of_matrix, of_bias = ctx.dtypes
        outputs = pooled.shape[1]
        passed = torch.ops.aten.threshold_backward(gradient.reshape(pooled.shape), pooled, 0).view(-1, 1, outputs)
        unpooled = passed.new_zeros(len(pooled), 4, outputs).scatter_(1, winner.view(-1, 1, outputs), passed)
        unpooled = unpooled.view(len(pooled), 4 * outputs)
        to_input = None
        if ctx.needs_input_grad[0]:
            kernel = factor.view(4 * outputs, reach, reach, depth).permute(0, 3, 1, 2)
            maps = unpooled.view(n, rows, columns, 4 * outputs).permute(0, 3, 1, 2)
            to_input = F.conv_transpose2d(maps, kernel).permute(0, 2, 3, 1).to(of_blocks)
        return to_input, (unpooled.t() @ patches).to(of_matrix), unpooled.sum(0).to(of_bias), None
