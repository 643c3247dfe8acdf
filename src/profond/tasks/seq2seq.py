"""A text is written: of another text, as in translation, or of a picture, as in captioning."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.config import Count, Share, checked
from profond.core.errors import ConfigError, DataError, UnknownName
from profond.core.spec import Spec
from profond.core.tokens import END, PADDING
from profond.data.dataset import Dataset
from profond.data.text.pairs import Pair, as_dataset
from profond.measures.measured import Measured
from profond.measures.report import Report
from profond.measures.texts import CHRF, EXACT, Texts, text_report, token_losses
from profond.nn.looped import looped
from profond.nn.search import Found, search
from profond.tasks import register_task
from profond.tasks.batch import called, described, pair
from profond.tasks.part_inputs import network_examples, network_input
from profond.tasks.task import Example, Explained, Loss, Part, Phase
from profond.tasks.text_parts import writer_parts

_LONGEST = 200
"""Tokens of an answer at most, where no data said how long answers are."""

_MOST = 2000
"""Tokens that may be asked for; a network that never ends would be waited for."""


@dataclass(frozen=True)
class Writing:
    """What was written of one sample.

    Args:
        text: as people read it.
        pieces: its tokens, as they are called in pictures; the end too, where it was written.
        log_probability: the mean of its tokens'.
        ended: whether it came to its end before the limit.
        attention: (pieces, parts of what was read), where each piece looked; None where the network has no attention.
    """

    text: str
    pieces: tuple[str, ...]
    log_probability: float
    ended: bool
    attention: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)

    def line(self) -> str:
        return " ".join(self.text.split()) or "(nothing)"

    def row(self) -> dict[str, Any]:
        return {"text": self.text, "log_probability": f"{self.log_probability:.4f}"}

    def to_json(self) -> dict[str, Any]:
        number = round(self.log_probability, 4)
        return {"text": self.text, "log_probability": number, "tokens": len(self.pieces), "ended": self.ended}

    def write(self, folder: Path, name: str) -> list[Path]:
        return []


@register_task("seq2seq")
class Seq2Seq:
    """An encoder-decoder writes a text token by token; a batch is (inputs, tokens (n, t) from start to end).

    In training each token is guessed from the right ones before it; an answer is searched for, from the tokens that
    the network itself wrote.

    Args:
        label_smoothing: share of the probability that is spread evenly over all tokens, 0 to 1.
        beam: answers that are followed at once in a search; 1 is greedy.
        longest: tokens of an answer at most; the data decides it, as long as the longest one of train.
        judged_by: ``"chrf"`` or ``"exact_match"``: what is said first, and what runs are compared by.
    """

    phases: Sequence[Phase] = (Phase(),)
    transfer_settings: Mapping[str, Any] = {}

    @checked("task 'seq2seq'")
    def __init__(
        self,
        label_smoothing: Share = 0.0,
        beam: Count = 1,
        longest: Count | None = None,
        judged_by: Literal["chrf", "exact_match"] = "chrf",
    ) -> None:
        if judged_by not in (CHRF, EXACT):
            raise UnknownName("judge of texts", judged_by, (CHRF, EXACT))
        self.label_smoothing, self.judged_by = label_smoothing, judged_by
        self.beam = beam
        self.longest = _LONGEST if longest is None else longest
        self.headline: str = judged_by

    # -- what the data decides ---------------------------------------------------------------------------------

    @staticmethod
    def learns(spec: Spec) -> bool:
        return spec.text is not None and not spec.each  # a token for each that is read is another matter

    @staticmethod
    def translates(spec: Spec) -> bool:
        """Whether what is written is of the kind of what is read, so that `profond translate` is for it."""
        return spec.tokens is not None and spec.text is not None

    @staticmethod
    def unsettled(settings: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in settings.items() if name != "longest"}

    def settle(self, dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
        """How long an answer may become."""
        text = dataset.spec.text
        if text is None:
            raise DataError(
                f"{dataset.name} has no texts that could be written",
                "give pairs: a table with the columns source and target; or leave task.name out",
            )
        lengths = (dataset.split("train").targets != PADDING).sum(1)
        longest = int(lengths.max()) - 1  # the start is not written
        note = f"answers have {float(lengths.float().mean()) - 2:.1f} {text.kind} in train, {longest - 1} at most"
        return {"longest": longest}, [f"{note}: no answer becomes longer; {len(text)} different ones can be written"]

    # -- learning ----------------------------------------------------------------------------------------------

    def loss(self, model: nn.Module, batch: Any, phase: Phase) -> Loss:
        inputs, targets = _texts(batch)
        scores = _scores(model, inputs, targets)
        wanted = targets[:, 1:].flatten()
        value = F.cross_entropy(
            scores.flatten(0, 1), wanted, ignore_index=PADDING, label_smoothing=self.label_smoothing
        )
        return Loss(value, weight=(wanted != PADDING).sum())

    # -- judging and answering ---------------------------------------------------------------------------------

    def search(self, model: nn.Module, inputs: Any, beam: int | None = None, longest: int | None = None) -> Found:
        """The tokens that are written of each sample. Raises: ConfigError for a network that cannot be searched."""
        encode: Any = getattr(model, "encode", None)
        if encode is None:
            raise _no_writer(model)
        found = search(model, encode(inputs), longest or self.longest, beam or self.beam)  # type: ignore[arg-type]
        if not bool(torch.isfinite(found.scores).all()):
            raise ConfigError("the model's outputs are not finite", "its weights are damaged, or training went astray")
        return found

    def meter(self, spec: Spec | None = None) -> TextMeter:
        return TextMeter(self, spec)

    @checked("an answer")
    def answer(
        self,
        model: nn.Module,
        inputs: Any,
        spec: Spec | None = None,
        *,
        beam: Count | None = None,
        max_length: Count | None = None,
    ) -> Sequence[Writing]:
        """What is written of each sample.

        Args:
            beam: answers that are followed at once; the task's own where left out.
            max_length: tokens at most; the task's own where left out.
        """
        if spec is None or spec.text is None:
            raise ConfigError("what the network's tokens stand for is not known", "give the spec of the run")
        if max_length is not None and max_length > (most := max(_MOST, self.longest)):
            raise ConfigError(f"max_length is {max_length:,}", f"an answer has {most:,} tokens at most")
        tokens, scores, attention = self.search(model, inputs, beam, max_length)
        answers = []
        for number, row in enumerate(tokens.tolist()):
            length = row.index(END) + 1 if END in row else len(row)
            pieces = tuple(spec.text.pieces(row[:length]))
            looked = None if attention is None else attention[number, :length].cpu().numpy()
            answers.append(Writing(spec.text.decode(row), pieces, float(scores[number]), END in row, looked))
        return answers

    def exported(self, model: nn.Module, spec: Spec) -> Sequence[Part]:
        """What reads, and one step of what writes: the search is the caller's loop.

        Raises: ConfigError for a network that writes no texts.
        """
        if not hasattr(model, "encode"):
            raise _no_writer(model)
        if spec.text is None:
            raise ConfigError("what the network's tokens stand for is not known", "give the spec of the run")
        given, examples = network_input(model, spec), network_examples(model, spec)
        return writer_parts(looped(model), given, examples, spec.text, self.longest)

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        raise ConfigError(
            "a text is many numbers, and not one that an explanation could be about",
            "where each word looked: `profond explain RUN PICTURE --method attention`; "
            "of a text, `profond translate RUN TEXT --attention MAP.png`",
        )

    def card(self, spec: Spec) -> list[str]:
        search = "the likeliest token each time (greedy)" if self.beam == 1 else f"a beam of {self.beam}"
        lines = [f"- Answers are searched for by {search}, and have at most {self.longest} tokens"]
        if spec.text is not None:
            lines.insert(0, f"- Writes texts: {len(spec.text)} different {spec.text.kind}")
        return lines

    @staticmethod
    def example(seed: int = 0) -> Example:
        """Letters are written in capitals, from the last to the first."""
        random = torch.Generator().manual_seed(seed)
        splits = {}
        for name, count in (("train", 90), ("valid", 31), ("test", 47)):
            lengths = torch.randint(2, 5, (count,), generator=random).tolist()
            words = ["".join("abcd"[i] for i in torch.randint(4, (n,), generator=random).tolist()) for n in lengths]
            splits[name] = [Pair(f"{name}/{i}", word, word[::-1].upper()) for i, word in enumerate(words)]
        dataset = as_dataset("capitals", splits, "made here", kind="characters")
        return Example(dataset, {"name": "seq2seq", "width": 12, "hidden": 24, "dropout": 0.0})


class TextMeter:
    """One pass: the loss of each token; and, where it is known what they stand for, what is written of each sample."""

    def __init__(self, task: Seq2Seq, spec: Spec | None = None) -> None:
        self.task = task
        self.spec = spec
        self.losses: list[tuple[Tensor, Tensor]] = []
        self.texts: list[tuple[str, str, str]] = []

    def update(self, model: nn.Module, batch: Any) -> int:
        inputs, targets = _texts(batch)
        scores, wanted = _scores(model, inputs, targets), targets[:, 1:]
        nats = F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), ignore_index=PADDING, reduction="none")
        self.losses.append((nats.view(wanted.shape).double().sum(1).cpu(), (wanted != PADDING).sum(1).cpu()))
        if self.spec is not None and self.spec.text is not None:
            text, tokens = self.spec.text, self.spec.tokens
            written = self.task.search(model, inputs).tokens.tolist()
            read = inputs.tolist() if tokens is not None else [[]] * len(targets)
            for source, target, answer in zip(read, targets.tolist(), written, strict=True):
                words = "" if tokens is None else tokens.decode(source)
                self.texts.append((words, text.decode(target), text.decode(answer)))
        return len(targets)

    def seen(self) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[str, str, str]]]:
        return self.losses, self.texts

    def join(self, seen: tuple[list[tuple[Tensor, Tensor]], list[tuple[str, str, str]]]) -> None:
        self.losses += seen[0]
        self.texts += seen[1]

    def metrics(self) -> dict[str, Measured]:
        return {**(self._texts().quick() if self.texts else {}), **self._losses()}

    def report(self) -> Report:
        losses = self._losses()
        if not all(math.isfinite(measured.value) for measured in losses.values()):
            raise ConfigError("the model's outputs are not finite", "its weights are damaged, or training went astray")
        if not self.texts:
            return Report("loss", losses, sum(len(nats) for nats, _ in self.losses))
        return text_report(self._texts(), losses, self.task.judged_by)

    def _losses(self) -> dict[str, Measured]:
        nats, counts = (torch.cat(part).numpy() for part in zip(*self.losses, strict=True))
        return token_losses(nats, counts)

    def _texts(self) -> Texts:
        sources, wanted, written = zip(*self.texts, strict=True)
        return Texts(wanted, written, sources if any(sources) else ())


def _texts(batch: Any) -> tuple[Any, Tensor]:
    """Inputs and tokens. Raises: DataError where the targets are no tokens from a start to an end."""
    inputs, targets = pair(batch)
    if targets.ndim != 2 or targets.is_floating_point() or targets.shape[1] < 2:
        raise DataError(
            f"the targets are {described(targets)}, and a text is a row of whole numbers from its start to its end",
            "give tokens (samples, steps): 2, those of the text, 3; and 0 behind shorter ones",
        )
    return inputs, targets


def _scores(model: nn.Module, inputs: Any, targets: Tensor) -> Tensor:
    """Of each token but the first (n, t - 1, v), float32. Raises: DataError where a network gives something else."""
    try:
        scores = called(model, inputs, targets)
    except TypeError:
        if hasattr(model, "encode"):
            raise
        raise _no_writer(model) from None
    if not isinstance(scores, Tensor) or scores.ndim != 3 or scores.shape[1] != targets.shape[1] - 1:
        raise DataError(
            f"the model gives {described(scores)}, and a text is learned from scores of each of its tokens",
            "use an encoder-decoder, such as --model seq2seq, which is called with inputs and targets",
        )
    return scores.float()


def _no_writer(model: nn.Module) -> ConfigError:
    return ConfigError(
        f"{type(model).__name__} writes no texts: it has no `encode`, `start` and `step`, and is not called with inputs"
        " and targets",
        "use an encoder-decoder, such as --model seq2seq",
    )
