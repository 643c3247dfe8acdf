"""Pictures of every kind that people have, by which an exported file is proved: made from one photograph."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from profond.data.images.decoding import eight_bit, open_image, opening
from profond.data.locations import FileInMemory
from profond.data.preprocessing import Mode

SIZES = ((1, 1), (2, 3), (9, 5), (31, 47), (3, 1000), (1000, 3), (640, 101), (97, 512))
"""Height and width of small, tall and wide ones."""


def pictures(size: tuple[int, int]) -> Iterator[tuple[str, Image.Image]]:
    """What each is, and the picture as its file is decoded: about 30.

    Args:
        size: height and width that a network takes; that size and others near it are among them.
    """
    photo = _photo()
    height, width = size
    yield "4,000 pixels", photo.resize((4000, 3000))
    for name, data in _files(photo):
        with opening(FileInMemory(data, name)) as opened:
            yield name, opened.image
    near = ((height, width), (height + 1, width), (2 * height, 2 * width), (width + 7, height + 2))
    for tall, wide in (*SIZES, *near):
        yield f"{wide}×{tall}", photo.resize((wide, tall), Image.Resampling.BICUBIC, reducing_gap=3)


@functools.cache
def _photo() -> Image.Image:
    from matplotlib.cbook import get_sample_data  # not above: it takes a while

    return open_image(Path(get_sample_data("grace_hopper.jpg", asfileobj=False))).image.convert("RGB")


def _files(photo: Image.Image) -> Iterator[tuple[str, bytes]]:
    """Files of unlike kinds."""
    small = photo.resize((128, 150))
    turned = Image.Exif()
    turned[0x0112] = 6
    half = Image.linear_gradient("L").resize(small.size)
    clear = small.copy()
    clear.putalpha(half)
    deep = Image.fromarray(np.asarray(small.convert("L"), dtype=np.uint16) * 257 + 3)
    yield "a photograph", _saved(photo, "JPEG", quality=90)
    yield "turned by EXIF", _saved(small, "JPEG", exif=turned)
    yield "grey", _saved(small.convert("L"), "PNG")
    yield "palette", _saved(small.quantize(31), "PNG")
    yield "transparent palette", _saved(small.quantize(31), "PNG", transparency=4)
    yield "alpha", _saved(clear, "PNG")
    yield "grey with alpha", _saved(clear.convert("LA"), "PNG")
    yield "black and white", _saved(small.convert("1"), "PNG")
    yield "16-bit", _saved(deep, "PNG")
    yield "CMYK", _saved(small.convert("CMYK"), "JPEG")
    yield "WebP", _saved(small, "WEBP")
    yield "blank", _saved(Image.new("RGB", (60, 40), "white"), "BMP")


def _saved(image: Image.Image, kind: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def changed(image: Image.Image, mode: Mode, count: int) -> list[Image.Image]:
    """So many different pictures of one size, the first as it is; in the mode that a network takes."""
    plain = eight_bit(image, mode)
    ways = (
        lambda one: one,
        ImageOps.mirror,
        ImageOps.flip,
        ImageOps.invert,
        lambda one: one.rotate(180),
        lambda one: ImageOps.mirror(ImageOps.invert(one)),
        lambda one: ImageOps.posterize(one, 3),
    )
    return [ways[number](plain) for number in range(count)]
