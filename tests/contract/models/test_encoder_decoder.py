"""What every encoder-decoder must do; a new one is tested here by being registered."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from contract.models.encoder_decoder import ENCODER_DECODER, FIRST, OUTPUT, reads_tokens
from contract.models.family import Family
from contract.models.promises import *  # noqa: F403
from support.processor import MAY_USE_BF16
from torch import Tensor, nn

from profond import models
from profond.nn.search import search

FAMILY = ENCODER_DECODER
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module", params=FAMILY.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def family() -> Family:
    return FAMILY


@pytest.fixture
def model(name: str) -> nn.Module:
    return FAMILY.build(name).eval()


@pytest.fixture
def batch(name: str) -> tuple[Tensor, Tensor]:
    read, written = FAMILY.inputs(name, 5, 1)
    return read, written


@torch.no_grad()
def test_it_gives_scores_of_each_token_but_the_first(model: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    scores = model(*batch)
    assert scores.shape == (5, batch[1].shape[1] - 1, OUTPUT)
    assert scores.isfinite().all()
    torch.testing.assert_close(model(batch[0]), scores[:, :1], **CLOSE)  # without a text: of the first one


@torch.no_grad()
def test_what_fills_up_shorter_samples_changes_nothing(
    name: str, model: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    read, written = batch
    longer = F.pad(read, (0, 3)) if reads_tokens(name) else read
    found = model(longer, F.pad(written, (0, 2)))[:, : written.shape[1] - 1]
    torch.testing.assert_close(found, model(read, written), **CLOSE)


@torch.no_grad()
def test_samples_of_a_batch_do_not_meet(model: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    together = model(*batch)
    for row in range(5):
        torch.testing.assert_close(model(*(part[row : row + 1] for part in batch)), together[row : row + 1], **CLOSE)


@torch.no_grad()
def test_a_token_is_guessed_from_those_before_it_alone(model: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    read, written = batch
    before = model(read, written)
    changed = written.clone()
    changed[:, 3:] = FIRST
    torch.testing.assert_close(model(read, changed)[:, :3], before[:, :3], **CLOSE)
    assert not torch.allclose(model(read, changed)[:, 3:], before[:, 3:], **CLOSE)


@torch.no_grad()
def test_what_is_read_matters(model: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    read, written = batch
    assert not torch.allclose(model(read.flip(0), written[:1].expand(5, -1))[0], model(*batch)[0], **CLOSE)


@torch.no_grad()
def test_step_by_step_it_says_what_it_says_at_once(model: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    read, written = batch
    memory = model.encode(read)
    assert all(len(part) == len(read) for part in memory), "the batch comes first, so that a search can pick"
    state, at_once = model.start(memory), model(read, written)
    for t in range(written.shape[1] - 1):
        scores, state, attention = model.step(written[:, t], state, memory)
        torch.testing.assert_close(scores, at_once[:, t], **CLOSE)
        assert all(len(part) == len(read) for part in state)
        if attention is not None:
            torch.testing.assert_close(attention.sum(1), torch.ones(len(read)), **CLOSE)
            assert not attention[(memory.real if hasattr(memory, "real") else attention >= 0).logical_not()].any()


@pytest.mark.parametrize("beam", [1, 3])
def test_a_search_in_a_batch_is_the_search_alone(model: nn.Module, batch: tuple[Tensor, Tensor], beam: int) -> None:
    with torch.no_grad():
        together = search(model, model.encode(batch[0]), 7, beam)
        for row in range(5):
            alone = search(model, model.encode(batch[0][row : row + 1]), 7, beam)
            tokens = together.tokens[row, : alone.tokens.shape[1]]
            assert torch.equal(tokens, alone.tokens[0])
            assert not together.tokens[row, alone.tokens.shape[1] :].any()
            torch.testing.assert_close(together.scores[row], alone.scores[0], **CLOSE)


def test_one_batch_can_be_overfitted(name: str, batch: tuple[Tensor, Tensor]) -> None:
    model = FAMILY.build(name).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    wanted = batch[1][:, 1:].flatten()
    for _ in range(200):
        loss = F.cross_entropy(model(*batch).flatten(0, 1), wanted, ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.05:
            break
    assert loss < 0.05


@MAY_USE_BF16
def test_it_trains_a_step_in_bf16(name: str, batch: tuple[Tensor, Tensor]) -> None:
    model = FAMILY.build(name).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.cross_entropy(model(*batch).float().flatten(0, 1), batch[1][:, 1:].flatten(), ignore_index=0)
    loss.backward()
    assert loss.isfinite()
    assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())


def test_its_head_can_be_replaced(name: str, model: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    head = model.get_submodule(models.head_of(model))
    assert isinstance(head, nn.Linear)
    model.set_submodule(models.head_of(model), nn.Linear(head.in_features, 3))
    assert model(*batch).shape[2] == 3
