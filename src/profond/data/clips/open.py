"""The door to videos: a folder of them with a table of labels, cut into clips with a label for each frame."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from profond.core.errors import ConfigError, DataError
from profond.core.progress import track
from profond.core.spec import Spec
from profond.data.clips.decode import VIDEOS, Film, as_clip, decoder, windows_of
from profond.data.clips.labels import FORM, NAMES, VideoLabels, read_labels, table_in
from profond.data.clips.preparation import ClipPreparation
from profond.data.dataset import Dataset
from profond.data.listing import Listing, class_order
from profond.data.manifest import existing
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.data.splitting import assign
from profond.data.text_encoding import beginning
from profond.data.tree import entries, look_below

FEW = 3
"""Videos from which on whole videos are dealt to the splits; of fewer each is cut in time."""
ABSENT = -1


@dataclass
class _Clips:
    """All clips of all videos, in step."""

    pixels: list[NDArray[np.uint8]] = field(default_factory=list)
    labels: list[list[str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    bytes: int = 0
    left_out: int = 0


def open_videos(
    path: Path,
    rate: float = 5.0,
    frames: int = 32,
    size: int | tuple[int, int] = 64,
    channels: Literal[1, 3] = 3,
    first_frame: int = 0,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    memory_mib: int = 1024,
    preprocessing: dict[str, Any] | None = None,
) -> Dataset:
    """Open a folder of videos with a table of labels, ``labels.csv``; or that table, with the videos beside it.

    The table has a line for each frame (``video,frame,label``), for each span of time (``video,start,end,label``, in
    seconds) or for each video (``path,label``); what it does not speak of never counts. Whole videos are dealt to the
    splits, unless the table has a column ``split``; of one or two videos the first part is learned from.

    Args:
        path: of the folder, or of the table.
        rate: frames that are looked at in a second.
        frames: that go through the network together; the last clip of a video may have fewer.
        size: side of the frames, or height and width, whatever the proportions of the videos.
        channels: 3 for colour, 1 for grey.
        first_frame: the number of a video's first frame in the table.
        valid_fraction: share for ``valid`` when there are no splits.
        test_fraction: likewise for ``test``.
        split_seed: another seed, another splitting.
        memory_mib: the clips are kept in memory, and may not be larger.
        preprocessing: that of a trained network, instead of rate, frames, size and channels.

    Raises: MissingError without PyAV; DataError; ConfigError.
    """
    decoder()  # said before anything else
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    known = None if preprocessing is None else Preprocessing.from_json(preprocessing)
    if known is not None and known.clip is None:
        raise DataError("these are videos, and the network was trained on something else", "give it what it knows")
    height, width = (size, size) if isinstance(size, int) else size
    clip = ClipPreparation(rate, frames, height, width, channels == 3) if known is None else known.clip
    assert clip is not None
    table = path if path.is_file() else table_in(path)
    if table is None:
        raise DataError(f"{path} holds videos and no {NAMES[0]}", FORM)
    labels = read_labels(table, first_frame)
    files, notes = _files(folder, table, labels)
    clips, warnings = _Clips(), list[str]()
    for name, file in track(files, len(files), f"decoding {folder.name}"):
        _take(clips, name, file, labels[name], table, clip, memory_mib)
    if clips.left_out:
        notes.append(f"{clips.left_out:,} clips have no label in any of their frames: left out")
    seen = {label for row in clips.labels for label in row if label}
    classes = class_order(sorted(seen))
    if len(classes) < 2:
        raise DataError(f"{table} has one label only in the frames that are looked at: {', '.join(classes)}", FORM)
    unseen = sorted({label for one in labels.values() for label in _labels(one)} - seen)
    if unseen:
        warnings.append(f"no frame that is looked at has the label {', '.join(unseen[:5])}: a higher rate sees more")
    without = sum(not label for row in clips.labels for label in row)
    total = sum(map(len, clips.labels))
    if without:
        notes.append(f"{100 * without / total:.0f} % of {total:,} frames have no label, and never count")
    where = _placed(clips, classes, len(files), valid_fraction, test_fraction, split_seed, notes, warnings)
    splits = _splits(clips, where, classes, clip)
    if known is None:
        mean, std = _moments(splits["train"])
        known = Preprocessing(mean=mean, std=std, clip=clip)
    spec = Spec(
        (clip.channels, clip.frames, clip.height, clip.width), "cthw", (0.0, 255.0), classes, each="t", rate=clip.rate
    )
    count = len(clips.names)
    notes.insert(0, f"{len(files)} videos, {count:,} clips of up to {clip.frames} frames, {clip.rate:g} a second")
    return Dataset(str(path), spec, known, splits, f"videos in {folder}", tuple(notes), tuple(warnings))


def list_videos(path: Path) -> Listing:
    """Raises: DataError: the clips of a video are no files that could be listed."""
    raise DataError(
        f"{path} holds videos with a label for each frame, of which no manifest can be written",
        "write train, valid or test into a column split of its table",
    )


def holds_videos(folder: Path) -> bool:
    """Whether a folder has a video directly inside, or a table that names some. Raises: DataError."""
    if any(VIDEOS.among(entry.name) for entry in entries(folder)):
        return True
    table = table_in(folder)
    return table is not None and names_videos(table)


def names_videos(table: Path) -> bool:
    """Whether a text is a table of labels of videos: the first line below its columns names one; or it is called so,
    names no file there, and videos lie beside it."""
    try:
        lines = beginning(table, 4096).splitlines()
    except OSError:
        return False
    cells = [cell.strip().strip('"') for line in lines[1:2] for cell in re.split("[;,\\t]", line)]
    if any(VIDEOS.among(cell) for cell in cells):
        return True
    called = table.name.lower() in NAMES and any(VIDEOS.among(entry.name) for entry in entries(table.parent))
    return called and not any(cell and existing(table.parent, cell) for cell in cells)


def _files(folder: Path, table: Path, labels: dict[str, VideoLabels]) -> tuple[list[tuple[str, Path]], list[str]]:
    """The file of each video that the table names, and notes. Raises: DataError for those that are not there."""
    below = look_below(folder, VIDEOS).strict().files
    by_path = {file.relative_to(folder).as_posix(): file for file in below}
    by_name: dict[str, list[Path]] = {}
    for file in below:
        for name in {file.name, file.stem}:
            by_name.setdefault(name, []).append(file)
    found: list[tuple[str, Path]] = []
    absent: list[str] = []
    for name in labels:
        plain = name.replace("\\", "/").removeprefix("./")
        likely = by_name.get(plain, [])
        if plain in by_path:
            found.append((name, by_path[plain]))
        elif len(likely) == 1:
            found.append((name, likely[0]))
        else:
            absent.append(name)
    if absent:
        shown = ", ".join(absent[:3]) + (" …" if len(absent) > 3 else "")
        raise DataError(
            f"{table}: {len(absent)} of {len(labels)} videos are not in {folder}: {shown}",
            f"it holds {', '.join(list(by_path)[:3]) or 'no video'}; names are relative to the folder",
        )
    if len({file for _, file in found}) < len(found):
        twice = Counter(file for _, file in found).most_common(1)[0][0]
        raise DataError(f"{table} names {twice.name} in two ways", "write its name alike in all lines")
    other = len(below) - len(found)
    notes = [f"{other} videos have no label in {table.name}: left out"] if other else []
    return sorted(found, key=lambda pair: pair[1].as_posix()), notes


def _take(
    clips: _Clips, name: str, file: Path, labels: VideoLabels, table: Path, clip: ClipPreparation, memory_mib: int
) -> None:
    film = Film()
    for window in windows_of(file, clip, film):
        here = [labels.at(frame.number, frame.seconds) for frame in window]
        if not any(here):
            clips.left_out += 1
            continue
        pixels = as_clip(window)
        clips.bytes += pixels.nbytes
        if clips.bytes > memory_mib * 2**20:
            raise DataError(
                f"the frames of {file.parent} take more than {memory_mib} MiB at {clip.rate:g} a second of"
                f" {clip.height}×{clip.width}",
                "a lower data.rate, a smaller data.size, data.channels=1, or a larger data.memory_mib",
            )
        clips.pixels.append(pixels)
        clips.labels.append(here)
        clips.names.append(f"{name}@{window[0].seconds:.2f}s")
        clips.videos.append(name)
        clips.splits.append(labels.split)
    labels.check_within(file, table, film.frames, film.seconds)


def _labels(one: VideoLabels) -> set[str]:
    return {span.label for span in one.spans} | set(one.frames.values())


def _placed(
    clips: _Clips,
    classes: Sequence[str],
    videos: int,
    valid_fraction: float,
    test_fraction: float,
    seed: int,
    notes: list[str],
    warnings: list[str],
) -> list[str]:
    """The split of each clip. Raises: DataError, ConfigError."""
    if any(clips.splits):
        if not all(clips.splits):
            bare = next(video for video, split in zip(clips.videos, clips.splits, strict=True) if not split)
            raise DataError(f"{bare} has no split, and others have one", "give every video a split, or none")
        if "train" not in clips.splits:
            raise DataError("no video is in train", "name the split of one video train")
        return clips.splits
    train = 1 - valid_fraction - test_fraction
    if min(valid_fraction, test_fraction) < 0 or train <= 0:
        raise ConfigError(
            f"shares of {valid_fraction} for valid and {test_fraction} for test leave nothing to train on",
            "use shares such as 0.1 and 0.1",
        )
    if not valid_fraction and not test_fraction:
        return ["train"] * len(clips.names)
    if videos >= FEW:
        place = {name: number for number, name in enumerate(classes)}
        usual = [place[Counter(label for label in row if label).most_common(1)[0][0]] for row in clips.labels]
        shares = {"train": train, "valid": valid_fraction, "test": test_fraction}
        where = assign(clips.names, usual, clips.videos, shares, seed=seed)
        counts = {split: len({v for v, w in zip(clips.videos, where, strict=True) if w == split}) for split in shares}
        notes.append(f"whole videos are dealt: {', '.join(f'{name} {count}' for name, count in counts.items())}")
        return where
    where = list[str]()
    measured = [name for name, share in (("valid", valid_fraction), ("test", test_fraction)) if share]
    for number, video in enumerate(dict.fromkeys(clips.videos)):
        own = clips.videos.count(video)
        if own <= len(measured):  # too short for a part of each: videos take turns
            where += ["train"] * max(1, own - 1) + [measured[number % len(measured)]] * (own > 1)
            continue
        last = {
            name: max(1, round(share * own)) for name, share in (("valid", valid_fraction), ("test", test_fraction))
        }
        parts = [name for name in measured for _ in range(last[name])]
        where += ["train"] * max(1, own - len(parts)) + parts[-(own - 1) :]
    few = "one video" if videos == 1 else f"{videos} videos"
    warnings.append(
        f"of {few} alone: the first part is learned from, the last is measured on, which says little about other videos"
    )
    return where


def _splits(clips: _Clips, where: Sequence[str], classes: Sequence[str], clip: ClipPreparation) -> dict[str, Split]:
    """Clips as uint8; where some are shorter as float16, which holds 0 to 255 exactly, and NaN for what is missing."""
    place = {name: number for number, name in enumerate(classes)}
    splits: dict[str, Split] = {}
    for split in ("train", "valid", "test"):
        chosen = [i for i, name in enumerate(where) if name == split]
        if not chosen:
            continue
        short = any(clips.pixels[i].shape[1] < clip.frames for i in chosen)
        shape = (len(chosen), clip.channels, clip.frames, clip.height, clip.width)
        samples = torch.full(shape, torch.nan, dtype=torch.float16) if short else torch.empty(shape, dtype=torch.uint8)
        targets = torch.full((len(chosen), clip.frames), ABSENT, dtype=torch.int64)
        for row, i in enumerate(chosen):
            pixels = torch.from_numpy(clips.pixels[i])
            samples[row, :, : pixels.shape[1]] = pixels
            targets[row, : pixels.shape[1]] = torch.tensor([place.get(label, ABSENT) for label in clips.labels[i]])
        splits[split] = TensorSplit(
            samples, targets, [clips.names[i] for i in chosen], [clips.videos[i] for i in chosen]
        )
    return splits


def _moments(split: Split) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, of frames that are there, as shares of 255."""
    assert isinstance(split, TensorSplit)
    count = total = squares = torch.zeros(())
    for sample in split.samples:
        values: Tensor = sample.double().flatten(1) / 255
        there = ~values.isnan()
        values = torch.nan_to_num(values)
        count, total, squares = count + there.sum(1), total + values.sum(1), squares + values.square().sum(1)
    mean = total / count
    std = (squares / count - mean.square()).clamp_min(0).sqrt().clamp_min(1e-3)
    return tuple(round(float(one), 6) for one in mean), tuple(round(float(one), 6) for one in std)
