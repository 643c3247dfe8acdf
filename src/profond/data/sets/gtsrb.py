"""The German Traffic Sign Recognition Benchmark: 43 classes, photographed from a driving car, 30 pictures of each sign.

Its archives are published without checksums that could be stated here; what they hold is counted instead. A copy of
your own is opened by its folder, zipped or unpacked: ``--data GTSRB/``.

Source: J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel, Man vs. computer: Benchmarking machine learning algorithms for
traffic sign recognition, Neural Networks 32, 2012.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from profond.core.errors import MissingError
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import DataFile, Source, Web, obtain
from profond.data.images.unreadable import Unreadable
from profond.data.signs.archives import TEST, TRAIN, TRUTH
from profond.data.signs.names import Language
from profond.data.signs.open import SIDE, open_signs

FILES = tuple(DataFile(name, "") for name in (TRAIN, TEST, TRUTH))
SOURCES: tuple[Source, ...] = (
    Web("https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"),
    Web("https://benchmark.ini.rub.de/Dataset/"),
)
"""The public archive that the benchmark's page points to, and the page's own folder of before."""


@register_data("gtsrb", splits={"train": 39_209, "test": 12_630})
def gtsrb(
    size: int | tuple[int, int] = SIDE,
    crop: bool = False,
    channels: Literal[1, 3] = 3,
    resize: Literal["crop", "stretch", "pad"] = "stretch",
    language: Language = "en",
    memory_mib: int = 1024,
    unreadable: Unreadable = "refuse",
) -> Dataset:
    """German traffic signs in real photos, 43 classes, each physical sign kept whole (GTSRB); 300 MB are fetched.

    Args:
        size: side of a square, or height and width, that pictures are brought to.
        crop: cut each picture to its sign first, by the region that the tables tell.
        channels: 1 for grey, 3 for colour.
        resize: ``"stretch"`` ignores the proportions, ``"crop"`` keeps the middle, ``"pad"`` adds borders.
        language: of the classes' names.
        memory_mib: up to this size the decoded pictures are kept in memory; above, they are streamed.
        unreadable: ``"refuse"`` pictures that cannot be read, or ``"skip"`` them, for which all are decoded once.

    Raises: MissingError when the archives cannot be fetched.
    """
    try:
        fetched = obtain("gtsrb", FILES, SOURCES)
    except MissingError as error:
        here = "of a copy of yours give the folder, zipped or unpacked; `--data traffic_signs` is a synthetic stand-in"
        raise MissingError(error.message, f"{error.help}; {here}") from None
    opened = open_signs(
        Path(fetched.folder), size, crop, channels, resize, language, memory_mib=memory_mib, unreadable=unreadable
    )
    return replace(opened, name="gtsrb", source=fetched.source)
