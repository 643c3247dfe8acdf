"""From a video to what the model takes: how many frames of a second, how many together, how large."""

from __future__ import annotations

from dataclasses import dataclass

from profond.core.errors import ConfigError


@dataclass(frozen=True)
class ClipPreparation:
    """How a video becomes clips (channels, frames, height, width); stored with the run, so that serving does the same.

    Args:
        rate: frames that are looked at in a second.
        frames: that go through the network together; the last clip of a video may have fewer.
        height, width: that frames are brought to, whatever their proportions.
        colour: or grey.
    """

    rate: float
    frames: int
    height: int
    width: int
    colour: bool = True

    def __post_init__(self) -> None:
        if not 0.01 <= self.rate <= 1000:
            raise ConfigError(f"rate is {self.rate} frames in a second", "use 0.01 to 1000, such as 5")
        if not 1 <= self.frames <= 4096:
            raise ConfigError(f"frames is {self.frames}", "use 1 to 4096 frames in a clip")
        if not (1 <= self.height <= 1024 and 1 <= self.width <= 1024):
            raise ConfigError(f"frames of {self.height}×{self.width} are asked for", "use 1 to 1024 pixels a side")

    @property
    def channels(self) -> int:
        return 3 if self.colour else 1
