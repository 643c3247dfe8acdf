"""Pictures of another kind: a run's translator, on a picture of any size, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from profond.core.device import memory_bytes
from profond.core.errors import ConfigError, UsageError
from profond.core.spec import Spec
from profond.data.images.decoding import conversions, eight_bit, opening, to_tensor
from profond.data.preprocessing import Preprocessing
from profond.measures.pixels import as_pixels
from profond.nn.tiles import TILE, Tiles
from profond.serve.given import Picture, as_picture, name_of
from profond.serve.predictor import Predictor
from profond.tasks.task import TranslatesImages

DIRECTIONS = ("a-to-b", "b-to-a")
_LEAST = 32
"""Pixels: smaller pictures are extended to it by reflection, for a network halves them."""
_MOST = 3 << 29
"""Bytes for one picture on its way, however much memory there is: whole maps of 12 million pixels in a network of usual
width, between its halvings and doublings."""
_LARGER = 4
"""Times the size that a run was trained on, from which on it is said that it sees details alone."""


@dataclass(frozen=True)
class Translated:
    """A picture and what became of it.

    Args:
        before: upright, in 8 bits, as the network got it; with its transparency.
        after: of the same size; with the same transparency.
        tiles: in how many parts it was done; 1 as a whole.
        notes: what was converted, or is worth knowing.
        profile: the file's colour profile, which is that of the result too; None where there is none.
    """

    source: str
    before: Image.Image
    after: Image.Image
    tiles: int = 1
    notes: tuple[str, ...] = ()
    profile: bytes | None = None


class Translator:
    """One direction of a run that turns pictures into those of another kind.

        Translator.of(Predictor.open("last"), "b-to-a").translate("photo.jpg").after.save("drawing.png")

    Args:
        network: in eval mode, pictures (n, c, h, w) in and out.
        spec: what it was trained on: two classes, A and B.
        preprocessing: from a picture's pixels to what the network takes; its size is not used.
        direction: one of `DIRECTIONS`.
        memory: bytes that may be used for one picture on its way; None chooses by what the machine has.
        tile: pixels of the side of a tile; None takes tiles for pictures that are too large, and 512 pixels then.

    Raises: ConfigError where the network does not keep the size of pictures.
    """

    def __init__(
        self,
        network: nn.Module,
        spec: Spec,
        preprocessing: Preprocessing,
        direction: str = "a-to-b",
        *,
        memory: int | None = None,
        tile: int | None = None,
    ) -> None:
        if preprocessing.mode is None or preprocessing.permutation_seed is not None or preprocessing.padding:
            raise ConfigError("this run was not trained on pictures as they are", "train one on a folder of pictures")
        self.mode, self.preprocessing, self.spec, self.direction = preprocessing.mode, preprocessing, spec, direction
        self.tiles = Tiles(network, 1 if self.mode == "L" else 3)
        self.memory = memory or _memory(self.tiles.device)
        self.tile = tile

    @classmethod
    def of(cls, predictor: Predictor, direction: str | None = None, *, tile: int | None = None) -> Translator:
        """The translator of a run.

        Args:
            direction: ``"a-to-b"`` or ``"b-to-a"``, or with the names of the two classes; None is the first there is.

        Raises: ConfigError for a run that translates no pictures; UsageError for a direction that it does not have.
        """
        task = predictor.task
        if not isinstance(task, TranslatesImages):
            raise ConfigError("this run does not translate pictures", "`profond predict` says what it does of them")
        networks = task.translators(predictor.model)
        chosen = _direction(direction, tuple(networks), predictor.spec.classes)
        return cls(networks[chosen], predictor.spec, predictor.preprocessing, chosen, tile=tile)

    @property
    def names(self) -> tuple[str, str]:
        """What pictures are before and after, as the data call it."""
        return _names(self.direction, self.spec.classes)

    def translate(
        self, picture: Picture, source: str | None = None, progress: Callable[[float], object] = lambda share: None
    ) -> Translated:
        """One picture, in its own size.

        Args:
            picture: as `profond.serve.predictor.Predictor.predict` takes one.
            progress: called with the share of the work that was done since it was last called.

        Raises: ImageError, DataError.
        """
        source = source or name_of(picture, 0)
        given = as_picture(picture, source)
        if isinstance(given, Image.Image):
            return self._translated(given, source, conversions(given), progress)
        with opening(given) as opened:
            notes = list(opened.notes)
            if opened.mislabelled:
                notes.append(f"the name promises another format than {opened.format}, which it is")
            return self._translated(opened.image, source, tuple(notes), progress)

    def _translated(
        self, image: Image.Image, source: str, notes: tuple[str, ...], progress: Callable[[float], object]
    ) -> Translated:
        profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "L", "LA", "P") else None
        alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
        before = eight_bit(image, self.mode)
        made, tiles = self._through(to_tensor(before), progress)
        after = _as_image(made)
        if alpha is not None:
            before, after = before.copy(), after
            before.putalpha(alpha)
            after.putalpha(alpha)
        kept = [note for note in notes if not note.startswith("transparency")]
        trained = max(self.spec.shape[1:])
        if min(image.size) > _LARGER * trained:
            kept.append(f"much larger than the {trained} pixels that the run was trained on: it sees details alone")
        if self.mode == "L" and image.mode not in ("L", "LA", "1") and not image.mode.startswith(("I", "F")):
            kept.append("colour converted to grey, which the run was trained on")
        return Translated(source, before, after, tiles, tuple(kept), profile)

    def _through(self, raw: Tensor, progress: Callable[[float], object]) -> tuple[Tensor, int]:
        """Pixels uint8 (c, h, w) to those of the other kind, and in how many tiles."""
        height, width = raw.shape[1:]
        multiple = self.tiles.multiple
        down, across = (-(-max(side, _LEAST) // multiple) * multiple for side in (height, width))
        whole = raw
        if (down, across) != (height, width):
            border = ((0, 0), (0, down - height), (0, across - width))
            whole = torch.from_numpy(np.pad(raw.numpy(), border, mode="reflect"))
        if self.tile is None and self.tiles.needed(down, across) <= self.memory:
            made = self.tiles.whole(whole, self.preprocessing.standardise, as_pixels)
            count = 1
            progress(1.0)
        else:
            tile = self.tile or TILE
            made = self.tiles.run(
                whole, self.preprocessing.standardise, as_pixels, tile=tile, memory=self.memory, progress=progress
            )
            count = self.tiles.count(down, across, tile)
        return made[:, :height, :width], count


def write(translated: Translated, path: Path) -> list[str]:
    """Keep what became of a picture, whole or not at all; the ending says how. Gives notes for people.

    Raises: UsageError for another ending; StorageError.
    """
    from profond.core.files import atomic_path

    check_name(path)
    image, notes = translated.after, []
    kind = _FORMATS[path.suffix.lower()]
    if kind == "JPEG" and image.has_transparency_data:
        image = eight_bit(image, "RGB")
        notes.append("transparency laid on white, which JPEG does not have")
    settings = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    with atomic_path(path) as temporary:
        image.save(temporary, kind, icc_profile=translated.profile, **settings)
    return notes


def check_name(path: Path) -> None:
    """Raises: UsageError when the ending says no kind of picture that is written."""
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"{path} does not say what kind of picture to write", f"end it in {', '.join(_FORMATS)}")


_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}


def _as_image(pixels: Tensor) -> Image.Image:
    """uint8 (c, h, w) with one channel or three."""
    levels = pixels.numpy()
    return Image.fromarray(levels[0] if len(levels) == 1 else np.ascontiguousarray(levels.transpose(1, 2, 0)))


def _names(direction: str, classes: tuple[str, ...]) -> tuple[str, str]:
    first, second = classes if len(classes) == 2 else ("A", "B")
    return (first, second) if direction == DIRECTIONS[0] else (second, first)


def _direction(asked: str | None, known: tuple[str, ...], classes: tuple[str, ...]) -> str:
    """Raises: UsageError."""
    if asked is None:
        return known[0]
    for one in DIRECTIONS:
        before, after = _names(one, classes)
        if asked.lower() in (one, f"{before}-to-{after}".lower()):
            if one not in known:
                raise UsageError(
                    f"this run goes {known[0]} alone, and {asked} was asked for",
                    "train a network of both directions, such as --model cyclegan, or change the folders",
                )
            return one
    ways = [f"{one} ({' to '.join(_names(one, classes))})" for one in known]
    raise UsageError(f"there is no direction {asked!r}", f"this run has {', '.join(ways)}")


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 2
    return min(_MOST, memory_bytes() // 4)
