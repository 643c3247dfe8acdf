"""A folder of pictures, a manifest or ImageNet turned into tar shards."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from profond.core.config import bind
from profond.core.errors import ConfigError, DataError, ImageError
from profond.core.files import make_folder, storage_errors, sync_folder, write_json
from profond.core.progress import announce, track
from profond.core.randomness import generator
from profond.data.listing import Sample
from profond.data.locations import Member, relative
from profond.data.open import kind_of
from profond.data.shards.read import CONTENTS

BYTES = 100_000_000
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def parse_size(text: str) -> int:
    """``100MB`` to bytes. Raises: ConfigError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in _UNITS or (size := int(float(match[1]) * _UNITS[match[2]])) < 1:
        raise ConfigError(f"the size of a shard is {text!r}", "such as 100MB or 1GB")
    return size


def write_shards(
    reference: str | Path,
    out: Path,
    *,
    size: int = BYTES,
    count: int | None = None,
    seed: int = 0,
    shuffle: bool = True,
    options: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Copy a data set's picture files, as they are, into shards; the same input gives the same bytes.

    The folder ``out`` appears when all is written: after a kill or a full disk there is none. A data set that has no
    splits is split as it would be for training.

    Args:
        reference: a folder of images, a manifest, ImageNet, or shards.
        out: the folder to make.
        size: bytes after which a shard is full.
        count: samples after which it is full, instead.
        seed: of the order within each split.
        shuffle: False keeps the order of the files.
        options: how a data set is split that is not: ``valid_fraction``, ``test_fraction``, ``split_seed``.

    Returns: for each split its ``samples``, ``shards`` and ``bytes``.

    Raises: DataError, ImageError, ConfigError, StorageError.
    """
    if count is not None and count < 1:
        raise ConfigError(f"{count} samples were asked for in each shard", "use 1 or more")
    _refuse_existing(out)
    path = Path(reference).expanduser()
    kind = kind_of(path)
    if kind.series:
        raise DataError(f"{reference} holds series, and shards are for pictures", "series are read from their files")
    shares = _shares(**bind(_shares, options or {}, what="`data shard`"))
    listing = kind.list(path).with_splits(*shares)
    if listing.quantities:
        raise DataError(
            f"{reference} holds numbers to be estimated, and shards hold classes", "train on the table as it is"
        )
    if listing.unlabelled:
        raise DataError(f"{reference} has no classes, and shards hold classes", "train on the folder as it is")
    for warning in listing.warnings:
        announce(f"warning: {warning}")
    labels = {name: number for number, name in enumerate(listing.classes)}
    with storage_errors(out), _alone(out):
        _refuse_existing(out)  # another process may have made it meanwhile
        unfinished = out.parent / f".{out.name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
        try:
            make_folder(unfinished)
            about: dict[str, dict[str, Any]] = {}
            shards: dict[str, dict[str, int]] = {}
            for split in ("train", "valid", "test"):
                samples = [sample for sample in listing.samples if sample.split == split]
                if not samples:
                    continue
                if shuffle:
                    order = torch.randperm(len(samples), generator=generator(seed, "shards", split)).tolist()
                    samples = [samples[i] for i in order]
                written = dict(_write_split(samples, split, labels, listing.root, unfinished, size, count))
                shards |= written
                total = sum(shard["bytes"] for shard in written.values())
                about[split] = {"samples": len(samples), "shards": len(written), "bytes": total}
            contents = {"schema_version": 1, "classes": list(listing.classes), "shards": shards}
            write_json(unfinished / CONTENTS, contents)
            sync_folder(unfinished)
            unfinished.rename(out)
        except BaseException:  # a full disk, which must not stay full, or Ctrl-C
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        sync_folder(out.parent)
    return about


def _shares(valid_fraction: float = 0.1, test_fraction: float = 0.1, split_seed: int = 0) -> tuple[float, float, int]:
    """The options that say how data are split; there are no others where nothing is decoded."""
    return valid_fraction, test_fraction, split_seed


def _refuse_existing(out: Path) -> None:
    if os.path.lexists(out):
        raise DataError(f"{out} exists", "choose another folder")


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One process at a time makes ``out``: a lock of the system's beside it, which ends with the process.

    Raises: DataError when another process is making it.
    """
    from filelock import FileLock, Timeout  # comes with torch

    make_folder(out.parent)
    beside = out.parent / f".{out.name}.lock"
    lock = FileLock(beside)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataError(f"{out} is being written by another process", "wait for it, or choose another folder") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # while it is still held, so that nobody else's is removed
            beside.unlink()
        lock.release()


def _write_split(
    samples: Sequence[Sample],
    split: str,
    labels: dict[str, int],
    root: Path,
    folder: Path,
    size: int,
    count: int | None,
) -> Iterator[tuple[str, dict[str, int]]]:
    """Write the shards of one split; gives each one's name, samples and bytes."""
    used: set[str] = set()
    number, inside, shard = 0, 0, _Shard(folder / f"{split}-{0:06}.tar")
    try:
        for sample in track(samples, len(samples), f"writing {split}"):
            data = _bytes(sample)
            needed = 3 * tarfile.BLOCKSIZE + len(data) + -len(data) % tarfile.BLOCKSIZE  # two headers, and the label
            if inside and (inside >= count if count is not None else shard.size + needed > size):
                yield shard.path.name, {"samples": inside, "bytes": shard.close()}
                number, inside = number + 1, 0
                shard = _Shard(folder / f"{split}-{number:06}.tar")
            key, suffix = _key(sample, root)
            while key in used:
                key += "_"
            used.add(key)
            shard.add(f"{key}{suffix}", data)
            shard.add(f"{key}.cls", str(labels[sample.label]).encode())
            inside += 1
        yield shard.path.name, {"samples": inside, "bytes": shard.close()}
    finally:
        shard.abandon()


class _Shard:
    """One archive that is being written; owner, time and mode are the same for everybody."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")  # closed when the shard is
        self._archive = tarfile.open(fileobj=self._file, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115

    @property
    def size(self) -> int:
        return self._archive.offset

    def add(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o644
        self._archive.addfile(info, io.BytesIO(data))

    def close(self) -> int:
        """The whole archive's size in bytes."""
        self._archive.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self.path.stat().st_size

    def abandon(self) -> None:
        with contextlib.suppress(OSError):  # what is still to be written does not fit on a full disk
            self._file.close()


def _bytes(sample: Sample) -> bytes:
    if isinstance(sample.path, Member):
        return sample.path.read()
    try:
        return sample.path.read_bytes()
    except OSError as error:
        raise ImageError(f"{sample.path} cannot be read: {error.strerror}", "check the file") from None


def _key(sample: Sample, root: Path) -> tuple[str, str]:
    """What the sample's files are called in the archive, and the picture's suffix.

    Dots are the layout's own: everything after the first one is the kind of file.
    """
    name = relative(sample.path, root).lstrip("/")
    if isinstance(sample.path, Member):
        name = sample.path.path
    above, slash, last = name.rpartition("/")
    stem, dot, suffix = last.rpartition(".")
    stem = stem.replace(".", "_") or "_"
    text = f"{above}{slash}{stem}".encode("utf-8", "backslashreplace").decode()
    return re.sub(r"^__|(?<=/)\.\.?(?=/)", "_", text), f"{dot}{suffix.lower()}"
