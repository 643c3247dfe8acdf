"""A run that translates beside the translation of the most similar text of train, and beside copying.

python -m benchmarks.translation runs/RUN [--split test]
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from profond.core.run import Run
from profond.data.split import TensorSplit
from profond.data.text.pairs import Pairs
from profond.experiments.experiment import load
from profond.measures.intervals import paired_bootstrap
from profond.measures.text_baselines import nearest_answers
from profond.measures.texts import Texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--split", default="test")
    asked = parser.parse_args()
    with (asked.run / "evaluation" / asked.split / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    train = load(Run.open(asked.run)).dataset.split("train")
    assert isinstance(train, TensorSplit)
    assert isinstance(train.origin, Pairs), "the run was not trained on pairs of texts"
    pairs = train.origin.pairs
    sources, wanted = [row["source"] for row in rows], [row["reference"] for row in rows]
    nearest = nearest_answers([pair.source for pair in pairs], [pair.target for pair in pairs], sources)
    written = {"network": [row["written"] for row in rows], "most similar of train": nearest, "copy": sources}
    found = {name: Texts(wanted, texts, sources) for name, texts in written.items()}
    for name, texts in found.items():
        measured = texts.measured()
        print(f"{name:<24}" + "   ".join(f"{measured[one].title} {measured[one]}" for one in ("chrf", "bleu")))
    for name in ("most similar of train", "copy"):
        difference, p_value = paired_bootstrap(found["network"].chrf - found[name].chrf)
        print(f"network − {name}: {difference} chrF by sentence, p = {p_value:.4f}, {len(rows)} texts")


if __name__ == "__main__":
    main()
