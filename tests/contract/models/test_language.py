"""What every network that writes a text on must do; a new one is tested here by being registered."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from contract.models.family import Family
from contract.models.promises import *  # noqa: F403
from contract.models.texts import LANGUAGE, VOCABULARY
from torch import nn

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module", params=LANGUAGE.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def family() -> Family:
    return LANGUAGE


@pytest.fixture
def model(name: str) -> nn.Module:
    return LANGUAGE.build(name).eval()


@torch.no_grad()
def test_it_gives_scores_of_what_follows_each_token(name: str, model: nn.Module) -> None:
    scores = model(LANGUAGE.inputs(name, 4, 1))
    assert scores.shape == (4, VOCABULARY, VOCABULARY)
    assert scores.isfinite().all()


@torch.no_grad()
def test_nothing_that_comes_later_changes_a_score(name: str, model: nn.Module) -> None:
    tokens = LANGUAGE.inputs(name, 4, 1)
    other = tokens.clone()
    other[:, 5:] = 4
    torch.testing.assert_close(model(other)[:, :5], model(tokens)[:, :5], **CLOSE)
    torch.testing.assert_close(model(F.pad(tokens, (0, 4)))[:, : tokens.shape[1]], model(tokens), **CLOSE)


@torch.no_grad()
def test_neighbours_in_a_batch_change_nothing(name: str, model: nn.Module) -> None:
    tokens = LANGUAGE.inputs(name, 4, 1)
    together = model(tokens)
    for row in range(4):
        torch.testing.assert_close(model(tokens[row : row + 1]), together[row : row + 1], **CLOSE)


@torch.no_grad()
def test_going_on_step_by_step_is_reading_at_once(name: str, model: nn.Module) -> None:
    tokens = LANGUAGE.inputs(name, 1, 1)
    at_once, state = model(tokens), None
    for step in range(tokens.shape[1]):
        scores, state = model.go_on(tokens[:, step : step + 1], state)  # type: ignore[operator]
        torch.testing.assert_close(scores, at_once[:, step], **CLOSE)
