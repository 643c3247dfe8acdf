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
    copies: Sequence[Sequence[int]] = (),
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
        copies: sets of samples that are equal, as indices; each goes to one split, to train where its labels differ.

    Returns: the split's name for each sample.
    """
    assert abs(sum(fractions.values()) - 1) < 1e-6, fractions
    copies = [group for group in copies if 2 * len(group) <= len(names)]  # beyond, they are no copies but all alike
    if groups is not None:
        return _assign_groups(targets, _joined(groups, copies), fractions, seed)
    assigned = [""] * len(names)
    members: dict[int, list[int]] = defaultdict(list)
    for i, target in enumerate(targets):
        members[target].append(i)
    copy_of = {i: min(group, key=lambda j: names[j]) for group in copies for i in group}
    sizes = Counter(copy_of.values())
    contradicting = {copy_of[group[0]] for group in copies if len({targets[i] for i in group}) > 1}
    for target, indices in members.items():
        # Equal samples are dealt as one; many of them are more than a small split should hold, so train comes first.
        firsts = list(dict.fromkeys(copy_of.get(i, i) for i in indices))
        large = max(1, int(len(indices) * min(share for share in fractions.values() if share > 0)))
        firsts.sort(
            key=lambda i: (
                i not in contradicting,
                sizes.get(i, 1) <= large,
                mix(seed, "split", names[i]),
                names[i],
            )
        )
        dealt = dict(zip(firsts, _deal(len(firsts), fractions, mix(seed, target)), strict=True))
        for i in indices:
            assigned[i] = dealt[copy_of.get(i, i)]
    for i, first in copy_of.items():
        if first in contradicting:
            assigned[i] = "train" if "train" in fractions else assigned[first]
    return assigned


def _joined(groups: Sequence[str], copies: Sequence[Sequence[int]]) -> list[str]:
    """Groups that hold the same sample become one."""
    name: dict[str, str] = {}

    def root(group: str) -> str:
        while group in name:
            group = name[group]
        return group

    for together in copies:
        first, *others = sorted({root(groups[i]) for i in together})
        name |= dict.fromkeys(others, first)
    return [root(group) for group in groups]


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
