"""Which sample goes where: by class, by group, and the same for everybody."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from profond.core.errors import DataError
from profond.core.randomness import mix

DEFAULT_FRACTIONS = {"train": 0.8, "valid": 0.1, "test": 0.1}


def assign(
    names: Sequence[str],
    targets: Sequence[int],
    groups: Sequence[str] | None,
    fractions: Mapping[str, float],
    *,
    seed: int = 0,
) -> list[str]:
    """Place every sample in a split, keeping each class's share and each group whole.

    Whole groups are dealt out in an order decided by a hash of (seed, group name), each to the split that lacks
    most of what the group holds. Neither the order of the files nor their content plays a part.

    Args:
        names: one identity for each sample.
        targets: one class for each sample.
        groups: one group for each sample; None when every sample stands alone.
        fractions: share of each split; they sum to 1.
        seed: another seed, another placing.

    Returns: the split's name for each sample.
    """
    assert abs(sum(fractions.values()) - 1) < 1e-6, fractions
    placed = [""] * len(names)
    if groups is None:
        members: dict[int, list[int]] = defaultdict(list)
        for i, target in enumerate(targets):
            members[target].append(i)
        for target, indices in members.items():
            indices.sort(key=lambda i: (mix(seed, "split", names[i]), names[i]))
            for i, where in zip(indices, _deal(len(indices), fractions, mix(seed, target)), strict=True):
                placed[i] = where
        return placed
    return _assign_groups(targets, groups, fractions, seed)


def check_groups(groups: Sequence[str], splits: Sequence[str]) -> None:
    """Raises: DataError naming a group that stands in two splits."""
    where: dict[str, str] = {}
    for group, split in zip(groups, splits, strict=True):
        if where.setdefault(group, split) != split:
            raise DataError(
                f"group {group!r} is in two splits, {where[group]} and {split}",
                "put all of a group's rows in one split, or leave the split column out",
            )


def _deal(count: int, fractions: Mapping[str, float], turn: int) -> list[str]:
    """How many of ``count`` samples each split gets, largest remainder first; train is never left without.

    Every split with a share gets a sample as soon as the class has one for each.
    """
    wanted = {name: share for name, share in fractions.items() if share > 0}
    sizes = {name: int(count * share + 1e-9) for name, share in wanted.items()}
    order = list(wanted)
    order = order[turn % len(order) :] + order[: turn % len(order)]  # ties fall to another split in each class
    by_rest = sorted(order, key=lambda name: sizes[name] - count * wanted[name])
    for name in by_rest[: count - sum(sizes.values())]:
        sizes[name] += 1
    for name in wanted:
        largest = max(sizes, key=lambda other: sizes[other])
        if sizes[name] == 0 and sizes[largest] > 1:
            sizes[largest] -= 1
            sizes[name] += 1
    if "train" in sizes and sizes["train"] == 0 and count:
        largest = max(sizes, key=lambda other: sizes[other])
        sizes[largest] -= 1
        sizes["train"] += 1
    return [name for name in wanted for _ in range(sizes[name])]


def _assign_groups(
    targets: Sequence[int], groups: Sequence[str], fractions: Mapping[str, float], seed: int
) -> list[str]:
    content: dict[str, Counter[int]] = defaultdict(Counter)
    for group, target in zip(groups, targets, strict=True):
        content[group][target] += 1
    total = Counter(targets)
    lacking = {name: {t: n * share for t, n in total.items()} for name, share in fractions.items() if share > 0}
    where: dict[str, str] = {}
    # Large groups first: a small one can still fill the gap that they leave.
    for group in sorted(content, key=lambda g: (-content[g].total(), mix(seed, "group", g), g)):
        inside = content[group]

        def need(name: str, inside: Counter[int] = inside) -> float:
            return sum(n * lacking[name][t] / total[t] for t, n in inside.items()) / inside.total()

        chosen = max(lacking, key=need)
        where[group] = chosen
        for target, n in inside.items():
            lacking[chosen][target] -= n
    return [where[group] for group in groups]
