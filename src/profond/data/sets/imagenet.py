"""ImageNet's thousand classes (ILSVRC-2012), from a folder of your own: nobody may hand it on, so nothing is fetched.

Source: O. Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from profond.core.errors import MissingError
from profond.core.files import cache_folder
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.images.unreadable import Unreadable
from profond.data.open import open_dataset

FOLDER_VARIABLE = "PROFOND_IMAGENET"


@register_data("imagenet", splits={"train": 1_281_167, "valid": 50_000})
def imagenet(
    size: int | tuple[int, int] | None = None,
    resize: Literal["crop", "stretch", "pad"] = "crop",
    memory_mib: int = 0,
    unreadable: Unreadable = "refuse",
) -> Dataset:
    """ImageNet (ILSVRC-2012), from your own copy of it: the folder, or shards, that PROFOND_IMAGENET names.

    Args:
        size: side of a square, or height and width, that images are brought to in evaluation; None is 224.
        resize: ``"crop"`` keeps the middle, ``"stretch"`` ignores the proportions, ``"pad"`` adds borders.
        memory_mib: up to this size the decoded images are kept in memory; above, they are streamed.
        unreadable: ``"refuse"`` pictures that cannot be read, or ``"skip"`` them, for which all are decoded once.

    Raises: MissingError when there is no such folder.
    """
    folder = own_copy()
    return open_dataset(str(folder), size=size, resize=resize, memory_mib=memory_mib, unreadable=unreadable)


def own_copy() -> Path:
    """Where the user has ImageNet. Raises: MissingError."""
    folder = Path(os.environ.get(FOLDER_VARIABLE) or cache_folder() / "imagenet").expanduser()
    if not folder.is_dir():
        raise MissingError(
            f"ImageNet is not here ({folder}), and its licence lets nobody hand it on",
            "get it from image-net.org, then give its folder: "
            f"--data /path/to/imagenet, or {FOLDER_VARIABLE}=/path/to/imagenet",
        )
    return folder.absolute()
