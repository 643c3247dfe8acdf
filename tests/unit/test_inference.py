"""A model made ready to answer fast gives the same answers."""

from __future__ import annotations

import pytest
import torch

from profond import models
from profond.serve.inference import prepared

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "googlenet", "lenet5", "mlp"])
def test_bf16_with_folded_normalisation_answers_nearly_as_float32(name: str) -> None:
    shape = models.example_shape(name)
    torch.manual_seed(0)
    model = models.create(name, input_shape=shape, num_classes=10).train()
    with torch.no_grad():
        for _ in range(3):  # so that running statistics fit
            model(torch.randn(16, *shape))
    model.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    inputs = torch.randn(8, *shape)
    with torch.no_grad():
        expected = model(inputs)
    found = prepared(model, CPU, "bf16")(inputs)
    assert found.dtype == torch.float32
    assert float((found - expected).abs().max() / expected.abs().max()) < 0.1
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_float32_is_what_evaluation_computes() -> None:
    model = models.create("resnet18", input_shape=(3, 32, 32), num_classes=10).eval()
    inputs = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        expected = model(inputs)
        torch.testing.assert_close(prepared(model, CPU)(inputs), expected, rtol=1e-4, atol=1e-5)
