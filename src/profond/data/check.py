"""What is wrong with a data set, found before training: unreadable and duplicate images, leaks, imbalance, mixtures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from profond.core.config import bind
from profond.core.device import usable_cores
from profond.core.errors import ImageError
from profond.core.progress import track
from profond.core.spec import Quantity
from profond.data import registry
from profond.data.copies import leak
from profond.data.dataset import Dataset
from profond.data.fingerprint import Fingerprint, near_groups, of_image, of_pixels
from profond.data.group_leak import leak_without_groups, torn_groups
from profond.data.images.build import DEFAULT_SIDE, cut_off
from profond.data.images.decoding import opening
from profond.data.images.flat import few
from profond.data.issue import SEVERITIES, Issue, Report
from profond.data.listing import Listing, Sample
from profond.data.locations import Location, relative
from profond.data.open import TABLES, Kind, kind_of, open_dataset
from profond.data.split import FileSplit, TensorSplit
from profond.data.text.check import text_issues
from profond.data.text.texts import Texts, digest_of
from profond.data.values import remarks

IMBALANCE = 3.0
FEW = 10
NEAR_LIMIT = 20_000

_NOUNS = {"chw": "image", "ct": "series", "cthw": "clip", "t": "text"}


@dataclass
class _Samples:
    """What is known of each sample, in step."""

    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    prints: list[Fingerprint] = field(default_factory=list)
    values: list[tuple[float, ...]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    noun: str = "image"
    classes: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = ()

    def add(self, name: str, sample: Sample, found: Fingerprint) -> None:
        self.names.append(name)
        self.labels.append(sample.label)
        self.splits.append(sample.split)
        self.prints.append(found)
        self.values.append(sample.values)
        self.groups.append(sample.group)

    def kept_whole(self) -> list[Issue]:
        """What the groups of what is learned from prevent."""
        learned = (
            [i for i, split in enumerate(self.splits) if split in ("", "train")]
            if any(self.groups) and self.classes
            else []
        )
        labels, groups = ([of[i] for i in learned] for of in (self.labels, self.groups))
        return leak_without_groups(labels, groups, [self.prints[i] for i in learned], plural(self.noun))


def check(reference: str, **options: Any) -> Report:
    """Look at every sample of a registered data set, a folder, ImageNet, shards, a manifest or a table.

    Args:
        options: settings of that data set, as ``open_dataset`` takes them; with any, the data are split and brought to
            size as training would, and what is said while they are opened becomes issues.

    Raises: DataError when there is nothing to look at, because the layout or the manifest is wrong; ConfigError for an
        option that does not fit.
    """
    if reference in registry.names():
        dataset = open_dataset(reference, **options)
        in_memory = all(isinstance(split, TensorSplit) for split in dataset.splits.values())
        return check_splits(dataset) if in_memory else _check_listing(_listed(dataset))
    path = Path(reference).expanduser()
    kind = kind_of(path, reference, options)
    settings = bind(kind.open, {"path": path, **options}, what=f"{kind.name} {reference!r}")
    if kind.texts or kind.videos:
        return check_splits(kind.open(**settings))

    def with_splits(listing: Listing) -> Listing:
        if not options or listing.is_split:
            return listing
        shares = {"valid_fraction": 0.1, "test_fraction": 0.1, "split_seed": 0}
        return listing.with_splits(*(settings.get(name, usual) for name, usual in shares.items()))

    asked = {name: settings[name] for name in ("target", "to") if name in settings}
    report = (
        _check_series(kind, path, settings, with_splits)
        if kind.series
        else _check_listing(with_splits(kind.list(path, **asked)))
    )
    if not options or not report.usable:  # it could not be opened either, or is not worth it
        return report
    opened = kind.open(**settings)
    messages = [issue.message for issue in report.issues]
    converted = [issue.message.partition(": ")[2] for issue in report.issues if issue.kind == "converted"]
    from_opening = [Issue("layout", "warning", text) for text in opened.warnings if text not in messages]
    from_opening += [
        Issue("layout", "note", text)
        for text in opened.notes
        if text not in messages and not any(one in text for one in converted)
    ]
    issues = sorted([*report.issues, *from_opening], key=lambda f: SEVERITIES.index(f.severity))
    return replace(report, issues=tuple(issues))


def fingerprints(paths: Sequence[Location]) -> list[Fingerprint | None]:
    """One for each image, None where it cannot be read."""

    def work(path: Location) -> Fingerprint | None:
        try:
            with opening(path) as opened:
                return of_image(opened.image)
        except ImageError:
            return None

    with ThreadPoolExecutor(min(8, usable_cores())) as pool:
        return list(track(pool.map(work, paths), len(paths), "comparing images"))


def _check_listing(listing: Listing) -> Report:
    if listing.text is not None:  # an image may have several captions, and is looked at once
        listing = replace(listing, samples=tuple({sample.path: sample for sample in listing.samples}.values()))
    samples = _Samples(classes=listing.classes, quantities=listing.quantities)
    unreadable: list[tuple[str, ...]] = []
    reasons: list[str] = []
    mislabelled: list[tuple[str, ...]] = []
    notes: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    sizes: Counter[tuple[int, int]] = Counter()
    modes: Counter[str] = Counter()

    def work(path: Location) -> Any:
        try:
            with opening(path) as opened:
                return opened.format, opened.mislabelled, opened.notes, opened.image.mode, of_image(opened.image)
        except ImageError as error:
            return error

    paths = [sample.path for sample in listing.samples]
    with ThreadPoolExecutor(min(8, usable_cores())) as pool:
        results = track(pool.map(work, paths), len(paths), f"checking {listing.name}")
        for sample, result in zip(listing.samples, results, strict=True):
            name = relative(sample.path, listing.root)
            if isinstance(result, ImageError):
                unreadable.append((name,))
                reasons.append(result.message)
                continue
            kind, wrong_name, conversions, mode, fingerprint = result
            if wrong_name:
                mislabelled.append((f"{name} is {kind}",))
            for conversion in conversions:
                notes[conversion].append((name,))
            sizes[fingerprint.size] += 1
            modes[mode] += 1
            samples.add(name, sample, fingerprint)
    issues: list[Issue] = []
    if unreadable:
        shown = "; ".join(reasons[:3]) + ("; …" if len(reasons) > 3 else "")
        text = f"{len(unreadable)} of {len(paths)} images cannot be read: {shown}"
        text += " (--set data.unreadable=skip trains without them)"
        issues.append(Issue("unreadable", "error", text, tuple(unreadable)))
    issues += _same(samples)
    issues += _targets(samples)
    issues += torn_groups(listing) or samples.kept_whole()
    if mislabelled:
        text = f"{count_in_words(len(mislabelled))} of another format than the name says: read by content"
        issues.append(Issue("mislabelled", "warning", text, tuple(mislabelled)))
    if len(sizes) > 1:
        common = ", ".join(f"{w}×{h} ({n})" for (h, w), n in sizes.most_common(3))
        text = f"{len(sizes)} sizes (width × height): {common}{' …' if len(sizes) > 3 else ''}"
        issues.append(Issue("sizes", "warning", text))
    small = len(sizes) == 1 and max(max(sizes)) <= DEFAULT_SIDE
    if not small and (text := cut_off([(w, h) for h, w in sizes.elements()], (DEFAULT_SIDE, DEFAULT_SIDE)) or ""):
        issues.append(Issue("cut", "warning", text))
    if len(modes) > 1:
        text = "mixed modes: " + ", ".join(f"{mode} ({n})" for mode, n in modes.most_common())
        issues.append(Issue("modes", "warning", text))
    issues += [
        Issue("converted", "note", f"{count_in_words(len(items))}: {text}", tuple(items))
        for text, items in notes.items()
    ]
    issues += [Issue("layout", "warning", warning) for warning in listing.warnings]
    issues += [Issue("layout", "note", note) for note in listing.notes]
    if listing.unlabelled:
        issues += [Issue("few", "warning", text) for text in few({listing.name: len(listing.samples)})]
    written = "" if listing.text is None else "each with a caption to be written"
    return replace(_report(listing.name, samples, issues, listing.root), written=written)


def _check_series(
    kind: Kind, path: Path, settings: Mapping[str, Any], with_splits: Callable[[Listing], Listing]
) -> Report:
    from profond.data.series.check import inspect_series

    inspection = inspect_series(path, kind.name in TABLES, settings)
    listing = with_splits(inspection.listing)
    samples = _Samples(noun="series", classes=listing.classes, quantities=listing.quantities)
    for sample, found in zip(listing.samples, inspection.prints, strict=True):
        if found is not None:
            samples.add(relative(sample.path, listing.root), sample, found)
    issues = [*inspection.issues, *_same(samples), *_targets(samples), *torn_groups(listing)]
    issues += [Issue("layout", "warning", warning) for warning in listing.warnings]
    issues += [Issue("layout", "note", note) for note in listing.notes]
    return _report(listing.name, samples, issues, listing.root)


def check_splits(dataset: Dataset) -> Report:
    """Look at every sample of an open data set, in the splits that it has. Raises: ImageError."""
    spec = dataset.spec
    noun = _NOUNS.get(spec.axes, "sample")
    samples = _Samples(noun=noun, classes=() if spec.each else spec.classes, quantities=spec.quantities)
    for split_name, split in dataset.splits.items():
        for i, target in enumerate(track(split.targets.tolist(), len(split), f"checking {dataset.name}/{split_name}")):
            label = "" if spec.text is not None or spec.each else spec.target_text(target)
            group = "" if split.groups is None else split.groups[i]
            sample = Sample(Path(split.identity(i)), label, split_name, group, _numbers(target))
            texts = split.origin if isinstance(split, TensorSplit) else None
            exact = digest_of(texts.texts[i]) if isinstance(texts, Texts) else None
            found = of_pixels(split.raw(i).numpy()) if exact is None else Fingerprint(exact, None, (0, 0))
            samples.add(split.identity(i), sample, found)
    told = [Issue("layout", "warning", one) for one in dataset.warnings if not one.startswith("LEAK")]
    told += [Issue("layout", "note", one) for one in dataset.notes]
    of_texts = text_issues(dataset) if spec.tokens is not None else samples.kept_whole()
    same = [] if spec.text is not None and spec.each else _same(samples)  # a long text may say a thing twice
    if spec.each and spec.text is None:
        issues = [*same, *_steps(dataset), *told]
        written = f"{len(spec.classes)} classes, one for each step"
    else:
        issues = [*same, *_targets(samples), *of_texts, *told]
        written = "" if spec.text is None else "to be written on" if spec.each else "each with a text to be written"
    return replace(_report(dataset.name, samples, issues, None), written=written)


def _steps(dataset: Dataset) -> list[Issue]:
    """How many steps of each class are learned from, where each step has one."""
    classes = dataset.spec.classes
    seen = {
        name: Counter(label for row in split.targets.tolist() for label in row if label >= 0)
        for name, split in dataset.splits.items()
    }
    learned = seen.get("train", Counter())
    if not learned:
        return [Issue("no_train", "error", "nothing to train on: no step in train has a label")]
    issues = []
    if unseen := sorted({classes[label] for counts in seen.values() for label in counts if not learned[label]}):
        issues.append(Issue("unseen", "error", f"labels never seen in train: {', '.join(unseen)}"))
    shown = ", ".join(f"{classes[label]} {count:,}" for label, count in learned.most_common(10))
    issues.append(Issue("steps", "note", f"steps to learn from: {shown}{' …' if len(learned) > 10 else ''}"))
    most, least = learned.most_common()[0], learned.most_common()[-1]
    if most[1] >= IMBALANCE * least[1]:
        text = f"imbalance: {most[1]:,} steps of {classes[most[0]]!r} but {least[1]:,} of {classes[least[0]]!r}"
        issues.append(Issue("imbalance", "warning", text))
    return issues


def _listed(dataset: Dataset) -> Listing:
    """The files of a registered data set whose samples are in files."""
    samples, spec = [], dataset.spec
    root = Path()
    for name, split in dataset.splits.items():
        assert isinstance(split, FileSplit)
        root = split.root
        for i, target in enumerate(split.targets.tolist()):
            group = "" if split.groups is None else split.groups[i]
            samples.append(Sample(split.locations[i], spec.target_text(target), name, group, _numbers(target)))
    return Listing(
        dataset.name,
        root,
        tuple(samples),
        spec.classes,
        dataset.notes,
        dataset.warnings,
        quantities=spec.quantities,
    )


def _numbers(target: int | float | Sequence[float]) -> tuple[float, ...]:
    """A target's numbers; none of a class, of the classes of steps, or of tokens."""
    if isinstance(target, int):
        return ()
    if isinstance(target, float):
        return (target,)
    return tuple(target) if all(isinstance(one, float) for one in target) else ()


def _same(samples: _Samples) -> list[Issue]:
    """Equal and nearly equal samples: in two splits a leak, under two labels a contradiction, else a duplicate."""
    together: dict[bytes, list[int]] = defaultdict(list)
    for i, fingerprint in enumerate(samples.prints):
        together[fingerprint.exact].append(i)
    issues = _judge([group for group in together.values() if len(group) > 1], samples, "the same", "")
    firsts = [group[0] for group in together.values()]
    if any(samples.prints[i].shape is None for i in firsts):
        return issues  # signals and clips: only equality means anything
    if len(firsts) > NEAR_LIMIT:
        text = f"nearly equal images are looked for in up to {NEAR_LIMIT} images; these are {len(firsts)}"
        return [*issues, Issue("near", "note", text)]
    across = [[firsts[i] for i in group] for group in near_groups([samples.prints[i] for i in firsts])]
    return issues + _judge(across, samples, "nearly the same", "near-")


def _judge(groups: Iterable[Sequence[int]], samples: _Samples, words: str, prefix: str) -> list[Issue]:
    leaks, contradictions, duplicates = [], [], []
    for group in groups:
        item = tuple(samples.names[i] for i in group)
        if len({samples.splits[i] for i in group}) > 1:
            leaks.append(item)
        elif (samples.classes or samples.quantities) and len({samples.labels[i] for i in group}) > 1:
            contradictions.append(item)
        else:
            duplicates.append(item)
    issues = []
    if leaks:
        issues.append(Issue(f"{prefix}leak", "error", leak(leaks, words, plural(samples.noun)), tuple(leaks)))
    if contradictions:
        under = "with different numbers" if samples.quantities else "under different labels"
        text = f"{_many(contradictions)} of {plural(samples.noun)} that are {words}, {under}"
        text += f": {_few(contradictions)}"
        issues.append(Issue(f"{prefix}contradiction", "warning", text, tuple(contradictions)))
    if duplicates:
        text = f"{_many(duplicates)} of {plural(samples.noun)} that are {words}: {_few(duplicates)}"
        issues.append(Issue(f"{prefix}duplicate", "warning", text, tuple(duplicates)))
    return issues


def count_in_words(count: int, noun: str = "image") -> str:
    return f"{count} {noun if count == 1 else plural(noun)}"


def plural(noun: str) -> str:
    return noun if noun == "series" else f"{noun}s"


def _many(groups: Sequence[Sequence[str]]) -> str:
    return f"{len(groups)} set{'s' if len(groups) > 1 else ''}"


def _few(groups: Sequence[Sequence[str]]) -> str:
    shown = "; ".join(" = ".join(group[:4]) for group in groups[:3])
    return shown + ("; …" if len(groups) > 3 else "")


def _targets(samples: _Samples) -> list[Issue]:
    """What is odd about the classes, or about the numbers; nothing about texts."""
    if samples.classes:
        return _balance(samples, samples.classes)
    if not any(split in ("", "train") for split in samples.splits):
        return [Issue("no_train", "error", f"nothing to train on: no readable {samples.noun} is in train")]
    of_split: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for split, values in zip(samples.splits, samples.values, strict=True):
        of_split[split].append(values)
    return remarks(samples.quantities, of_split, plural(samples.noun))


def _balance(samples: _Samples, classes: Sequence[str]) -> list[Issue]:
    issues = []
    readable = set(samples.labels)
    if gone := [name for name in classes if name not in readable]:
        more = f" and {len(gone) - 5} others" if len(gone) > 5 else ""
        issues.append(
            Issue("empty_class", "error", f"no {samples.noun} can be read of class {', '.join(gone[:5])}{more}")
        )
    learned = [split for split in samples.splits if split in ("", "train")]
    counts = Counter(
        label for label, split in zip(samples.labels, samples.splits, strict=True) if split in ("", "train")
    )
    if not learned:
        return [*issues, Issue("no_train", "error", f"nothing to train on: no readable {samples.noun} is in train")]
    if unseen := sorted(readable - counts.keys()):
        issues.append(Issue("unseen", "error", f"labels never seen in train: {', '.join(unseen)}"))
    most, least = max(counts, key=lambda c: counts[c]), min(counts, key=lambda c: counts[c])
    if counts[most] >= IMBALANCE * counts[least]:
        text = f"imbalance: {counts[most]} of {most!r} but {counts[least]} of {least!r}"
        issues.append(Issue("imbalance", "warning", f"{text}; class weights or more examples help"))
    if few := [name for name in classes if 0 < counts[name] < FEW]:
        shown = ", ".join(few[:5]) + (" …" if len(few) > 5 else "")
        text = f"fewer than {FEW} {plural(samples.noun)} of {len(few)} class{'es' if len(few) > 1 else ''}: {shown}"
        issues.append(Issue("few", "warning", text))
    return issues


def _report(name: str, samples: _Samples, issues: list[Issue], root: Path | None) -> Report:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for label, split in zip(samples.labels, samples.splits, strict=True):
        counts[split][label if samples.classes else ""] += 1
    plain = {split: dict(sorted(of_class.items())) for split, of_class in counts.items()}
    ordered = tuple(sorted(issues, key=lambda f: SEVERITIES.index(f.severity)))
    return Report(name, len(samples.names), plain, ordered, root, samples.noun, samples.quantities)
