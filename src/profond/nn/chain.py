"""A network that keeps the size of pictures, as a chain of steps, each with how far a pixel reaches through it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.nn.whole_norm import KnownMoments

_PROBE = (64, 96)
_NEAREST, _FARTHEST = 32, 1024


@dataclass(frozen=True)
class Step:
    """A part of the network that is run as one.

    Args:
        norms: how many instance norms it has.
        channels: of its result.
        shrunk: by how much its result is smaller than the picture, such as 4.
        exact: whether it is just so; otherwise there is a border as well, and no tile can be cut there.
        reach: pixels of its input, on each side, that a number of its result may depend on.
    """

    module: nn.Module
    norms: int
    channels: int
    shrunk: float
    exact: bool
    reach: float


@dataclass(frozen=True)
class Sizes:
    """What a network does to the size of a picture.

    Args:
        multiple: sides that are multiples of it are halved without rest.
        largest: numbers in its largest map, for each pixel.
        channels: of what comes out.
    """

    multiple: int
    largest: int
    channels: int


def sizes(network: nn.Module, channels: int) -> Sizes:
    """Found by a small picture. Raises: ConfigError when what comes out has another size than what went in."""
    probe = _probe(network, channels)
    maps: list[torch.Size] = []

    def note(module: nn.Module, args: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            maps.append(output.shape)

    hooks = [module.register_forward_hook(note) for module in network.modules()]
    try:
        with torch.inference_mode():
            made = network(probe)
    finally:
        for hook in hooks:
            hook.remove()
    if made.shape[2:] != probe.shape[2:]:
        received, given = ("×".join(map(str, one.shape[2:])) for one in (probe, made))
        raise ConfigError(f"the network makes {given} of a picture of {received}", "it has to keep the size")
    least = min(shape[2] for shape in maps)
    largest = max(shape.numel() for shape in maps)
    return Sizes(max(1, 2 ** round(math.log2(_PROBE[0] / least))), largest // math.prod(_PROBE), made.shape[1])


@torch.inference_mode()
def chain(network: nn.Module, channels: int) -> list[Step]:
    """The network as steps that are run one after the other; one step where it is no chain of its parts.

    Raises: ConfigError for a network in which every pixel depends on all others, but for its instance norms.
    """
    maps = _probe(network, channels)
    steps: list[Step] = []
    for module in _modules(network, maps):
        before = maps
        with KnownMoments(None) as counting:
            maps = module(maps.clone())
        across = _PROBE[1] / maps.shape[3]
        shrunk = _power(across)
        exact = across == shrunk == _PROBE[0] / maps.shape[2]
        reach = _reach(module, before.shape[1], maps.device)
        steps.append(Step(module, counting.calls, maps.shape[1], shrunk, exact, reach))
    return steps


def _probe(network: nn.Module, channels: int) -> Tensor:
    device = next((one.device for one in network.parameters()), torch.device("cpu"))
    random = torch.Generator().manual_seed(0)
    return (2 * torch.rand((1, channels, *_PROBE), generator=random) - 1).to(device)


def _modules(network: nn.Module, probe: Tensor) -> list[nn.Module]:
    """Its parts in order, if they do together what it does."""
    parts = list(_flat(network) if isinstance(network, nn.Sequential) else _flat(nn.Sequential(*network.children())))
    made = probe.clone()
    try:
        for part in parts:
            made = part(made)
    except (RuntimeError, TypeError, ValueError, IndexError):  # they are called in another way
        return [network]
    wanted = network(probe.clone())
    together = isinstance(made, Tensor) and made.shape == wanted.shape and torch.allclose(made, wanted, atol=1e-5)
    return parts if together else [network]


def _flat(sequence: nn.Sequential) -> Iterator[nn.Module]:
    for module in sequence:
        if isinstance(module, nn.Sequential):
            yield from _flat(module)
        else:
            yield module


def _reach(module: nn.Module, channels: int, device: torch.device) -> float:
    """How far a number that is none spreads. Raises: ConfigError where it spreads everywhere."""
    side = _NEAREST
    while side <= _FARTHEST:
        maps = torch.zeros((1, channels, side, side), device=device)
        with KnownMoments(None):
            halves = module(maps.clone()).shape[2] < side
        far = [_spread(module, maps, side // 2 + shift) for shift in range(4 if halves else 1)]
        if all(one is not None for one in far):
            return max(one for one in far if one is not None)
        side *= 2
    raise ConfigError(
        "this network looks at the whole picture for each of its pixels, so that no part can be translated alone",
        "make the picture smaller",
    )


def _spread(module: nn.Module, maps: Tensor, place: int) -> float | None:
    """Pixels from one that is no number to the farthest that it reaches; None where that may be beyond the border."""
    given = maps.clone()
    given[..., place, place] = torch.nan
    with KnownMoments(None):
        lost = module(given).isnan().any(1)[0]
    farthest = 0.0
    for axis in (0, 1):
        places = lost.any(1 - axis).nonzero()[:, 0]
        if not len(places):
            continue
        if places[0] == 0 or places[-1] == lost.shape[axis] - 1:
            return None
        # Places are compared from the middle, since borders may come in or go.
        scale = _power(maps.shape[2] / lost.shape[axis])
        seen = (places + 0.5 - lost.shape[axis] / 2) * scale + maps.shape[2] / 2
        farthest = max(farthest, float((seen - place - 0.5).abs().max()))
    return farthest


def _power(ratio: float) -> float:
    return float(2.0 ** round(math.log2(ratio)))
