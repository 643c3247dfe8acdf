"""BLEU, chrF and exact match are sacreBLEU's, with intervals; the most similar text as a baseline."""

from __future__ import annotations

import numpy as np
import pytest
import sacrebleu

from profond.measures.text_baselines import nearest_answers
from profond.measures.texts import Texts, text_report, token_losses

WANTED = ["le chat dort sur le lit", "la mer est calme ce soir", "il fait froid", "nous partons demain matin"] * 5
WRITTEN = ["le chat dort sur le lit", "la mer est calme ce matin", "il est froid", "ils partent demain"] * 5


def test_the_scores_are_sacrebleus_and_lie_in_their_intervals() -> None:
    found = Texts(WANTED, WRITTEN).measured()
    assert found["chrf"].value == pytest.approx(sacrebleu.corpus_chrf(WRITTEN, [WANTED]).score)
    assert found["bleu"].value == pytest.approx(sacrebleu.corpus_bleu(WRITTEN, [WANTED]).score)
    assert found["exact_match"].value == 0.25
    each = [sacrebleu.sentence_chrf(one, [other]).score for one, other in zip(WRITTEN, WANTED, strict=True)]
    assert found["sentence_chrf"].value == pytest.approx(np.mean(each))
    for name, measured in found.items():
        assert measured.low is not None
        assert measured.high is not None
        assert measured.low < measured.value < measured.high, name
        assert measured.better == "higher"


def test_the_signature_lets_others_count_in_the_same_way() -> None:
    said = Texts(WANTED, WRITTEN).signatures()
    assert "nc:6" in said["chrf"]
    assert "tok:13a" in said["bleu"]
    assert all(f"version:{sacrebleu.__version__}" in signature for signature in said.values())


def test_a_single_text_has_no_interval_and_texts_without_a_word_right_are_counted() -> None:
    single = Texts(["le chat"], ["le chat"]).measured()
    assert single["chrf"].value == pytest.approx(100)
    assert single["chrf"].low is None
    nothing = Texts(["abc", "def"], ["", "xyz"]).measured()
    assert nothing["bleu"].value == nothing["chrf"].value == 0


@pytest.mark.parametrize(("judged_by", "scored"), [("chrf", "sentence_chrf"), ("exact_match", "exact_match")])
def test_runs_are_compared_by_a_score_of_each_text(judged_by: str, scored: str) -> None:
    losses = token_losses(np.array([1.0, 2.0]), np.array([2, 2]))
    report = text_report(Texts(WANTED, WRITTEN), losses, judged_by)
    assert report.headline == next(iter(report.metrics)) == judged_by
    assert report.scores is not None
    assert report.scores.metric == scored


def test_the_loss_of_a_token_is_a_ratio_with_its_own_interval() -> None:
    nats, counts = np.array([2.0, 9.0, 4.0, 1.0]), np.array([2, 6, 2, 2])
    found = token_losses(nats, counts)
    assert found["loss"].value == pytest.approx(16 / 12)
    assert found["perplexity"].value == pytest.approx(np.exp(16 / 12))
    random = np.random.default_rng(0)
    drawn = random.integers(200, size=(2000, 200))
    many, lengths = random.gamma(2, size=200) * 5, random.integers(2, 9, size=200)
    low, high = np.percentile(many[drawn].sum(1) / lengths[drawn].sum(1), (2.5, 97.5))
    ratio = token_losses(many, lengths)["loss"]
    assert ratio.low == pytest.approx(low, rel=0.05)
    assert ratio.high == pytest.approx(high, rel=0.05)


def test_the_answer_to_the_most_similar_text_is_given() -> None:
    sources = ["the cat sleeps", "the dog barks", "a cat and a dog", "the sea"]
    answers = ["le chat dort", "le chien aboie", "un chat et un chien", "la mer"]
    asked = ["The cat sleeps well", "sea", "the dog and a cat", "nothing known"]
    assert nearest_answers(sources, answers, asked)[:3] == ["le chat dort", "la mer", "un chat et un chien"]
    assert nearest_answers(sources, answers, sources) == answers


def test_texts_of_which_a_drawn_sample_may_have_nothing_right_are_measured() -> None:
    found = Texts(["ab", "cd", "ef", "gh"], ["ab", "x", "y", "z"]).measured()["chrf"]
    assert found.low == 0
    assert found.value < (found.high or 0) <= 100
