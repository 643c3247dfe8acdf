"""How a run on pictures stands adverse conditions: its headline, by condition and severity, on the same samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from profond.core.device import device_of
from profond.core.errors import ConfigError
from profond.core.files import write_bytes, write_text
from profond.core.run import Run
from profond.data.dataset import Dataset
from profond.data.images.adverse import CONDITIONS, SEVERITIES, under
from profond.data.split import Split
from profond.evaluation.evaluate import Trained, evaluate
from profond.evaluation.kept import folder_of, png, table
from profond.evaluation.other_data import matched
from profond.measures.measured import SHARE, Measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLEAN = "as they are"
MOST = 2000
"""Samples that are measured under each condition; of a larger split evenly spaced ones."""


@dataclass(frozen=True)
class Adverse:
    """What was found.

    Args:
        headline: the metric.
        clean: its value on the pictures as they are.
        found: by condition, one value for each severity.
        count: samples measured each time.
        of: samples of the split.
    """

    headline: str
    clean: Measured
    found: dict[str, tuple[Measured, ...]]
    count: int
    of: int

    def rows(self) -> list[tuple[str, int, float, float | None, float | None]]:
        """Condition, severity (0 for none), value and its interval."""
        clean = (CLEAN, 0, self.clean.value, self.clean.low, self.clean.high)
        return [clean] + [
            (condition, severity, one.value, one.low, one.high)
            for condition, values in self.found.items()
            for severity, one in zip(SEVERITIES, values, strict=True)
        ]


def evaluate_adverse(
    experiment: Trained,
    split: str,
    *,
    data: Dataset | None = None,
    most: int = MOST,
    seed: int = 0,
    device: torch.device | str | None = None,
    batch_size: int = 256,
    progress: Callable[[int], None] | None = None,
) -> Adverse:
    """Measure a run's model on a split under each condition in each severity.

    Args:
        split: of the run's own data, or of ``data``.
        data: other data, from `profond.evaluation.other_data.open_other`.
        most: samples that are measured each time.
        seed: another seed, other rain.
        progress: called with the number of samples after each batch.

    Raises: ConfigError when the samples are not pictures.
    """
    dataset = experiment.dataset if data is None else data
    whole = dataset.split(split)
    first = whole.raw(0)
    if first.dtype != torch.uint8 or first.ndim != 3 or len(first) not in (1, 3):
        raise ConfigError(f"the samples of {dataset.name} are not pictures", "adverse conditions are those of pictures")
    every = -(-len(whole) // most)
    chosen = whole.subset(range(0, len(whole), every)) if every > 1 else whole
    here = torch.device(device) if device is not None else device_of(experiment.model)

    def measured(samples: Split) -> Measured:
        changed = replace(dataset, splits={split: samples}, _hashes={}, _contents={})
        batches = changed.batches(split, batch_size, device=here, workers=0)
        given = batches if data is None else matched(batches, data.spec, experiment.spec, here)
        report = evaluate(
            experiment.model, experiment.task, given, spec=experiment.spec, device=here, progress=progress
        )
        headlines.append(report.headline)
        return report.metrics[report.headline]

    headlines: list[str] = []
    clean = measured(chosen)
    found = {
        condition: tuple(measured(under(chosen, condition, severity, seed)) for severity in SEVERITIES)
        for condition in CONDITIONS
    }
    return Adverse(headlines[0], clean, found, len(chosen), len(whole))


def keep_adverse(run: Run, name: str, adverse: Adverse, examples: Split, pictures: bool = True) -> Path:
    """Write adverse.csv, the curves and a sheet of one picture under all conditions. Raises: StorageError.

    Args:
        name: under which an evaluation of the same samples is kept, such as ``test``.
        examples: the first of its samples is shown.
        pictures: draw the figures too.
    """
    folder = folder_of(run, f"{name}-adverse")
    with run.held("evaluating"):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(
            folder / "adverse.csv", table(("condition", "severity", adverse.headline, "low", "high"), adverse.rows())
        )
        if pictures:
            write_bytes(folder / "adverse.png", png(_curves(adverse, run.name)))
            write_bytes(folder / "conditions.png", png(sheet(examples)))
    return folder


def _curves(adverse: Adverse, title: str) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure((7.5, 4.2), layout="constrained")
    axes = figure.add_subplot()
    factor = 100 if adverse.clean.unit == SHARE else 1
    for (condition, values), mark in zip(adverse.found.items(), "os^vDPX", strict=False):
        heights = [factor * one.value for one in (adverse.clean, *values)]
        axes.plot([0, *SEVERITIES], heights, marker=mark, label=condition)
    unit = "%" if adverse.clean.unit == SHARE else adverse.clean.unit
    axes.set(
        xlabel="severity (0: as they are)",
        ylabel=f"{adverse.clean.title or adverse.headline}{f' ({unit})' if unit else ''}",
        title=f"{title}: {adverse.count:,} pictures under adverse conditions",
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, bbox_to_anchor=(1.01, 1), loc="upper left")
    return figure


def sheet(examples: Split) -> Figure:
    """The first picture of a split under each condition, row by row, in each severity."""
    from matplotlib.figure import Figure

    figure = Figure((7.5, 1.28 * len(CONDITIONS)), layout="constrained")
    grid = figure.subplots(len(CONDITIONS), 1 + len(SEVERITIES), squeeze=False)
    for row, condition in zip(grid, CONDITIONS, strict=True):
        for axes, severity in zip(row, (0, *SEVERITIES), strict=True):
            raw = examples.raw(0) if severity == 0 else under(examples, condition, severity).raw(0)
            axes.imshow(raw.permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(condition, fontsize=9)
    for axes, title in zip(grid[0], (CLEAN, *map(str, SEVERITIES)), strict=True):
        axes.set_title(title, fontsize=9)
    return figure
