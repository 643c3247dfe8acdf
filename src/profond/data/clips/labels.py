"""Which label each moment of a video has, from a table: a frame a line, a span of time a line, or a video a line."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from profond.core.errors import DataError
from profond.data.series.columns import LABEL, plain_name
from profond.data.split_column import not_a_split, split_words
from profond.data.text_encoding import decode_text

NAMES = ("labels.csv", "labels.tsv", "etiquettes.csv", "étiquettes.csv")
"""How such a table is called in a folder of videos."""
FORM = (
    "the first line names the columns: video,frame,label (frames from 0), video,start,end,label (seconds), or"
    " path,label; and, if wished, split"
)
_VIDEO = {"video", "vidéo", "path", "file", "filename", "fichier", "film", "clip", "chemin"}
_FRAME = {"frame", "frames", "image", "trame", "frame_number"}
_START = {"start", "begin", "from", "début", "debut", "start_seconds", "de"}
_END = {"end", "stop", "to", "fin", "end_seconds", "à", "a"}
_LABEL = LABEL | {"labels", "activity", "activité", "action"}
_DIGITS = 10
"""A number of a frame has fewer."""
_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)\s*s?")
_UNIT = re.compile(r"\s*[\[(].*?[\])]\s*$")


@dataclass(frozen=True)
class Span:
    """From when to when a label holds.

    Args:
        line: of the table.
        start, end: in seconds, the end not included; of frames their numbers.
        label: what holds.
    """

    line: int
    start: float
    end: float
    label: str


@dataclass
class VideoLabels:
    """The labels of one video.

    Args:
        spans: in seconds.
        frames: labels by number of the frame.
        lines: the line of each frame's label.
        split: empty when none was given.
    """

    spans: list[Span] = field(default_factory=list)
    frames: dict[int, str] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)
    split: str = ""

    def at(self, number: int, seconds: float) -> str:
        """What holds for a frame; empty where nothing does."""
        if self.frames:
            return self.frames.get(number, "")
        return next((span.label for span in self.spans if span.start - 1e-6 <= seconds < span.end - 1e-6), "")

    def check_within(self, path: Path, table: Path, frames: int, seconds: float) -> None:
        """Raises: DataError for a label beyond the end of the video."""
        if self.frames and max(self.frames) >= frames:
            last = max(self.frames)
            raise DataError(
                f"{table}, line {self.lines[last]}: frame {last} is labelled, and {path.name} has {frames} frames, 0 to"
                f" {frames - 1}",
                "frames are counted from 0 (--set data.first_frame=1: from 1); repair the line, or restore the video",
            )
        slack = max(0.1, 1.5 * seconds / max(1, frames))
        for span in self.spans:
            if span.end != float("inf") and span.end > seconds + slack:
                raise DataError(
                    f"{table}, line {span.line}: the label ends at {span.end:g} s, and {path.name} has {seconds:.2f} s",
                    "times are in seconds; repair the line, or restore the video",
                )


def table_in(folder: Path) -> Path | None:
    """The table of labels in a folder of videos, whatever its capitals."""
    found = {path.name.lower(): path for path in folder.iterdir() if path.is_file()}
    return next((found[name] for name in NAMES if name in found), None)


def read_labels(path: Path, first_frame: int = 0) -> dict[str, VideoLabels]:
    """Labels by the name of the video, as it is written.

    Args:
        first_frame: the number of a video's first frame in the table; here it is 0.

    Raises: DataError naming the line.
    """
    try:
        text, _ = decode_text(path.read_bytes(), path, FORM)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the path") from None
    if not text.strip():
        raise DataError(f"{path} is empty", FORM)
    first = text.lstrip().splitlines()[0]
    delimiter = max(";\t,", key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [
            (reader.line_num, [cell.strip() for cell in row]) for row in reader if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise DataError(f"{path} is no table: {error}", FORM) from None
    head = [plain_name(_UNIT.sub("", name)) for name in rows[0][1]]
    columns = _columns(path, head)
    if len(rows) < 2:
        raise DataError(f"{path} has no line below its columns", FORM)
    found: dict[str, VideoLabels] = defaultdict(VideoLabels)
    meaning, _ = split_words(
        row[columns["split"]] for _, row in rows[1:] if "split" in columns and len(row) == len(head)
    )
    for line, row in rows[1:]:
        if len(row) != len(head):
            raise DataError(f"{path}, line {line}: {len(row)} cells, and there are {len(head)} columns", FORM)
        video, label = row[columns["video"]], row[columns["label"]]
        if not video or not label:
            raise DataError(f"{path}, line {line}: {'video' if not video else 'label'} is empty", "fill it in")
        _take(path, line, row, columns, label, found[video], first_frame)
        _take_split(path, line, row, columns, meaning, found[video])
    for labels in found.values():
        _check_spans(path, labels)
    return dict(found)


def _columns(path: Path, head: Sequence[str]) -> dict[str, int]:
    known = {"video": _VIDEO, "label": _LABEL, "frame": _FRAME, "start": _START, "end": _END, "split": {"split"}}
    columns = {}
    for what, names in known.items():
        at = [number for number, name in enumerate(head) if name in names]
        if len(at) > 1:
            raise DataError(f"{path} has several columns for the {what}: {', '.join(head[i] for i in at)}", FORM)
        if at:
            columns[what] = at[0]
    if "video" not in columns or "label" not in columns or ("start" in columns) != ("end" in columns):
        raise DataError(f"{path} has the columns {', '.join(map(repr, head[:8]))}", FORM)
    if "frame" in columns and "start" in columns:
        raise DataError(f"{path} has columns for frames and for times", "keep one of them")
    return columns


def _take(
    path: Path,
    line: int,
    row: Sequence[str],
    columns: dict[str, int],
    label: str,
    labels: VideoLabels,
    first_frame: int,
) -> None:
    if "frame" in columns:
        cell = row[columns["frame"]]
        if not (cell.isascii() and cell.isdigit() and len(cell) < _DIGITS and int(cell) >= first_frame):
            raise DataError(f"{path}, line {line}: {cell[:40]!r} is no number of a frame", "count frames from 0")
        number = int(cell) - first_frame
        if number in labels.frames:
            raise DataError(
                f"{path}, line {line}: frame {number} has a label already, line {labels.lines[number]}",
                "keep one of them",
            )
        labels.frames[number], labels.lines[number] = label, line
        return
    start, end = 0.0, float("inf")
    if "start" in columns:
        start, end = (_seconds(path, line, row[columns[name]]) for name in ("start", "end"))
        if end <= start:
            raise DataError(f"{path}, line {line}: the label ends at {end:g} s and begins at {start:g} s", "turn them")
    labels.spans.append(Span(line, start, end, label))


def _take_split(
    path: Path, line: int, row: Sequence[str], columns: dict[str, int], meaning: Mapping[str, str], labels: VideoLabels
) -> None:
    if "split" not in columns:
        return
    given = row[columns["split"]]
    split = meaning.get(given.lower(), "")
    if given and not split:
        raise not_a_split(f"{path}, line {line}", given)
    if labels.split and split != labels.split:
        raise DataError(f"{path}, line {line}: the video is in {labels.split} and in {split}", "a video has one split")
    labels.split = split


def _seconds(path: Path, line: int, cell: str) -> float:
    found = _TIME.fullmatch(cell)
    if found is None:
        raise DataError(f"{path}, line {line}: {cell[:40]!r} is no time", "write seconds, such as 12.5, or 1:02.5")
    hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def _check_spans(path: Path, labels: VideoLabels) -> None:
    """Raises: DataError for two labels at one time."""
    labels.spans.sort(key=lambda span: span.start)
    for one, other in pairwise(labels.spans):
        if other.start < one.end - 1e-9:
            at = f"at {other.start:g} s" if one.end != float("inf") else "for one video"
            raise DataError(
                f"{path}, line {other.line}: {other.label!r} {at}, where line {one.line} says {one.label!r} still",
                "a moment has one label",
            )
