"""The losses of two players, as equations; shared by the tasks that have a critic.

D(x) is what the critic says of real samples x, D(G(z)) what it says of made ones, any number; σ is the logistic
function, and softplus(t) = log(1 + eᵗ) = -log σ(-t). Every function gives one number for each sample; the mean is
minimised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Scores = Float[Tensor, " n"]
Critic = Callable[[Tensor], Tensor]
"""Samples (n, …) to scores (n,)."""


@dataclass(frozen=True)
class Game:
    """What each of the two players minimises.

    Args:
        critic: of D(x) and D(G(z)).
        generator: of D(G(z)) and D(x).
        paired: the generator's loss looks at D(x) too.
        penalty: which gradients are punished: ``"zero"`` those at real and at made samples (R1 + R2), ``"one"`` those
            between them that are not of length 1, or none.
        penalty_weight: that usually works.
        penalty_every: critic steps from one penalty to the next, which weighs as many times as much.
        critic_steps: of the critic for each of the generator.
    """

    critic: Callable[[Scores, Scores], Scores]
    generator: Callable[[Scores, Scores], Scores]
    paired: bool = False
    penalty: str = ""
    penalty_weight: float = 0.0
    penalty_every: int = 1
    critic_steps: int = 1


# -- I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, equation 1 and section 3 ----------------------


def logistic_critic(real: Scores, made: Scores) -> Scores:
    """-log σ(D(x)) - log(1 - σ(D(G(z))))"""
    return F.softplus(-real) + F.softplus(made)


def saturating_generator(made: Scores, real: Scores) -> Scores:
    """log(1 - σ(D(G(z)))), which is flat where the critic is sure"""
    return -F.softplus(made)


def non_saturating_generator(made: Scores, real: Scores) -> Scores:
    """-log σ(D(G(z)))"""
    return F.softplus(-made)


# -- M. Arjovsky et al., "Wasserstein GAN", ICML 2017 ------------------------------------------------------------------


def wasserstein_critic(real: Scores, made: Scores) -> Scores:
    """D(G(z)) - D(x)"""
    return made - real


def wasserstein_generator(made: Scores, real: Scores) -> Scores:
    """-D(G(z)); also of the hinge loss"""
    return -made


# -- J. H. Lim and J. C. Ye, "Geometric GAN", 2017 ---------------------------------------------------------------------


def hinge_critic(real: Scores, made: Scores) -> Scores:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z)))"""
    return F.relu(1 - real) + F.relu(1 + made)


# -- X. Mao et al., "Least squares generative adversarial networks", ICCV 2017, equation 9 -----------------------------


def least_squares_critic(real: Scores, made: Scores) -> Scores:
    """½ (D(x) - 1)² + ½ D(G(z))²"""
    return 0.5 * (real - 1).square() + 0.5 * made.square()


def least_squares_generator(made: Scores, real: Scores) -> Scores:
    """½ (D(G(z)) - 1)²"""
    return 0.5 * (made - 1).square()


# -- Y. Huang et al., "The GAN is dead; long live the GAN! A modern GAN baseline", NeurIPS 2024, equation 2 ------------
#    (the pairing: A. Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019)


def relativistic_critic(real: Scores, made: Scores) -> Scores:
    """-log σ(D(x) - D(G(z)))"""
    return F.softplus(made - real)


def relativistic_generator(made: Scores, real: Scores) -> Scores:
    """-log σ(D(G(z)) - D(x))"""
    return F.softplus(real - made)


GAMES = {
    "relativistic": Game(
        relativistic_critic,
        relativistic_generator,
        paired=True,
        penalty="zero",
        penalty_weight=0.2,
        penalty_every=4,
    ),
    "non_saturating": Game(logistic_critic, non_saturating_generator, penalty="zero"),
    "saturating": Game(logistic_critic, saturating_generator, penalty="zero"),
    "wasserstein": Game(wasserstein_critic, wasserstein_generator, penalty="one", penalty_weight=10.0, critic_steps=5),
    "hinge": Game(hinge_critic, wasserstein_generator, penalty="zero"),
    "least_squares": Game(least_squares_critic, least_squares_generator, penalty="zero"),
}
"""By name; the first is the usual one."""


# -- penalties ---------------------------------------------------------------------------------------------------------


def steepness(scores: Scores, samples: Tensor) -> Scores:
    """‖∇D(x)‖² of each sample in float32, whose own gradient is known; ``samples`` are what the scores were made from.

    NOTE Squares of many small numbers are summed: in bf16 most of them would be lost.
    """
    # autograd's backward is not run under autocast: its arithmetic is that of the forward pass.
    (slopes,) = torch.autograd.grad(scores.float().sum(), samples, create_graph=True)
    return slopes.float().flatten(1).square().sum(1)


def zero_centred(squares: Scores) -> Scores:
    """½ ‖∇D‖²

    Source: R1 at real and R2 at made samples, L. Mescheder et al., "Which training methods for GANs do actually
    converge?", ICML 2018, equation 9.
    """
    return 0.5 * squares


def one_centred(squares: Scores) -> Scores:
    """(‖∇D‖ - 1)²

    Source: I. Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017, equation 3.
    """
    return ((squares + 1e-12).sqrt() - 1).square()  # the root of nothing has no slope


def between(real: Tensor, made: Tensor) -> Tensor:
    """A random place on the line from each real sample to a made one."""
    share = torch.rand(len(real), *(1,) * (real.ndim - 1), device=real.device)
    return torch.lerp(real, made, share)
