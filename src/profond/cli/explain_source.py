"""What `profond explain` explains and compares with: samples of a run's data, and the first series of tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profond.cli.output import progress_bar
from profond.core.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from profond.data.dataset import Dataset
    from profond.data.series.rows import Row
    from profond.serve.explanation import Explainer, Question
    from profond.serve.text import Text

    Given = Path | Row | Tensor | Text  # what is explained: a file, a series of a table, or a raw sample


@dataclass
class Source:
    """Samples of the run's own data, and the images that nearest chooses from; opened when they are needed."""

    explainer: Explainer
    run: Path | None
    data: str | None
    stage: str | None
    root: Path
    count: int
    quiet: bool
    opened: dict[str, Any] = field(default_factory=dict)

    def own(self) -> Dataset:
        """The run's data. Raises: UsageError without a run."""
        if self.run is None:
            raise UsageError("published weights bring no data", "name image files")
        if "own" not in self.opened:
            from profond.core.run import Run
            from profond.experiments.experiment import load

            self.opened["own"] = load(Run.open(self.run), weights=False).dataset
        dataset: Dataset = self.opened["own"]
        return dataset

    def sample(self, given: str) -> Tensor:
        """``test/17`` as a raw tensor (c h w) or (c t). Raises: UnknownName for the split; UsageError."""
        split, _, number = given.partition("/")
        chosen = self.own().split(split)
        if int(number) >= len(chosen):
            raise UsageError(f"there is no {given}", f"the {split} split has {split}/0 to {split}/{len(chosen) - 1}")
        raw: Tensor = chosen.raw(int(number))
        return raw

    def others(self) -> Dataset:
        """The images that nearest chooses from. Raises: as ``open_dataset``."""
        from profond.serve.gallery import other_images

        if self.data is None:
            return self.own()
        if "others" not in self.opened:
            self.opened["others"] = other_images(self.data, self.explainer.predictor)
        dataset: Dataset = self.opened["others"]
        return dataset

    def itself(self, given: Given, name: str) -> str:
        """What the explained image is called among the others; empty where it is none of them."""
        from profond.serve.gallery import identity_of

        if isinstance(given, Path):
            return identity_of(given, self.others())
        split, _, number = name.partition("/")
        return "" if self.data is not None else self.own().split(split).identity(int(number))

    def nearest(self, question: Question, folder: Path, given: Given) -> tuple[list[dict[str, Any]], list[Path]]:
        from profond.serve.gallery import Gallery, show_nearest

        if "gallery" not in self.opened:
            dataset = self.others()
            split = "train" if "train" in dataset.splits else next(iter(dataset.splits))
            with progress_bar(len(dataset.split(split)), "features", " images", hidden=self.quiet) as advance:
                self.opened["gallery"] = Gallery.open(
                    self.explainer.predictor, dataset, split, self.root / "features", self.stage, advance
                )
        skip = self.itself(given, question.subject.name)
        return show_nearest(self.explainer, self.opened["gallery"], question, folder, self.count, skip)


def first_of_each_table(every: list[tuple[str, Given]], rows: int) -> tuple[list[tuple[str, Given]], dict[str, int]]:
    """All that is to be explained, of each table its first rows alone, for each takes a second or more.

    Returns: also by table how many were left out.
    """
    from profond.data.series.rows import Row
    from profond.serve.text import Text

    kept: list[tuple[str, Given]] = []
    counts: dict[str, int] = {}
    for name, given in every:
        table = given.source.rpartition("#")[0] if isinstance(given, Row) else ""
        if isinstance(given, Text):
            table = given.file
        if table:
            counts[table] = counts.get(table, 0) + 1
            if counts[table] > rows:
                continue
        kept.append((name, given))
    return kept, {table: count - rows for table, count in counts.items() if count > rows}
