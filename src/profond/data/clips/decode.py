"""Frames of a video at a fixed rate and size, one at a time, so that no film is ever in memory whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError, MissingError
from profond.data.clips.preparation import ClipPreparation
from profond.data.tree import Files

SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".ogv", ".wmv")
VIDEOS = Files("videos", SUFFIXES, "put the videos in one folder, with their labels in labels.csv")
_SLACK = 1e-6


@dataclass(frozen=True)
class Frame:
    """One frame that is looked at.

    Args:
        number: of the frame in the video, from 0.
        seconds: at which it is looked at: a whole number of steps of the rate.
        pixels: uint8 (c, h, w).
    """

    number: int
    seconds: float
    pixels: NDArray[np.uint8]


@dataclass
class Film:
    """What is known of a video once it was gone through.

    Args:
        frames: how many it has.
        seconds: how long it is.
    """

    frames: int = 0
    seconds: float = 0.0


def frames_of(path: Path, prepared: ClipPreparation, film: Film | None = None) -> Iterator[Frame]:
    """The frame that is seen at 0, 1/rate, 2/rate … seconds; of a video with fewer frames a second one comes twice.

    Args:
        film: filled in on the way.

    Raises: MissingError without PyAV; DataError for what cannot be decoded, from the place where it ends.
    """
    av = decoder()
    film = Film() if film is None else film
    if not path.is_file():
        raise DataError(f"there is no video {path}", "check the path")
    size: dict[str, Any] = {"width": prepared.width, "height": prepared.height, "interpolation": "AREA"}
    form = "rgb24" if prepared.colour else "gray"
    try:
        with av.open(str(path)) as opened:
            if not opened.streams.video:
                raise DataError(f"{path} has no pictures", "give a video")
            stream = opened.streams.video[0]
            native = float(stream.average_rate or stream.guessed_rate or 25)
            before: Any = None
            due, first = 0, None
            for frame in opened.decode(stream):
                time = film.frames / native if frame.time is None else float(frame.time)
                first = time if first is None else first
                while before is not None and due / prepared.rate < time - first - _SLACK:
                    yield Frame(film.frames - 1, due / prepared.rate, _pixels(before, size, form))
                    due += 1
                before, film.frames = frame, film.frames + 1
                film.seconds = time - first + 1 / native
            while before is not None and due / prepared.rate < film.seconds - _SLACK:
                yield Frame(film.frames - 1, due / prepared.rate, _pixels(before, size, form))
                due += 1
    except (av.error.FFmpegError, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        where = f" after {film.seconds:.1f} s" if film.frames else ""
        said = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        raise DataError(f"{path} cannot be decoded{where}: {said}", "convert it, for example to .mp4 (H.264)") from None
    if not film.frames:
        raise DataError(f"{path} has no frame", "restore it, or leave it out")


def decoder() -> Any:
    """PyAV. Raises: MissingError."""
    try:
        import av
    except ImportError:
        raise MissingError("videos are read by PyAV, which is not installed", "pip install 'profond[video]'") from None
    return av


def windows_of(path: Path, prepared: ClipPreparation, film: Film | None = None) -> Iterator[list[Frame]]:
    """A video's frames in clips that follow each other; the last may be shorter. Raises: as `frames_of`."""
    window: list[Frame] = []
    for frame in frames_of(path, prepared, film):
        window.append(frame)
        if len(window) == prepared.frames:
            yield window
            window = []
    if window:
        yield window


def as_clip(window: list[Frame]) -> NDArray[np.uint8]:
    """The frames of a window as one clip (c, t, h, w)."""
    return np.stack([frame.pixels for frame in window], axis=1)


def _pixels(frame: Any, size: dict[str, Any], form: str) -> NDArray[np.uint8]:
    values = frame.reformat(format=form, **size).to_ndarray()
    return values[None] if values.ndim == 2 else np.ascontiguousarray(values.transpose(2, 0, 1))
