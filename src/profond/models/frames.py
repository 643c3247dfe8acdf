"""A class for each frame of a clip: by the frame alone, or by what comes before and after it too.

Notable features:
- one small convnet looks at every frame; its weights are the same for all of them
- ``frame_lstm`` goes through what it saw in both directions of time, so that a hidden frame is known by its neighbours
- clips of unlike length stand together: frames that are not there are NaN, and nothing is computed of them

Source: of the second, J. Donahue et al., Long-term recurrent convolutional networks for visual recognition and
description, CVPR 2015, where one direction follows the convnet; here two do.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Share
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.sequence import Recurrent, lengths_of, mask


class Pictures(nn.Module):
    """A convnet from pictures (m, c, h, w) to features (m, d).

    Args:
        channels: of the pictures.
        widths: channels of each stage, which ends in a max pooling by 2; the last is also the number of features.
        batch_norm: BatchNorm between convolution and ReLU.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], batch_norm: bool) -> None:
        super().__init__()
        self.body = nn.Sequential()
        for width in widths:
            stage = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm))
            if batch_norm:
                stage.append(nn.BatchNorm2d(width))
            stage.extend([nn.ReLU(), nn.MaxPool2d(2)])
            self.body.append(stage)
            channels = width
        self.average = nn.AdaptiveAvgPool2d(1)

    def forward(self, pictures: Float[Tensor, "m c h w"]) -> Float[Tensor, "m d"]:
        features: Tensor = self.average(self.body(pictures)).flatten(1)
        return features


@register_model("frame_convnet", hidden=0)
@register_model("frame_lstm", hidden=64)
class FrameLabeller(nn.Module):
    """A class for each frame of a video: a convnet, then, unless ``hidden`` is 0, a bidirectional LSTM over time.

    Args:
        input_shape: (channels, frames, height, width); it takes any number of frames.
        num_classes: scores of each frame.
        hidden: of the LSTM, in each direction; 0 for a network that sees each frame alone.
        widths: channels of the convnet's stages.
        layers: of the LSTM.
        dropout: of the features of a frame, and before the last layer.
        batch_norm: in the convnet.

    Raises: ConfigError for frames that the poolings would use up, or an impossible setting.
    """

    family = "each_step"
    any_length = True
    head = "output"
    example_settings = {"widths": [8, 8]}  # noqa: RUF012
    example_shape = (1, 6, 8, 8)

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        hidden: int = 64,
        widths: tuple[int, ...] = (16, 32, 64),
        layers: int = 1,
        dropout: Share = 0.0,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        name = "frame_lstm" if hidden else "frame_convnet"
        check_classes(name, num_classes)
        if not widths or min(widths) < 1 or hidden < 0 or layers < 1:
            raise ConfigError(
                f"{name} cannot have widths {list(widths)}, hidden {hidden} and layers {layers}",
                "give at least one stage, each of 1 or more, and one layer or more",
            )
        check_input(name, input_shape, 3)
        if min(input_shape[2:]) < 2 ** len(widths):
            raise ConfigError(
                f"{name} needs frames of {2 ** len(widths)}×{2 ** len(widths)} or more, not"
                f" {input_shape[2]}×{input_shape[3]}",
                "fewer widths pool less, `train --set data.size=64` makes the frames of your own videos larger",
            )
        self.pictures = Pictures(input_shape[0], tuple(widths), batch_norm)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = Recurrent("lstm", widths[-1], hidden, layers, bidirectional=True) if hidden else None
        self.output = nn.Linear(self.recurrent.output_size if self.recurrent is not None else widths[-1], num_classes)
        self.stages = tuple(f"pictures.body.{index}" for index in range(len(widths)))

    def forward(self, inputs: Float[Tensor, "n c t h w"]) -> Float[Tensor, "n t k"]:
        lengths = lengths_of(inputs)
        real = mask(lengths, inputs.shape[2])
        if torch.compiler.is_exporting():  # a graph cannot hold as many pictures as the values of its inputs say
            frames = torch.nan_to_num(inputs.transpose(1, 2), nan=0.0)
            seen = self.pictures(frames.flatten(0, 1)).view(inputs.shape[0], inputs.shape[2], -1)
            return self._labelled(torch.where(real[..., None], seen, 0.0), lengths)
        seen = self.dropout(self.pictures(torch.nan_to_num(inputs.transpose(1, 2)[real], nan=0.0)))
        features = seen.new_zeros(*real.shape, seen.shape[1])
        features[real] = seen
        return self._labelled(features, lengths)

    def _labelled(self, features: Float[Tensor, "n t d"], lengths: Tensor) -> Float[Tensor, "n t k"]:
        if self.recurrent is not None:
            features = self.dropout(self.recurrent(features, lengths)[0])
        logits: Tensor = self.output(features)
        return logits
