"""Pictures in turn as a film, with words below each: GIF, or MP4 where PyAV is installed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from profond.core.errors import MissingError, UsageError
from profond.core.files import atomic_path
from profond.core.lettering import text_width, write_line

FORMATS = (".gif", ".mp4")
_LETTER, _BAND = 14, 24
_FRAMES_A_SECOND = 30


def check_film(path: Path) -> None:
    """Raises: UsageError for another suffix than those of `FORMATS`; MissingError where MP4 cannot be written."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path} does not say what kind of film to write", f"end it in {' or '.join(FORMATS)}")
    if path.suffix.lower() == ".mp4":
        try:
            import av  # noqa: F401
        except ImportError:
            raise MissingError(
                "an MP4 film is written by PyAV, which is not installed",
                "pip install 'profond[video]', or take a GIF",
            ) from None


def write_film(
    path: Path | str,
    frames: Sequence[Image.Image],
    words: Sequence[str] = (),
    *,
    seconds: float = 0.25,
    at_the_end: float = 2.0,
) -> Path:
    """Write frames as a film, whole or not at all; the suffix of ``path`` says which kind.

    Args:
        frames: at least one. Smaller ones stand in the upper left corner of the largest.
        words: below each frame, one line for each; without them there is no band below.
        seconds: that each frame is shown.
        at_the_end: seconds that the last one is shown.

    Raises: UsageError, MissingError as `check_film`; StorageError.
    """
    path = Path(path)
    check_film(path)
    widest = max((math.ceil(text_width(line, _LETTER)) + 12 for line in words), default=0)
    size = (max(widest, *(frame.width for frame in frames)), max(frame.height for frame in frames))
    captions = words or [""] * len(frames)
    band = _BAND if any(words) else 0
    shown = [_captioned(frame, size, line, band) for frame, line in zip(frames, captions, strict=True)]
    durations = [seconds] * (len(shown) - 1) + [max(seconds, at_the_end)]
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".mp4":
            _write_mp4(temporary, shown, durations)
        else:
            # NOTE without dithering: its noise is other in each frame, flickers, and takes twice the room
            first, *others = [frame.quantize(256, dither=Image.Dither.NONE) for frame in shown]
            times = [round(1000 * one) for one in durations]
            first.save(temporary, "GIF", save_all=True, append_images=others, duration=times, loop=0, optimize=True)
    return path


def _captioned(frame: Image.Image, size: tuple[int, int], line: str, band: int) -> Image.Image:
    """A frame on white, with its words in a band below it."""
    width, height = size
    sheet = Image.new("RGB", (width, height + band), "white")
    sheet.paste(frame.convert("RGB"), (0, 0))
    if line:
        write_line(ImageDraw.Draw(sheet), (6, height + 3), line, "#1f2933", _LETTER)
    return sheet


def _write_mp4(path: Path, frames: Sequence[Image.Image], durations: Sequence[float]) -> None:
    import av

    wide, tall = (side + side % 2 for side in frames[0].size)  # colours are kept for two by two pixels
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("h264" if "libx264" in av.codecs_available else "mpeg4", rate=_FRAMES_A_SECOND)
        stream.width, stream.height, stream.pix_fmt = wide, tall, "yuv420p"
        stream.time_base = Fraction(1, _FRAMES_A_SECOND)
        for frame, duration in zip(frames, durations, strict=True):
            canvas = Image.new("RGB", (wide, tall), "white")
            canvas.paste(frame, (0, 0))
            pixels = np.asarray(canvas)
            for _ in range(max(1, round(duration * _FRAMES_A_SECOND))):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
