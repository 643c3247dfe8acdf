"""Points in a plane as two players see them: the critic's map, real points, made ones, and where these are pushed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

REAL, MADE, PUSH, FAINT = "#0072b2", "#d55e00", "#1f2933", "#8a93a3"
# From what the critic takes for made to what it takes for real, light enough for points to be seen on it.
_MAP = ("#f0b98a", "#faf3ea", "#8fc0e0")
Limits = tuple[float, float, float, float]


def limits_of(points: Tensor, margin: float = 0.3) -> Limits:
    """A square around points (n, 2), with a margin as a share of its side: least and greatest x, then y."""
    low, high = points.float().min(0).values, points.float().max(0).values
    middle, half = (low + high) / 2, float((high - low).max()) * (0.5 + margin)
    half = half or 1.0
    x, y = middle[:2].tolist()
    return x - half, x + half, y - half, y + half


def places(limits: Limits, cells: int) -> Tensor:
    """The middles of the cells of a map (cells × cells, 2), row by row from the lowest y."""
    x0, x1, y0, y1 = limits
    steps = (torch.arange(cells) + 0.5) / cells
    y, x = torch.meshgrid(y0 + steps * (y1 - y0), x0 + steps * (x1 - x0), indexing="ij")
    return torch.stack([x, y], -1).flatten(0, 1)


def score_map(score: Callable[[Tensor], Tensor], limits: Limits, cells: int = 80) -> NDArray[np.float64]:
    """What a critic says all over a square: ``cells cells``, from the lowest y.

    Args:
        score: from points (n, 2) to numbers (n).
    """
    found = score(places(limits, cells)).detach().cpu().double().numpy()
    return np.asarray(found.reshape(cells, cells))


def push_of(score: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """The gradient of a critic's score at points (n, 2): the way that it pushes them, were they made."""
    with torch.enable_grad():
        given = points.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(score(given).sum(), given)
    return gradient.detach()


def draw_points(
    axes: Axes,
    limits: Limits,
    *,
    real: Tensor,
    made: Tensor,
    scores: NDArray[np.float64] | None = None,
    push: Tensor | None = None,
) -> None:
    """Real points and made ones on fixed axes.

    Args:
        real, made: (n, 2).
        scores: of the critic, as `score_map`: the background, blue where it says real, orange where it says made. Only
            differences between scores mean something, so their middle is white.
        push: arrows at the made points, (n, 2), as `push_of`; the longest few are as long as a twelfth of the side.
    """
    x0, x1, y0, y1 = limits
    if scores is not None:
        from matplotlib.colors import LinearSegmentedColormap

        middle = float(np.median(scores))
        most = float(np.percentile(np.abs(scores - middle), 98)) or 1.0
        colours = LinearSegmentedColormap.from_list("critic", _MAP)
        bounds: dict[str, Any] = {"vmin": -most, "vmax": most, "extent": limits, "origin": "lower"}
        axes.imshow(scores - middle, cmap=colours, interpolation="bilinear", aspect="auto", **bounds)
    axes.scatter(*_columns(real), s=5, color=REAL, alpha=0.45, linewidths=0)
    axes.scatter(*_columns(made), s=7, color=MADE, alpha=0.8, linewidths=0)
    if push is not None and len(push):
        length = float(torch.quantile(push.float().norm(dim=1), 0.95)) or 1.0
        arrows = _columns(push.float() / length * (x1 - x0) / 12)
        style: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.003}
        axes.quiver(*_columns(made), *arrows, color=PUSH, alpha=0.8, **style)
    axes.set(xlim=(x0, x1), ylim=(y0, y1), aspect="equal")
    axes.tick_params(labelsize=8, colors=FAINT, length=3)
    for spine in axes.spines.values():
        spine.set_color("#d3dae2")


def points_picture(
    limits: Limits, *, real: Tensor, made: Tensor, scores: NDArray[np.float64] | None = None, push: Tensor | None = None
) -> Image:
    """The same as a picture, with a line below that says what is what; always of one size."""
    from matplotlib.figure import Figure  # a third of a second that `--help` should not pay

    figure = Figure(figsize=(5.2, 5.6), dpi=100, facecolor="white")
    draw_points(figure.add_axes((0.08, 0.13, 0.89, 0.83)), limits, real=real, made=made, scores=scores, push=push)
    words = ", ".join(line for line, some in (("blue points: real", real), ("orange points: made", made)) if len(some))
    words += "" if push is None else ", arrows: where the critic pushes them"
    if scores is not None:
        words += "\nground: blue where the critic says real, orange where it says made"
    figure.text(0.08, 0.075, words, fontsize=8, color="#5f6c7b", va="top", linespacing=1.4)
    return as_image(figure)


def draw_coverage(
    axes: Axes, steps: Sequence[int], found: Sequence[int], total: int, words: str = "modes found"
) -> None:
    """How many modes the samples reach as the training goes on, out of how many there are.

    Args:
        words: of the axis.
    """
    axes.axhline(total, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    axes.step(steps, found, where="post", color=MADE, linewidth=1.8)
    axes.plot(steps, found, "o", color=MADE, markersize=3.5)
    axes.set(ylim=(0, total * 1.08), xlabel="step", ylabel=f"{words}, of {total}")


def as_image(figure: Figure) -> Image:
    """A figure as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image as Pictures

    canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
    canvas.draw()
    return Pictures.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _columns(points: Tensor) -> tuple[NDArray[Any], NDArray[Any]]:
    values = points.detach().float().cpu().numpy()
    return values[:, 0], values[:, 1]
