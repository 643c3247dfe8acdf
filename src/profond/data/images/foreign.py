"""Files that people have among their images and that are not read here: what they are, and the way out of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

_RAW = ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl"
_UNREADABLE = (
    ("HEIC, as phones take photos", "convert them to JPEG: magick mogrify -format jpg *.heic", ".heic .heif .hif"),
    ("raw data of a camera", "export them as JPEG or TIFF", f"{_RAW} .sr2 .srf .srw .x3f"),
    ("documents of a painting program", "export them as PNG", ".psd .psb .xcf .kra .clip .afphoto"),
    (
        "drawings of lines, not of pixels",
        "draw them as PNG: magick in.svg out.png",
        ".svg .svgz .ai .eps .ps .wmf .emf",
    ),
    ("pages, not pictures", "draw them as PNG: pdftoppm -png in.pdf out", ".pdf .djvu"),
    (
        "DICOM or other medical volumes",
        "convert them to PNG, with the window that shows what matters",
        ".dcm .dicom .nii",
    ),
    ("JPEG XL", "convert them to JPEG or PNG: djxl in.jxl out.png", ".jxl"),
    ("pictures with a wide range of light", "convert them to PNG", ".exr .hdr"),
    ("pictures of a telescope", "convert them to PNG", ".fits .fit .fts"),
    ("videos", "take pictures out of them: ffmpeg -i in.mov -r 1 out%04d.jpg", ".mov .mp4 .avi .mkv .webm .m4v .3gp"),
    ("pictures in a format that is seldom used", "convert them to PNG", ".tga .pcx .ico .icns .dds .xbm .xpm"),
)
_KNOWN = {suffix: (name, way) for name, way, suffixes in _UNREADABLE for suffix in suffixes.split()}
_UNPACK = {
    ".zip": "unzip {0}",
    ".rar": "unrar x {0}",
    ".7z": "7z x {0}",
    ".tgz": "tar -xf {0}",
    ".tbz2": "tar -xf {0}",
    ".txz": "tar -xf {0}",
    ".tar.gz": "tar -xf {0}",
    ".tar.bz2": "tar -xf {0}",
    ".tar.xz": "tar -xf {0}",
    ".tar.zst": "tar -xf {0}",
    ".gz": "gunzip {0}",
}


def counted(passed_over: Mapping[str, int]) -> str:
    """``4 .heic, 2 .txt``, most first."""
    order = sorted(passed_over.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count} {kind or 'without suffix'}" for kind, count in order)


def unreadable_images(passed_over: Mapping[str, int]) -> Counter[str]:
    """Of the suffixes, those of pictures and films that cannot be read here."""
    return Counter({kind: count for kind, count in passed_over.items() if kind in _KNOWN})


def about(suffixes: Iterable[str]) -> str:
    """What the known ones among these are and what to do with them; empty where none is known."""
    advice = dict.fromkeys(_KNOWN[suffix] for suffix in suffixes if suffix in _KNOWN)
    return "; ".join(f"{name}, cannot be read: {way}" for name, way in advice)


def advice_for(suffix: str) -> tuple[str, str] | None:
    """What a file of this suffix is, and what to do with it; None for one that is not known."""
    return _KNOWN.get(suffix.lower())


def unpacking(path: Path) -> str | None:
    """The command that unpacks an archive; None for a file that is none, or a tar, which is read as it is."""
    name = path.name.lower()
    for suffix in sorted(_UNPACK, key=len, reverse=True):
        if name.endswith(suffix):
            return _UNPACK[suffix].format(path.name)
    return None
