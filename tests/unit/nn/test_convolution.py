import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from profond.core.errors import ConfigError
from profond.nn.convolution import ConvNorm, SamePadding, batch_norm, halves


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 7])
def test_same_padding_gives_the_side_over_the_stride_rounded_up(kernel: int, dilation: int, stride: int) -> None:
    for side in range(1, 12):
        block = ConvNorm(1, 1, kernel, stride, padding="same", dilation=dilation, norm=False)
        rows = math.ceil(side / stride)
        assert block(torch.zeros(1, 1, side, side + 1)).shape[2:] == (rows, math.ceil((side + 1) / stride))


def test_an_odd_amount_of_same_padding_is_greater_below_and_on_the_right() -> None:
    assert halves(224, 3, 2, 1) == (0, 1)
    assert halves(225, 3, 2, 1) == (1, 1)
    assert halves(224, 7, 2, 1) == (2, 3)
    assert halves(5, 1, 2, 1) == (0, 0)
    inputs = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(SamePadding(3, 2)(inputs), F.pad(inputs, (0, 1, 0, 1)))


def test_same_padding_knows_height_from_width() -> None:
    inputs = torch.ones(1, 1, 4, 9)
    assert torch.equal(SamePadding((3, 1), (2, 1))(inputs), F.pad(inputs, (0, 0, 0, 1)))


def test_a_maximum_over_same_padding_never_sees_it() -> None:
    inputs = -torch.ones(1, 1, 4, 4)
    pool = nn.Sequential(SamePadding(3, 2, value=-math.inf), nn.MaxPool2d(3, 2))
    assert torch.equal(pool(inputs), -torch.ones(1, 1, 2, 2))


def test_with_stride_1_both_conventions_are_one_and_need_no_step_of_their_own() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(2, 3, 7, 6)
    ours, theirs = ConvNorm(3, 4, 3, padding="torch"), ConvNorm(3, 4, 3, padding="same")
    theirs.load_state_dict(ours.state_dict())
    assert [name for name, _ in theirs.named_children()] == ["convolution", "norm", "activation"]
    assert torch.equal(ours(inputs), theirs(inputs))


def test_with_stride_2_the_conventions_differ_by_a_shift() -> None:
    impulse = torch.zeros(1, 1, 4, 4)
    impulse[..., 0, 0] = 1
    for padding, seen in (("torch", 1.0), ("same", 0.0), (1, 1.0), ((0, 1, 0, 1), 0.0)):
        block = ConvNorm(1, 1, 3, 2, padding=padding, norm=False)
        with torch.no_grad():
            block.convolution.weight.zero_()[..., 1, 1] = 1
        assert block(impulse)[0, 0, 0, 0] == seen


def test_it_is_convolution_then_batch_norm_then_activation() -> None:
    torch.manual_seed(0)
    block = ConvNorm(4, 6, 3, 2, groups=2, bias=True, epsilon=1e-3, momentum=0.01, activation=nn.ReLU6)
    inputs = torch.randn(3, 4, 9, 9)
    block(inputs)  # so that the statistics have moved
    assert block.norm.momentum == 0.01
    block.eval()
    convolved = F.conv2d(inputs, block.convolution.weight, block.convolution.bias, stride=2, padding=1, groups=2)
    mean, variance = (one[:, None, None] for one in (block.norm.running_mean, block.norm.running_var))
    scale, shift = (one[:, None, None] for one in (block.norm.weight, block.norm.bias))
    expected = ((convolved - mean) / (variance + 1e-3).sqrt() * scale + shift).clamp(0, 6)
    torch.testing.assert_close(block(inputs), expected)


def test_parts_that_are_switched_off_are_not_there() -> None:
    block = ConvNorm(3, 4, 1, norm=False, activation=None)
    assert [name for name, _ in block.named_children()] == ["convolution"]
    assert block.convolution.bias is None


def test_a_norm_without_scale_shifts_and_is_trained() -> None:
    norm = batch_norm(3, scale=False)
    assert [*norm.state_dict()] == ["bias", "running_mean", "running_var", "num_batches_tracked"]
    inputs = torch.randn(8, 3, 5, 5) * 4 + 2
    with torch.no_grad():
        norm.bias.fill_(0.5)
    outputs = norm(inputs)
    torch.testing.assert_close(outputs.mean((0, 2, 3)), torch.full((3,), 0.5), atol=1e-5, rtol=0)
    outputs.square().sum().backward()
    assert norm.bias.grad is not None
    assert norm.bias.grad.abs().sum() > 0


@pytest.mark.parametrize("norm_scale", [True, False])
def test_channels_last_and_bf16_are_taken(norm_scale: bool) -> None:
    torch.manual_seed(0)
    block = ConvNorm(3, 8, 3, 2, padding="same", norm_scale=norm_scale)
    inputs = torch.randn(4, 3, 10, 10)
    expected = block(inputs)
    block.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = block(inputs.to(memory_format=torch.channels_last))
    torch.testing.assert_close(outputs.float(), expected, atol=0.1, rtol=0.05)


def test_an_unknown_padding_is_refused() -> None:
    with pytest.raises(ConfigError, match="valid"):
        ConvNorm(3, 4, 3, padding="valid")  # type: ignore[arg-type]


def test_fresh_weights_keep_the_variance_through_a_relu() -> None:
    torch.manual_seed(0)
    maps = torch.randn(4, 64, 16, 16)
    for _ in range(10):
        maps = ConvNorm(64, 64, 3, norm=False)(maps)
    assert 0.2 < maps[..., 5:-5, 5:-5].square().mean() < 5


def test_it_can_be_built_without_memory() -> None:
    with torch.device("meta"):
        block = ConvNorm(1024, 4096, 7, norm_scale=False)
    assert all(one.is_meta for one in block.state_dict().values())
