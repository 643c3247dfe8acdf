"""One door to all data: a registered name, a folder, ImageNet, tar shards, a manifest, a table, a long text."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profond.core.config import bind
from profond.core.errors import DataError, UnknownName, suggest
from profond.data.dataset import Dataset
from profond.data.images.foreign import unpacking
from profond.data.listing import Listing
from profond.data.registered import registry

TABLES = ("table of series", "folder of tables")
"""Names of the kinds whose samples are rows of a table."""
WITHOUT_CLASSES = "folder of images without classes"


@dataclass(frozen=True)
class Kind:
    """One way in which data lie on a disk.

    Args:
        name: for people.
        list: finds the samples; its parameters are some of those of ``open``.
        open: makes a data set of them; its parameters are the options.
        series: whether the samples are series, not images.
        texts: whether they are texts.
        videos: whether they are videos, which are looked at as a network would see them.
    """

    name: str
    list: Callable[..., Listing]
    open: Callable[..., Dataset]
    series: bool = False
    texts: bool = False
    videos: bool = False


def open_dataset(reference: str | Path, **options: Any) -> Dataset:
    """Open a data set; it is fetched when it is not here.

    Args:
        reference: ``"mnist"``, or the path of a folder of images or series, of ImageNet, of tar shards, of images with
            ``captions.csv``, of a ``.csv`` manifest, or of a table of series; what it is, is seen by itself, and so is
            whether classes are to be told apart or numbers estimated. A registered name wins over a path; write
            ``./mnist`` for the folder.
        options: settings of that data set, such as ``padding=2`` or ``size=32``.

    Raises: UnknownName, ConfigError for an option, DataError for bad data, MissingError when it cannot be fetched.
    """
    name = str(reference)
    if name in registry.names():
        target = registry.load(name)
        dataset: Dataset = target(**bind(target, options, what=f"data {name!r}"))
        return dataset
    path = Path(name).expanduser()
    kind = kind_of(path, name, options)
    from profond.data.leaks import with_leaks

    opened = kind.open(**bind(kind.open, {"path": path, **options}, what=f"{kind.name} {name!r}"))
    return with_leaks(opened, options.get("target"))


def accepts(reference: str, option: str) -> bool:
    """Whether data have an option; not where nothing can be opened, which `open_dataset` says in words."""
    registered = reference in registry.names()
    try:
        target = registry.load(reference) if registered else kind_of(Path(reference).expanduser()).open
    except (DataError, UnknownName):
        return False
    return option in inspect.signature(target).parameters


def kind_of(path: Path, name: str = "", options: Container[str] = ()) -> Kind:
    """What lies at a path. Raises: DataError, UnknownName when there is nothing that can be opened.

    Args:
        options: names of those that were given: only pairs of texts have a ``source``, and only two folders a ``to``.
    """
    name = name or str(path)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:  # a path too long, a loop of links
        raise DataError(f"{name} cannot be opened: {error.strerror}", "check the path") from None
    if is_folder and "to" in options:
        from profond.data.images import domains

        return Kind("two folders of images", domains.list_domains, domains.open_domains)
    if is_folder or (is_file and path.suffix.lower() == ".tar"):
        return _folder(path)
    if is_file and path.suffix.lower() in (".csv", ".tsv", ".txt", ".jsonl"):
        return _pairs() if "source" in options else _list_or_table(path)
    if is_file and path.suffix.lower() == ".ts":
        from profond.data.series import open as series

        return Kind("table of series", series.list_table, series.open_table, series=True)
    if is_file and (command := unpacking(path)):
        raise DataError(f"{name} is an archive", f"unpack it first: {command}; then name the folder")
    if is_file:
        raise DataError(
            f"{name} is neither a folder, nor a .csv manifest or table, nor a .ts file of series",
            "`profond data --help` shows what can be opened",
        )
    if path.is_symlink():
        raise DataError(f"{name} is a link that leads nowhere", "check where it points to")
    if "/" in name or "\\" in name or path.suffix:
        raise DataError(f"there is no {name}", "check the path; `profond data list` shows the registered names")
    help = f"there is no folder {name!r} here either; {suggest(name, registry.names())}"
    raise UnknownName("data set", name, registry.names(), help)


def _folder(path: Path) -> Kind:
    from profond.data.images import captions, domains, flat, folder
    from profond.data.images import imagenet_folder as imagenet
    from profond.data.shards import read as shards

    try:
        if shards.are_shards(path) and not (path.is_dir() and _holds_images(path)):
            return Kind("shards", shards.list_shards, shards.open_shards)
        if imagenet.find(path) is not None:
            return Kind("ImageNet", imagenet.list_imagenet, imagenet.open_imagenet)
    except PermissionError:
        pass  # the folder's own door says it best
    from profond.data.signs import layout as signs

    if path.is_dir() and signs.find(path) is not None:
        from profond.data.signs.open import open_signs

        return Kind("traffic signs", signs.list_signs, open_signs)
    if (path / captions.NAME).is_file():
        return Kind("captions", captions.list_captions, captions.open_captions)
    from profond.data.clips import open as clips
    from profond.data.series import detect
    from profond.data.series import open as series
    from profond.data.text.detect import holds_texts
    from profond.data.text.open import list_texts, open_texts

    if path.is_dir() and clips.holds_videos(path):
        return Kind("folder of videos", clips.list_videos, clips.open_videos, videos=True)
    if series.split_tables(path):
        return Kind("folder of tables", series.list_table, series.open_table, series=True)
    if detect.holds_series(path):
        return Kind("folder of series", series.list_series, series.open_series, series=True)
    if holds_texts(path):
        return Kind("folder of texts", list_texts, open_texts, texts=True)
    if domains.are_domains(path):
        return Kind("folder of two domains", domains.list_domains, domains.open_domains)
    if flat.is_flat(path):
        return Kind(WITHOUT_CLASSES, flat.list_flat, flat.open_flat)
    return Kind("folder", folder.list_folder, folder.open_folder)


def no_classes(reference: str, options: Container[str] = ()) -> DataError | None:
    """Why a folder of images without classes has none, for people who want to tell classes apart; else None."""
    from profond.data.images.flat import is_flat
    from profond.data.images.folder import list_folder

    path = Path(reference).expanduser()
    # What is cheap is asked first: what kind of data a large folder holds takes a while.
    if reference in registry.names() or not is_flat(path) or kind_of(path, reference, options).name != WITHOUT_CLASSES:
        return None

    try:
        list_folder(path)
    except DataError as error:
        return error
    return None


def _holds_images(path: Path) -> bool:
    """Whether a folder in this one holds images: an archive beside it is what they were unpacked from."""
    from profond.data.tree import folders, look_below

    return any(look_below(folder).files for folder in folders(path))


def _list_or_table(path: Path) -> Kind:
    """A manifest of images or of series, a table of captions, of labels of videos, of series or of texts, or a text."""
    from profond.data.clips import open as clips
    from profond.data.images import captions
    from profond.data.manifest import list_manifest, open_manifest
    from profond.data.series import detect
    from profond.data.series import open as series
    from profond.data.text.book import list_book, open_book
    from profond.data.text.detect import what_is
    from profond.data.text.open import list_texts, open_texts

    if captions.has_captions(path):
        return Kind("captions", captions.list_captions, captions.open_captions)
    if clips.names_videos(path):
        return Kind("labels of videos", clips.list_videos, clips.open_videos, videos=True)
    of_text = what_is(path)
    if of_text == "pairs":
        return _pairs()
    if of_text == "table":
        return Kind("table of texts", list_texts, open_texts, texts=True)
    if of_text == "book":
        return Kind("long text", list_book, open_book, texts=True)
    what = detect.what_is(path)
    if what == "table":
        return Kind("table of series", series.list_table, series.open_table, series=True)
    if what == "series":
        return Kind("manifest of series", series.list_series, series.open_series, series=True)
    return Kind("manifest", list_manifest, open_manifest)


def _pairs() -> Kind:
    from profond.data.text.pairs import list_pairs, open_pairs

    return Kind("table of pairs of texts", list_pairs, open_pairs, texts=True)
