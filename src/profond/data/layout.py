"""What the folders of a folder are: classes, or splits with classes in them; and what of them is not used."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from profond.core.errors import DataError
from profond.core.names import as_text
from profond.data.images.foreign import about, counted, unpacking, unreadable_images
from profond.data.listing import SPLIT_NAMES
from profond.data.tree import IMAGES, Below, Files, entries, is_folder, look_below

_NO_CLASSES = {"unlabeled", "unlabelled", "unsup", "unsorted", "pred", "predict", "predictions", "submission", "sample"}
_SHOWN = 10


class Walk:
    """Looks into each folder once, however often it is asked about. Raises: DataError."""

    def __init__(self, kind: Files = IMAGES) -> None:
        self.kind = kind
        self._below: dict[Path, Below] = {}
        self._inside: dict[Path, tuple[list[Path], list[Path]]] = {}

    def below(self, folder: Path) -> Below:
        """Everything below a folder, at any depth."""
        if folder not in self._below:
            self._below[folder] = look_below(folder, self.kind)
        return self._below[folder]

    def folders(self, folder: Path) -> list[Path]:
        """The folders directly inside."""
        return self._directly(folder)[0]

    def files(self, folder: Path) -> list[Path]:
        """The files directly inside."""
        return self._directly(folder)[1]

    def loose(self, folder: Path) -> list[Path]:
        """The images directly inside, which belong to no folder of a class."""
        return [file for file in self.files(folder) if self.kind.among(file.name)]

    def classes(self, folder: Path) -> list[Path]:
        """The folders directly inside that hold images, where all images are in such folders."""
        inside = self.unwrapped(folder)
        if self.loose(inside):
            return []
        return [one for one in self.folders(inside) if self.below(one).files]

    def unwrapped(self, folder: Path) -> Path:
        """The folder; or the one of the same name in it, where that is all that it holds, as archives unpack."""
        while not self.loose(folder):
            inside = [one for one in self.folders(folder) if self.below(one).files]
            if len(inside) != 1 or inside[0].name.lower() != folder.name.lower():
                break
            folder = inside[0]
        return folder

    def contents(self, folder: Path) -> str:
        """What a folder without images holds: ``20 .heic``, or ``no file``."""
        return counted(self.below(folder).passed_over) or "no file"

    def passed_over(self, path: Path, used: Iterable[Path]) -> tuple[list[str], list[str]]:
        """Notes and warnings about files of the folders that are used, and of the one that holds them."""
        every = Counter(file.suffix.lower() for file in self.files(path) if not self.kind.among(file.name))
        for folder in used:
            every += self.below(folder).passed_over
        unread = unreadable_images(every) if self.kind is IMAGES else Counter[str]()
        notes = (
            [f"files that are not {self.kind.noun} by name were passed over: {counted(every - unread)}"]
            if every - unread
            else []
        )
        return notes, [f"passed over: {counted(unread)}: {about(unread)}"] if unread else []

    def _directly(self, folder: Path) -> tuple[list[Path], list[Path]]:
        if folder not in self._inside:
            inside: list[Path] = []
            files: list[Path] = []
            for entry in entries(folder):
                (inside if is_folder(entry) else files).append(Path(entry.path))
            self._inside[folder] = inside, files
        return self._inside[folder]


def find_splits(path: Path, walk: Walk, inside: Sequence[Path], filled: Sequence[Path]) -> dict[str, Path]:
    """The folder of each split; empty when the folders are classes.

    They are splits when all with images are called so, or when train and another split stand among them: a class may
    be called train, but then nothing beside it is called valid or test.

    Raises: DataError for a split that is there twice, or splits without train.
    """
    named: dict[str, list[Path]] = {}
    for folder in inside:
        if split := SPLIT_NAMES.get(folder.name.lower()):
            named.setdefault(split, []).append(folder)
    learned = [folder for folder in named.get("train", []) if folder in filled]
    others = [folder for split, ones in named.items() if split != "train" for folder in ones]
    if any(folder not in [*learned, *others] for folder in filled):
        is_certain = any(folder in filled for folder in others) or any(walk.classes(folder) for folder in learned)
        if not learned or not others or not is_certain:
            return {}
    elif not filled:
        return {}
    splits = {}
    for split, ones in sorted(named.items(), key=lambda pair: ("train", "valid", "test").index(pair[0])):
        of_split = [folder for folder in ones if folder in filled] or ones[:1]
        if len(of_split) > 1:
            names = " and ".join(folder.name for folder in of_split)
            raise DataError(f"{path} has {split} twice: {names}", "merge them, or rename one")
        splits[split] = of_split[0]
    if not learned:
        if "train" in splits:
            raise DataError(
                f"{splits['train']} has no {walk.kind.noun}: {walk.contents(splits['train'])}",
                about(walk.below(splits["train"]).passed_over) or "put a folder for each class in it",
            )
        raise DataError(f"{path} has {', '.join(splits)} but no train", "name the folder to learn from train")
    return splits


def beside_splits(
    path: Path, walk: Walk, splits: Mapping[str, Path], inside: Sequence[Path]
) -> tuple[list[str], list[str]]:
    """Warnings and notes about what stands beside train, valid and test and is not used."""
    warnings, notes = [], []
    beside = [folder for folder in inside if folder not in splits.values()]
    if held := [
        f"{one.name} ({walk.kind.counted(len(walk.below(one).files))})" for one in beside if walk.below(one).files
    ]:
        meant = [
            f"{one.name} as {split}"
            for one in beside
            if (split := _like_split(one.name)) and split not in splits and walk.classes(one)
        ]
        question = f"; did you mean {_few(meant)}? Then rename it" if meant else ""
        warnings.append(f"not used, for they stand beside the splits {_and(splits.values())}: {_few(held)}{question}")
    if empty := [one.name for one in beside if not walk.below(one).files]:
        notes.append(f"folders without {walk.kind.noun} were passed over: {_few(empty)}")
    if loose := walk.loose(path):
        notes.append(f"{walk.kind.counted(len(loose))} beside the splits not used: {_few([one.name for one in loose])}")
    return warnings, notes


def refuse_hidden_splits(path: Path, walk: Walk, filled: Sequence[Path]) -> None:
    """Raises: DataError for folders that are hardly classes: splits under other names, or a data set in a data set."""
    within = {folder: [one.name for one in walk.classes(folder)] for folder in filled}
    like = {folder: _like_split(folder.name) for folder in filled}
    learned = [folder for folder in filled if like[folder] == "train" and within[folder]]
    judged = [folder for folder in filled if like[folder] in ("valid", "test")]
    if learned and judged:
        renamed = ", ".join(f"{folder.name} to {like[folder]}" for folder in (*learned, *judged))
        raise DataError(
            f"{path} has the folders {_and(filled)}, which would be told from each other as classes",
            f"did you mean the splits? Rename {renamed}",
        )
    for folder in filled:
        others = [one for one in filled if one != folder]
        names = {one.name for one in others}
        if len(names.intersection(within[folder])) > 1:
            raise DataError(
                f"{folder} holds folders of the same names as those beside it: {_few(within[folder])}",
                f"if {folder.name} is a split, put the classes beside it in train/; otherwise move it away",
            )
        splits = {SPLIT_NAMES.get(name.lower()) for name in within[folder]}
        own_name = folder.name.lower() == path.resolve().name.lower() and len(within[folder]) > 1
        if others and (own_name or ("train" in splits and len(splits - {None}) > 1)):
            raise DataError(
                f"{path} has {_and(filled)}, and {folder.name} is a data set of its own: {_few(within[folder])}",
                f"did you mean {folder}?",
            )
        if SPLIT_NAMES.get(folder.name.lower()) == "train" and others and len(within[folder]) > 1:
            shares = [one for one in others if not within[one] or set(within[one]).intersection(within[folder])]
            if len(shares) == len(others):
                raise DataError(
                    f"{folder} holds {_few(within[folder])}, and beside it stands {_and(others)}: splits, or classes?",
                    f"give {folder}, or rename {others[0].name} to valid or test; a class called train holds its "
                    f"{walk.kind.noun} itself",
                )


def called_as_splits(path: Path, walk: Walk, filled: Sequence[Path]) -> list[str]:
    """A warning about classes that are called as a split, or as images without labels."""
    odd = [
        folder.name
        for folder in filled
        if SPLIT_NAMES.get(folder.name.lower()) in ("valid", "test") or folder.name.lower() in _NO_CLASSES
    ]
    words = {
        folder.name: {SPLIT_NAMES[word] for word in _words(folder.name) if word in SPLIT_NAMES} for folder in filled
    }
    if any("train" in found for found in words.values()) and any(found - {"train"} for found in words.values()):
        odd = [name for name, found in words.items() if found]
    if not odd:
        return []
    return [
        f"read as a class: {_few(odd)}; did you mean the splits? They are called train, valid and test, with a folder "
        f"for each class in them; {walk.kind.noun} without labels are for `profond predict RUN {path / odd[0]}`"
    ]


def left_out(path: Path, walk: Walk, of_classes: Sequence[Path]) -> list[str]:
    """A warning about folders of classes that go, for nothing in them is an image."""
    gone = [folder for folder in of_classes if not walk.below(folder).files]
    if not gone:
        return []
    shown = [f"{folder.relative_to(path).as_posix()} ({walk.contents(folder)})" for folder in gone]
    return [f"class folders left out, for they hold no {walk.kind.noun}: {_few(shown)}"]


def deeper(walk: Walk, of_classes: Sequence[Path]) -> list[str]:
    """A note about folders inside those of classes, which are no classes."""
    described: dict[str, str] = {}
    for folder in of_classes:
        start = len(str(folder)) + 1
        below = [str(file)[start:].partition("/") for file in walk.below(folder).files]
        inside = dict.fromkeys(name for name, slash, _ in below if slash)
        if len(inside) > 1 and all(slash for _, slash, _ in below):
            described.setdefault(folder.name, f"{folder.name} ({_few(list(inside), 3)})")
    if not described:
        return []
    shown = _few(list(described.values()), 3)
    return [f"folders inside a class folder are no classes, their {walk.kind.noun} are of the class: {shown}"]


def nothing_in(path: Path, walk: Walk, inside: Sequence[Path]) -> DataError:
    """Why a folder has no classes."""
    loose, others = (
        walk.loose(path),
        Counter(one.suffix.lower() for one in walk.files(path) if not walk.kind.among(one.name)),
    )
    for folder in inside:
        others += walk.below(folder).passed_over
    if loose:
        return DataError(
            f"{path} has {walk.kind.counted(len(loose))} but no sub-folders, so no classes",
            tables_beside(path, walk) or walk.kind.layout,
        )
    held = f": {counted(others)}" if others else ""
    archives = [command for one in walk.files(path) if (command := unpacking(one))]
    help = (about(others) if walk.kind is IMAGES else "") or (
        f"unpack it first: {archives[0]}" if archives else walk.kind.layout
    )
    return DataError(f"{path} has no {walk.kind.noun}{held}", help)


def only_one_class(path: Path, walk: Walk, filled: Sequence[Path], name: str, warnings: Sequence[str]) -> DataError:
    """Why a folder has one class only."""
    inside = filled[0]
    while not walk.loose(inside) and len(within := walk.folders(inside)) == 1:
        inside = within[0]
    text = f"{path} has one class only, {name!r}" + "".join(f"; {warning}" for warning in warnings)
    if len(filled) == 1 and len(walk.classes(inside)) > 1 and name == as_text(filled[0].name):
        return DataError(text, f"did you mean {inside}?")
    help = tables_beside(path, walk) or "at least two are needed: one sub-folder, or one label, for each class"
    if walk.kind is IMAGES and walk.loose(inside):
        help += f"; a network that makes such pictures takes {inside}"
    return DataError(text, help)


def tables_beside(path: Path, walk: Walk) -> str | None:
    """A question about tables that lie beside images; None where there are none."""
    tables = [file for file in walk.files(path) if file.suffix.lower() in (".csv", ".tsv")]
    if not tables:
        return None
    return f"did you mean {tables[0]}? A manifest has the columns path and label; otherwise each class has a folder"


def _like_split(name: str) -> str | None:
    """The split that a name speaks of somewhere: ``seg_train``, ``trainset``."""
    if split := next((SPLIT_NAMES[word] for word in _words(name) if word in SPLIT_NAMES), None):
        return split
    if split := next((split for split in ("train", "test", "valid") if split in name.lower()), None):
        return split
    return "valid" if re.search(r"(^|[^a-z])(val|dev)_?(set|data|images?|pictures?)", name.lower()) else None


def _words(name: str) -> list[str]:
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.split(r"[^a-z]+", parted.lower())


def _and(folders: Iterable[Path]) -> str:
    names = [folder.name for folder in folders]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _few(names: Sequence[str], most: int = _SHOWN) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
