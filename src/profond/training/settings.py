"""How to train, as data: every field is a flag of the command line and a key of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from profond.core.config import Between, Count, NotNegative, Positive, Seed, Share, check_fields
from profond.core.errors import ConfigError

OPTIMIZERS = ("adam", "adamw", "muon", "nadam", "radam", "rmsprop", "sgd")
Optimizer = Literal["adam", "adamw", "muon", "nadam", "radam", "rmsprop", "sgd"]
Schedule = Literal["constant", "linear", "late_linear", "cosine", "one_cycle", "plateau"]


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
            fall to ``lowest_rate``, and so does ``late_linear`` after half of the steps; ``plateau`` divides by ten
            when the validation stops improving; all honour ``warmup``.
        lowest_rate: where ``cosine``, ``linear`` and ``late_linear`` end, as a share of the highest rate.
        warmup: share of all steps over which the rate rises from nearly zero, in [0, 1); what is unfrozen later rises
            over as many steps from there.
        gradient_clip: largest norm of the gradient of one phase.
        accumulate: batches whose gradients are averaged into one step.
        ema: decay of an exponential moving average of the weights, such as 0.99; the average is what is
            validated and kept.
        ema_half_life: instead of ``ema``, the share of all steps so far after which a weight counts half in the
            average, such as 0.05.
        patience: stop after this many validations without improvement.
        plateau_patience: validations without improvement before ``plateau`` divides the rate.
        monitor: the validation metric that decides which weights are best; each says itself which way is better.
            ``loss`` stands for the task's headline where the task measures no loss.
        keep: the weights that the model ends with: of the ``last`` step, or of the ``best`` validation.
        validate_every_epochs: may be fractional.
        validate_every_steps: instead of epochs.
        show_every_steps: from one picture to the next of what the network makes, where the task has something to look
            at; None makes about 20.
        film: what becomes of these pictures at the end; ``mp4`` needs PyAV.
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

    epochs: Positive | None = None
    steps: Count | None = None
    optimizer: Optimizer = "adamw"
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 0.0
    momentum: Share = 0.9
    betas: tuple[Share, Share] = (0.9, 0.999)
    schedule: Schedule = "one_cycle"
    lowest_rate: Share = 0.0
    warmup: Share = 0.0
    gradient_clip: Positive | None = None
    accumulate: Count = 1
    ema: Between | None = None
    ema_half_life: Between | None = None
    patience: Count | None = None
    plateau_patience: Count = 3
    monitor: str = "loss"
    keep: Literal["last", "best"] = "last"
    validate_every_epochs: Positive = 1.0
    validate_every_steps: Count | None = None
    show_every_steps: Count | None = None
    film: Literal["gif", "mp4"] = "gif"
    freeze: tuple[str, ...] = ()
    unfreeze: tuple[tuple[Between, tuple[str, ...]], ...] = ()
    freeze_norms: bool | None = None
    rate_factors: Mapping[str, Positive] = field(default_factory=dict)
    phases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    device: Annotated[str, BeforeValidator(str)] = "auto"  # a torch.device too
    devices: Count = 1
    nodes: Count = 1
    compile: bool = False
    seed: Seed = 0
    rate_sweep: tuple[Positive, Positive] | None = None
    log_every_steps: Count = 50
    checkpoint_every_seconds: NotNegative = 60.0

    def __post_init__(self) -> None:
        check_fields(self, "training")
        if self.epochs is not None and self.steps is not None:
            raise ConfigError(f"both epochs ({self.epochs}) and steps ({self.steps}) are given", "give one of them")
        if self.ema is not None and self.ema_half_life is not None:
            raise ConfigError(
                f"both ema ({self.ema}) and ema_half_life ({self.ema_half_life}) are given", "give one of them"
            )
        if self.epochs is None and self.steps is None:
            object.__setattr__(self, "epochs", 1.0)

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
