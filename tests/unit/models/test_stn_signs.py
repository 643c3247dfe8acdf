"""The spatial transformers: they start with leaving maps as they are, can move them, and leave Python as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from profond import models
from profond.models.stn_signs import SpatialTransformer


def transformer() -> SpatialTransformer:
    torch.manual_seed(0)
    return SpatialTransformer(2, (3, 3), 4, (16, 16))


def test_the_papers_network_has_14_6_million_parameters() -> None:
    with torch.device("meta"):
        model = models.create("stn_signs", input_shape=(3, 48, 48), num_classes=43)
    assert sum(one.numel() for one in model.parameters()) == 14_613_761


def test_it_starts_with_leaving_maps_almost_as_they_are() -> None:
    maps = torch.rand(4, 2, 16, 16)
    torch.testing.assert_close(transformer()(maps), maps, atol=0.02, rtol=0)


def test_it_moves_maps_where_its_six_numbers_say() -> None:
    moving, maps = transformer(), torch.rand(4, 2, 16, 16)
    with torch.no_grad():
        moving.map.weight.zero_()
        moving.map.bias.copy_(torch.tensor([1.0, 0.0, 2 * 3 / 16, 0.0, 1.0, 0.0]))  # three of sixteen columns
    torch.testing.assert_close(moving(maps)[..., :13], maps[..., 3:])
    torch.testing.assert_close(moving(maps)[..., 13:], maps[..., -1:].expand(4, 2, 16, 3))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of the exporter itself
def test_in_onnx_it_gives_the_same_numbers(tmp_path: Path) -> None:
    from profond.runtime.engines.onnx import OnnxEngine

    torch.manual_seed(0)
    model = models.create("stn_signs", input_shape=(3, 32, 32), num_classes=5, width=0.05).eval()
    with torch.no_grad():
        for one in (model.transformer1, model.transformer2, model.transformer3):
            one.map.weight.normal_(std=0.3)  # so that every picture is moved otherwise
    pictures = torch.randn(3, 3, 32, 32)
    path = tmp_path / "signs.onnx"
    program = torch.onnx.export(
        model, (pictures,), dynamo=True, opset_version=20, dynamic_shapes=({0: "n"},), verbose=False
    )
    assert program is not None
    program.save(path)
    with torch.no_grad():
        expected = model(pictures).numpy()
        moved = [float((one(pictures) - pictures).abs().mean()) for one in (model.transformer1,)]
    engine = OnnxEngine(path)
    answered = next(iter(engine.run({engine.inputs[0].name: pictures.numpy()}).values()))
    assert min(moved) > 0.1
    np.testing.assert_allclose(answered, expected, atol=1e-4)
