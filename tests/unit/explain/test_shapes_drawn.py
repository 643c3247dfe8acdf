"""The shapes in the table and in the drawing are those that the modules put out, whatever the tree of modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from contract.models.feedforward import FEEDFORWARD
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from profond import models
from profond.cli.models import build
from profond.explain.network.architecture import collapsed
from profond.explain.network.summary import Summary, summarise
from profond.explain.network.summary_table import lines


def shuffled(maps: Tensor, groups: int = 2) -> Tensor:
    """Channels dealt over groups anew. Source: X. Zhang et al., ShuffleNet, CVPR 2018, figure 1."""
    n, c, h, w = maps.shape
    return maps.reshape(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def step(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class Unit(nn.Module):
    """Half of the channels go through; where the maps are halved, all of them, on two ways. (ShuffleNet V2)"""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.stride = stride
        within = inputs if stride == 2 else inputs // 2
        self.main = nn.Sequential(step(within, half, 1), step(half, half, 3, stride, half), step(half, half, 1))
        self.side = nn.Sequential(step(inputs, inputs, 3, 2, inputs), step(inputs, half, 1)) if stride == 2 else None

    def forward(self, maps: Tensor) -> Tensor:
        if self.side is not None:
            return shuffled(torch.cat([self.side(maps), self.main(maps)], 1))
        kept, changed = maps.chunk(2, 1)
        return shuffled(torch.cat([kept, self.main(changed)], 1))


class ShuffleNet(nn.Module):
    def __init__(self, units: Sequence[int] = (4, 8, 4)) -> None:
        super().__init__()
        self.stem = step(3, 24, 3, 2)
        width, stages = 24, []
        for number, count in enumerate(units):
            wider = 48 * 2**number
            stages.append(
                nn.Sequential(*[Unit(width if i == 0 else wider, wider, 2 if i == 0 else 1) for i in range(count)])
            )
            width = wider
        self.body = nn.Sequential(*stages)
        self.last = step(width, 256, 1)
        self.output = nn.Linear(256, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.last(self.body(self.stem(images))).mean((2, 3)))


class Reshaping(nn.Module):
    """One layer, whose output it reorders."""

    def __init__(self, inputs: int, outputs: int, change: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.change = change

    def forward(self, maps: Tensor) -> Any:
        return self.change(self.convolution(maps))


class Parts(nn.Module):
    """Parts that are only listed, and called one by one."""

    def __init__(self, parts: Sequence[nn.Module], *, named: bool = False) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({f"part{i}": one for i, one in enumerate(parts)}) if named else nn.ModuleList(parts)

    def forward(self, values: Any) -> Any:
        for part in self.parts.values() if isinstance(self.parts, nn.ModuleDict) else self.parts:
            values = part(values)
        return values


class Twice(nn.Module):
    """One module called on two sizes, as a head is that a pyramid's levels share."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = Reshaping(3, 8, F.relu)
        self.output = nn.Linear(8, 2)

    def forward(self, images: Tensor) -> Tensor:
        large, small = self.shared(images), self.shared(F.max_pool2d(images, 2))
        return self.output(large.mean((2, 3)) + small.mean((2, 3)))


class Shared(nn.Module):
    """One module under two names, one of them within another module."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 3, 1), nn.MaxPool2d(2))
        self.again = self.inner[0]

    def forward(self, images: Tensor) -> Tensor:
        return F.pixel_shuffle(torch.cat([self.again(self.inner(images))] * 4, 1), 2)


class Both(NamedTuple):
    maps: Tensor
    sums: Tensor


class Several(nn.Module):
    """Gives a tuple, or another structure of tensors."""

    def __init__(self, made: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.split = Reshaping(3, 8, lambda maps: made(maps[:, :2], maps.mean((2, 3))))
        self.output = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Any:
        given = tree_leaves(self.split(images))
        return self.output(given[1])


class OwnProduct(nn.Module):
    """Multiplies by itself before it calls its parts, and gives another shape than they do."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(8, 3))
        self.inner = nn.Linear(8, 6)

    def forward(self, images: Tensor) -> Tensor:
        values = images.flatten(2).transpose(1, 2) @ self.weight.T
        return self.inner(values).transpose(1, 2).reshape(len(images), 6, *images.shape[2:])


def joined(maps: Tensor) -> Tensor:
    return torch.cat([maps, maps], 1)


def many(count: int) -> list[nn.Module]:
    return [Reshaping(3 if i == 0 else 8, 4, joined) for i in range(count)]


TREES: dict[str, Callable[[], nn.Module]] = {
    "a shufflenet": ShuffleNet,
    "a deeper shufflenet": lambda: ShuffleNet((6, 20, 8)),
    "one layer reshaped": lambda: nn.Sequential(
        Reshaping(3, 8, lambda maps: F.pixel_shuffle(maps, 2)), Reshaping(2, 4, joined), nn.AvgPool2d(4)
    ),
    "reshaped within": lambda: Parts([nn.Sequential(nn.Sequential(Reshaping(3, 4, joined))), Reshaping(8, 4, joined)]),
    "many in a list": lambda: Parts(many(60)),
    "many in a dict": lambda: Parts(many(60), named=True),
    "lists in lists": lambda: Parts([Parts([Reshaping(3 if i == j == 0 else 8, 4, joined) for j in range(9)])
                                     for i in range(9)]),
    "called twice": Twice,
    "shared": Shared,
    "a tuple": lambda: Several(lambda maps, sums: (maps, sums)),
    "a named tuple": lambda: Several(Both),
    "a dictionary": lambda: Several(lambda maps, sums: {"maps": maps, "sums": sums}),
    "a product of its own": lambda: Parts([OwnProduct(), *[Reshaping(6, 3, joined) for _ in range(50)]]),
    "a layer alone": lambda: nn.Conv2d(3, 5, 3),
    "padding with weights": lambda: nn.Sequential(PaddedConv(), nn.ZeroPad2d(1), nn.Conv2d(4, 4, 3)),
}  # fmt: skip


class PaddedConv(nn.Conv2d):
    """Called padding, and more than that."""

    def __init__(self) -> None:
        super().__init__(3, 4, 3)


def put_out(model: nn.Module, inputs: Tensor) -> dict[str, list[tuple[int, ...]]]:
    """What forward hooks see: of each module's calls the first tensor's shape; modules in order of first output."""
    found: dict[str, list[tuple[int, ...]]] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, given: Any, output: Any) -> None:
            tensors = [one for one in tree_leaves(output) if isinstance(one, Tensor)]
            if tensors:
                found.setdefault(name, []).append(tuple(tensors[0].shape[1:]))

        return hook

    handles = [module.register_forward_hook(note(name)) for name, module in model.named_modules()]
    with torch.no_grad():
        model.eval()(inputs)
    for handle in handles:
        handle.remove()
    return found


def assert_true_shapes(summary: Summary, seen: dict[str, list[tuple[int, ...]]]) -> None:
    assert [layer.name for layer in summary.layers if layer.output_shape] == [
        name or "(model)" for name in seen if (name or "(model)") in {layer.name for layer in summary.layers}
    ]
    for layer in summary.layers:
        shapes = seen.get("" if layer.name == "(model)" else layer.name, [])
        assert layer.output_shape == (shapes[0] if shapes else None), layer
        assert set(layer.other_shapes) == {*shapes} - {layer.output_shape}, layer
    blocks = collapsed(summary)
    assert len({block.name for block in blocks}) == len(blocks)
    for block in blocks:
        own = [name for name in seen if name == ("" if block.name == "(model)" else block.name)]
        within = [name for name in seen if name.startswith(f"{block.name}.")]  # of a list: what its last part gives
        assert block.shape == seen[(own or within)[-1]][0], block
    uncalled = sum(layer.parameters for layer in summary.layers if layer.output_shape is None)
    assert sum(block.parameters for block in blocks) == summary.parameters - uncalled


@pytest.mark.parametrize("tree", TREES)
def test_a_made_tree_is_shown_with_the_shapes_that_hooks_see(tree: str) -> None:
    model, inputs = TREES[tree](), torch.randn(2, 3, 16, 16)
    seen = put_out(model, inputs)
    assert_true_shapes(summarise(model, (3, 16, 16)), seen)


LIGHTEST = FEEDFORWARD.lightest()


@pytest.mark.parametrize(
    "name",
    [
        name if name in LIGHTEST else pytest.param(name, marks=pytest.mark.slow)  # they differ in size alone
        for name in models.registry.names()
    ],
)
def test_a_registered_model_is_shown_with_the_shapes_that_hooks_see(name: str) -> None:
    _, model, shape, config, _ = build(name, {})
    if models.family_of(name) == "feedforward":
        with torch.device("meta"):
            seen = put_out(model, torch.zeros(2, *shape))
        assert_true_shapes(summarise(model, shape), seen)
        return
    real = models.whole(models.create(name, **config))  # its numbers decide what it computes, such as which frames are
    tokens = "vocabulary" in config
    seen = put_out(real, torch.full((2, *shape), 4) if tokens else torch.zeros(2, *shape))
    assert_true_shapes(summarise(model, shape, axes="t" if tokens else None), seen)


def test_a_unit_that_joins_and_shuffles_keeps_its_own_shape_and_its_layer_another_name() -> None:
    blocks = {block.name: block.shape for block in collapsed(summarise(ShuffleNet(), (3, 32, 32)))}
    assert blocks["body.0.0"] == (48, 8, 8)
    assert blocks["body.2.3.main"] == (96, 2, 2)
    assert "body.2.3" not in blocks
    reshaped = nn.Sequential(Reshaping(3, 8, lambda maps: F.pixel_shuffle(maps, 2)), Reshaping(2, 4, F.relu))
    assert [(block.name, block.shape) for block in collapsed(summarise(reshaped, (3, 16, 16)))] == [
        ("0.convolution", (8, 16, 16)),
        ("1", (4, 32, 32)),
    ]


def test_the_table_says_that_later_calls_give_other_shapes() -> None:
    text = lines(summarise(Twice(), (3, 16, 16)), 120)
    assert any(line.startswith("shared.convolution") and "Conv2d ×2" in line and "8×16×16 …" in line for line in text)
    assert text[-1] == "output …     of the first call; later calls give other shapes"
    assert not any("…" in line for line in lines(summarise(nn.Conv2d(3, 4, 3), (3, 8, 8)), 120))
