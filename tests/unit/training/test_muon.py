"""Muon beside PyTorch's own, beside AdamW, and beside the exact answer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from profond.training.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(6, 25), (16, 150), (120, 400), (84, 120), (10, 84), (150, 16), (1, 9), (7, 7)])
def test_singular_values_become_alike_and_vectors_stay(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = orthogonalised(matrix)
    sizes = torch.linalg.svdvals(found)
    assert sizes.min() > 0.6
    assert sizes.max() < 1.2
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    exact = left @ right
    assert torch.cosine_similarity(found.flatten(), exact.flatten(), dim=0) > 0.98


def test_a_gradient_of_zeros_moves_nothing() -> None:
    assert not orthogonalised(torch.zeros(3, 5)).any()


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_matrices_move_as_with_pytorchs_muon(decay: float) -> None:
    torch.manual_seed(0)
    ours = nn.Parameter(torch.randn(20, 30))
    theirs = nn.Parameter(ours.detach().clone())
    mine = Muon([ours], lr=0.01, momentum=0.9, weight_decay=decay)
    other = torch.optim.Muon(
        [theirs], lr=0.01, momentum=0.9, weight_decay=decay, adjust_lr_fn="match_rms_adamw", ns_steps=5
    )
    begun = ours.detach().clone()
    for _ in range(5):
        gradient = torch.randn(20, 30)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        other.step()
    moved = (theirs - begun).norm()
    assert (ours - theirs).norm() < 0.02 * moved  # PyTorch's iterates in bf16


def test_the_rest_moves_as_with_adamw() -> None:
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.randn(4, 5)), nn.Parameter(torch.randn(4))]
    theirs = nn.Parameter(ours[1].detach().clone())
    mine = Muon(ours, lr=0.01, weight_decay=0.1)
    other = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1)
    for _ in range(4):
        gradient = torch.randn(4)
        ours[0].grad, ours[1].grad, theirs.grad = torch.randn(4, 5), gradient.clone(), gradient.clone()
        mine.step()
        other.step()
        assert ours[0].grad is None, "used up, so that AdamW passes over it"
    assert torch.equal(ours[1], theirs)


def test_a_convolution_moves_as_the_same_matrix_does_channels_last_or_not() -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(8, 3, 3, 3), [torch.randn(8, 3, 3, 3) for _ in range(3)]
    forms = [start.flatten(1), start, start.to(memory_format=torch.channels_last)]
    ends = []
    for form in forms:
        parameter = nn.Parameter(form.clone())
        optimizer = Muon([parameter], lr=0.1)
        for gradient in gradients:
            parameter.grad = gradient.reshape(form.shape).clone()
            optimizer.step()
        ends.append(parameter.detach().reshape(8, 27))
    torch.testing.assert_close(ends[1], ends[0])
    torch.testing.assert_close(ends[2], ends[0])


def test_a_step_is_about_as_long_as_adamws() -> None:
    torch.manual_seed(0)
    parameter = nn.Parameter(torch.zeros(40, 90))
    parameter.grad = torch.randn(40, 90)
    Muon([parameter], lr=1.0).step()
    assert 0.14 < float(parameter.detach().square().mean().sqrt()) < 0.23


def test_its_state_comes_back() -> None:
    def parameters() -> list[nn.Parameter]:
        torch.manual_seed(0)
        return [nn.Parameter(torch.randn(4, 5)), nn.Parameter(torch.randn(4))]

    def steps(optimizer: Muon, members: list[nn.Parameter], seeds: range) -> None:
        for seed in seeds:
            torch.manual_seed(seed)
            for member in members:
                member.grad = torch.randn(member.shape)
            optimizer.step()

    whole, cut = parameters(), parameters()
    first = Muon(whole, lr=0.1, fused=True)
    steps(first, whole, range(6))
    before = Muon(cut, lr=0.1, fused=True)
    steps(before, cut, range(3))
    after = Muon(cut, lr=0.1, fused=True)
    after.load_state_dict(before.state_dict())
    steps(after, cut, range(3, 6))
    assert all(torch.equal(one, other) for one, other in zip(whole, cut, strict=True))


def test_scaled_gradients_are_unscaled_first_and_a_step_with_infinite_ones_is_left_out() -> None:
    torch.manual_seed(0)
    plain = [nn.Parameter(torch.randn(4, 5)), nn.Parameter(torch.randn(4))]
    scaled = [nn.Parameter(parameter.detach().clone()) for parameter in plain]
    gradients = [torch.randn(4, 5), torch.randn(4)]
    one, other = Muon(plain, lr=0.1, fused=True), Muon(scaled, lr=0.1, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(torch.zeros(()))  # starts it
    for parameter, twin, gradient in zip(plain, scaled, gradients, strict=True):
        parameter.grad, twin.grad = gradient.clone(), 1024 * gradient
    one.step()
    scaler.step(other)
    scaler.update()
    for parameter, twin in zip(plain, scaled, strict=True):
        torch.testing.assert_close(twin, parameter)
    before = [parameter.detach().clone() for parameter in scaled]
    scaled[0].grad, scaled[1].grad = torch.full((4, 5), torch.inf), torch.zeros(4)
    scaler.step(other)
    assert all(torch.equal(parameter, kept) for parameter, kept in zip(scaled, before, strict=True))
