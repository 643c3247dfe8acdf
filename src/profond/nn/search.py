"""What an encoder-decoder writes: the likeliest token again and again, or the best of several answers at once.

Notable features:
- one step of the network for each token: its state goes on, nothing is read or written twice
- all samples of a batch are searched together, and each ends as it would alone
- an answer's score is the mean of its tokens' log-probabilities, so that short answers are not the better ones for
  being short
- an answer that came to its end counts before one that the limit cut off, whatever their scores: networks that repeat
  themselves are very sure of it
- a beam is never worse than the greedy answer, which is one of its candidates
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from profond.core.tokens import END, PADDING, START, UNKNOWN

State = tuple[Tensor, ...]
NEVER = [PADDING, UNKNOWN, START]
"""Tokens that no answer holds."""


class Writer(Protocol):
    """What an encoder-decoder does for a search. ``memory`` is a named tuple of tensors, the batch first."""

    def start(self, memory: Any) -> State: ...

    def step(self, tokens: Tensor, state: State, memory: Any) -> tuple[Tensor, State, Tensor | None]: ...


class Found(NamedTuple):
    """An answer for each sample.

    Args:
        tokens: (n, t), without the start; with the end, unless the limit came before it; 0 behind.
        scores: (n), the mean log-probability of the tokens.
        attention: (n, t, s), where each step looked; None where the network has no attention.
    """

    tokens: Int[Tensor, "n t"]
    scores: Float[Tensor, " n"]
    attention: Float[Tensor, "n t s"] | None


@torch.no_grad()
def search(model: Writer, memory: Any, longest: int, beam: int = 1) -> Found:
    """The answer for each sample of a batch, whose ``memory`` the model has made.

    Args:
        longest: tokens at most, the end among them.
        beam: answers that are followed at once; 1 is greedy.

    Source: normalisation by length: Y. Wu et al., Google's neural machine translation system, 2016, equation 14 with
        α = 1 and no coverage penalty. NOTE There, as here, a search ends with as many whole answers as are followed.
    """
    assert longest >= 1
    assert beam >= 1
    found = _greedy(model, memory, longest)
    return found if beam == 1 else _better(_beams(model, memory, longest, beam), found)


def _greedy(model: Writer, memory: Any, longest: int) -> Found:
    count, device = len(memory[0]), memory[0].device
    state, last = model.start(memory), torch.full((count,), START, device=device)
    total, lengths = torch.zeros(count, device=device), torch.zeros(count, device=device)
    writing = torch.ones(count, dtype=torch.bool, device=device)
    tokens, looks = [], []
    for _ in range(longest):
        scores, state, weights = model.step(last, state, memory)
        value, last = _log_probabilities(scores).max(1)
        last = torch.where(writing, last, PADDING)
        total, lengths = total + value * writing, lengths + writing
        tokens.append(last)
        looks.append(weights)
        writing = writing & (last != END)
        if not bool(writing.any()):
            break
    attention = None if looks[0] is None else torch.stack([look for look in looks if look is not None], 1).float()
    return Found(torch.stack(tokens, 1), total / lengths, attention)


def _beams(model: Writer, memory: Any, longest: int, beam: int) -> Found:
    count, device = len(memory[0]), memory[0].device
    rows = torch.arange(count, device=device)[:, None]
    state = tuple(part.repeat_interleave(beam, 0) for part in model.start(memory))
    memory = type(memory)(*(part.repeat_interleave(beam, 0) for part in memory))
    last = torch.full((count, beam), START, device=device)
    total = torch.full((count, beam), -torch.inf, device=device)
    total[:, 0] = 0  # at first all of them are the same one
    tokens = torch.zeros(count, beam, 0, dtype=torch.int64, device=device)
    looks: Tensor | None = None
    whole = torch.zeros(count, dtype=torch.int64, device=device)
    best = Found(
        torch.zeros(count, longest, dtype=torch.int64, device=device),
        torch.full((count,), -torch.inf, device=device),
        None,
    )
    for length in range(1, longest + 1):
        scores, state, weights = model.step(last.flatten(), state, memory)
        likely = total[..., None] + _log_probabilities(scores).view(count, beam, -1)
        # Twice as many as are followed: where the half of them end, as many go on.
        value, place = likely.flatten(1).topk(min(2 * beam, likely[0].numel()), 1)
        origin, token = place // likely.shape[2], place % likely.shape[2]
        tokens = torch.cat([tokens[rows, origin], token[..., None]], 2)
        if weights is not None:
            looked = weights.float().view(count, beam, 1, -1)
            looks = looked if looks is None else torch.cat([looks, looked], 2)
            looks = looks[rows, origin]
        ends = (token == END) & value.isfinite()
        if length == longest:
            ends = ends | ((whole == 0)[:, None] & value.isfinite())  # those that the limit cuts off
        # Only those that are among the first ones end: the others would have been given up.
        ends[:, beam:] = False
        ends &= (whole < beam)[:, None]
        best = _noted(best, torch.where(ends, value / length, -torch.inf), tokens, looks, longest)
        whole = whole + ends.sum(1)
        if bool((whole >= beam).all()):
            break
        total, kept = torch.where(token == END, -torch.inf, value).topk(beam, 1)
        tokens, last = tokens[rows, kept], token[rows, kept]
        looks = None if looks is None else looks[rows, kept]
        chosen = (rows * beam + origin[rows, kept]).flatten()
        state = tuple(part[chosen] for part in state)
    return best


def _noted(best: Found, scores: Tensor, tokens: Tensor, looks: Tensor | None, longest: int) -> Found:
    """The best whole answers so far, of those before and these, with scores (n, k) that are -inf for what goes on."""
    value, place = scores.max(1)
    rows = torch.arange(len(scores), device=scores.device)
    behind = (0, longest - tokens.shape[2])
    better = value > best.scores
    written = torch.nn.functional.pad(tokens[rows, place], behind)
    attention = None
    if looks is not None:
        looked = torch.nn.functional.pad(looks[rows, place], (0, 0, *behind))
        before = torch.zeros_like(looked) if best.attention is None else best.attention
        attention = torch.where(better[:, None, None], looked, before)
    return Found(torch.where(better[:, None], written, best.tokens), torch.where(better, value, best.scores), attention)


def _better(first: Found, second: Found) -> Found:
    """Of each sample the better answer, as long as the longest of them."""
    behind = (0, first.tokens.shape[1] - second.tokens.shape[1])
    whole, other = ((found.tokens == END).any(1) for found in (first, second))
    better = (other & ~whole) | ((other == whole) & (second.scores > first.scores))
    tokens = torch.where(better[:, None], torch.nn.functional.pad(second.tokens, behind), first.tokens)
    length = max(1, int((tokens != PADDING).sum(1).max()))
    attention = None
    if first.attention is not None and second.attention is not None:
        looked = torch.nn.functional.pad(second.attention, (0, 0, *behind))
        attention = torch.where(better[:, None, None], looked, first.attention)[:, :length]
    return Found(tokens[:, :length], torch.where(better, second.scores, first.scores), attention)


def _log_probabilities(scores: Tensor) -> Tensor:
    likely = scores.float().log_softmax(1)
    likely[:, NEVER] = -torch.inf
    return likely
