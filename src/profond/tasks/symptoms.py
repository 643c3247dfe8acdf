"""What goes wrong while a generator learns, seen in a few of its samples and said in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

LOOKS = 3
"""A symptom is said when it was there so many times in a row: a generator that has just begun has most of them."""
_SURE = 0.01  # nats: the critic's loss where it is hardly ever wrong
_ALIKE = 0.35  # of the real samples' distances from each other; within one class of digits they are 0.7 of all
_GREY = 0.5  # of the real pictures' contrast
_LAGGING = 0.6  # of the live samples' contrast
_COPIED = 0.4  # of what is usual; the mean of many pictures is as near to each of them as 0.7
_SIDE = 16  # pixels at which pictures are compared: whether one is a copy is seen at any size
_MOST = 5_000_000  # numbers of training samples that are looked through


@dataclass
class Watch:
    """Looks at samples again and again; says each symptom when it has lasted, with advice.

    Args:
        real: samples of the data that were drawn as the model's are, (n, …).
        labels: of the real samples, int64 (n).
        names: of the classes.
        train: what is learned from, as `small` gives it, where copies of it are to be found; else None.
        held_out: the same of samples that are not learned from; None: the training samples among each other.
        critic_loss: of scores of real and made samples; None where it has no least value.
    """

    real: Tensor
    labels: Tensor
    names: Sequence[str] = ()
    train: Tensor | None = None
    held_out: Tensor | None = None
    critic_loss: Callable[[Tensor, Tensor], Tensor] | None = None
    _lasted: dict[str, int] = field(default_factory=dict)
    _lagged: dict[str, int] = field(default_factory=dict)
    _usual: float = 0.0
    _lags: bool = False

    def __post_init__(self) -> None:
        if self.train is not None:
            alone = self.held_out is None
            self._usual = nearest(self.train if self.held_out is None else self.held_out, self.train, itself=alone)

    def lag(self, made: Tensor, live: Tensor) -> list[str]:
        """Whether samples of an average of weights have much less contrast than those of the newest weights.

        Args:
            made, live: the two, from the same noise.
        """
        self._lags = made.ndim == 4 and _contrast(made) < _LAGGING * _contrast(live)
        found = {}
        if self._lags:
            share = _contrast(made) / _contrast(live)
            found["lag"] = (
                f"the average of the weights lags behind: averaged samples have {_percent(share)} of the contrast that "
                "those of the newest weights have; it looks too far back for so short a training: a smaller share, "
                "such as --set ema_half_life=0.05, or more steps"
            )
        return _lasting(found, self._lagged)

    def look(
        self, made: Tensor, labels: Tensor | None = None, *, scores: tuple[Tensor, Tensor] | None = None
    ) -> list[str]:
        """What has lasted for `LOOKS` looks, each as ``what it is: the numbers, what that means, what to do``.

        Args:
            made: samples of the model that is kept, (n, …), each from the same noise at every look.
            labels: of these, int64 (n), where they are of classes: they are then compared within each.
            scores: what the critic says of the real and of the made samples.
        """
        found: dict[str, str] = {}
        share = _contrast(made) / _contrast(self.real) if made.ndim == 4 else 1.0
        if share < _GREY and not self._lags:
            found["grey"] = (
                f"the samples are grey: they have {_percent(share)} of the contrast of real ones; the generator gives "
                "means of many: a smaller learning rate, or a stronger penalty of the critic, and more steps"
            )
        if not self._lags and (alike := self._alike(made, labels)):
            found["alike"] = alike
        if scores is not None and self.critic_loss is not None:
            loss = float(self.critic_loss(*scores).float().mean())
            if loss < _SURE:
                apart = float(scores[0].float().mean() - scores[1].float().mean())
                found["sure"] = (
                    f"the critic is sure of every sample: its loss is {loss:.2g}, and its scores of real and made ones"
                    f" are {apart:.1f} apart, so that the generator hardly learns from it: a smaller learning rate, a"
                    " stronger penalty, or augmentation"
                )
        # NOTE one picture again and again is near to some by chance
        if self.train is not None and self._usual > 0 and "alike" not in found:
            share = nearest(small(made), self.train) / self._usual
            if share < _COPIED:
                found["copies"] = (
                    f"the samples are copies: they are nearer to training pictures than new ones are, {_percent(share)}"
                    " of that distance: more data, augmentation, or fewer steps"
                )
        return _lasting(found, self._lasted)

    def _alike(self, made: Tensor, labels: Tensor | None) -> str:
        """What is said where samples of a class, or of several or all, are much the same; else nothing."""
        shares = {}
        for label in [-1] if labels is None else sorted(set(labels.tolist())):
            real = self.real if labels is None else self.real[self.labels == label]
            ours = made if labels is None else made[labels == label]
            if len(real) > 1 and len(ours) > 1:
                shares[label] = spread(ours) / max(spread(real), 1e-12)
        few = [label for label, share in shares.items() if share < _ALIKE]
        if not few:
            return ""
        share = sum(shares[label] for label in few) / len(few)
        where = "" if len(few) == len(shares) else f" of {', '.join(self._name(label) for label in few[:5])}"
        where += " and others" if len(few) > 5 and where else ""
        return (
            f"the samples{where} are alike: they are {_percent(share)} as far from each other as real ones; the "
            "generator has collapsed to few of them: a stronger penalty of the critic, a smaller learning rate, or "
            "larger batches"
        )

    def _name(self, label: int) -> str:
        return self.names[label] if label < len(self.names) else f"class {label}"


def _lasting(found: Mapping[str, str], lasted: dict[str, int]) -> list[str]:
    """Those that are found for the `LOOKS`-th time in a row; counts on."""
    before = dict(lasted)
    lasted.clear()
    lasted |= {what: before.get(what, 0) + 1 for what in found}
    return [said for what, said in found.items() if lasted[what] == LOOKS]


def spread(samples: Tensor) -> float:
    """The mean distance of samples (n, …) from each other; at least two."""
    flat = samples.float().flatten(1)
    return float(torch.pdist(flat).mean())


def nearest(samples: Tensor, others: Tensor, *, itself: bool = False) -> float:
    """The median over samples (n, d) of the distance to the nearest of others (m, d).

    Args:
        itself: the others are the samples themselves, and the next nearest counts.
    """
    found = [
        torch.cdist(part, others).topk(1 + itself, largest=False).values[:, -1] for part in torch.split(samples, 512)
    ]
    return float(torch.cat(found).median())


def small(pictures: Tensor) -> Tensor:
    """Pictures (n, c, h, w) as vectors (n, d) of at most 16×16 pixels, so that many can be compared."""
    height, width = pictures.shape[2:]
    size = (min(_SIDE, height), min(_SIDE, width))
    return F.adaptive_avg_pool2d(pictures.float(), size).flatten(1)


def can_be_searched(count: int, shape: Sequence[int]) -> bool:
    """Whether so many training samples of a shape are few enough to be looked through at every look."""
    return len(shape) == 3 and count * shape[0] * min(_SIDE, shape[1]) * min(_SIDE, shape[2]) <= _MOST


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _contrast(pictures: Tensor) -> float:
    """The mean over pictures (n, c, h, w) of the deviation of their pixels."""
    return float(pictures.float().flatten(1).std(1).mean())
