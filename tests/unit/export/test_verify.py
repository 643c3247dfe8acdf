"""A difference is a difference, unless the network itself cannot say what is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.errors import Unequal
from profond.data.preprocessing import Preprocessing
from profond.export.leaving import Leaving, Source
from profond.export.verify import verify
from profond.runtime.engines.engine import Arrays, Port
from profond.tasks.task import Part, Tensors


class _Twisted(nn.Module):
    """Layers that divide by the deviation over the picture: on blank pictures they make much of rounding."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        for channels in (3, 8, 8, 8, 8):
            layers += [nn.Conv2d(channels, 8, 3, padding=1, padding_mode="reflect"), nn.InstanceNorm2d(8)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8, 3, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        made: Tensor = self.layers(inputs)
        return (made.tanh() * 127.5 + 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)


class _Otherwise:
    """An engine that rounds otherwise, and is right; or wrong by some levels."""

    name = "otherwise"
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()

    def __init__(self, leaving: Leaving, wrong: int = 0) -> None:
        self.before, self.network, self.wrong = leaving.before, leaving.module, wrong

    def prepare(self, shapes: Sequence[Mapping[str, tuple[int, ...]]]) -> None: ...

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        assert self.before is not None
        prepared = self.before(torch.from_numpy(inputs["pictures"]))
        prepared += 3e-7 * torch.randn(prepared.shape, generator=torch.Generator().manual_seed(9))
        return {"made": (self.network(prepared) ^ self.wrong).numpy()}


def leaving() -> Leaving:
    sides = ("height", "width")
    inputs, outputs = Tensors("inputs", (3, *sides), "float32"), Tensors("made", (*sides, 3), "uint8")
    part = Part(_Twisted().eval(), (inputs,), (outputs,), lambda count, side: (torch.rand(count, 3, side, side),))
    return Leaving(part, Source("paintings", "translate_images", Preprocessing(mode="RGB", mean=(0.5,), std=(0.5,))))


def test_blank_pictures_on_which_rounding_alone_decides_prove_nothing_and_are_counted() -> None:
    one = leaving()
    found = verify(one, _Otherwise(one), "otherwise", samples=60)
    assert 0 < found.undecided < 12
    assert found.samples + found.undecided == 60
    assert found.largest <= 1 / 255
    assert found.line().endswith("more, such as blank ones, rounding alone decides")
    assert found.to_json()["undecided"] == found.undecided


def test_a_file_that_is_wrong_is_refused_all_the_same() -> None:
    one = leaving()
    with pytest.raises(Unequal, match=r"differs by \d+ levels"):
        verify(one, _Otherwise(one, wrong=4), "otherwise", samples=60)
