"""One door to all data: a registered name, a folder of images, or a CSV manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from profond.core.config import bind
from profond.core.errors import DataError, UnknownName
from profond.data import registry
from profond.data.dataset import Dataset


def open_dataset(reference: str | Path, **options: Any) -> Dataset:
    """Open a data set; it is fetched when it is not here.

    Args:
        reference: ``"mnist"``, or the path of a folder of images or of a ``.csv`` manifest. A registered name wins
            over a path; write ``./mnist`` for the folder.
        options: settings of that data set, such as ``padding=2`` or ``size=32``.

    Raises: UnknownName, ConfigError for an option, DataError for bad data, MissingError when it cannot be fetched.
    """
    name = str(reference)
    if name in registry.names():
        target = registry.load(name)
        dataset: Dataset = target(**bind(target, options, what=f"data {name!r}"))
        return dataset
    path = Path(name).expanduser()
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:  # a path too long, a loop of links
        raise DataError(f"{name} cannot be opened: {error.strerror}", "check the path") from None
    if is_folder:
        from profond.data.folder import open_folder

        return open_folder(**bind(open_folder, {"path": path, **options}, what=f"folder {name!r}"))
    if is_file and path.suffix.lower() in (".csv", ".tsv", ".txt"):
        from profond.data.manifest import open_manifest

        return open_manifest(**bind(open_manifest, {"path": path, **options}, what=f"manifest {name!r}"))
    if is_file:
        raise DataError(f"{name} is neither a folder of images nor a .csv manifest", "`profond data --help` shows both")
    if path.is_symlink():
        raise DataError(f"{name} is a link that leads nowhere", "check where it points to")
    if "/" in name or "\\" in name or path.suffix:
        raise DataError(f"there is no {name}", "check the path; `profond data list` shows the registered names")
    raise UnknownName("data set", name, registry.names())
