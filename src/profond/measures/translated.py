"""How good translations of pictures are: against the known answers where there are such, and as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.errors import ConfigError, DataError
from profond.core.spec import Spec
from profond.measures.compared import HEADLINE, LEAST, compared, protocol
from profond.measures.features import Features, random_features
from profond.measures.hidden import Cycles, Ways
from profond.measures.intervals import paired_bootstrap
from profond.measures.measured import Measured
from profond.measures.pixels import as_pixels
from profond.measures.report import PREDICTIONS, Report, Scores, Table
from profond.measures.simple_translations import simple_translations
from profond.measures.spectrum import Checkerboards
from profond.measures.translated_figures import translations_figure

PAIR = "pair"
"""The mark of a split that says which pictures belong together: int64 (n), equal numbers do, -1 belongs to none."""
MEASURED = 2000
"""Pictures of each kind that are compared as heaps, at most."""
SHOWN = 8
SEEN_SIDE = 16
"""Pixels of a side below which a network that saw photos has nothing to say: random features then."""
_SSIM_SIDE = 11
"""Pixels of the window in which structure is compared: smaller pictures have none."""


@dataclass(frozen=True)
class Judged:
    """Pictures against the known answers.

    Args:
        l1: of each picture the mean of |made - known|, black 0 and white 1.
        squares: of each picture the mean of the squares.
        ssim: of each picture; None where pictures are too small.
    """

    l1: NDArray[np.float64]
    squares: NDArray[np.float64]
    ssim: NDArray[np.float64] | None

    @classmethod
    def of(cls, made: Tensor, known: Tensor) -> Judged:
        """Pictures (n, c, h, w) from 0 to 1."""
        off = (made - known).double().flatten(1)
        return cls(off.abs().mean(1).numpy(), off.square().mean(1).numpy(), _ssim(made, known))

    def metrics(self) -> dict[str, Measured]:
        """With 95 % intervals of L1 and SSIM, by a bootstrap over pictures."""
        l1 = paired_bootstrap(self.l1)[0]
        psnr = Measured(float(-10 * np.log10(max(self.squares.mean(), 1e-10))))
        found = {
            "l1": l1.called("L1 to the known answer", better="lower"),
            "psnr": psnr.called("PSNR", unit="dB", better="higher"),
        }
        if self.ssim is not None:
            found["ssim"] = paired_bootstrap(self.ssim)[0].called("SSIM", better="higher")
        return found


class TranslationMeter:
    """What a model makes of the pictures of A in a split; one pass.

    Args:
        spec: whose two classes are called A and B where it names none.
        features: from the longest side of a picture to what heaps of them are compared by, asked for when it is needed;
            None is random features.
        ways: of models that may come back: what these need is then looked for in the pictures on the way.

    Attributes:
        marks: of the split; ``"pair"`` says which A and which B belong together.
    """

    def __init__(
        self,
        spec: Spec | None = None,
        features: Callable[[int], Features] | None = None,
        ways: Ways | None = None,
    ) -> None:
        names = () if spec is None else spec.classes
        self.cycles = Cycles(ways)
        self.names = tuple(names) if len(names) == 2 else ("A", "B")
        self.marks: Mapping[str, Tensor] = {}
        self.features = features
        self.count = 0
        self.a: list[tuple[int, Tensor, Tensor]] = []
        self.b: list[tuple[int, Tensor]] = []

    def update(self, model: nn.Module, batch: Any) -> int:
        inputs, targets = batch
        chosen = (targets == 0).nonzero()[:, 0]
        self.cycles.add(model, inputs, targets)
        if len(chosen):
            made = model(inputs[chosen]).float().clamp(-1, 1).cpu()
            if not bool(made.isfinite().all()):
                raise ConfigError("the translations are not finite numbers", "its weights are damaged, or it diverged")
            for place, before, after in zip(chosen.tolist(), as_pixels(inputs[chosen]).cpu(), made, strict=True):
                self.a.append((self.count + place, before, after))
        for place in (targets == 1).nonzero()[:, 0].tolist():
            self.b.append((self.count + place, as_pixels(inputs[place : place + 1])[0].cpu()))
        self.count += len(targets)
        return len(targets)

    def seen(self) -> tuple[int, list[tuple[int, Tensor, Tensor]], list[tuple[int, Tensor]]]:
        return self.count, self.a, self.b

    def join(self, seen: tuple[int, list[tuple[int, Tensor, Tensor]], list[tuple[int, Tensor]]]) -> None:
        count, a, b = seen
        self.a += [(self.count + place, before, after) for place, before, after in a]
        self.b += [(self.count + place, picture) for place, picture in b]
        self.count += count

    def metrics(self) -> dict[str, Measured]:
        metrics = self._compared(self._made_pixels(), cheap=True)
        if (known := self._known()) is not None:
            metrics["l1"] = Judged.of(*known[1:]).metrics()["l1"]
        return metrics

    def report(self) -> Report:
        before = torch.stack([picture for _, picture, _ in self.a]) if self.a else torch.empty(0)
        whole = self._compared(self._made_pixels())
        metrics = {HEADLINE: whole.pop(HEADLINE)}
        untouched = self._compared(before, cheap=True)[HEADLINE]
        lines = [
            f"as they are, the pictures of {self.names[0]} are at a distance of {untouched.written} from those of"
            f" {self.names[1]}"
        ]
        cycles = self.cycles.measured(self.names)
        known, scores, beside = self._known(), None, None
        places: Sequence[int] = [place for place, _, _ in self.a]
        changed = [float((_unit(after) - old / 255).abs().mean()) for _, old, after in self.a]
        rows = [[f"{change:.6f}"] for change in changed]
        numbers: Sequence[int] = range(len(self.a))
        worst = None
        if known is not None:
            numbers, made, truth = known
            judged = Judged.of(made, truth)
            metrics |= judged.metrics()
            scores = Scores("l1", judged.l1, "", "lower")
            beside = self._beside(before[list(numbers)], truth)
            lines += [_words(metrics["l1"], beside)]
            places, rows = [places[n] for n in numbers], [rows[n] for n in numbers]
            worst = np.argsort(-judged.l1, kind="stable")[:SHOWN].tolist()
        lines += [one.sentence(*way) for way, one in cycles.items()]
        boards = Checkerboards.of(self._made_pixels(), torch.stack([picture for _, picture in self.b]))
        lines += [] if boards is None else boards.lines()
        metrics |= whole
        tables = {PREDICTIONS: Table(("change",), rows, places)}
        pictures = {"translations": self._figure(list(range(len(numbers)))[:SHOWN], known, numbers)}
        if beside is not None:
            tables["beside"] = Table(("what", *_COLUMNS), _table(metrics, beside))
            assert worst is not None
            pictures["worst"] = self._figure(worst, known, numbers)
        return Report(
            headline=HEADLINE,
            metrics=metrics,
            count=self.count,
            tables=tables,
            pictures=pictures,
            scores=scores,
            lines=tuple(lines),
            facts={
                "checkerboard": None if boards is None else boards.to_json(),
                "cycles": {" to ".join(way): one.to_json() for way, one in cycles.items()},
                "untouched": untouched.to_json(),
                "protocol": self._protocol(),
                "beside": {
                    name: {key: one.to_json() for key, one in of.metrics().items()}
                    for name, of in (beside or {}).items()
                },
            },
        )

    # -- its parts ---------------------------------------------------------------------------------------------

    def _made_pixels(self) -> Tensor:
        return as_pixels(torch.stack([after for _, _, after in self.a])) if self.a else torch.empty(0)

    def _compared(self, pictures: Tensor, *, cheap: bool = False) -> dict[str, Measured]:
        """Pictures uint8 with as many of B, as heaps."""
        count = min(len(pictures), len(self.b), MEASURED)
        if count < LEAST:
            raise DataError(
                f"{len(self.a)} pictures of {self.names[0]} and {len(self.b)} of {self.names[1]} are too few",
                f"give {LEAST} or more of each",
            )
        real = torch.stack([picture for _, picture in self.b[:count]])
        return compared(self._features(), real, pictures[:count], cheap=cheap)

    def _features(self) -> Features:
        sides = self.b[0][1].shape[1:]
        if self.features is None or min(sides) < SEEN_SIDE:
            return random_features()
        return self.features(max(sides))

    def _protocol(self) -> dict[str, Any]:
        features = self._features()
        dimensions = features(self.b[0][1][None]).shape[1]
        return protocol(features, min(len(self.a), len(self.b), MEASURED), dimensions)

    def _known(self) -> tuple[list[int], Tensor, Tensor] | None:
        """Which of the translations have a known answer, these, and the answers, from 0 to 1; None where none has."""
        pairs = self.marks.get(PAIR)
        if pairs is None or len(pairs) != self.count:
            return None
        numbers = pairs.tolist()
        answers = {numbers[place]: picture for place, picture in self.b if numbers[place] >= 0}
        found = [index for index, (place, _, _) in enumerate(self.a) if numbers[place] in answers]
        if not found:
            return None
        made = torch.stack([_unit(self.a[index][2]) for index in found])
        return found, made, torch.stack([answers[numbers[self.a[index][0]]] for index in found]) / 255

    def _beside(self, before: Tensor, truth: Tensor) -> dict[str, Judged]:
        others = simple_translations(before, torch.stack([picture for _, picture in self.b]))
        return {name: Judged.of(pictures, truth) for name, pictures in others.items()}

    def _figure(self, chosen: Sequence[int], known: tuple[list[int], Tensor, Tensor] | None, numbers: Any) -> Any:
        rows = []
        for index in chosen:
            _, before, after = self.a[numbers[index]]
            row = [before.numpy(), as_pixels(after[None])[0].numpy()]
            if known is not None:
                row.append((known[2][index] * 255).round().to(torch.uint8).numpy())
            rows.append(row)
        heads = [self.names[0], "translated", *(["known"] if known is not None else [])]
        return translations_figure(rows, heads)


_COLUMNS = ("l1", "psnr", "ssim")


def _unit(picture: Tensor) -> Tensor:
    """From -1…1 to 0…1."""
    return (picture + 1) / 2


def _words(l1: Measured, beside: Mapping[str, Judged]) -> str:
    others = ", ".join(f"{name} {judged.metrics()['l1'].written}" for name, judged in beside.items())
    return f"L1 to the known answers {l1.written}; beside it: {others}"


def _table(metrics: Mapping[str, Measured], beside: Mapping[str, Judged]) -> list[list[str]]:
    all_rows = {"translated": metrics, **{name: judged.metrics() for name, judged in beside.items()}}
    return [
        [name, *(f"{one[column].value:.6g}" if column in one else "" for column in _COLUMNS)]
        for name, one in all_rows.items()
    ]


def _ssim(made: Tensor, known: Tensor) -> NDArray[np.float64] | None:
    if min(made.shape[-2:]) < _SSIM_SIDE:
        return None
    # A second that neither `--help` nor a validation should pay.
    from torchmetrics.functional.image import structural_similarity_index_measure as ssim

    parts = [
        ssim(some, others, data_range=1.0, reduction="none")
        for some, others in zip(torch.split(made, 64), torch.split(known, 64), strict=True)
    ]
    return torch.cat([torch.as_tensor(part).reshape(-1) for part in parts]).double().numpy()
