"""The picture that items look at: yours, or a colour photograph that comes with Matplotlib."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from profond.data.images.decoding import open_image
from profond.explain.draw.drawing import Panel, show
from profond.lecture.outcome import Options
from profond.lecture.values import Value, text, word


def photo(options: Options) -> tuple[Image.Image, Value]:
    """The picture, decoded and upright, and what to call it. Raises: ImageError naming the file."""
    if options.image is not None:
        return open_image(options.image).image, text(options.image.name)
    from matplotlib.cbook import get_sample_data

    return open_image(Path(get_sample_data("grace_hopper.jpg", asfileobj=False))).image, word("photo")


def smaller(image: Image.Image, longest: int) -> Image.Image:
    """At most ``longest`` pixels on a side; never larger than it was."""
    copy = image.copy()
    copy.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return copy


def photo_panel(path: Path, note: str, longest: int) -> Panel:
    """A photo for a figure, at most ``longest`` units on a side, and a note below it."""
    picture = smaller(open_image(path).image.convert("RGB"), longest)
    size = (float(picture.width), float(picture.height))
    return Panel(*size, lambda axes: show(axes, picture, size), note=note, room=longest)
