"""Small real videos, made by PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

SIDE = 32
LIGHT = {"dark": 30, "bright": 220}


def write_video(path: Path, labels: Sequence[str], rate: int = 10, sound_only: bool = False) -> Path:
    """One frame for each label, in the shade of it; without loss enough that its shade is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as film:
        if sound_only:
            stream = film.add_stream("aac", rate=8000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 8000
            film.mux([*stream.encode(frame), *stream.encode(None)])
            return path
        stream = film.add_stream("mpeg4", rate=rate)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for label in labels:
            pixels = np.full((SIDE, SIDE, 3), LIGHT[label], np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode(None))
    return path


def shades(*runs: tuple[str, int]) -> list[str]:
    """``("dark", 3), ("bright", 2)``: labels in a row."""
    return [label for label, count in runs for _ in range(count)]
