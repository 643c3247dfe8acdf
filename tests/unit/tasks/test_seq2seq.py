"""Texts that are written: the loss of a token, what the data decides, answers and refusals in words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from profond.core.errors import ConfigError, DataError, UnknownName
from profond.core.tokens import END, START
from profond.evaluation.evaluate import evaluate
from profond.models.mlp import MLP
from profond.models.seq2seq import Seq2Seq as Network
from profond.tasks.classify import Classify
from profond.tasks.seq2seq import Seq2Seq

EXAMPLE = Seq2Seq.example().dataset
PHASE = Seq2Seq.phases[0]
TARGETS = torch.tensor([[START, 4, 5, END, 0], [START, 6, END, 0, 0]])


class Says(nn.Module):
    """Scores of its own for each token, whatever it is given."""

    def __init__(self, scores: Tensor) -> None:
        super().__init__()
        self.scores = nn.Parameter(scores)

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return self.scores.expand(*targets[:, 1:].shape, -1)


@pytest.fixture
def model() -> Network:
    torch.manual_seed(0)
    assert EXAMPLE.spec.tokens is not None
    assert EXAMPLE.spec.text is not None
    return Network(len(EXAMPLE.spec.tokens), len(EXAMPLE.spec.text), width=8, hidden=8).eval()


def inputs(split: str = "test") -> Tensor:
    batch: tuple[Tensor, Tensor] = next(iter(EXAMPLE.batches(split, 100)))
    return batch[0]


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_the_mean_over_the_tokens_that_are_real(smoothing: float) -> None:
    scores = torch.randn(9, generator=torch.Generator().manual_seed(0))
    loss = Seq2Seq(label_smoothing=smoothing).loss(Says(scores), (torch.zeros(2, 1), TARGETS), PHASE)
    likely = scores.log_softmax(0)
    each = [-(1 - smoothing) * likely[token] - smoothing * likely.mean() for token in (4, 5, END, 6, END)]
    assert loss.value.item() == pytest.approx(float(torch.stack(each).mean()), rel=1e-5)
    assert loss.weight == 5
    meter = Seq2Seq(label_smoothing=smoothing).meter()
    with torch.no_grad():
        assert meter.update(Says(scores), (torch.zeros(2, 1), TARGETS)) == 2
    plain = F.cross_entropy(scores.expand(5, -1), torch.tensor([4, 5, END, 6, END]))
    assert meter.metrics()["loss"].value == pytest.approx(plain.item(), rel=1e-5), "judged without smoothing"
    assert meter.metrics()["perplexity"].value == pytest.approx(plain.exp().item(), rel=1e-5)


def test_validation_does_not_search_and_an_evaluation_does(model: Network) -> None:
    batches = list(EXAMPLE.batches("test", 16))
    cheap = Seq2Seq().meter()
    with torch.no_grad():
        for batch in batches:
            cheap.update(model, batch)
    assert cheap.metrics().keys() == {"loss", "perplexity"}
    report = evaluate(model, Seq2Seq(longest=6), batches, spec=EXAMPLE.spec)
    assert list(report.metrics)[:2] == ["chrf", "exact_match"]
    assert all("version" in line for line in report.lines)
    rows = list(report.tables["predictions"].rows)
    assert [row[0][::-1].upper() for row in rows] == [row[1] for row in rows], "source and reference, as people read it"
    assert (
        evaluate(model, Seq2Seq(longest=6, judged_by="exact_match"), batches, spec=EXAMPLE.spec).headline
        == "exact_match"
    )


def test_no_answer_is_longer_than_the_longest_text_of_train_unless_asked_for(model: Network) -> None:
    settings, notes = Seq2Seq().settle(EXAMPLE)
    assert settings == {"longest": 5}
    assert "4 at most" in notes[0]
    task = Seq2Seq(**settings)
    with torch.no_grad():
        for answers, most in ((task.answer(model, inputs(), EXAMPLE.spec), 5),
                              (task.answer(model, inputs(), EXAMPLE.spec, max_length=2, beam=3), 2)):  # fmt: skip
            assert max(len(answer.pieces) for answer in answers) <= most
            for answer in answers:
                assert answer.ended == (answer.pieces[-1] == "<end>")
                assert answer.attention is not None
                assert answer.attention.shape[0] == len(answer.pieces)


def test_an_empty_answer_is_a_line_too() -> None:
    from profond.tasks.seq2seq import Writing

    assert Writing("", ("<end>",), -0.1, True).line() == "(nothing)"
    assert Writing("one\ntwo", (), -0.1, True).line() == "one two"


@pytest.mark.parametrize("targets", [torch.tensor([1, 2]), torch.rand(2, 5), torch.full((2, 1), START)])
def test_targets_that_are_no_texts_are_refused_in_words(targets: Tensor) -> None:
    with pytest.raises(DataError, match="from its start to its end") as refusal:
        Seq2Seq().loss(Says(torch.zeros(9)), (torch.zeros(2, 1), targets), PHASE)
    assert refusal.value.help


@pytest.mark.parametrize("call", ["loss", "answer", "settle", "explained"])
def test_what_cannot_write_is_refused_in_words(call: str, model: Network) -> None:
    task, mlp = Seq2Seq(), MLP((4,), 3)
    refused: dict[str, Any] = {
        "loss": lambda: task.loss(mlp, (torch.zeros(2, 4), TARGETS), PHASE),
        "answer": lambda: task.answer(mlp, inputs(), EXAMPLE.spec),
        "settle": lambda: task.settle(Classify.example().dataset),
        "explained": lambda: task.explained(model(inputs()), EXAMPLE.spec),
    }
    with pytest.raises((DataError, ConfigError)) as refusal:
        refused[call]()
    assert refusal.value.help


@pytest.mark.parametrize(
    "settings", [{"beam": 0}, {"longest": 0}, {"label_smoothing": 1.0}, {"beam": 2.5}, {"judged_by": "bleu2"}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises((ConfigError, UnknownName)):
        Seq2Seq(**settings)


def test_weights_that_are_damaged_are_said_not_searched(model: Network) -> None:
    model.decoder.output.bias.data.fill_(torch.nan)
    with pytest.raises(ConfigError, match="not finite"), torch.no_grad():
        Seq2Seq().answer(model, inputs(), EXAMPLE.spec)
