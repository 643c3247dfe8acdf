"""What every network from a text to a class must do; a new one is tested here by being registered."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from contract.models.family import Family
from contract.models.promises import *  # noqa: F403
from contract.models.texts import CLASSES, TEXT
from torch import nn

from profond.explain.why.words import AtVectors, word_gradients

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module", params=TEXT.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def family() -> Family:
    return TEXT


@pytest.fixture
def model(name: str) -> nn.Module:
    return TEXT.build(name).eval()


@torch.no_grad()
def test_it_gives_a_score_for_each_class(name: str, model: nn.Module) -> None:
    scores = model(TEXT.inputs(name, 5, 1))
    assert scores.shape == (5, CLASSES)
    assert scores.isfinite().all()
    assert scores.std(0).min() > 0, "it says the same of every text"


@torch.no_grad()
@pytest.mark.parametrize("more", [1, 9])
def test_what_fills_up_shorter_texts_changes_nothing(name: str, model: nn.Module, more: int) -> None:
    tokens = TEXT.inputs(name, 5, 1)
    torch.testing.assert_close(model(F.pad(tokens, (0, more))), model(tokens), **CLOSE)


@torch.no_grad()
def test_neighbours_in_a_batch_and_its_order_change_nothing(name: str, model: nn.Module) -> None:
    tokens = TEXT.inputs(name, 5, 1)
    together = model(tokens)
    for row in range(5):
        alone = tokens[row : row + 1]
        torch.testing.assert_close(model(alone[:, : max(1, int((alone != 0).sum()))]), together[row : row + 1], **CLOSE)
    torch.testing.assert_close(model(tokens.flip(0)), together.flip(0), **CLOSE)


def test_its_words_add_up_to_its_score(name: str, model: nn.Module) -> None:
    tokens = TEXT.inputs(name, 2, 3)[1]
    found = word_gradients(model, tokens, 1)
    asked = AtVectors(model)
    with torch.no_grad():
        nothing = float(asked(torch.zeros_like(asked.vectors(tokens[tokens != 0]))[None])[0, 1])
    assert found.values.shape == (1, len(tokens))
    assert (found.values[0, (tokens == 0).numpy()] == 0).all()
    assert float(found.values.sum()) == pytest.approx(
        found.score - nothing, abs=0.02 * abs(found.score - nothing) + 1e-4
    )
