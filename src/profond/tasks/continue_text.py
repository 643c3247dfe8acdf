"""A text goes on: what comes next, character by character, judged in bits a character."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from profond.core.config import Count, Number, Seed, checked
from profond.core.errors import ConfigError, DataError
from profond.core.spec import Spec
from profond.core.tokens import PADDING, SPECIAL, Tokens
from profond.data.dataset import Dataset
from profond.data.split import TensorSplit
from profond.data.text.book import as_book
from profond.measures.measured import Measured
from profond.measures.next_token import ORDER, Counts, compressed_bits
from profond.measures.report import PREDICTIONS, Report, Table
from profond.measures.texts import token_losses
from profond.nn.looped import looped
from profond.tasks import register_task
from profond.tasks.batch import called, described, pair
from profond.tasks.task import Example, Explained, Loss, Part, Phase, Tensors
from profond.tasks.text_parts import ContinuationStep

HEADLINE = "bits_per_token"
Length = Annotated[Count, Field(le=100_000)]
"""Tokens of an answer."""
Temperature = Annotated[Number, Field(ge=0, le=10, description="0 takes the most probable, 0.8 is usual")]


@dataclass(frozen=True)
class Written:
    """What was written behind a beginning.

    Args:
        prompt: the beginning.
        text: what was written.
    """

    prompt: str
    text: str

    def line(self) -> str:
        return repr(self.text)[1:-1]

    def whole(self) -> str:
        """All of it, as people read it."""
        return self.prompt + self.text

    def row(self) -> dict[str, Any]:
        return {"text": self.text}

    def to_json(self) -> dict[str, Any]:
        return {"prompt": self.prompt, "text": self.text}

    def write(self, folder: Path, name: str) -> list[Path]:
        return []


@register_task("continue_text")
class ContinueText:
    """Cross-entropy of each next token; a batch is (tokens (n, t), the same one token on, 0 where none is guessed).

    A network says scores (n, t, v); to write, it has ``go_on(tokens, state) -> (scores (n, v), state)``.
    """

    headline = HEADLINE
    phases: Sequence[Phase] = (Phase(),)
    transfer_settings: Mapping[str, Any] = {}

    @staticmethod
    def learns(spec: Spec) -> bool:
        return spec.text is not None and bool(spec.each)

    @staticmethod
    def unsettled(settings: Mapping[str, Any]) -> dict[str, Any]:
        return dict(settings)

    def settle(self, dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
        if not self.learns(dataset.spec):
            raise DataError(f"{dataset.name} is no long text that could be written on", "give it one .txt file")
        return {}, []

    # -- learning and judging ------------------------------------------------------------------------------------

    def loss(self, model: nn.Module, batch: Any, phase: Phase) -> Loss:
        scores, targets = _scores(model, batch)
        value = F.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=PADDING)
        return Loss(value, weight=(targets != PADDING).sum())

    def meter(self, spec: Spec | None = None) -> BitsMeter:
        return BitsMeter(spec)

    def beside(self, dataset: Dataset, split: str, report: Report) -> Report:
        """The report with what counts of short contexts and a compressor reach on the same text."""
        parts, text = [dataset.splits.get(name) for name in ("train", split)], dataset.spec.text
        if text is None or text.kind != "characters" or not all(isinstance(part, TensorSplit) for part in parts):
            return report
        train, test = (part for part in parts if isinstance(part, TensorSplit))
        learned = "".join(map(_letters, train.samples))
        pieces = [_piece(*one) for one in zip(test.samples, test.targets, strict=True)]
        counted = Counts(learned, len(text) - len(SPECIAL)).bits(pieces)
        packed = compressed_bits(learned, "".join(piece[start:] for piece, start in pieces))
        metrics = {
            "bits_of_counts": Measured(counted, unit="bits", title=f"bits of counts, {ORDER} before"),
            "bits_of_lzma": Measured(packed, unit="bits", title="bits of LZMA"),
        }
        ours, best = report.metrics[HEADLINE].value, min(counted, packed)
        who = "the counts" if counted <= packed else "LZMA"
        won = f"the network wins by {best - ours:.2f} bits" if ours < best else f"{who} win by {ours - best:.2f} bits"
        others = f"counts of {ORDER} characters before: {counted:.2f}; LZMA: {packed:.2f}"
        line = f"{ours:.2f} bits a character; {others}: {won}"
        return replace(report, metrics={**report.metrics, **metrics}, lines=(*report.lines, line))

    # -- writing -------------------------------------------------------------------------------------------------

    @checked("an answer")
    def answer(
        self,
        model: nn.Module,
        inputs: Any,
        spec: Spec | None = None,
        *,
        length: Length = 60,
        temperature: Temperature = 0.0,
        seed: Seed = 0,
    ) -> Sequence[Written]:
        """How each text goes on.

        Args:
            length: tokens that are written.
            temperature: 0 takes the most probable each time; 1 draws as probable as the network says.
            seed: of the drawing.
        """
        text = _text(spec)
        found = []
        for row in inputs:
            beginning = row[row != PADDING][None]
            found.append(self._written(model, beginning, text, text.decode(row), length, temperature, seed))
        return found

    @checked("texts")
    def generate(
        self,
        model: nn.Module,
        spec: Spec,
        *,
        prompt: str = "",
        length: Length = 400,
        temperature: Temperature = 0.8,
        seed: Seed = 0,
        count: Annotated[Count, Field(le=1000)] = 1,
    ) -> Sequence[Written]:
        """Texts that begin with a prompt.

        Args:
            prompt: the beginning; nothing: a new line.
            length, temperature: as in ``answer``.
            seed: of the first text; each next one has the next.
            count: how many texts.

        Raises: ConfigError for a prompt that has nothing of the vocabulary, and for numbers out of range.
        """
        text = _text(spec)
        ids = text.encode(prompt or "\n")
        if prompt and not any(one >= len(SPECIAL) for one in ids):
            raise ConfigError(f"nothing of {prompt!r} was seen in training", "begin with other words")
        device = next(model.parameters()).device
        beginning = torch.tensor([ids or [len(SPECIAL)]], device=device)
        return [self._written(model, beginning, text, prompt, length, temperature, seed + i) for i in range(count)]

    def _written(
        self, model: Any, beginning: Tensor, text: Tokens, prompt: str, length: int, temperature: float, seed: int
    ) -> Written:
        if not hasattr(model, "go_on"):
            raise _cannot_go_on(model)
        random = torch.Generator().manual_seed(seed)
        ids: list[int] = []
        with torch.inference_mode():
            scores, state = model.go_on(beginning)
            while True:
                row = scores[0].float().cpu()
                if not bool(row.isfinite().all()):
                    raise ConfigError("the model's outputs are not finite", "its weights are damaged")
                row[: len(SPECIAL)] = -torch.inf
                if temperature < 1e-3:
                    chosen = int(row.argmax())
                else:
                    chosen = int(torch.multinomial((row.double() / temperature).softmax(0), 1, generator=random))
                ids.append(chosen)
                if len(ids) == length:
                    return Written(prompt, text.decode(ids))
                scores, state = model.go_on(torch.tensor([[chosen]], device=beginning.device), state)

    def exported(self, model: nn.Module, spec: Spec) -> Sequence[Part]:
        """One step: a token and the state before it to the log-probabilities of the next one; the first state is zeros.

        Raises: ConfigError for a network that cannot go on from a state.
        """
        text = _text(spec)
        if not hasattr(model, "go_on"):
            raise _cannot_go_on(model)
        network: Any = looped(model)
        state = torch.stack(network.go_on(torch.tensor([[len(SPECIAL)]]))[1], 1)
        before = Tensors("state", tuple(state.shape[1:]))

        def examples(count: int, length: int) -> tuple[Tensor, ...]:
            """After ``length`` tokens."""
            random = torch.Generator().manual_seed(1000 * count + length)
            tokens = torch.randint(len(SPECIAL), len(text), (count, length + 1), generator=random)
            with torch.no_grad():
                return tokens[:, -1], torch.stack(network.go_on(tokens[:, :-1])[1], 1)

        outputs = (Tensors("log_probabilities", (len(text),)), Tensors("next_state", before.shape))
        answer = {"kind": "text", "text": text.to_json(), "step": "step"}
        given = (Tensors("tokens", (), "int64"), before)
        return [Part(ContinuationStep(network).eval(), given, outputs, examples, answer, "step", raw=True)]

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        raise ConfigError(
            "a text is many numbers, and not one that an explanation could be about", "explain a run on classes"
        )

    def card(self, spec: Spec) -> list[str]:
        text = _text(spec)
        return [f"- Writes a text on, one of {len(text)} {text.kind} at a time"]

    @staticmethod
    def example(seed: int = 0) -> Example:
        """Three words in turn, one of which is left out now and then."""
        random = torch.Generator().manual_seed(seed)
        turns = (1 + (torch.rand(900, generator=random) < 0.05).long()).cumsum(0) % 3
        words = "".join(("ab ", "cad ", "eb. ")[turn] for turn in turns.tolist())
        dataset = as_book("three words", words, length=24, valid_fraction=0.15, test_fraction=0.2)
        return Example(dataset, {"name": "char_lstm", "width": 8, "hidden": 24, "dropout": 0.0})


class BitsMeter:
    """One pass: for each sample, the nats of its guessed tokens and how many there are."""

    def __init__(self, spec: Spec | None = None) -> None:
        self.kind = "characters" if spec is None or spec.text is None else spec.text.kind
        self.nats: list[Tensor] = []
        self.counts: list[Tensor] = []

    def update(self, model: nn.Module, batch: Any) -> int:
        scores, targets = _scores(model, batch)
        nats = F.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=PADDING, reduction="none")
        self.nats.append(nats.view(targets.shape).double().sum(1).cpu())
        self.counts.append((targets != PADDING).sum(1).cpu())
        return len(targets)

    def seen(self) -> tuple[list[Tensor], list[Tensor]]:
        return self.nats, self.counts

    def join(self, seen: tuple[list[Tensor], list[Tensor]]) -> None:
        self.nats += seen[0]
        self.counts += seen[1]

    def metrics(self) -> dict[str, Measured]:
        losses = token_losses(torch.cat(self.nats).numpy(), torch.cat(self.counts).numpy())
        nats, one = losses["loss"], self.kind.removesuffix("s")
        low, high = (None if end is None else end / math.log(2) for end in (nats.low, nats.high))
        bits = Measured(nats.value / math.log(2), low, high, "bits", "lower", f"bits a {one}")
        return {HEADLINE: bits, "perplexity": losses["perplexity"]}

    def report(self) -> Report:
        metrics = self.metrics()
        if not math.isfinite(metrics[HEADLINE].value):
            raise ConfigError("the model's outputs are not finite", "its weights are damaged, or training went astray")
        counts = torch.cat(self.counts)
        each = torch.cat(self.nats) / math.log(2) / counts.clamp_min(1)
        rows = [[count, round(bits, 4)] for count, bits in zip(counts.tolist(), each.tolist(), strict=True)]
        table = Table(("guessed", "bits"), rows, range(len(rows)))
        return Report(HEADLINE, metrics, len(rows), tables={PREDICTIONS: table})


def _scores(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor]:
    """Scores (n, t, v) and targets (n, t). Raises: DataError where they do not fit."""
    inputs, targets = pair(batch)
    scores = called(model, inputs)
    if not isinstance(scores, Tensor) or scores.ndim != 3 or scores.shape[:2] != targets.shape:
        raise DataError(
            f"the model gives {described(scores)} for targets of {described(targets)}",
            "a text is written on by a network that gives scores for each step, such as --model char_lstm",
        )
    return scores.float(), targets


def _text(spec: Spec | None) -> Tokens:
    if spec is None or spec.text is None:
        raise ConfigError("what the network's tokens stand for is not known", "give the spec of the run")
    return spec.text


def _cannot_go_on(model: nn.Module) -> ConfigError:
    return ConfigError(f"{type(model).__name__} cannot go on from a state", "use --model char_lstm")


def _letters(tokens: Tensor) -> str:
    """Tokens as one letter each, whatever they are."""
    return "".join(map(chr, tokens[tokens != PADDING].tolist()))


def _piece(inputs: Tensor, targets: Tensor) -> tuple[str, int]:
    """A piece with the last token that is guessed, and the place of the first one that is."""
    first = int((targets != PADDING).nonzero()[0])
    return _letters(inputs[: first + 1]) + _letters(targets), first + 1
