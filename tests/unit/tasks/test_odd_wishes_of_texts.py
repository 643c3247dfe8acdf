"""Wishes that nothing can be made of are refused in words, and odd ones that can are met."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from profond.core.errors import ConfigError, DataError
from profond.data.text.read import read_cells
from profond.models import create
from profond.models.char_lstm import CharLSTM
from profond.models.text_lstm import TextLSTM
from profond.serve.inference import prepared
from profond.tasks.continue_text import ContinueText
from profond.tasks.seq2seq import Seq2Seq

CPU = torch.device("cpu")


@pytest.mark.parametrize("seed", [-1, 2**63, 10**30])
def test_a_seed_that_no_generator_takes_is_refused(seed: int) -> None:
    example = ContinueText.example().dataset.spec
    assert example.text is not None
    model = CharLSTM(len(example.text), len(example.text), width=4, hidden=4)
    with pytest.raises(ConfigError, match="seed"):
        ContinueText().generate(model, example, prompt="ab", length=2, seed=seed)


def test_tokens_stay_whole_numbers_in_bf16_and_the_answers_near() -> None:
    torch.manual_seed(0)
    model = TextLSTM(20, 3, width=8, hidden=8).eval()
    tokens = torch.randint(4, 20, (5, 7))
    assert torch.allclose(prepared(model, CPU, "bf16")(tokens), model(tokens), atol=0.02)


@pytest.mark.parametrize("setting", ["hidden", "width"])
@pytest.mark.parametrize("name", ["text_lstm", "char_lstm", "seq2seq"])
def test_networks_of_texts_without_a_width_are_refused(name: str, setting: str) -> None:
    spec = ContinueText.example().dataset.spec
    with pytest.raises(ConfigError, match=setting):
        create(name, spec, **{setting: 0})


@pytest.mark.parametrize(
    "line", ["[" * 100_000, "{}", '{"text": ' + "9" * 5000 + "}"], ids=["deep", "without a key", "long number"]
)
def test_objects_that_are_no_row_are_refused_with_their_line(tmp_path: Path, line: str) -> None:
    table = tmp_path / "texts.jsonl"
    table.write_text(f"{line}\n")
    with pytest.raises(DataError, match="line 1"):
        read_cells(table)


def test_an_answer_longer_than_can_be_waited_for_is_refused() -> None:
    example = Seq2Seq.example().dataset
    model = create("seq2seq", example.spec, width=4, hidden=4)
    with pytest.raises(ConfigError, match="max_length is 100,000"):
        Seq2Seq(longest=5).answer(model, torch.tensor([[4, 5]]), example.spec, max_length=100_000)
