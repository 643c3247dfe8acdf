"""What PyTorch raises while a network is trained, in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from profond.core.errors import ConfigError, DataError, DeviceError, NonFiniteLoss, out_of_memory


@contextlib.contextmanager
def failures_in_words(device: torch.device) -> Iterator[None]:
    """Raises: DeviceError for memory that is not there; DataError for a label that the device refused; ConfigError for
    a batch of one where the network takes statistics from its batches."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if out_of_memory(error):
            raise DeviceError(f"out of memory on {device}", "use a smaller --batch-size") from error
        if "device-side assert" in str(error):  # what it was is only known where the labels are looked at
            raise DataError(
                f"{device} refused an index, most likely a label that is no class of the model's",
                "train one step with device='cpu', which names it",
            ) from error
        raise
    except ValueError as error:
        if "more than 1 value per channel" in str(error):
            raise ConfigError(
                "a batch of one sample has no statistics for this network's batch normalisation",
                "use a larger --batch-size, leave out a last batch of one (drop_last), or --set freeze_norms=true",
            ) from error
        raise


def not_finite(phase: str | None, step: int, total_steps: int, saved: bool, learning_rate: float) -> NonFiniteLoss:
    """The error for a loss that is infinite or not a number.

    Args:
        phase: where there are several.
        saved: whether there is a checkpoint from before.
        learning_rate: as it was set.
    """
    where = f" of phase {phase!r}" if phase else ""
    kept = "; the last good checkpoint stays" if saved else ""
    return NonFiniteLoss(
        f"the loss{where} is not finite at step {step} of {total_steps}{kept}",
        f"lower the learning rate (now {learning_rate:g}), add warm-up (--set warmup=0.1), "
        "clip gradients (--set gradient_clip=1), or use --precision fp32; `profond data check` looks at the data",
    )
