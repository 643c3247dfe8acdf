"""What a model sees of an image, as a picture for people."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from profond.data.images.decoding import eight_bit, resize
from profond.data.preprocessing import Preprocessing

_FINE = 480  # pixels: no picture on a sheet is larger


def as_image(raw: Tensor) -> Image.Image:
    """A raw sample (c h w) as a picture: grey with one channel, otherwise the first three as colour."""
    levels = raw.detach().cpu()
    if levels.dtype != torch.uint8:
        levels = (levels * (255 if float(levels.max()) <= 1 else 1)).clamp(0, 255).to(torch.uint8)
    pixels = levels.numpy()
    return Image.fromarray(pixels[0] if len(pixels) < 3 else np.ascontiguousarray(pixels[:3].transpose(1, 2, 0)))


def as_seen(preprocessing: Preprocessing, raw: Tensor) -> Image.Image:
    """A raw sample as the model gets it, padded and permuted, its levels left alone."""
    plain = dataclasses.replace(preprocessing, mean=(0.0,), std=(1.0,), scale=1.0, contrast="none")
    return as_image(plain.arrange(raw[None].float())[0].clamp(0, 255).to(torch.uint8))


def finely_seen(preprocessing: Preprocessing, image: Image.Image) -> Image.Image | None:
    """What the model gets of an image, in more pixels than it gets; None where these would not fit on its own."""
    if preprocessing.size is None or preprocessing.padding or preprocessing.permutation_seed is not None:
        return None
    assert preprocessing.mode is not None
    height, width = preprocessing.size
    scale = preprocessing.crop if preprocessing.resize == "crop" else 1.0
    finer = max(1, min(math.ceil(_FINE / max(height, width)), math.ceil(scale * min(image.size) / max(height, width))))
    size = (height * finer, width * finer)
    how = preprocessing.interpolation
    return resize(eight_bit(image, preprocessing.mode), size, preprocessing.resize, how, crop=preprocessing.crop)


def seen_part(preprocessing: Preprocessing, image: Image.Image) -> tuple[float, float, float, float] | None:
    """Which part of an image the model gets (left, top, right, bottom); None where that is all of it."""
    if preprocessing.size is None or preprocessing.resize != "crop":
        return None
    height, width = preprocessing.size
    across, down = image.width * preprocessing.crop, image.height * preprocessing.crop
    if across / down > width / height:
        across = down * width / height
    else:
        down = across * height / width
    left, top = (image.width - across) / 2, (image.height - down) / 2
    if left < 1 and top < 1:
        return None
    return left, top, left + across, top + down
