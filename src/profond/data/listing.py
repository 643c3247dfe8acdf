"""The samples of a folder or a manifest before any is read: where, which target, which split, which group."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from profond.core.errors import DataError
from profond.core.spec import Quantity
from profond.core.tokens import Tokens
from profond.data.classes import alike, class_order
from profond.data.copies import MOST, equal_digests, equal_files
from profond.data.locations import Location
from profond.data.splitting import assign, check_groups

__all__ = ["SPLIT_NAMES", "Listing", "Sample", "class_order"]

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One image file.

    Args:
        path: of the file; or a place in an archive.
        label: class name; of numbers, their text.
        split: ``train``, ``valid`` or ``test``; empty when none was given.
        group: empty when none was given.
        values: the numbers to be estimated, in the order of the listing's quantities; empty where there is a class.
        region: the part of the picture that is used: left, top, right, bottom, the last two excluded; None is all.
    """

    path: Location
    label: str
    split: str = ""
    group: str = ""
    values: tuple[float, ...] = ()
    region: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Listing:
    """All samples, in a fixed order.

    Args:
        name: what was opened, for people.
        root: identities are relative to it.
        samples: every image.
        classes: names in label order; empty where the targets are numbers or texts.
        notes: what was passed over or decided.
        warnings: what is probably not meant: a class, a split or most of the pictures goes with it.
        skipped: samples that cannot be read and were left out: identity and reason.
        digests: of what each sample holds, where the samples are no files of their own; else empty.
        quantities: what the numbers of each sample are; empty where there are classes.
        noun: what people call the samples, where they are no files of their own.
        text: what the labels are written in, where they are texts such as captions.
        unlabelled: nothing is known of the samples but what they are; labels are empty, and there are no classes.
    """

    name: str
    root: Path
    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    digests: tuple[bytes, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    noun: str = "series"
    text: Tokens | None = None
    unlabelled: bool = False

    def __post_init__(self) -> None:
        if not self.quantities and self.text is None and not self.unlabelled and len(self.classes) < 2:
            raise DataError(
                f"{self.name} has one class only, {self.classes[0]!r}" if self.classes else f"{self.name} has no class",
                "at least two are needed: one sub-folder, or one label, for each class",
            )

    @property
    def is_split(self) -> bool:
        return any(sample.split for sample in self.samples)

    def with_splits(self, valid_fraction: float = 0.1, test_fraction: float = 0.1, seed: int = 0) -> Listing:
        """The same with a split for every sample: those given, or one dealt here, by class, that keeps groups whole.

        Raises: DataError when a group stands in two splits, or a label is never in train.
        """
        listing = self if self.is_split else self._deal(valid_fraction, test_fraction, seed)
        if any(sample.group for sample in listing.samples):
            grouped = [sample for sample in listing.samples if sample.group]
            check_groups([sample.group for sample in grouped], [sample.split for sample in grouped])
        in_train = {sample.label for sample in listing.samples if sample.split == "train"}
        if not in_train:
            raise DataError(f"{self.name} has nothing in train", "name one folder, or one split, train")
        for sample in listing.samples:
            if self.classes and sample.label not in in_train:
                near = next((label for label in sorted(in_train) if alike(label) == alike(sample.label)), None)
                raise DataError(
                    f"label {sample.label!r} is in {sample.split} but never in train ({sample.path})",
                    "add examples of it to train, or take it out of the other splits"
                    if near is None
                    else f"did you mean {near!r}? Labels are compared as they are written",
                )
        return listing

    def _deal(self, valid_fraction: float, test_fraction: float, seed: int) -> Listing:
        train = 1 - valid_fraction - test_fraction
        if min(valid_fraction, test_fraction) < 0 or train <= 0:
            raise DataError(
                f"shares of {valid_fraction} for valid and {test_fraction} for test leave nothing to train on",
                "use shares such as 0.1 and 0.1",
            )
        has_groups = any(sample.group for sample in self.samples)
        names = [sample.path.as_posix() for sample in self.samples]
        names = [name.removeprefix(self.root.as_posix()) for name in names]
        groups = [sample.group or f"\0{name}" for sample, name in zip(self.samples, names, strict=True)]
        copies: list[list[int]] = []
        if valid_fraction or test_fraction:
            copies = equal_digests(self.digests) or equal_files([sample.path for sample in self.samples])
            # The captions of one image are a group already.
            copies = [alike for alike in copies if len({self.samples[at].path for at in alike}) > 1 or self.digests]
        number = {label: at for at, label in enumerate(self.classes)}
        where = assign(
            names,
            [number.get(sample.label, 0) for sample in self.samples],  # numbers are all dealt together
            groups if has_groups else None,
            {"train": train, "valid": valid_fraction, "test": test_fraction},
            seed=seed,
            copies=copies,
        )
        samples = tuple(replace(sample, split=name) for sample, name in zip(self.samples, where, strict=True))
        counts = Counter(where)
        shown = ", ".join(f"{name} {counts[name]}" for name in ("train", "valid", "test") if counts[name])
        way = "split by class" if self.classes else "split at random"
        notes = [f"{way}, seed {seed}: {shown}"]
        if copies:
            several = f"{len(copies)} sets" if len(copies) > 1 else "1 set"
            what = self.noun if self.digests else "files"
            notes.append(f"{several} of equal {what}, {sum(map(len, copies))} in all: each set is kept in one split")
        elif not self.digests and len(self.samples) > MOST and (valid_fraction or test_fraction):
            notes.append(f"equal files are kept in one split for up to {MOST:,}, and these are {len(self.samples):,}")
        return replace(self, samples=samples, notes=(*self.notes, *notes))
