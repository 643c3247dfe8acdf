"""Which parts of an input raise an output: Grad-CAM, integrated gradients, SmoothGrad, occlusion. Captum computes.

Each takes any module that gives a row of numbers for each sample, and one sample, and leaves the module as it was. The
score is one of these numbers, as the module puts it out: of a class the logit, which a softmax has not yet weighed
against the others.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.config import Count, NotNegative, checked
from profond.core.errors import ConfigError, DataError, MissingError
from profond.core.randomness import seed_here
from profond.explain.network.guard import device_and_dtype, logits_of, undisturbed
from profond.explain.network.stages import find_module, map_stage
from profond.tasks.batch import check_finite

Progress = Callable[[int], object]
NUMBERS_AT_ONCE = 2_500_000
"""Input numbers that go through a model together: sixteen photos of 224×224."""
COMPLETE = 0.01
PIECES, STEPS, MOST_STEPS = 4, 16, 512


@dataclass(frozen=True)
class Attribution:
    """How much each part of a sample raises an output, or (below zero) lowers it.

    Args:
        method: the name of the function that made it.
        target: index of the output.
        score: that output for the whole sample.
        values: float32. Grad-CAM: one number for each position of a stage, never below zero (h w). Occlusion: one for
            each position of the sample (h w). The others: one for each number of the sample (c h w).
        facts: what it was computed with, JSON-able.
    """

    method: str
    target: int
    score: float
    values: NDArray[np.float32]
    facts: dict[str, Any] = field(default_factory=dict)

    def plane(self, sides: tuple[int, ...]) -> NDArray[np.float32]:
        """One number for each position of a sample with these sides (h w).

        The channels are added; of SmoothGrad, whose gradients have no common direction, their sizes are. Grad-CAM's
        positions are stretched, with straight lines between them.
        """
        if self.values.ndim == len(sides) + 1:
            channels = np.abs(self.values) if self.method == "smooth_grad" else self.values
            added: NDArray[np.float32] = channels.sum(axis=0, dtype=np.float32)
            return added
        if self.values.shape == sides:
            return self.values
        kind = {1: "linear", 2: "bilinear", 3: "trilinear"}[len(sides)]
        wide = nn.functional.interpolate(torch.from_numpy(self.values)[None, None], sides, mode=kind)
        stretched: NDArray[np.float32] = wide[0, 0].numpy()
        return stretched


def grad_cam(
    model: nn.Module,
    sample: Float[Tensor, "c ..."],
    target: int | None = None,
    *,
    stage: str | None = None,
    progress: Progress | None = None,
) -> Attribution:
    """Where the maps of a stage are, weighted by how much each of them raises the score.

    Args:
        model: any module; a convolutional network, or another one that keeps positions.
        sample: as the model takes it, without the batch axis.
        target: index of an output; by default the greatest.
        stage: dotted name of a module that gives maps; by default the last one that does.
        progress: called with the number of samples that went through the model.

    Returns: values (h w) at the stage's resolution, zero or more.

    Raises: UnknownName for the stage; ConfigError where there are no maps; MissingError without Captum.

    Source: R. Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based localization,
        ICCV 2017, equations 1 and 2.
    """
    name = map_stage(model, sample, stage)
    with _asked(model, sample, target, progress) as asked:
        method = captum().LayerGradCam(asked.scores, find_module(model, name))
        maps = method.attribute(asked.inputs, asked.target, relu_attributions=True)
    return asked.attribution("grad_cam", maps[0, 0], stage=name)


@checked("integrated gradients")
def integrated_gradients(
    model: nn.Module,
    sample: Float[Tensor, "c ..."],
    target: int | None = None,
    *,
    baseline: Float[Tensor, "c ..."] | float = 0.0,
    steps: Count | None = None,
    progress: Progress | None = None,
) -> Attribution:
    """The gradient of the score, added up on the straight way from a baseline to the sample, times that way.

    The numbers add up to the score of the sample less that of the baseline; what is missing is in ``facts``.

    Args:
        model, sample, target, progress: as in ``grad_cam``.
        baseline: what stands for "nothing", such as a black image, as the model takes it.
        steps: places on the way (Gauss-Legendre quadrature). By default 64, in four pieces of the way; then pieces are
            halved, where the sum misses most, until it is right to 1 % or 512 are used.

    Returns: values (c h w).

    Raises: ConfigError, MissingError.

    Source: M. Sundararajan, A. Taly, Q. Yan, Axiomatic attribution for deep networks, ICML 2017, equation 1.
    """
    with _asked(model, sample, target, progress) as asked:
        start = asked.filled(baseline)
        with torch.no_grad():
            difference = asked.score - float(asked.scores(start)[0, asked.target])
        if steps is None:
            values, count = _piecewise(asked, start, difference)
        else:
            values, count = _straight(asked, start, asked.inputs.detach(), steps), steps
    remainder = difference - float(values.double().sum())
    return asked.attribution("integrated_gradients", values, steps=count, difference=difference, remainder=remainder)


def _straight(asked: _Asked, start: Tensor, end: Tensor, steps: int) -> Tensor:
    """From one place to another: c h w."""
    method = captum().IntegratedGradients(asked.scores)
    found: Tensor = method.attribute(end, start, asked.target, n_steps=steps, internal_batch_size=asked.at_once)
    return found[0].detach()


def _piecewise(asked: _Asked, start: Tensor, difference: float) -> tuple[Tensor, int]:
    """The whole way in pieces, short where the gradient changes fast; and the steps that it took.

    Each piece must add up to its own difference of scores, so that what it misses is known.
    """
    way = asked.inputs.detach() - start

    def score(share: float) -> float:
        with torch.no_grad():
            return float(asked.scores(start + share * way)[0, asked.target])

    def piece(low: float, high: float) -> tuple[float, float, float, Tensor]:
        values = _straight(asked, start + low * way, start + high * way, STEPS)
        return abs(score(high) - score(low) - float(values.double().sum())), low, high, values

    pieces = [piece(index / PIECES, (index + 1) / PIECES) for index in range(PIECES)]
    count = PIECES * STEPS
    while True:
        whole = torch.stack([values for *_, values in pieces]).sum(0)
        if abs(difference - float(whole.double().sum())) <= COMPLETE * abs(difference) or count >= MOST_STEPS:
            return whole, count
        worst = max(range(len(pieces)), key=lambda index: pieces[index][0])
        _, low, high, _ = pieces.pop(worst)
        pieces += [piece(low, (low + high) / 2), piece((low + high) / 2, high)]
        count += 2 * STEPS


@checked("SmoothGrad")
def smooth_grad(
    model: nn.Module,
    sample: Float[Tensor, "c ..."],
    target: int | None = None,
    *,
    samples: Count = 32,
    noise: NotNegative = 0.15,
    seed: int = 0,
    progress: Progress | None = None,
) -> Attribution:
    """The gradient of the score, averaged over copies of the sample with Gaussian noise.

    Args:
        model, sample, target, progress: as in ``grad_cam``.
        samples: noisy copies.
        noise: standard deviation, as a share of the way from the sample's least number to its greatest.
        seed: of the noise.

    Returns: values (c h w), signed; ``plane`` shows their sizes, as the paper does.

    Raises: ConfigError, MissingError.

    Source: D. Smilkov et al., SmoothGrad: removing noise by adding noise, 2017, section 3; 10 to 20 % of noise there.
    """
    with _asked(model, sample, target, progress) as asked:
        spread = noise * float(asked.inputs.detach().max() - asked.inputs.detach().min())
        devices = [asked.inputs.device] if asked.inputs.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            seed_here(seed, "SmoothGrad")
            method = captum().NoiseTunnel(captum().Saliency(asked.scores))
            values = method.attribute(
                asked.inputs,
                nt_type="smoothgrad",
                nt_samples=samples,
                nt_samples_batch_size=min(samples, asked.at_once),
                stdevs=spread,
                target=asked.target,
                abs=False,
            )
    return asked.attribution("smooth_grad", values[0], samples=samples, noise=noise, seed=seed)


def occlusion(
    model: nn.Module,
    sample: Float[Tensor, "c ..."],
    target: int | None = None,
    *,
    window: int | tuple[int, ...] | None = None,
    stride: int | tuple[int, ...] | None = None,
    fill: Float[Tensor, " c"] | float | None = None,
    progress: Progress | None = None,
) -> Attribution:
    """How far the score falls when a window is covered, averaged over the windows that cover a position.

    Args:
        model, sample, target, progress: as in ``grad_cam``.
        window: sides of the window; by default a seventh of the sample's, and 3 at least.
        stride: from one place to the next; by default half of the window.
        fill: what covers, one number for each channel, as the model takes it; by default the sample's own mean.

    Returns: values (h w).

    Raises: ConfigError for a window that does not fit, or a stride that jumps over positions; MissingError.

    Source: M. Zeiler, R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014, section 4.2.
    """
    sides = tuple(sample.shape[1:])
    usual = tuple(min(side, max(3, round(side / 7))) for side in sides)
    windows = usual if window is None else _each(window, sides, "window")
    strides = tuple(max(1, one // 2) for one in windows) if stride is None else _each(stride, sides, "stride")
    for side, width, step in zip(sides, windows, strides, strict=True):
        if width > side:
            raise ConfigError(f"a window of {width} does not fit on a side of {side}", f"use at most {side}")
        if step > width:
            raise ConfigError(f"a stride of {step} jumps over what a window of {width} leaves", f"at most {width}")
    with _asked(model, sample, target, progress) as asked:
        inputs = asked.inputs.detach()
        colour = inputs.flatten(2).mean(2) if fill is None else torch.as_tensor(fill).to(inputs).expand(len(sample))
        cover = colour.reshape(1, -1, *(1,) * len(sides)).expand_as(inputs)
        method = captum().Occlusion(asked.scores)
        with torch.no_grad():
            values = method.attribute(
                inputs,
                sliding_window_shapes=(len(sample), *windows),
                strides=(len(sample), *strides),
                baselines=cover,
                target=asked.target,
                perturbations_per_eval=asked.at_once,
            )
    return asked.attribution("occlusion", values[0, 0], window=list(windows), stride=list(strides))


METHODS: dict[str, Callable[..., Attribution]] = {
    "grad_cam": grad_cam,
    "integrated_gradients": integrated_gradients,
    "smooth_grad": smooth_grad,
    "occlusion": occlusion,
}


def captum() -> ModuleType:
    """Captum's methods. Raises: MissingError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it imports in its turn
            import captum.attr as methods
    except ImportError as error:
        raise MissingError(f"Captum cannot be imported: {error}", "pip install captum") from None
    module: ModuleType = methods
    return module


@dataclass
class _Asked:
    """A question in the form in which Captum takes it."""

    scores: _Scores
    inputs: Tensor
    target: int
    score: float

    @property
    def at_once(self) -> int:
        return max(1, min(256, NUMBERS_AT_ONCE // self.inputs.numel()))

    def filled(self, value: Tensor | float) -> Tensor:
        """A batch of one, of this value or these."""
        inputs = self.inputs.detach()
        return torch.as_tensor(value).to(inputs).expand(inputs.shape[1:])[None].contiguous()

    def attribution(self, method: str, values: Tensor, **facts: Any) -> Attribution:
        numbers = values.detach().float().cpu().contiguous().numpy()
        if not np.isfinite(numbers).all():
            raise ConfigError(f"{method} gives numbers that are not finite", "the model's weights are damaged")
        return Attribution(method, self.target, self.score, numbers, facts)


class _Scores:
    """A model as a function from inputs to outputs in float32, which touches neither its input nor its own number type.

    NOTE a copy goes in: a model may work in place on what it is given, which a leaf with a gradient forbids.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype, progress: Progress | None) -> None:
        self.model, self.dtype, self.progress = model, dtype, progress

    def __call__(self, inputs: Tensor) -> Tensor:
        outputs = logits_of(self.model(inputs.to(self.dtype, copy=True))).float()
        if self.progress:
            self.progress(len(inputs))
        return outputs


@contextmanager
def _asked(model: nn.Module, sample: Tensor, target: int | None, progress: Progress | None) -> Iterator[_Asked]:
    """Check the question, and hold the model still until it is answered."""
    if sample.ndim < 2:
        raise DataError(f"a sample of shape {tuple(sample.shape)} has no positions", "channels first: (c, h, w)")
    device, dtype = device_and_dtype(model)
    scores = _Scores(model, dtype, progress)
    inputs = sample.detach().to(device, torch.float32, copy=True).contiguous()[None]
    with undisturbed(model), warnings.catch_warnings(), torch.inference_mode(False), torch.enable_grad():
        warnings.filterwarnings("ignore", message="Input Tensor")  # Captum says that it asks for gradients
        with torch.no_grad():
            outputs = scores(inputs)
        if outputs.ndim != 2:
            raise ConfigError(
                f"the model gives {'×'.join(map(str, outputs.shape[1:]))} numbers for a sample, not a row of them",
                "these methods explain one number of a row",
            )
        check_finite(outputs)
        chosen = int(outputs.argmax()) if target is None else target
        if not 0 <= chosen < outputs.shape[1]:
            raise ConfigError(f"there is no output {chosen}", f"the model's outputs are 0 to {outputs.shape[1] - 1}")
        yield _Asked(scores, inputs.requires_grad_(), chosen, float(outputs[0, chosen]))


def _each(value: int | tuple[int, ...], sides: tuple[int, ...], what: str) -> tuple[int, ...]:
    values = (value,) * len(sides) if isinstance(value, int) else tuple(value)
    if len(values) != len(sides) or min(values) < 1:
        raise ConfigError(f"{what} {value} for {len(sides)} sides", "one number, or one for each side; 1 or more")
    return values
