"""The families to come, on the public calls alone: nothing in `fit` knows of forecasting or of GANs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profond.core.spec import Spec
from profond.measures.measured import Measured
from profond.tasks.task import Loss, Phase
from profond.training import Training, fit

pytestmark = pytest.mark.slow

# -- an LSTM that forecasts ---------------------------------------------------------------------------------------

SEASON, NOISE, CONTEXT = 24, 0.3, 48


def noisy_seasonal_series(length: int, seed: int) -> Tensor:
    time = torch.arange(length, dtype=torch.float32)
    season = torch.sin(2 * math.pi * time / SEASON) + 0.5 * torch.cos(4 * math.pi * time / SEASON)
    return season + NOISE * torch.randn(length, generator=torch.Generator().manual_seed(seed))


class Forecaster(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(1, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(self, past: Tensor) -> Tensor:
        return self.head(self.recurrent(past[..., None])[0][:, -1])[:, 0]


class AbsoluteError:
    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def update(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> int:
        self.total += float((model(batch[0]) - batch[1]).abs().sum())
        self.count += len(batch[1])
        return len(batch[1])

    def metrics(self) -> dict[str, Measured]:
        return {"mae": Measured(self.total / self.count, better="lower")}


class ForecastNextStep:
    phases, headline = (Phase(),), "mae"

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor], phase: Phase) -> Loss:
        return Loss(F.mse_loss(model(batch[0]), batch[1]))

    def meter(self, spec: Spec | None = None) -> AbsoluteError:
        return AbsoluteError()


def windows(series: Tensor) -> TensorDataset:
    past = series.unfold(0, CONTEXT + 1, 1)
    return TensorDataset(past[:, :-1].contiguous(), past[:, -1].contiguous())


def test_an_lstm_beats_seasonal_naive_and_comes_near_the_noise_floor() -> None:
    train, later = noisy_seasonal_series(2000, seed=1), noisy_seasonal_series(2600, seed=2)[2000:]
    torch.manual_seed(0)
    training = Training(epochs=15, learning_rate=1e-2, warmup=0.1, gradient_clip=1.0, precision="fp32")
    fitted = fit(
        Forecaster(),
        ForecastNextStep(),
        DataLoader(windows(train), batch_size=64, shuffle=True),
        training,
        valid=DataLoader(windows(later), batch_size=256),
    )
    error = fitted.metrics["valid"]["mae"]
    seasonal_naive = float((later[SEASON:] - later[:-SEASON]).abs().mean())
    noise_floor = NOISE * math.sqrt(2 / math.pi)  # mean absolute value of the noise, which nothing can foresee
    assert error < seasonal_naive
    assert error < 1.3 * noise_floor


# -- a GAN: training with two phases ------------------------------------------------------------------------------

MODES, RADIUS, SPREAD, LATENT = 8, 2.0, 0.1, 2


def ring_of_gaussians(count: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    angle = torch.randint(MODES, (count,), generator=random) * (2 * math.pi / MODES)
    centre = RADIUS * torch.stack([angle.cos(), angle.sin()], 1)
    return centre + SPREAD * torch.randn(count, 2, generator=random)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(
            nn.Linear(LATENT, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2)
        )
        self.discriminator = nn.Sequential(
            nn.Linear(2, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1)
        )


class Adversarial:
    """Relativistic pairing loss with zero-centred gradient penalties on both sides (R3GAN, arXiv 2501.05441, eq. 4)."""

    phases: Sequence[Phase] = (Phase("discriminator", "discriminator"), Phase("generator", "generator"))

    def loss(self, model: Any, batch: tuple[Tensor], phase: Phase) -> Loss:
        (real,) = batch
        fake = model.generator(torch.randn(len(real), LATENT, device=real.device))
        if phase.name == "generator":
            return Loss(F.softplus(model.discriminator(real) - model.discriminator(fake)).mean())
        real, fake = real.requires_grad_(), fake.detach().requires_grad_()
        said_real, said_fake = model.discriminator(real), model.discriminator(fake)
        penalty = sum(
            torch.autograd.grad(said.sum(), given, create_graph=True)[0].square().sum(1).mean()
            for said, given in ((said_real, real), (said_fake, fake))
        )
        return Loss(F.softplus(said_fake - said_real).mean() + 0.05 * penalty, {"penalty": penalty.detach()})

    def meter(self, spec: Spec | None = None) -> Any:
        raise NotImplementedError("this test measures the modes itself")


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.full) for seed in (2, 3, 4))])
def test_a_gan_with_two_phases_finds_all_eight_modes(seed: int) -> None:
    torch.manual_seed(seed)
    model = Pair()
    training = Training(
        steps=1500,
        optimizer="adam",
        betas=(0.0, 0.9),
        learning_rate=1e-3,
        schedule="cosine",
        ema=0.99,
        seed=seed,
        precision="fp32",
    )
    fitted = fit(model, Adversarial(), DataLoader(TensorDataset(ring_of_gaussians(20_000, seed)), 256, True), training)
    assert set(fitted.metrics["train"]) == {
        "discriminator/loss",
        "discriminator/penalty",
        "generator/loss",
        "learning_rate",
    }
    with torch.no_grad():
        drawn = model.generator(torch.randn(2000, LATENT, generator=torch.Generator().manual_seed(99)))
    angles = torch.arange(MODES) * (2 * math.pi / MODES)
    distance = torch.cdist(drawn, RADIUS * torch.stack([angles.cos(), angles.sin()], 1))
    near, mode = distance.min(1)
    good = near < 3 * SPREAD
    found = torch.bincount(mode[good], minlength=MODES)
    assert (found >= 2000 / MODES * 0.25).sum() == MODES, found
    assert good.float().mean() > 0.6
