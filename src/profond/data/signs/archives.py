"""The benchmark's zip archives, unpacked once into the cache: their pictures and tables by exact form, nothing else."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from profond.core.errors import DataError
from profond.core.files import cache_folder, make_folder, storage_errors
from profond.core.progress import track

TRAIN = "GTSRB_Final_Training_Images.zip"
TEST = "GTSRB_Final_Test_Images.zip"
TRUTH = "GTSRB_Final_Test_GT.zip"
ONLINE = "GTSRB-Training_fixed.zip"
NAMES = (TRAIN, TEST, TRUTH, ONLINE)
_MEMBER = re.compile(
    r"GTSRB/(Final_Training/Images|Training)/\d{5}/(\d{5}_\d{5}\.(ppm|png)|GT-\d{5}\.csv)"
    r"|GTSRB/Final_Test/Images/\d{5}\.(ppm|png)"
    r"|GT-final_test\.csv"
)
_LARGEST = 8 << 20
"""Bytes of one file inside; the largest picture of the benchmark has 0.2 MB."""
_MOST = 100_000


def unpacked(archives: Sequence[Path]) -> Path:
    """The folder in the cache that holds what the archives do; unpacked on first use.

    Raises: DataError for an archive that is damaged or not what its name says; StorageError.
    """
    folder = cache_folder() / "gtsrb_unpacked" / _digest(archives)
    if folder.is_dir():
        return folder
    with storage_errors(folder):
        make_folder(folder.parent)
        work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpack-"))
        try:
            for archive in archives:
                _unpack(archive, work)
            try:
                work.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was first
                    raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if _MEMBER.fullmatch(member.filename)]
            if not members or len(members) > _MOST:
                raise DataError(
                    f"{archive} holds {len(members):,} files of the benchmark's layout",
                    "fetch it again; it begins with GTSRB/",
                )
            for member in track(members, len(members), f"unpacking {archive.name}"):
                if member.file_size > _LARGEST:
                    raise DataError(
                        f"{archive} holds {member.filename} of {member.file_size:,} bytes", "fetch it again"
                    )
                target = folder / member.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(opened.read(member))
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{archive} is damaged: {error}", "fetch it again") from None
    except PermissionError:
        raise DataError(f"{archive} may not be read", "change its permissions") from None


def _digest(archives: Sequence[Path]) -> str:
    """Of where the archives lie, how long they are and when they were written."""
    about = [(str(archive.absolute()), os.stat(archive).st_size, os.stat(archive).st_mtime_ns) for archive in archives]
    return hashlib.blake2b(repr(about).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
