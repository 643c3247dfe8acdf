"""Traffic signs, synthetic, rendered here: a stand-in for the German benchmark (GTSRB) where that cannot be had.

The 43 classes of the benchmark, as drawings set into photographs and taken through a camera that moves, shakes and
compresses; 30 frames a sign, from far to near, written in the benchmark's own layout. Train and test have other tracks,
other photographs behind the signs and other ranges of conditions; the drawing of a class is the same in both, which
photographs of signs of one country share too. No result on it says anything about a road.

Source: drawings of Mapillary (MIT), photographs of the foolbox package; the layout is that of the benchmark.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from profond.core.config import Integer
from profond.core.files import cache_folder, make_folder, storage_errors
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import obtain
from profond.data.sets.photos import twenty_photos
from profond.data.sets.svg import renderer
from profond.data.signs.drawings import PACKAGE, SOURCES
from profond.data.signs.layout import SYNTHETIC, list_signs
from profond.data.signs.names import FRAMES, Language
from profond.data.signs.open import SIDE, build_signs
from profond.data.signs.write import RENDERING, Order, render_all

SAID = (
    "synthetic, rendered here: drawings set into photographs. Train and test differ in signs, photographs and ranges "
    "of conditions, and share the drawing of each class; results are about these pictures, not about roads"
)
Share = Annotated[float, Field(gt=0, le=2)]
Frames = Annotated[Integer, Field(ge=1, le=100)]
Seed = Annotated[Integer, Field(ge=0)]


@register_data("traffic_signs")
def traffic_signs(
    size: int | tuple[int, int] = SIDE,
    crop: bool = False,
    channels: Literal[1, 3] = 3,
    language: Language = "en",
    drawings: Literal["german", "abroad"] = "german",
    share: Share = 1.0,
    frames: Frames = FRAMES,
    seed: Seed = 0,
    memory_mib: int = 1024,
) -> Dataset:
    """German traffic signs, synthetic, rendered here in some minutes and kept: 43 classes in the layout of GTSRB.

    Args:
        size: side of a square, or height and width, that pictures are brought to.
        crop: cut each picture to its sign first, by the region that the tables tell.
        channels: 1 for grey, 3 for colour.
        language: of the classes' names.
        drawings: ``"abroad"`` tests with drawings that other countries have for the same meaning, of the classes that
            have one; what is learned from stays German.
        share: of the usual number of signs in each class; the time that rendering takes goes with it.
        frames: of each sign, from far to near.
        seed: another seed, other pictures.
        memory_mib: up to this size the decoded pictures are kept in memory; above, they are streamed.

    Raises: MissingError when the drawings, the photographs or resvg-py cannot be had.
    """
    order = Order(seed, share, frames)
    folder = rendered(order)
    other = rendered(order._replace(abroad=True)) if drawings == "abroad" else None
    listing = list_signs(folder, language, other).with_splits()
    if other is not None:
        kinds = len({sample.label for sample in listing.samples if sample.split == "test"})
        note = f"test shows drawings of other countries, which {kinds} of the classes have"
        listing = replace(listing, notes=(*listing.notes, note))
    opened = build_signs(listing, size, crop, channels, "stretch", memory_mib)
    return replace(opened, name="traffic_signs", source=f"rendered here, seed {seed}, cached in {folder}")


def rendered(order: Order) -> Path:
    """The folder of the rendered pictures in the benchmark's layout; made on first use. Raises: MissingError."""
    kind = "abroad" if order.abroad else "german"
    name = f"{kind}_{RENDERING}_seed{order.seed}_share{order.share:g}_frames{order.frames}"
    folder = cache_folder() / "traffic_signs" / name
    if folder.is_dir():
        return folder
    renderer()
    package = obtain("traffic_signs", (PACKAGE,), SOURCES).folder / PACKAGE.name
    photos = [photo.path for photo in twenty_photos()]
    with storage_errors(folder):
        from filelock import FileLock  # comes with torch

        make_folder(folder.parent)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if folder.is_dir():  # another process rendered it meanwhile
                return folder
            work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".render-"))
            try:
                render_all(work, package, photos, order)
                (work / SYNTHETIC).write_text(f"{SAID}\n", encoding="utf-8")
                work.rename(folder)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return folder
