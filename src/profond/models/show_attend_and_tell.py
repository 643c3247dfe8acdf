"""Show, attend and tell: a picture in, a sentence out, and for each word the places that were looked at.

Notable features:
- a small convnet gives one vector for each place of a grid, instead of one for the whole picture
- before each word, the decoder weighs the places (soft attention), and the word is made from their mean
- the weights can be drawn over the picture, word by word

Source: K. Xu et al., Show, Attend and Tell: Neural Image Caption Generation with Visual Attention, ICML 2015; before
it, with one vector for the whole picture: O. Vinyals et al., Show and Tell: A Neural Image Caption Generator, CVPR
2015.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.config import Share
from profond.core.errors import ConfigError
from profond.core.tokens import START
from profond.models import register_model
from profond.models.shape import check_input
from profond.nn.attention import Memory
from profond.nn.decoder import Decoder
from profond.nn.recurrent import State


@register_model("show_attend_and_tell")
class ShowAttendAndTell(nn.Module):
    """Captions: a convnet reads the picture, an LSTM with attention on its places writes.

    Deviations: a small convnet trained with the rest, for VGG-19 with ImageNet's weights; each place has a learned
    vector of its own beside what is seen there, because a caption may say where things are; the decoder is that of
    translation (`profond.nn.decoder`), in which attention stands between two LSTM layers; no gate, and no penalty on
    places that are never looked at.

    Args:
        input_shape: (channels, height, width).
        output_vocabulary: entries of the vocabulary that is written, the four special ones among them.
        widths: channels of each convolution; each but the last halves height and width.
        embedding: numbers that stand for a word.
        hidden: numbers of the output of each layer of the decoder.
        dropout: in the decoder.

    Raises: ConfigError for a picture that would be used up, or an impossible setting.
    """

    family: ClassVar[str] = "encoder_decoder"
    example_shape: ClassVar[tuple[int, ...]] = (1, 16, 16)
    head = "decoder.output"

    def __init__(
        self,
        input_shape: tuple[int, ...],
        output_vocabulary: int,
        widths: tuple[int, ...] = (16, 32, 64, 96),
        embedding: int = 64,
        hidden: int = 128,
        dropout: Share = 0.1,
    ) -> None:
        super().__init__()
        name = "show_attend_and_tell"
        if not widths or min(*widths, embedding, hidden) < 1:
            raise ConfigError(
                f"{name} cannot have widths {list(widths)}, embedding {embedding} and hidden {hidden}",
                "give 1 or more of each",
            )
        check_input(name, input_shape, 2, smallest=2 ** (len(widths) - 1))
        if output_vocabulary < 5:
            raise ConfigError(f"{name} cannot write with {output_vocabulary} words", "four are special: give 5 or more")
        channels, *sides = input_shape
        self.encoder = nn.Sequential()
        for number, width in enumerate(widths):
            halving = 1 if number == len(widths) - 1 else 2
            kernel = 3 if number else 5
            convolution = nn.Conv2d(channels, width, kernel, stride=halving, padding=kernel // 2, bias=False)
            self.encoder.append(nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU()))
            channels, sides = width, [-(-side // halving) for side in sides]
        self.grid: tuple[int, int] = (sides[0], sides[1])
        self.where = nn.Parameter(torch.randn(sides[0] * sides[1], channels) * 0.1)
        self.decoder = Decoder(output_vocabulary, channels, channels, embedding, hidden, dropout, tied=False)
        self.stages = tuple(f"encoder.{index}" for index in range(len(widths)))

    def forward(
        self, inputs: Float[Tensor, "n c h w"], targets: Int[Tensor, "n t"] | None = None
    ) -> Float[Tensor, "n u v"]:
        """Scores of each word of the targets but the first, given the picture and all words before it; of the first one
        to be written where there are no targets.

        Args:
            targets: tokens from the start to the end; 0 fills up shorter ones.
        """
        start = torch.full((inputs.shape[0], 1), START, device=inputs.device)
        memory = self.encode(inputs)
        before = start if targets is None else targets[:, :-1]
        scores: Tensor = self.decoder(before, self.start(memory), memory)[0]
        return scores

    def encode(self, inputs: Float[Tensor, "n c h w"]) -> Memory:
        """What is seen at each place of ``grid``, row by row."""
        places = self.encoder(inputs).flatten(2).transpose(1, 2) + self.where
        real = torch.ones(places.shape[:2], dtype=torch.bool, device=places.device)
        return self.decoder.remember(places, real, places.mean(1))

    def start(self, memory: Memory) -> State:
        """The decoder's state before the first word, from the mean of the places."""
        return self.decoder.start(memory)

    def step(
        self, tokens: Int[Tensor, " n"], state: State, memory: Memory
    ) -> tuple[Float[Tensor, "n v"], State, Float[Tensor, "n s"]]:
        """From the word before: scores of the next one, the state after it, and where it looked."""
        return self.decoder.step(tokens, state, memory)
