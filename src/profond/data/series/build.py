"""From a listing of series to a data set, in memory when it is small and streamed when it is not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from profond.core.errors import ConfigError, DataError
from profond.core.progress import track
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.images.unreadable import refuse
from profond.data.listing import Listing
from profond.data.locations import relative
from profond.data.preprocessing import Preprocessing
from profond.data.series.lengths import decide_length, tell_lengths, with_length
from profond.data.series.preparation import Ends, Keep, Preparation, decide_columns, decide_rate, decide_time
from profond.data.series.read import SERIES, Missing, Recording, read_recording
from profond.data.series.table import Table
from profond.data.series.text import Decimal
from profond.data.split import FileSplit, Split, TensorSplit
from profond.data.targets import targets_of

MEASURED = 2048
"""Training series from which mean and standard deviation are measured, evenly spaced."""


@dataclass(frozen=True)
class Settings:
    """How series are opened; what is None or "auto" is decided by looking at them."""

    length: int | None = None
    keep: Keep = "start"
    time: Literal["auto", "rows", "columns"] = "auto"
    time_column: str = "auto"
    decimal: Decimal = "auto"
    missing: Missing = "refuse"
    rate: int | None = None
    memory_mib: int = 1024
    ends: Ends = "mean"

    def __post_init__(self) -> None:
        if self.length is not None and not 1 <= self.length <= 2**24:
            raise ConfigError(f"length is {self.length}", "use 1 or more steps of time")


def build_files(listing: Listing, settings: Settings, preprocessing: dict[str, Any] | None = None) -> Dataset:
    """A data set of files, each a series, whose samples are all placed in splits.

    With ``preprocessing``, all of it is as a network was trained; otherwise it is decided and measured on train.

    Raises: DataError that counts the files that cannot be read; ConfigError when a setting does not fit.
    """
    notes, warnings = list(listing.notes), list(listing.warnings)
    saved = _saved_preprocessing(preprocessing)
    if saved is not None:
        assert saved.series is not None
        settings = replace(settings, decimal=saved.series.decimal, missing=saved.series.missing)
    found = survey(listing, settings)
    in_memory = all(one.values.strides != (0, 0) or one.values.size == 1 for one in found)
    by_note: dict[str, list[Recording]] = defaultdict(list)
    for one in found:
        for note in one.notes:
            by_note[note].append(one)
    notes += [f"{len(ones)} series: {note} (first: {ones[0].path.name})" for note, ones in sorted(by_note.items())]
    if saved is None:
        of_train = [one for one, sample in zip(found, listing.samples, strict=True) if sample.split == "train"]
        plain = decide(found, of_train, settings, notes, warnings)
    else:
        assert saved.series is not None
        plain = saved.series
    collected: list[str] = []

    def signal(i: int) -> NDArray[np.float32]:
        path = listing.samples[i].path
        assert isinstance(path, Path)
        one = found[i] if in_memory else read_recording(path, plain.decimal, plain.missing)
        return plain.signal(one, collected)

    failures: list[DataError] = []
    if in_memory:
        signals: list[NDArray[np.float32]] = []
        for i in range(len(found)):
            try:
                signals.append(signal(i))
            except DataError as error:
                failures.append(error)
        refuse_odd(failures, len(found), listing.name)
        notes += [f"{count} series: {note}" for note, count in sorted(Counter(collected).items())]
        return build(
            listing, signals.__getitem__, [one.shape[1] for one in signals], plain, saved, settings, notes, warnings
        )
    lengths = [_steps(one, plain) for one in found]
    return build(listing, signal, lengths, plain, saved, settings, notes, warnings, streamed=True)


def build_table(
    table: Table, listing: Listing, settings: Settings, preprocessing: dict[str, Any] | None = None
) -> Dataset:
    """A data set of a table's series. Raises: as `build_files`."""
    notes, warnings = list(listing.notes), list(listing.warnings)
    saved = _saved_preprocessing(preprocessing)
    if saved is not None:
        assert saved.series is not None
        plain = saved.series
    else:
        plain = Preparation(
            channels=len(table.signals[0]),
            length=1,
            keep=settings.keep,
            time="rows",
            names=table.names if table.layout == "long" else (),
            time_column=table.time,
            decimal=settings.decimal,
            missing=settings.missing,
            table=table.layout,
            label=table.label,
            id=table.id,
            targets=table.targets,
        )
    lengths = [signal.shape[1] for signal in table.signals]
    return build(listing, table.signals.__getitem__, lengths, plain, saved, settings, notes, warnings)


def survey(listing: Listing, settings: Settings) -> list[Recording]:
    """Every file read once; beyond ``memory_mib`` only their shapes are kept. Raises: DataError counting failures."""
    found: list[Recording] = []
    failures: list[DataError] = []
    held = 0
    for sample in track(listing.samples, len(listing.samples), f"reading {listing.name}"):
        assert isinstance(sample.path, Path)
        try:
            one = read_recording(sample.path, settings.decimal, settings.missing)
        except DataError as error:
            failures.append(error)
            continue
        held += one.values.nbytes
        found.append(one if held <= settings.memory_mib * 2**20 else light(one))
    refuse(failures, len(listing.samples), listing.name, SERIES)
    if held > settings.memory_mib * 2**20:
        return [light(one) for one in found]
    return found


def decide(
    found: Sequence[Recording], train: Sequence[Recording], settings: Settings, notes: list[str], warnings: list[str]
) -> Preparation:
    """All of a preparation but the length. Raises: DataError where it cannot be seen."""
    sounds = sum(one.is_sound for one in found)
    if 0 < sounds < len(found):
        odd_one = next(one for one in found if not one.is_sound)
        raise DataError(
            f"{sounds} of {len(found)} series are sounds, others are not ({odd_one.path})",
            "sounds are scaled to 1 and have a rate: keep one kind only",
        )
    time = decide_time(found, settings.time, notes)
    names, time_column = decide_columns(found, settings.time_column, notes) if time == "rows" else ((), None)
    rate = decide_rate(found, settings.rate, notes, warnings)
    widths = Counter(one.values.shape[1 if time == "rows" else 0] for one in train or found)
    width = widths.most_common(1)[0][0]
    channels = len(names) or width - (time_column is not None)
    return Preparation(
        channels=channels,
        length=1,
        keep=settings.keep,
        time=time,
        names=names,
        time_column=time_column,
        rate=rate,
        decimal=settings.decimal,
        missing=settings.missing,
    )


def build(
    listing: Listing,
    signal: Callable[[int], NDArray[np.float32]],
    lengths: Sequence[int],
    plain: Preparation,
    preprocessing: Preprocessing | None,
    settings: Settings,
    notes: list[str],
    warnings: list[str],
    streamed: bool = False,
) -> Dataset:
    """The splits of a listing, each series brought to one length."""
    rows_of = {
        name: [i for i, s in enumerate(listing.samples) if s.split == name] for name in ("train", "valid", "test")
    }
    rows_of = {name: chosen for name, chosen in rows_of.items() if chosen}
    if preprocessing is None:
        plain = with_length(plain, [lengths[i] for i in rows_of["train"]], settings.length, settings.ends)
    taken = [min(length, plain.length) if plain.cut else length for length in lengths]
    widths = {
        name: max(taken[i] for i in chosen) if plain.any_length else plain.length for name, chosen in rows_of.items()
    }
    whole_mib = sum(len(chosen) * widths[name] for name, chosen in rows_of.items()) * plain.channels * 4 / 2**20
    streamed = streamed or (whole_mib > settings.memory_mib and not plain.table)
    if whole_mib > settings.memory_mib and plain.table:
        raise DataError(
            f"{listing.name} needs {whole_mib:,.0f} MiB of memory, and memory_mib is {settings.memory_mib}",
            "a table is kept in memory: --set data.memory_mib=, a smaller data.length, or a file for each series",
        )
    decided = preprocessing is None and settings.length is None
    tell_lengths(lengths, [lengths[i] for i in rows_of["train"]] if decided else [], plain, notes, warnings)
    if preprocessing is None:
        mean, std, low, high = _moments(signal, rows_of["train"], plain, warnings)
        preprocessing = Preprocessing(mean=mean, std=std, scale=1.0, series=plain)
        limits = (low, high)
    else:
        limits = (-1.0, 1.0) if plain.rate else (0.0, 0.0)
    splits: dict[str, Split] = {}
    for name, chosen in rows_of.items():
        samples = [listing.samples[i] for i in chosen]
        groups = [s.group or f"\0{s.path}" for s in samples] if any(s.group for s in samples) else None
        targets = targets_of(samples, listing)
        if streamed:
            paths = [sample.path for sample in samples if isinstance(sample.path, Path)]
            splits[name] = FileSplit(paths, targets, listing.root, preprocessing, groups)
        else:
            identities = [relative(sample.path, listing.root) for sample in samples]
            rows = _stacked(chosen, signal, plain, preprocessing.mean, widths[name])
            origin: Split | None = None
            if not plain.table:
                paths = [sample.path for sample in samples if isinstance(sample.path, Path)]
                origin = FileSplit(paths, targets, listing.root, preprocessing, groups)
            elif plain.any_length:  # told by the same digests as where they are brought to one length
                train = [lengths[i] for i in rows_of["train"]] if "train" in rows_of else [plain.length]
                usual = replace(plain, length=settings.length or decide_length(train), ends="mean", cut=True)
                origin = TensorSplit(
                    _stacked(chosen, signal, usual, preprocessing.mean, usual.length), targets, identities, groups
                )
            splits[name] = TensorSplit(rows, targets, identities, groups, origin=origin)
    if streamed:
        notes.append(f"more than {settings.memory_mib} MiB: streamed from the files")
    spec = Spec((plain.channels, plain.length), "ct", limits, listing.classes, listing.quantities)
    where = "rows of" if plain.table else "files in"
    return Dataset(
        listing.name,
        spec,
        preprocessing,
        splits,
        f"{where} {listing.root}",
        tuple(notes),
        tuple(warnings),
        listing.skipped,
    )


def _stacked(
    chosen: Sequence[int],
    signal: Callable[[int], NDArray[np.float32]],
    plain: Preparation,
    fill: Sequence[float],
    width: int,
) -> Tensor:
    """Some series as one tensor (n, channels, width); NaN behind those that stay shorter."""
    rows = torch.full((len(chosen), plain.channels, width), torch.nan)
    for row, i in zip(rows, chosen, strict=True):
        fitted = plain.fitted(signal(i), fill)
        row[:, : fitted.shape[1]] = torch.from_numpy(fitted)
    return rows


def refuse_odd(failures: Sequence[DataError], total: int, name: str) -> None:
    """Raises: the only failure, or one DataError that counts them; for files that can be read and do not fit."""
    if not failures:
        return
    advice = f"`profond data check {name}` looks at all of them"
    if len(failures) == 1:
        raise DataError(failures[0].message, f"{failures[0].help}; {advice}")
    shown = "; ".join(error.message for error in failures[:3]) + ("; …" if len(failures) > 3 else "")
    raise DataError(f"{len(failures)} of {total} series cannot be used: {shown}", f"{failures[0].help}; {advice}")


def _saved_preprocessing(preprocessing: dict[str, Any] | None) -> Preprocessing | None:
    if preprocessing is None:
        return None
    saved = Preprocessing.from_json(preprocessing)
    if saved.series is None:
        raise DataError(
            "these are series, and the network was trained on something else", "give it what it was trained on"
        )
    return saved


def light(one: Recording) -> Recording:
    """A recording whose numbers take no memory."""
    return replace(one, values=np.broadcast_to(np.float32(0), one.values.shape))


def _steps(one: Recording, plain: Preparation) -> int:
    """How long a recording will be, from its shape alone."""
    steps = one.values.shape[0 if plain.time == "rows" else 1]
    if one.rate is None or plain.rate is None:
        return steps
    return -(-steps * plain.rate // one.rate)


def _moments(
    signal: Callable[[int], NDArray[np.float32]], train: Sequence[int], plain: Preparation, warnings: list[str]
) -> tuple[tuple[float, ...], tuple[float, ...], float, float]:
    """Mean and standard deviation of each channel of train, and the least and greatest value. Padding has no part."""
    chosen = train[:: max(1, -(-len(train) // MEASURED))]

    def real(i: int) -> NDArray[np.float64]:
        values = signal(i)
        return plain.fitted(values, (0.0,))[:, : values.shape[1]].astype(np.float64)

    total, squares, count = np.zeros(plain.channels), np.zeros(plain.channels), 0
    low, high = np.inf, -np.inf
    for i in chosen:
        values = real(i)
        total += values.sum(1)
        count += values.shape[1]
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    mean = total / count
    for i in chosen:  # a second time: the difference of two large squares would have no digits left
        squares += np.square(real(i) - mean[:, None]).sum(1)
    std = np.sqrt(squares / count)
    constant = std <= 1e-7 * np.maximum(np.abs(mean), 1e-30)
    if constant.any():
        called = [plain.names[i] if i < len(plain.names) else str(i + 1) for i in np.flatnonzero(constant)]
        warnings.append(f"constant in train, so nothing can be learned from it: channel {', '.join(called)}")
    std[constant] = 1.0
    return _digits(mean), _digits(std), low, high


def _digits(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Seven digits, which is what float32 has."""
    return tuple(float(f"{value:.7g}") for value in values)
