"""Greedy and beam search over an encoder-decoder, against every answer there is."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from profond.core.tokens import END, START
from profond.models.seq2seq import Seq2Seq
from profond.nn.search import Found, search


@pytest.fixture(scope="module")
def model() -> Seq2Seq:
    torch.manual_seed(0)
    made = Seq2Seq(9, 7, width=6, hidden=8, dropout=0.0).eval()
    for parameter in made.parameters():
        parameter.data.mul_(5)  # so that its answers are not all alike
    return made


@pytest.fixture(scope="module")
def inputs() -> Tensor:
    random = torch.Generator().manual_seed(1)
    tokens = torch.randint(4, 9, (12, 6), generator=random)
    for row, length in enumerate(torch.randint(1, 7, (12,), generator=random).tolist()):
        tokens[row, length:] = 0
    return tokens


def found(model: Seq2Seq, inputs: Tensor, beam: int, longest: int = 5) -> Found:
    with torch.no_grad():
        return search(model, model.encode(inputs), longest, beam)


def score_of(model: Seq2Seq, source: Tensor, answer: list[int]) -> float:
    """The mean log-probability of an answer's tokens, teacher-forced: another way than the search's."""
    targets = torch.tensor([[START, *answer]])
    with torch.no_grad():
        likely = model(source[None], targets).log_softmax(2)[0]
    return float(likely[torch.arange(len(answer)), answer].mean())


def trimmed(row: list[int]) -> list[int]:
    return row[: row.index(END) + 1] if END in row else [token for token in row if token]


def every_answer(longest: int) -> list[list[int]]:
    letters = [4, 5, 6]
    whole = [[*some, END] for n in range(longest) for some in itertools.product(letters, repeat=n)]
    return whole + [list(some) for some in itertools.product(letters, repeat=longest)]


def test_a_beam_as_wide_as_all_answers_finds_the_best_one(model: Seq2Seq, inputs: Tensor) -> None:
    wide = found(model, inputs, beam=60, longest=3)
    for source, tokens, score in zip(inputs[:5], wide.tokens.tolist(), wide.scores.tolist(), strict=False):
        best = max(every_answer(3), key=lambda answer: (END in answer, score_of(model, source, answer)))
        assert trimmed(tokens) == best
        assert score == pytest.approx(score_of(model, source, best), abs=1e-5)


def test_the_greedy_answer_is_the_likeliest_token_each_time(model: Seq2Seq, inputs: Tensor) -> None:
    greedy = found(model, inputs, beam=1)
    for source, tokens, score in zip(inputs, greedy.tokens.tolist(), greedy.scores.tolist(), strict=True):
        written: list[int] = []
        while len(written) < 5 and END not in written:
            scores = model(source[None], torch.tensor([[START, *written, 0]]))[0, -1]
            scores[[0, 1, START]] = -torch.inf
            written.append(int(scores.argmax()))
        assert trimmed(tokens) == written
        assert score == pytest.approx(score_of(model, source, written), abs=1e-5)


@pytest.mark.parametrize("beam", [2, 3, 5])
def test_a_beam_is_never_worse_than_greedy(model: Seq2Seq, inputs: Tensor, beam: int) -> None:
    wide, greedy = found(model, inputs, beam), found(model, inputs, 1)
    ended, before = ((one.tokens == END).any(1) for one in (wide, greedy))
    assert bool((ended >= before).all())
    alike = ended == before
    assert bool((wide.scores >= greedy.scores - 1e-6)[alike].all())
    assert 0 < int(before.sum()) < len(inputs), "some come to their end, and others do not"
    assert bool((alike & (wide.scores > greedy.scores + 1e-3)).any()), "somewhere it is better, or it is none"


@pytest.mark.parametrize("beam", [1, 3])
def test_a_search_in_a_batch_is_the_search_alone(model: Seq2Seq, inputs: Tensor, beam: int) -> None:
    together = found(model, torch.nn.functional.pad(inputs, (0, 4)), beam)
    for number, source in enumerate(inputs):
        alone = found(model, source[None, : int((source != 0).sum())], beam)
        length = len(trimmed(alone.tokens[0].tolist()))
        assert trimmed(together.tokens[number].tolist()) == trimmed(alone.tokens[0].tolist())
        assert float(together.scores[number]) == pytest.approx(float(alone.scores[0]), abs=1e-5)
        assert together.attention is not None
        assert alone.attention is not None
        looked = together.attention[number, :length, : alone.attention.shape[2]]
        torch.testing.assert_close(looked, alone.attention[0, :length], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("beam", "longest"), [(1, 1), (4, 1), (1, 3), (4, 3)])
def test_no_answer_is_longer_than_the_limit_and_none_holds_what_no_text_holds(
    model: Seq2Seq, inputs: Tensor, beam: int, longest: int
) -> None:
    tokens = found(model, inputs, beam, longest).tokens
    assert tokens.shape[1] <= longest
    for row in tokens.tolist():
        assert trimmed(row), "an answer has a token at least"
        assert not {0, 1, START} & set(trimmed(row))
        assert not any(row[len(trimmed(row)) :])


def test_a_network_without_attention_is_searched_too(inputs: Tensor) -> None:
    class Counter:
        """Writes 4, 5, 6 and the end, whatever it read."""

        def start(self, memory: Any) -> tuple[Tensor, ...]:
            return (torch.zeros(len(memory[0]), dtype=torch.int64),)

        def step(
            self, tokens: Tensor, state: tuple[Tensor, ...], memory: Any
        ) -> tuple[Tensor, tuple[Tensor, ...], None]:
            scores = torch.nn.functional.one_hot(torch.tensor([4, 5, 6, END])[state[0].clamp(max=3)], 7) * 9.0
            return scores, (state[0] + 1,), None

    class Read(tuple):  # type: ignore[type-arg]
        def __new__(cls, *parts: Tensor) -> Read:
            return super().__new__(cls, parts)

    for beam in (1, 2):
        answers = search(Counter(), Read(inputs), 6, beam)
        assert answers.attention is None
        assert [trimmed(row) for row in answers.tokens.tolist()] == [[4, 5, 6, END]] * len(inputs)
