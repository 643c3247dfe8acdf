"""Pictures in a graph are what they are in Python: each level that of Pillow, whatever the size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from profond.data.images.decoding import resize
from profond.data.preprocessing import Preprocessing
from profond.export.capture import unheard
from profond.export.picture_graph import Normalised, Prepared, Resized
from profond.runtime.engines.onnx import OnnxEngine

AIM = (28, 33)
WAYS = [
    *[("crop", one, crop) for one in ("nearest", "bilinear", "bicubic") for crop in (1.0, 0.875)],
    *[(how, one, 1.0) for how in ("stretch", "pad") for one in ("nearest", "bilinear", "bicubic")],
]
BACKGROUND = (10, 200, 30)
SIZES = [(1, 1), (3, 1000), (1000, 3), AIM, (29, 33), (28, 34), (56, 66), (2, 1), (300, 28), (28, 300), (33, 28)]
RANDOM = np.random.default_rng(5)
SIZES += [(int(h), int(w)) for h, w in RANDOM.integers(1, 260, (14, 2))]


def picture(height: int, width: int) -> NDArray[np.uint8]:
    """Noise: the hardest there is, for a neighbour that counts a little more is seen."""
    return RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)


def by_pillow(pixels: NDArray[np.uint8], how: str, interpolation: str, crop: float, aim: Any = AIM) -> NDArray[Any]:
    image = resize(Image.fromarray(pixels), aim, how, interpolation, crop=crop, background=BACKGROUND)
    return np.asarray(image).transpose(2, 0, 1)


@pytest.mark.parametrize(("how", "interpolation", "crop"), WAYS)
def test_every_level_is_that_of_pillow(how: str, interpolation: str, crop: float) -> None:
    resized = Resized(AIM, how, interpolation, crop, BACKGROUND)
    for height, width in SIZES:
        pixels = picture(height, width)
        found = resized(torch.from_numpy(pixels)[None])[0].numpy()
        np.testing.assert_array_equal(found, by_pillow(pixels, how, interpolation, crop), err_msg=f"{height}×{width}")


def test_a_picture_of_4000_pixels_is_that_of_pillow() -> None:
    pixels = picture(3000, 4000)
    found = Resized((60, 50), "crop", "bicubic", 0.9)(torch.from_numpy(pixels)[None])[0].numpy()
    np.testing.assert_array_equal(found, by_pillow(pixels, "crop", "bicubic", 0.9, (60, 50)))


class _Several(nn.Module):
    """Ways in one graph, for making one takes long."""

    def __init__(self, ways: list[tuple[str, str, float]]) -> None:
        super().__init__()
        self.ways = nn.ModuleList(Resized(AIM, *way, BACKGROUND) for way in ways)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return tuple(way(pictures) for way in self.ways)


@pytest.mark.parametrize(
    "ways",
    [
        pytest.param([("crop", "bicubic", 0.875)], id="one", marks=pytest.mark.slow),
        pytest.param(WAYS, id="all", marks=pytest.mark.full),
    ],
)
def test_every_level_is_that_of_pillow_in_onnx_runtime(ways: list[tuple[str, str, float]]) -> None:
    axes = ({0: torch.export.Dim("n"), 1: torch.export.Dim("height"), 2: torch.export.Dim("width")},)
    names = ["-".join(map(str, way)) for way in ways]
    with unheard():
        made = torch.onnx.export(
            _Several(ways).eval(),
            (torch.zeros(2, 40, 51, 3, dtype=torch.uint8),),
            dynamo=True,
            dynamic_shapes=axes,
            input_names=["pictures"],
            output_names=names,
            opset_version=18,
            verbose=False,
        )
    assert made is not None
    assert "Resize" not in {node.op_type for node in made.model_proto.graph.node}
    engine = OnnxEngine(made.model_proto.SerializeToString())
    for height, width in SIZES:
        batch = np.stack([picture(height, width) for _ in range(2)])
        found = engine.run({"pictures": batch})
        for name, way in zip(names, ways, strict=True):
            wanted = np.stack([by_pillow(pixels, *way) for pixels in batch])
            np.testing.assert_array_equal(found[name], wanted, err_msg=f"{name}, {height}×{width}")


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(size=(12, 9), mode="RGB", mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), channels="BGR"),
        Preprocessing(size=(12, 9), mode="RGB", padding=2, mean=(0.5, 0.4, 0.3), background=(9, 8, 70), std=(1, 1, 1)),
        Preprocessing(size=(12, 9), mode="RGB", padding=2, mean=(0.5,), std=(0.2,)),
        Preprocessing(size=(12, 9), mode="L", padding=1, permutation_seed=3, mean=(0.2,), std=(0.5,)),
        Preprocessing(size=(12, 9), mode="RGB", resize="pad", background=(1, 2, 3), contrast="picture"),
        Preprocessing(size=(12, 9), mode="L", resize="stretch", contrast="local"),
        Preprocessing(size=None, mode="RGB", mean=(0.5,), std=(0.5,)),
    ],
)
def test_what_is_prepared_is_what_python_prepares(preprocessing: Preprocessing) -> None:
    pixels = picture(31, 20)
    image = Image.fromarray(pixels).convert(str(preprocessing.mode))
    own = preprocessing.normalise(preprocessing.decode(image)[None])
    given = torch.from_numpy(np.array(image)).view(1, 31, 20, -1)
    torch.testing.assert_close(Prepared(preprocessing)(given), own, rtol=0, atol=1e-6)


def test_raw_series_are_found_again() -> None:
    preprocessing = replace(Preprocessing(), scale=2.0, mean=(0.5, -1.0), std=(0.25, 3.0))
    before = Normalised(preprocessing, 2)
    wanted = torch.randn(3, 2, 7)
    torch.testing.assert_close(before(before.undone(wanted)), wanted)
