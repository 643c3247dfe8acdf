"""A text is written on: the same seed writes the same, and bits a character are what they say."""

from __future__ import annotations

import math

import pytest
import torch
from support.examples import untrained
from torch import nn

from profond.core.errors import ConfigError
from profond.measures.next_token import Counts, compressed_bits


def test_the_same_seed_writes_the_same_and_another_one_another() -> None:
    case = untrained("continue_text")
    case.model.eval()
    one, again, other = (
        [made.text for made in case.task.generate(case.model, case.spec, prompt="ab", length=30, seed=seed)]  # type: ignore[attr-defined]
        for seed in (0, 0, 1)
    )
    assert one == again != other
    assert len(one[0]) == 30


def test_several_are_those_of_the_seeds_that_follow() -> None:
    case = untrained("continue_text")
    case.model.eval()
    both = case.task.generate(case.model, case.spec, length=9, seed=4, count=2)  # type: ignore[attr-defined]
    second = case.task.generate(case.model, case.spec, length=9, seed=5)  # type: ignore[attr-defined]
    assert both[1] == second[0]


def test_without_temperature_the_most_probable_is_taken() -> None:
    case = untrained("continue_text")
    case.model.eval()
    texts = {case.task.generate(case.model, case.spec, temperature=0.0, length=9, seed=s)[0].text for s in (0, 1)}  # type: ignore[attr-defined]
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"length": 0}, "length of texts: 0"),
        ({"temperature": -1.0}, "temperature of texts: -1"),
        ({"count": 0}, "count of texts: 0"),
        ({"count": 1001}, "count of texts: 1001"),
        ({"seed": -1}, "seed of texts: -1"),
        ({"prompt": "ΩΩ"}, "nothing of"),
    ],
)
def test_what_cannot_be_written_is_refused(asked: dict[str, object], words: str) -> None:
    case = untrained("continue_text")
    with pytest.raises(ConfigError, match=words):
        case.task.generate(case.model, case.spec, **asked)  # type: ignore[attr-defined]


class Uniform(nn.Module):
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.zeros(*tokens.shape, 8)


def test_a_network_that_knows_nothing_needs_the_bits_of_its_vocabulary() -> None:
    case = untrained("continue_text")
    meter = case.task.meter(case.spec)
    for batch in case.batches("test"):
        meter.update(Uniform(), (batch[0], batch[1].clamp_max(7)))
    assert meter.metrics()["bits_per_token"].value == pytest.approx(3.0)
    assert meter.metrics()["perplexity"].value == pytest.approx(8.0)


def test_what_simple_means_reach_stands_beside_it() -> None:
    case = untrained("continue_text")
    report = case.task.beside(case.dataset, "test", case.report())  # type: ignore[attr-defined]
    assert 0.03 < report.metrics["bits_of_counts"].value < 0.3  # now and then a word is left out
    assert "the counts win" in report.lines[-1]


def test_counts_are_probabilities_that_add_up_to_one() -> None:
    counts = Counts("abracadabra", 6, order=2)
    for before in ("", "a", "br", "zz"):
        assert sum(counts.probability(before, one) for one in "abcdrz") == pytest.approx(1.0)
    assert counts.probability("ab", "r") > counts.probability("", "r")


def test_what_was_said_before_costs_a_compressor_little() -> None:
    text = "".join(chr(97 + one) for one in torch.randint(26, (400,), generator=torch.Generator().manual_seed(0)))
    assert compressed_bits(text, text) < 1 < compressed_bits("x" * 400, text)
    assert math.isfinite(Counts("ab", 2).bits([("ab", 1)]))
