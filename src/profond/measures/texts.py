"""How good written texts are: exact match, and BLEU and chrF as sacreBLEU counts them, each with an interval."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from profond.measures.intervals import mean_interval, wilson
from profond.measures.measured import SHARE, Measured
from profond.measures.report import Report, Scores, Table

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

RESAMPLES = 500
CHRF, EXACT = "chrf", "exact_match"


@dataclass(frozen=True)
class Texts:
    """What was written of each sample, and what was wanted, as people read it.

    Args:
        sources: what was read, where that is text; else none.
    """

    wanted: Sequence[str]
    written: Sequence[str]
    sources: Sequence[str] = ()

    @cached_property
    def exact(self) -> NDArray[np.float64]:
        """(n,), 1 where what was written is what was wanted."""
        return np.array([float(one == other) for one, other in zip(self.written, self.wanted, strict=True)])

    @cached_property
    def chrf(self) -> NDArray[np.float64]:
        """(n,), each sentence's chrF, 0 to 100."""
        metric = _chrf()
        pairs = zip(self.written, self.wanted, strict=True)
        return np.array([metric.sentence_score(one, [other]).score for one, other in pairs])

    def quick(self) -> dict[str, Measured]:
        """Without intervals, and without what takes long."""
        chrf = _chrf().corpus_score(list(self.written), [list(self.wanted)]).score
        return _with_words({EXACT: Measured(float(self.exact.mean())), CHRF: Measured(chrf)})

    def measured(self) -> dict[str, Measured]:
        """With 95 % intervals: Wilson's of what is equal, sacreBLEU's bootstrap of BLEU and chrF."""
        deviation = float(self.chrf.std(ddof=1)) if len(self.chrf) > 1 else 0.0
        of_sentences = mean_interval(float(self.chrf.mean()), deviation, len(self.chrf), least=0.0, most=100.0)
        return _with_words(
            {
                EXACT: wilson(int(self.exact.sum()), len(self.exact)),
                CHRF: self._bootstrapped(_chrf()),
                "bleu": self._bootstrapped(_bleu()),
                "sentence_chrf": of_sentences,
            }
        )

    def signatures(self) -> dict[str, str]:
        """How sacreBLEU counted, for others to count in the same way."""
        found = {}
        for name, metric in ((CHRF, _chrf()), ("bleu", _bleu())):
            metric.corpus_score(list(self.written), [list(self.wanted)])
            found[name] = str(metric.get_signature())
        return found

    def _bootstrapped(self, metric: Metric) -> Measured:
        written, wanted = list(self.written), [list(self.wanted)]
        value = float(metric.corpus_score(written, wanted).score)
        if len(written) < 2:
            return Measured(value)
        drawn = metric.corpus_score(written, wanted, n_bootstrap=RESAMPLES)
        said = json.loads(drawn.format(width=6, signature=str(metric.get_signature()), is_json=True))
        half = float(said.get("confidence_var", 0.0))  # it is not there where the score is 0
        return Measured(value, max(0.0, value - half), min(100.0, value + half))


def text_report(texts: Texts, losses: dict[str, Measured], judged_by: str) -> Report:
    """All of it.

    Args:
        losses: of each token, measured elsewhere.
        judged_by: the headline: ``"chrf"`` or ``"exact_match"``; runs are compared by it, sentence by sentence.
    """
    metrics = {**texts.measured(), **losses}
    share = judged_by == EXACT
    columns = [*(["source"] if texts.sources else []), "reference", "written"]
    parts = [*([texts.sources] if texts.sources else []), texts.wanted, texts.written]
    signatures = texts.signatures()
    return Report(
        judged_by,
        {judged_by: metrics[judged_by], **metrics},
        len(texts.wanted),
        tables={"predictions": Table(columns, list(zip(*parts, strict=True)), range(len(texts.wanted)))},
        scores=Scores(EXACT, texts.exact, SHARE, "higher")
        if share
        else Scores("sentence_chrf", texts.chrf, "", "higher"),
        lines=tuple(f"{metrics[name].title} by sacreBLEU, {signature}" for name, signature in signatures.items()),
        facts={"signatures": signatures},
        findings=texts,
    )


def token_losses(nats: NDArray[np.float64], counts: NDArray[np.int64]) -> dict[str, Measured]:
    """Mean loss of a token and the perplexity, its exponential; with the interval of a ratio.

    Args:
        nats: (n), of all tokens of a sample together.
        counts: (n), its tokens.

    Source: of the ratio's standard error: W. Cochran, Sampling techniques, 1977, section 6.3.
    """
    total = float(nats.sum() / counts.sum())
    ratio = mean_interval(total, 0.0, 1)
    if len(nats) > 1:
        error = np.sqrt(((nats - total * counts) ** 2).sum() / (len(nats) - 1)) / counts.mean()
        ratio = mean_interval(total, float(error), len(nats), least=0.0)
    ends = [None if end is None else _exp(end) for end in (ratio.low, ratio.high)]
    perplexity = Measured(_exp(total), ends[0], ends[1])
    return {
        "loss": ratio.called("loss of a token", unit="nats", better="lower"),
        "perplexity": perplexity.called("perplexity", better="lower"),
    }


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _with_words(metrics: dict[str, Measured]) -> dict[str, Measured]:
    words: dict[str, dict[str, Any]] = {
        EXACT: {"title": "exact match", "unit": SHARE},
        CHRF: {"title": "chrF"},
        "bleu": {"title": "BLEU"},
        "sentence_chrf": {"title": "chrF by sentence"},
    }
    return {name: metric.called(better="higher", **words[name]) for name, metric in metrics.items()}


def _chrf() -> Metric:
    from sacrebleu.metrics.chrf import CHRF  # a tenth of a second that training does not pay

    class PlainCHRF(CHRF):
        """NOTE Samples of a bootstrap that score 0 are ``float``, others ``float32``, and no mean takes both."""

        def _compute_f_score(self, statistics: list[int]) -> float:
            return float(super()._compute_f_score(statistics))

    return PlainCHRF()


def _bleu() -> Metric:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU()
