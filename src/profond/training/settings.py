"""How to train, as data: every field is a flag of the command line and a key of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from profond.core.errors import ConfigError, UnknownName

OPTIMIZERS = ("adam", "adamw", "muon", "nadam", "radam", "rmsprop", "sgd")
Optimizer = Literal["adam", "adamw", "muon", "nadam", "radam", "rmsprop", "sgd"]
Schedule = Literal["constant", "linear", "cosine", "one_cycle", "plateau"]
_CHOICES = {
    "optimizer": OPTIMIZERS,
    "schedule": get_args(Schedule),
    "keep": ("last", "best"),
    "precision": ("auto", "fp32", "bf16", "fp16"),
}
_NUMBERS = (
    "epochs", "steps", "learning_rate", "weight_decay", "momentum", "warmup", "gradient_clip", "accumulate", "ema",
    "patience", "plateau_patience", "validate_every_epochs", "devices", "nodes", "seed", "log_every_steps",
)  # fmt: skip


@dataclass(frozen=True)
class Training:
    """Everything that decides how a model is trained.

    Args:
        epochs: passes over the batches; may be fractional. Give this or ``steps``.
        steps: optimizer steps.
        optimizer: one of `OPTIMIZERS`; the fused implementation is used where torch has one.
        learning_rate: the highest rate of the schedule.
        weight_decay: applied to weights with two or more axes, not to biases and normalisation scales.
        momentum: of sgd and muon (Nesterov) and rmsprop.
        betas: of the Adam family, and of what muon leaves to AdamW.
        schedule: ``one_cycle`` rises over ``warmup`` and falls by a cosine to nearly zero; ``cosine`` and ``linear``
            fall to zero; ``plateau`` divides by ten when the validation stops improving; all honour ``warmup``.
        warmup: share of all steps over which the rate rises from nearly zero, in [0, 1); what is unfrozen later rises
            over as many steps from there.
        gradient_clip: largest norm of the gradient of one phase.
        accumulate: batches whose gradients are averaged into one step.
        ema: decay of an exponential moving average of the weights, such as 0.99; the average is what is
            validated and kept.
        patience: stop after this many validations without improvement.
        plateau_patience: validations without improvement before ``plateau`` divides the rate.
        monitor: the validation metric that decides which weights are best; each says itself which way is better.
            ``loss`` stands for the task's headline where the task measures no loss.
        keep: the weights that the model ends with: of the ``last`` step, or of the ``best`` validation.
        validate_every_epochs: may be fractional.
        freeze: name patterns of parameters that are not trained (``"features.*"``, or a module's name).
        unfreeze: pairs of a share of all steps and name patterns: these are frozen too, up to that share.
        freeze_norms: BatchNorm keeps its scale, shift and running statistics as they were given; None leaves it to what
            is trained: fine-tuning part by part keeps them, any other training does not.
        rate_factors: name patterns to factors of the learning rate; of several that match, the first counts.
        phases: settings of single phases by name: ``learning_rate``, ``optimizer``, ``weight_decay``, ``betas``,
            ``momentum``.
        precision: ``auto`` takes what the device does well.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        devices: processes on this machine; each has its own device.
        nodes: machines.
        compile: run the model through ``torch.compile``.
        seed: decides initial weights, order, augmentation and noise.
        rate_sweep: from the first to the last step the rate goes from one value to another, exponentially, times
            ``learning_rate``; the schedule is left out. For looking for a rate.
        log_every_steps: how often a line is added to the metrics.
        checkpoint_every_seconds: besides the end of every epoch.
    """

    epochs: float | None = None
    steps: int | None = None
    optimizer: Optimizer = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: Schedule = "one_cycle"
    warmup: float = 0.0
    gradient_clip: float | None = None
    accumulate: int = 1
    ema: float | None = None
    patience: int | None = None
    plateau_patience: int = 3
    monitor: str = "loss"
    keep: Literal["last", "best"] = "last"
    validate_every_epochs: float = 1.0
    freeze: tuple[str, ...] = ()
    unfreeze: tuple[tuple[float, tuple[str, ...]], ...] = ()
    freeze_norms: bool | None = None
    rate_factors: Mapping[str, float] = field(default_factory=dict)
    phases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    compile: bool = False
    seed: int = 0
    rate_sweep: tuple[float, float] | None = None
    log_every_steps: int = 50
    checkpoint_every_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise UnknownName(name, str(getattr(self, name)), known)
        for name in _NUMBERS:
            number = isinstance(getattr(self, name), int | float | None)
            self._check(name, number and not isinstance(getattr(self, name), bool), "a number")
        object.__setattr__(self, "device", str(self.device))  # a torch.device too
        if self.epochs is None and self.steps is None:
            object.__setattr__(self, "epochs", 1.0)
        if self.epochs is not None and self.steps is not None:
            raise ConfigError(f"both epochs ({self.epochs}) and steps ({self.steps}) are given", "give one of them")
        self._check("epochs", self.epochs is None or self.epochs > 0, "more than 0")
        self._check("steps", self.steps is None or self.steps > 0, "more than 0")
        self._check("learning_rate", 0 < self.learning_rate < float("inf"), "more than 0 and finite")
        self._check("weight_decay", self.weight_decay >= 0, "0 or more")
        self._check("momentum", 0 <= self.momentum < 1, "in [0, 1)")
        self._check("betas", all(0 <= beta < 1 for beta in self.betas), "each in [0, 1)")
        self._check("warmup", 0 <= self.warmup < 1, "a share of all steps, in [0, 1)")
        shares = [share for share, _ in self.unfreeze]
        self._check("unfreeze", all(0 < share < 1 for share in shares), "pairs of a share in (0, 1) and patterns")
        factors = self.rate_factors.values()
        self._check("rate_factors", all(0 < factor < float("inf") for factor in factors), "factors of more than 0")
        self._check("gradient_clip", self.gradient_clip is None or self.gradient_clip > 0, "more than 0")
        self._check("accumulate", self.accumulate >= 1, "1 or more")
        self._check("ema", self.ema is None or 0 < self.ema < 1, "between 0 and 1")
        self._check("patience", self.patience is None or self.patience >= 1, "1 or more")
        self._check("plateau_patience", self.plateau_patience >= 1, "1 or more")
        self._check("validate_every_epochs", self.validate_every_epochs > 0, "more than 0")
        self._check("devices", self.devices >= 1, "1 or more")
        self._check("nodes", self.nodes >= 1, "1 or more")
        self._check("log_every_steps", self.log_every_steps >= 1, "1 or more")
        self._check("seed", 0 <= self.seed < 2**63, "0 or more")

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            raise ConfigError(f"{name} is {getattr(self, name)!r}", f"it must be {expected}")

    def check_without_validation(self) -> None:
        """Raises: ConfigError when a setting needs validation data."""
        needs = [
            ("patience", self.patience is not None, "patience=none"),
            ("schedule 'plateau'", self.schedule == "plateau", "schedule=one_cycle"),
            ("keep 'best'", self.keep == "best", "keep=last"),
        ]
        for name, used, without in needs:
            if used:
                raise ConfigError(
                    f"{name} needs validation data",
                    f"give a valid split or a --valid-fraction such as 0.1, or do without: --set {without}",
                )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
