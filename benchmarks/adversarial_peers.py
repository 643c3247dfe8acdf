"""The steps of DCGAN, CycleGAN and R3GAN in plain PyTorch, in the order and the arithmetic of their authors' code."""

from __future__ import annotations

import copy
import itertools
import random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Losses = dict[str, float]


def convolutions(network: nn.Module) -> list[Any]:
    return [part for part in network.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]


def take_weights(network: nn.Module, ours: nn.Module) -> None:
    """Those of our convolutions, in their order; biases that we have not are 0."""
    for own, other in zip(convolutions(network), convolutions(ours), strict=True):
        own.weight.data.copy_(other.weight.data)
        if own.bias is not None:
            own.bias.data.zero_() if other.bias is None else own.bias.data.copy_(other.bias.data)


class PlainDCGAN:
    """Float32, one critic pass over real and one over made pictures, then the generator's with the same noise.

    Order of steps: PyTorch's example after A. Radford et al., ICLR 2016.
    """

    def __init__(self, ours: Any, device: str) -> None:
        norm, relu = nn.BatchNorm2d, nn.ReLU
        self.generator = nn.Sequential(
            *(nn.ConvTranspose2d(100, 256, 4, 1, 0, bias=False), norm(256), relu(True)),
            *(nn.ConvTranspose2d(256, 128, 4, 2, 1, bias=False), norm(128), relu(True)),
            *(nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), norm(64), relu(True)),
            *(nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh()),
        ).to(device)
        self.critic = nn.Sequential(
            *(nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(64, 128, 4, 2, 1, bias=False), norm(128), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(128, 256, 4, 2, 1, bias=False), norm(256), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(256, 1, 4, 1, 0, bias=False), nn.Sigmoid()),
        ).to(device)
        self.entropy = nn.BCELoss()
        self.of_critic, self.of_generator = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in (self.critic, self.generator)
        )
        self._take_weights(ours)

    @torch.no_grad()
    def _take_weights(self, ours: Any) -> None:
        first, *others = convolutions(self.generator)
        first.weight.copy_(ours.generator.project.weight.view(*ours.generator.start, -1).permute(3, 0, 1, 2))
        *outer, last = convolutions(self.critic)
        direction = ours.critic.score.direction.weight * ours.critic.score.scale
        last.weight.copy_(direction.view(last.weight.shape))
        for own, other in zip([*others, *outer], convolutions(ours), strict=True):
            own.weight.copy_(other.weight)
        norms = [[part for part in one.modules() if isinstance(part, nn.BatchNorm2d)] for one in self.networks(ours)]
        for own, other in zip(*norms, strict=True):
            own.load_state_dict(other.state_dict())

    def networks(self, ours: Any) -> tuple[nn.Module, nn.Module]:
        return nn.ModuleList([self.generator, self.critic]), ours

    def step(self, real: Tensor, noise: Tensor | None = None, second: Tensor | None = None) -> Losses:
        """One step of both.

        Args:
            second: noise of the generator's step; by default the critic's.
        """
        self.critic.zero_grad()
        noise = torch.randn(len(real), 100, device=real.device) if noise is None else noise
        ones, zeros = torch.ones(len(real), device=real.device), torch.zeros(len(real), device=real.device)
        of_real = self.entropy(self.critic(real).view(-1), ones)
        of_real.backward()
        made = self.generator(noise[:, :, None, None])
        of_made = self.entropy(self.critic(made.detach()).view(-1), zeros)
        of_made.backward()
        self.of_critic.step()
        self.generator.zero_grad()
        if second is not None:
            made = self.generator(second[:, :, None, None])
        fooled = self.entropy(self.critic(made).view(-1), ones)
        fooled.backward()
        self.of_generator.step()
        return {"critic": (of_real + of_made).item(), "generator": fooled.item()}


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        half = (nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width))
        self.branch = nn.Sequential(*half, nn.ReLU(True), *copy.deepcopy(half))

    def forward(self, maps: Tensor) -> Tensor:
        branch: Tensor = self.branch(maps)
        return maps + branch


def resnet_generator(width: int, blocks: int) -> nn.Sequential:
    parts: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), nn.InstanceNorm2d(width), nn.ReLU(True)]
    for wide in (width, 2 * width):
        parts += [nn.Conv2d(wide, 2 * wide, 3, 2, 1), nn.InstanceNorm2d(2 * wide), nn.ReLU(True)]
    parts += [_Block(4 * width) for _ in range(blocks)]
    for wide in (4 * width, 2 * width):
        parts.append(nn.ConvTranspose2d(wide, wide // 2, 3, 2, 1, output_padding=1))
        parts += [nn.InstanceNorm2d(wide // 2), nn.ReLU(True)]
    return nn.Sequential(*parts, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def patch_critic(width: int) -> nn.Sequential:
    parts: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for wide, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
        parts += [nn.Conv2d(wide, 2 * wide, 4, stride, 1), nn.InstanceNorm2d(2 * wide), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*parts, nn.Conv2d(8 * width, 1, 4, 1, 1))


class PlainCycleGAN:
    """Float32, batch by batch: four translations, two of identity, then each critic on real and on pooled pictures.

    Order of steps: the code of J.-Y. Zhu et al., ICCV 2017.
    """

    def __init__(self, ours: Any, device: str, blocks: int = 6) -> None:
        self.to_b, self.to_a = (resnet_generator(64, blocks).to(device) for _ in range(2))
        self.critic_b, self.critic_a = (patch_critic(64).to(device) for _ in range(2))
        for own, other in (
            *((self.to_b, ours.generators["to_b"]), (self.to_a, ours.generators["to_a"])),
            *((self.critic_b, ours.critics["b"]), (self.critic_a, ours.critics["a"])),
        ):
            take_weights(own, other)
        self.of_generators, self.of_critics = (
            torch.optim.Adam(itertools.chain(*(one.parameters() for one in pair)), lr=2e-4, betas=(0.5, 0.999))
            for pair in ((self.to_b, self.to_a), (self.critic_b, self.critic_a))
        )
        self.pools: dict[str, list[Tensor]] = {"a": [], "b": []}
        self.squares, self.apart = nn.MSELoss(), nn.L1Loss()

    def _score(self, scores: Tensor, wanted: float) -> Tensor:
        return self.squares(scores, torch.tensor(wanted, device=scores.device).expand_as(scores))  # type: ignore[no-any-return]

    def _pooled(self, name: str, made: Tensor) -> Tensor:
        pool = self.pools[name]
        if len(pool) < 50:
            pool.append(made.clone())
        elif random.random() > 0.5:
            place = random.randrange(50)
            made, pool[place] = pool[place], made.clone()
        return made

    def step(self, a: Tensor, b: Tensor) -> Losses:
        made_b, made_a = self.to_b(a), self.to_a(b)
        again_a, again_b = self.to_a(made_b), self.to_b(made_a)
        self._critics_learn(False)
        self.of_generators.zero_grad()
        same = self.apart(self.to_b(b), b) * 5 + self.apart(self.to_a(a), a) * 5
        fooled = self._score(self.critic_b(made_b), 1.0) + self._score(self.critic_a(made_a), 1.0)
        cycle = self.apart(again_a, a) * 10 + self.apart(again_b, b) * 10
        generators = fooled + cycle + same
        generators.backward()
        self.of_generators.step()
        self._critics_learn(True)
        self.of_critics.zero_grad()
        total = 0.0
        for critic, real, name, made in ((self.critic_b, b, "b", made_b), (self.critic_a, a, "a", made_a)):
            shown = self._pooled(name, made.detach())
            loss = (self._score(critic(real), 1.0) + self._score(critic(shown), 0.0)) * 0.5
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        self.of_critics.step()
        return {"critic": total, "generator": generators.item()}

    def _critics_learn(self, learn: bool) -> None:
        for parameter in itertools.chain(self.critic_b.parameters(), self.critic_a.parameters()):
            parameter.requires_grad = learn


class PlainR3GAN:
    """The steps of R3GAN's code on a copy of our network, in bf16: R1 and R2 each step, each with its own gradient.

    Order of steps: the code of Y. Huang et al., NeurIPS 2024; its network has filters of its own in CUDA, so that only
    what is done with a network can be compared.
    """

    def __init__(self, ours: Any, device: str) -> None:
        self.model = copy.deepcopy(ours).to(device)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.device = torch.device(device).type
        self.of_critic, self.of_generator = (
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.0, 0.99))
            for network in (self.model.critic, self.model.generator)
        )

    def _learns(self, network: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def step(self, real: Tensor, noise: Tensor | None = None, second: Tensor | None = None) -> dict[str, Tensor]:
        """One step of both.

        Args:
            second: noise of the generator's step.
        """
        critic, generator = self.model.critic, self.model.generator
        noises = [
            torch.randn(len(real), self.model.latent_size, device=real.device) if one is None else one
            for one in (noise, second)
        ]
        critic.requires_grad_(True)
        generator.requires_grad_(False)
        with torch.autocast(self.device, torch.bfloat16):
            real_samples = real.detach().requires_grad_()
            made_samples = generator(noises[0]).float().detach().requires_grad_()
            of_real, of_made = critic(real_samples).float(), critic(made_samples).float()
            penalties = []
            for scores, samples in ((of_real, real_samples), (of_made, made_samples)):
                (slopes,) = torch.autograd.grad(scores.sum(), samples, create_graph=True)
                penalties.append(slopes.square().sum((1, 2, 3)))
            critics = (F.softplus(of_made - of_real) + 0.1 * (penalties[0] + penalties[1])).mean()
        self._learns(critic, self.of_critic, critics)
        critic.requires_grad_(False)
        generator.requires_grad_(True)
        with torch.autocast(self.device, torch.bfloat16):
            fooled = critic(generator(noises[1]).float()).float()
            generators = F.softplus(critic(real).float() - fooled).mean()
        self._learns(generator, self.of_generator, generators)
        with torch.no_grad():
            for own, other in zip(self.average.generator.parameters(), generator.parameters(), strict=True):
                own.copy_(other.lerp(own, 0.999))
        return {"critic": critics.detach(), "generator": generators.detach()}
