"""Sentences from film reviews, liked or not, and six sets of other sentences on which to try what was learned of them.

Source: C. J. Hutto and E. Gilbert, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text,
    ICWSM 2014, whose data these are: sentences scored by 20 people. The films are those of B. Pang and L. Lee, 2005.
    D. Kotzias et al., From Group to Individual Labels using Deep Features, KDD 2015: amazon, imdb and yelp.
"""

from __future__ import annotations

import html
import json
import re
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from profond.core.errors import DataError
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.source_package import SourcePackage
from profond.data.fetch.sources import DataFile, NpmPackage, Source, obtain
from profond.data.listing import Listing, Sample
from profond.data.text.build import Writing, build_texts
from profond.data.text.texts import digest_of

Set = Literal["films", "products", "tweets", "news", "amazon", "imdb", "yelp"]
CLASSES = ("negative", "positive")
ARCHIVE = "hutto_ICWSM_2014.tar.gz"
LEXICON = "vader_lexicon.txt"
FILES = (
    DataFile(ARCHIVE, "d5bb07d87474b3eb8d30b4deccbc23f19d742a6c5718fbacc65485b70b95c5fa", 2_338_514),
    DataFile(LEXICON, "2f1637a5d4fe201a9c958fba93b09824f38f450e2b7080fa592b220e8599da04", 434_141),
)
SOURCES: tuple[Source, ...] = (
    SourcePackage(
        "vaderSentiment",
        "3.3.1",
        "6ea3b53f1835a1bb9125cbb9872e8740bd506ab1d9f2266d0c63109b858d71af",
        {ARCHIVE: f"additional_resources/{ARCHIVE}", LEXICON: f"vaderSentiment/{LEXICON}"},
    ),
)
LABELLED = (
    DataFile("amazon.json", "bc5eb0cac49fc45987301f1dc2d02cf5ca356ba6c882be179dce77d74e666ed9", 77_271),
    DataFile("imdb.json", "44a7b9082ed732ee2de3c858ea5ee2e99aca34f239a1c4359d3a300bf099bdb5", 104_395),
    DataFile("yelp.json", "9f3f47983f21eeb819380767b74bfa648eca208f156241111454b3e122773ff7", 80_373),
)
LABELLED_SOURCES: tuple[Source, ...] = (
    NpmPackage("sentiment", "5.0.2", {file.name: f"test/fixtures/{file.name}" for file in LABELLED}),
)
_MEMBERS = {
    "films": "movieReviewSnippets",
    "products": "amazonReviewSnippets",
    "tweets": "tweets",
    "news": "nytEditorialSnippets",
}
_WORD = re.compile(r"[\w'-]+")


@register_data("film_reviews")
def film_reviews(set: Set = "films", vocabulary: int = 20_000) -> Dataset:
    """10,568 sentences of film reviews, positive or negative; and other sentences, to be tested on alone.

    A sentence is positive where its mean score is above zero and negative where it is below; those of exactly zero are
    left out, and counted. Equal sentences are on one side of the split.

    Args:
        set: ``films`` to learn from; the others have the split ``test`` alone: scored sentences about ``products``, of
            ``tweets`` and ``news``, and labelled ones of ``amazon``, ``imdb`` and ``yelp``.
        vocabulary: different words at most.
    """
    if set in _MEMBERS:
        fetched = obtain("film_reviews", FILES, SOURCES)
        scored = read_scored(fetched.folder / ARCHIVE, _MEMBERS[set])
        rows = [(name, text, score) for name, text, score in scored if score]
        notes = [f"{len(scored) - len(rows)} of {len(scored)} sentences have a score of exactly 0 and are left out"]
    else:
        fetched = obtain("labelled_sentences", LABELLED, LABELLED_SOURCES)
        rows, notes = read_labelled(fetched.folder / f"{set}.json"), []
    texts = [text for _, text, _ in rows]
    labels = [CLASSES[score > 0] for _, _, score in rows]
    whole = "" if set == "films" else "test"
    samples = tuple(Sample(Path(set, name), label, whole) for (name, _, _), label in zip(rows, labels, strict=True))
    listing = Listing(
        "film_reviews" if set == "films" else f"film_reviews ({set})",
        Path(set),
        samples,
        CLASSES,
        tuple(notes),
        digests=tuple(map(digest_of, texts)),
        noun="texts",
    )
    if set == "films":
        listing = listing.with_splits()
        scores = lexicon(obtain("film_reviews", FILES, SOURCES).folder / LEXICON)
        test = [i for i, sample in enumerate(listing.samples) if sample.split == "test"]
        right = sum((tone(texts[i], scores) > 0) == (labels[i] == "positive") for i in test)
        told = (
            f"the sum of the scores that VADER's lexicon gives to words names {right / len(test):.1%} of test rightly"
        )
        listing = replace(listing, notes=(*listing.notes, told))
    return build_texts(listing, texts, Writing(vocabulary=vocabulary), source=fetched.source)


def read_scored(path: Path, member: str) -> list[tuple[str, str, float]]:
    """Identity, text and score of each sentence. Raises: DataError when the archive is no such one."""
    try:
        with tarfile.open(path) as archive:
            file = archive.extractfile(f"hutto_ICWSM_2014/{member}_GroundTruth.txt")
            assert file is not None
            lines = file.read().decode("utf-8", "replace").splitlines()
        cells = [line.split("\t", 2) for line in lines if line.strip()]
        return [(name, html.unescape(text).strip(), float(score)) for name, score, text in cells]
    except (tarfile.TarError, KeyError, ValueError, AssertionError) as error:
        raise DataError(f"{path} is damaged: {error}", "delete it; it will be fetched again") from None


def read_labelled(path: Path) -> list[tuple[str, str, float]]:
    """The same of a file of labels: 1 and -1. The last record, which has none, is left out."""
    rows: Sequence[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return [
        (str(number), str(row["text"]).strip(), 1.0 if row["class"] == 1 else -1.0)
        for number, row in enumerate(rows, 1)
        if row["class"] is not None
    ]


def lexicon(path: Path) -> dict[str, float]:
    """VADER's score of each word, -4 to 4."""
    cells = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {row[0]: float(row[1]) for row in cells if len(row) > 1}


def tone(text: str, scores: dict[str, float]) -> float:
    """The sum of the scores of a text's words."""
    return sum(scores.get(word, 0.0) for word in _WORD.findall(text.lower()))
