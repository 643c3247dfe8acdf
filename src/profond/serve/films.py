"""What a run on clips says of whole videos: clip after clip, so that a film of any length takes the memory of a few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from profond.core.errors import ConfigError, DataError
from profond.data.clips.decode import as_clip, windows_of
from profond.data.clips.preparation import ClipPreparation
from profond.tasks.task import Answer, Continued

AT_ONCE = 8
"""Clips of a video that are decoded before they go through the network."""


def answer_of(
    given: Any, source: str, clip: ClipPreparation, say: Callable[[Sequence[Tensor]], Sequence[Answer]]
) -> Answer:
    """One answer for a video.

    Args:
        given: its path, or its frames as an array (c, t, h, w) at the run's rate.
        source: what people call it.
        clip: how the run takes videos.
        say: what the network says of some clips of one length, uint8 (c, t, h, w).

    Raises: DataError, MissingError.
    """
    clips, answers = clips_of(given, source, clip), list[Answer]()
    while some := list(islice(clips, AT_ONCE)):
        for _, alike in groupby(some, key=lambda one: one.shape):
            answers += say(list(alike))
    first, *others = answers
    if not others:
        return first
    if not isinstance(first, Continued):
        raise ConfigError(
            f"{source} is longer than {clip.frames} frames, and this run answers for that many", "give shorter videos"
        )
    return first.followed_by(others)


def clips_of(given: Any, source: str, clip: ClipPreparation) -> Iterator[Tensor]:
    """A video in clips that follow each other, uint8 (c, t, h, w); as `answer_of` takes it."""
    if isinstance(given, str | Path):
        for window in windows_of(Path(given), clip):
            yield torch.from_numpy(as_clip(window))
        return
    if isinstance(given, np.ndarray):
        given = torch.from_numpy(given)
    wanted = (clip.channels, clip.height, clip.width)
    if not isinstance(given, Tensor) or given.ndim != 4 or (given.shape[0], *given.shape[2:]) != wanted:
        shape = "×".join(map(str, given.shape)) if isinstance(given, Tensor) else type(given).__name__
        raise DataError(
            f"{source} is {shape}, not a video",
            f"give the path of a video, or an array ({clip.channels}, frames, {clip.height}, {clip.width})",
        )
    yield from torch.split(given.cpu(), clip.frames, dim=1)
