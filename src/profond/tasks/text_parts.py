"""Networks that write, as graphs: what is read once, and one step that is called again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.core.tokens import END, PADDING, SPECIAL, START, Tokens
from profond.nn.attention import Memory
from profond.nn.search import NEVER
from profond.tasks.task import Part, Tensors

IMPOSSIBLE = -1e9
"""The log-probability of what no answer holds: a number, for files and messages do not all know minus infinity."""


class Encoder(nn.Module):
    """Reads all of the input: values, keys, which of them are real, and the state (n, parts, h) before the first token.

    Args:
        network: with ``encode`` and ``start``, in a form that leaves.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        memory = self.network.encode(inputs)
        return memory.values, memory.keys, memory.real, torch.stack(self.network.start(memory), 1)


class WriterStep(nn.Module):
    """One token: log-probabilities of the next one, where the network looked, and the state after it.

    Args:
        network: with ``step``, in a form that leaves.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, tokens: Int[Tensor, " n"], state: Float[Tensor, "n p h"], values: Tensor, keys: Tensor, real: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        memory = Memory(values, keys, real, values[:, 0])  # the summary is for the first state alone
        scores, after, weights = self.network.step(tokens, state.unbind(1), memory)
        return log_probabilities(scores, NEVER), torch.stack(after, 1), weights.float()


class ContinuationStep(nn.Module):
    """One token of a text that goes on: log-probabilities of the next one, and the state after it.

    Args:
        network: with ``go_on``, in a form that leaves.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Int[Tensor, " n"], state: Float[Tensor, "n p h"]) -> tuple[Tensor, Tensor]:
        scores, after = self.network.go_on(tokens[:, None], state.unbind(1))
        return log_probabilities(scores, range(len(SPECIAL))), torch.stack(after, 1)


def log_probabilities(scores: Float[Tensor, "n v"], never: Sequence[int]) -> Float[Tensor, "n v"]:
    """Of each token; `IMPOSSIBLE` of those that are never written."""
    written = torch.ones(scores.shape[1], dtype=torch.bool)
    written[list(never)] = False
    return torch.where(written, scores.float().log_softmax(1), IMPOSSIBLE)


def writer_parts(
    network: nn.Module, given: Tensors, examples: Callable[[int, int], tuple[Tensor, ...]], text: Tokens, longest: int
) -> list[Part]:
    """The encoder and the step of an encoder-decoder, in a form that leaves.

    Raises: ConfigError for a memory of another kind than `profond.nn.attention.Memory`.
    """
    encoder, step = Encoder(network).eval(), WriterStep(network).eval()

    @torch.no_grad()
    def step_examples(count: int, length: int) -> tuple[Tensor, ...]:
        values, keys, real, state = encoder(*examples(count, length))
        tokens = torch.arange(count) % (len(text) - len(SPECIAL)) + len(SPECIAL)
        return torch.where(torch.arange(count) == 0, START, tokens), state, values, keys, real

    with torch.no_grad():
        memory = network.encode(*examples(2, 6))  # type: ignore[operator]
    if not isinstance(memory, Memory):
        raise ConfigError(
            f"{type(network).__name__} keeps what it read in a form that a graph cannot pass on",
            "let `encode` give a `profond.nn.attention.Memory`",
        )
    _, state, values, keys, _ = step_examples(2, 6)
    steps: int | str = "time" if "time" in given.shape else int(values.shape[1])
    parts, width = int(state.shape[1]), int(state.shape[2])
    remembered = (
        Tensors("values", (steps, int(values.shape[2]))),
        Tensors("keys", (steps, int(keys.shape[2]))),
        Tensors("real", (steps,), "bool"),
    )
    after = (
        Tensors("log_probabilities", (len(text),)),
        Tensors("next_state", (parts, width)),
        Tensors("attention", (steps,)),
    )
    says = {
        "kind": "text",
        "text": text.to_json(),
        "start": START,
        "end": END,
        "padding": PADDING,
        "longest": longest,
        "encoder": "encoder",
        "step": "step",
    }
    before = Tensors("state", (parts, width))
    return [
        Part(encoder, (given,), (*remembered, before), examples, says, "encoder"),
        Part(step, (Tensors("tokens", (), "int64"), before, *remembered), after, step_examples, says, "step", raw=True),
    ]
