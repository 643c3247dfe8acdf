"""Regression: one number for each sample, or several."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError, DataError, UnknownName
from profond.core.lettering import markdown
from profond.core.spec import Quantity, Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.measures.measured import Measured
from profond.measures.report import Report
from profond.measures.value_report import value_report
from profond.measures.values import HEADLINE, Estimates
from profond.nn.auxiliary import Logits
from profond.nn.looped import looped
from profond.tasks import register_task
from profond.tasks.batch import called, described, pair
from profond.tasks.names import index_of
from profond.tasks.part_inputs import network_examples, network_input
from profond.tasks.task import Example, Explained, Loss, Part, Phase, Tensors

Batch = tuple[Tensor, Tensor]
_AUXILIARY_WEIGHT = 0.3
_BEYOND = 0.05
"""Share of a split beyond the numbers of train from which it is told."""


@dataclass(frozen=True)
class Estimate:
    """What was estimated of one sample, in the data's units."""

    quantities: tuple[Quantity, ...]
    values: tuple[float, ...]
    digits: tuple[int, ...]

    def line(self) -> str:
        words = [_said(*one) for one in zip(self.quantities, self.values, self.digits, strict=True)]
        if len(words) == 1:
            return words[0]
        return "\t".join(f"{quantity.name} {word}" for quantity, word in zip(self.quantities, words, strict=True))

    def row(self) -> dict[str, Any]:
        return {str(quantity): f"{value:.7g}" for quantity, value in zip(self.quantities, self.values, strict=True)}

    def to_json(self) -> dict[str, Any]:
        pairs = zip(self.quantities, self.values, strict=True)
        return {"estimates": [{**vars(quantity), "value": float(f"{value:.7g}")} for quantity, value in pairs]}

    def write(self, folder: Path, name: str) -> list[Path]:
        return []


@register_task("regress")
class Regress:
    """A network's output × scale + mean is the estimate; a batch is (inputs, numbers), of shape (n) or (n, k).

    The loss compares outputs with standardised numbers, so that the learning rate that suits one quantity suits
    another, and quantities of different size count alike.

    Args:
        loss: ``"mse"`` squares the errors, ``"mae"`` takes their size, so that outliers count less, and ``"huber"``
            squares those up to one standard deviation and takes the size of larger ones.
        target_mean: of each quantity in train; None is 0. The data decides it where a data set is trained on.
        target_scale: the standard deviation of each in train; None is 1. Likewise.
    """

    headline = HEADLINE
    phases: Sequence[Phase] = (Phase(),)
    transfer_settings: Mapping[str, Any] = {}

    def __init__(
        self,
        loss: Literal["mse", "mae", "huber"] = "mse",
        target_mean: Sequence[float] | None = None,
        target_scale: Sequence[float] | None = None,
    ) -> None:
        losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
            "mse": F.mse_loss,
            "mae": F.l1_loss,
            "huber": F.huber_loss,
        }
        if loss not in losses:
            raise UnknownName("loss", loss, losses)
        if target_scale is not None and not all(0 < scale < math.inf for scale in target_scale):
            raise ConfigError(f"target_scale is {list(target_scale)}", "use numbers greater than 0")
        if target_mean is not None and not all(map(math.isfinite, target_mean)):
            raise ConfigError(f"target_mean is {list(target_mean)}", "use finite numbers")
        self.compare = losses[loss]
        self.target_mean = None if target_mean is None else tuple(target_mean)
        self.target_scale = None if target_scale is None else tuple(target_scale)

    # -- what the data decides ---------------------------------------------------------------------------------

    @staticmethod
    def learns(spec: Spec) -> bool:
        return bool(spec.quantities)

    @staticmethod
    def unsettled(settings: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in settings.items() if name not in ("target_mean", "target_scale")}

    def settle(self, dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
        """Mean and standard deviation of each quantity in train."""
        quantities = dataset.spec.quantities
        if not quantities:
            raise DataError(
                f"{dataset.name} has classes, and numbers are to be estimated",
                "list the files in a table path,value; or leave task.name out",
            )
        numbers = {name: _table(split.targets) for name, split in dataset.splits.items()}
        train = numbers["train"]
        if not np.isfinite(train).all():
            raise DataError(f"{dataset.name} has a number in train that is missing or infinite", "leave its sample out")
        mean = train.mean(0) if self.target_mean is None else np.asarray(self.target_mean)
        scale = train.std(0) if self.target_scale is None else np.asarray(self.target_scale)
        notes = []
        for number, quantity in enumerate(quantities):
            low, high = train[:, number].min(), train[:, number].max()
            if low == high:
                raise DataError(
                    f"{quantity.name} is {low:.7g} for all {len(train)} samples of train",
                    "there is nothing to estimate: is it the right column? --set data.target=COLUMN names another",
                )
            unit = f" {quantity.unit}" if quantity.unit else ""
            notes.append(
                f"{quantity.name}: {low:.5g} to {high:.5g}{unit} in train, mean {mean[number]:.5g},"
                f" standard deviation {scale[number]:.5g}"
            )
            for name in ("valid", "test"):
                if name in numbers:
                    beyond = (numbers[name][:, number] < low) | (numbers[name][:, number] > high)
                    if beyond.mean() > _BEYOND:
                        text = f"{int(beyond.sum())} of {len(beyond)} samples of {name} have a {quantity.name} beyond"
                        notes.append(f"{text} those of train: the network never saw such")
        rounded = {"target_mean": mean, "target_scale": scale}
        return {name: [float(f"{value:.9g}") for value in values] for name, values in rounded.items()}, notes

    # -- learning ----------------------------------------------------------------------------------------------

    def loss(self, model: nn.Module, batch: Batch, phase: Phase) -> Loss:
        inputs, targets = pair(batch)
        output = called(model, inputs)
        outputs = _outputs(output.main if isinstance(output, Logits) else output)
        wanted = self.standardised(targets, outputs)
        value = self.compare(outputs, wanted)
        distances = (outputs.detach() - wanted).abs()
        if outputs.shape[1] == 1 and self.target_scale is not None:
            distances = distances * self.target_scale[0]
        report = {HEADLINE: distances.mean(1)}
        if isinstance(output, Logits):
            report["main_loss"] = value.detach()
            auxiliary = [self.compare(_outputs(head), wanted) for head in output.auxiliary]
            value = value + _AUXILIARY_WEIGHT * torch.stack(auxiliary).sum()
        return Loss(value, report, len(targets))

    def standardised(self, targets: Tensor, outputs: Tensor) -> Tensor:
        """(n, k) as the network is to say them. Raises: DataError where they are not as many as its outputs."""
        numbers = targets[:, None] if targets.ndim == 1 else targets
        if numbers.shape != outputs.shape:
            raise DataError(
                f"the model gives {outputs.shape[1]} numbers for each sample, and the targets are {described(targets)}",
                "give its last layer one output for each number that is to be estimated",
            )
        mean, scale = self._moments(outputs)
        return (numbers.to(outputs.dtype) - mean) / scale

    def _moments(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and scale of each output. Raises: ConfigError where there are more or fewer of them."""
        count = outputs.shape[1]
        for name, given in (("target_mean", self.target_mean), ("target_scale", self.target_scale)):
            if given is not None and len(given) != count:
                raise ConfigError(f"{name} has {len(given)} numbers, and the model gives {count}", "one for each")
        mean = outputs.new_tensor(self.target_mean or (0.0,) * count)
        return mean, outputs.new_tensor(self.target_scale or (1.0,) * count)

    # -- judging and answering ---------------------------------------------------------------------------------

    def predict(self, model: nn.Module, inputs: Tensor) -> Float[Tensor, "n k"]:
        """The estimates of a batch of inputs, in the data's units."""
        return self.in_units(_outputs(called(model, inputs)))

    def in_units(self, outputs: Tensor) -> Tensor:
        """A network's outputs (n, k) in the data's units."""
        mean, scale = self._moments(outputs)
        return outputs * scale + mean

    def exported(self, model: nn.Module, spec: Spec) -> Sequence[Part]:
        """The estimates, in the data's units."""
        quantities = [{"name": one.name, "unit": one.unit} for one in spec.quantities]
        outputs = (Tensors("estimates", (len(quantities),)),)
        module = _InUnits(self, looped(model))
        answer = {"kind": "numbers", "quantities": quantities}
        return [Part(module, (network_input(model, spec),), outputs, network_examples(model, spec), answer)]

    def arrays(self, model: nn.Module, inputs: Tensor) -> Sequence[Tensor]:
        return [self.predict(model, inputs)]

    def meter(self, spec: Spec | None = None) -> ValueMeter:
        return ValueMeter(self, spec)

    def answer(self, model: nn.Module, inputs: Tensor, spec: Spec | None = None) -> Sequence[Estimate]:
        estimates = self.predict(model, inputs)
        _check_finite(estimates)
        quantities = _quantities(spec, estimates.shape[1])
        digits = self._digits(len(quantities))
        return [Estimate(quantities, tuple(row), digits) for row in estimates.tolist()]

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        estimates = self.in_units(_outputs(outputs))[0].tolist()
        quantities = _quantities(spec, len(estimates))
        index = 0 if wanted is None else index_of(wanted, [quantity.name for quantity in quantities], "quantity")
        chosen, value = quantities[index], estimates[index]
        said = Estimate(quantities, tuple(estimates), self._digits(len(quantities)))
        others = [chosen.name if number == index else str(quantity) for number, quantity in enumerate(quantities)]
        top = tuple(zip(others, estimates, strict=True)) if len(others) > 1 else ()
        words = f"{chosen.name}\t{_said(chosen, value, said.digits[index])}"
        facts = {"quantity": chosen.name, "value": value, "unit": chosen.unit, **said.to_json()}
        mean, scale = (float(part[index]) for part in self._moments(outputs))
        note = (
            f"The network's output × {scale:.5g} + {mean:.5g}, standard deviation and mean in train, is the estimate."
        )
        return Explained(index, chosen.name, words, top, value, chosen.unit, facts=facts, note=note)

    def card(self, spec: Spec) -> list[str]:
        lines = []
        for number, quantity in enumerate(spec.quantities):
            line = f"- Estimates: {markdown(str(quantity))}"
            if self.target_mean is not None and self.target_scale is not None:
                mean, scale = self.target_mean[number], self.target_scale[number]
                line += f" = the network's output × {scale:.6g} + {mean:.6g} (its mean and standard deviation in train)"
            lines.append(line)
        return lines

    def _digits(self, count: int) -> tuple[int, ...]:
        """Decimals worth showing of each quantity: a hundredth to a thousandth of its standard deviation."""
        scales = self.target_scale or (1.0,) * count
        return tuple(min(12, max(0, 2 - math.floor(math.log10(scale)))) for scale in scales)

    @staticmethod
    def example(seed: int = 0) -> Example:
        """How bright a noisy grey picture is, and where from left to right its bright column stands."""
        random = torch.Generator().manual_seed(seed)
        spec = Spec((1, 6, 6), "chw", quantities=(Quantity("brightness", "%"), Quantity("column")))
        splits: dict[str, Split] = {}
        for name, count in (("train", 90), ("valid", 31), ("test", 47)):
            bright = 20 + 60 * torch.rand(count, generator=random)
            column = torch.randint(0, 6, (count,), generator=random)
            pictures = bright[:, None, None, None] + 8 * torch.rand(count, 1, 6, 6, generator=random)
            pictures[torch.arange(count), :, :, column] += 100
            splits[name] = TensorSplit(pictures.to(torch.uint8), torch.stack((bright, column.float()), 1), name)
        preprocessing = Preprocessing(size=(6, 6), mode="L", fixed_size=True)
        return Example(Dataset("columns", spec, preprocessing, splits, "made here"), {"name": "mlp", "hidden": [16]})


class _InUnits(nn.Module):
    """A network's outputs × scale + mean."""

    mean: Tensor
    scale: Tensor

    def __init__(self, task: Regress, model: nn.Module) -> None:
        super().__init__()
        self.task, self.model = task, model
        count = len(task.target_mean or task.target_scale or (0.0,))
        self.register_buffer("mean", torch.tensor(task.target_mean or (0.0,) * count), persistent=False)
        self.register_buffer("scale", torch.tensor(task.target_scale or (1.0,) * count), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        return _outputs(self.model(inputs)) * self.scale + self.mean


class ValueMeter:
    """What a model estimates of a split's samples; one pass."""

    def __init__(self, task: Regress, spec: Spec | None = None) -> None:
        self.task = task
        self.spec = spec
        self.rows: list[tuple[Tensor, Tensor]] = []

    def update(self, model: nn.Module, batch: Any) -> int:
        inputs, targets = pair(batch)
        outputs = _outputs(called(model, inputs))
        self.task.standardised(targets, outputs)  # as many numbers as outputs
        numbers = targets[:, None] if targets.ndim == 1 else targets
        self.rows.append((numbers, self.task.in_units(outputs)))
        return len(targets)

    def seen(self) -> list[tuple[Tensor, Tensor]]:
        return self.rows

    def join(self, seen: list[tuple[Tensor, Tensor]]) -> None:
        self.rows += seen

    def metrics(self) -> dict[str, Measured]:
        found = self._estimates()
        return {"loss": self._loss(found), HEADLINE: found.quick()}

    def report(self) -> Report:
        found = self._estimates()
        _check_finite(torch.from_numpy(found.said))
        return value_report(found, self._loss(found))

    def _loss(self, found: Estimates) -> Measured:
        """The loss depends on the errors alone, in standard deviations."""
        errors = torch.from_numpy(found.errors / np.asarray(found.scale))
        return Measured(float(self.task.compare(errors, torch.zeros_like(errors))), better="lower", title="loss")

    def _estimates(self) -> Estimates:
        assert self.rows, "nothing was measured"
        true, said = (torch.cat(part).cpu().double().numpy() for part in zip(*self.rows, strict=True))
        count = said.shape[1]
        scale = self.task.target_scale or (1.0,) * count
        return Estimates(_quantities(self.spec, count), true, said, self.task.target_mean, scale)


def _outputs(output: Any) -> Tensor:
    """The outputs as float32 (n, k). Raises: DataError where they are no row of numbers for each sample."""
    if isinstance(output, Tensor) and output.ndim == 1:
        output = output[:, None]
    if not isinstance(output, Tensor) or output.ndim != 2:
        raise DataError(
            f"the model gives {described(output)}, and numbers to be estimated are one row for each sample",
            "end it in a layer with one output for each number: shape (samples, numbers)",
        )
    return output.float()


def _table(targets: Tensor) -> Any:
    return (targets[:, None] if targets.ndim == 1 else targets).double().cpu().numpy()


def _quantities(spec: Spec | None, count: int) -> tuple[Quantity, ...]:
    """Raises: ConfigError where a model gives more or fewer numbers than are asked for."""
    if spec is None or not spec.quantities:
        return tuple(Quantity(f"value {number + 1}" if count > 1 else "value") for number in range(count))
    if len(spec.quantities) != count:
        raise ConfigError(
            f"the model gives {count} numbers for each sample, but {len(spec.quantities)} are to be estimated",
            "spec.json says which: restore it, or train again",
        )
    return spec.quantities


def _check_finite(estimates: Tensor) -> None:
    if not bool(torch.isfinite(estimates).all()):
        raise ConfigError("the model's outputs are not finite", "its weights are damaged, or training went astray")


def _said(quantity: Quantity, value: float, digits: int) -> str:
    return f"{value:.{digits}f}{f' {quantity.unit}' if quantity.unit else ''}"
