"""Every model that is not one of pictures leaves with a task, and says in ONNX Runtime what it says in Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.leaving import OTHERS, leaving
from torch import Tensor

from profond import models
from profond.export.leaving import Leaving, Source
from profond.export.onnx import engine, write

QUICK = {"points_gan"}
SLOW = {"lstm", "seq2seq"}
NAMES = [name for name in models.registry.names() if models.family_of(name) in OTHERS]
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in NAMES),
    ("lstm", {"layers": 2, "summary": "last"}),
    ("gru", {"bidirectional": False, "summary": "maximum"}),
    ("char_lstm", {"kind": "gru", "layers": 2}),
    ("seq2seq", {"attention": "additive", "layers": 2}),
    ("lstm_forecaster", {"quantiles": 3, "layers": 2}),
    ("nhits", {"quantiles": 3, "calendar": True}),
]


def _marked(name: str, settings: dict[str, Any]) -> Any:
    marks = () if name in QUICK else pytest.mark.slow if name in SLOW and not settings else pytest.mark.full
    return pytest.param(name, settings, id="-".join([name, *settings]), marks=marks)


@pytest.mark.parametrize(("name", "settings"), [_marked(*one) for one in SETTINGS])
def test_it_says_the_same_at_other_lengths_and_batches(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    model, task, spec = leaving(name, **settings)
    for part in task.exported(model, spec):
        path = tmp_path / f"{name}{part.name}.onnx"
        whole = Leaving(part, Source(name, "any", None))
        write(whole, path)
        computed = engine(path, whole)
        # NOTE the graph was made of an example of length 11; 12 is a width inside of some networks.
        for count, length in ((1, 7), (2, 12), (7, 19), (1, 38)):
            inputs = part.examples(count, length)
            with torch.no_grad():
                said = part.module(*inputs)
            given = {one.name: value.numpy() for one, value in zip(part.inputs, inputs, strict=True)}
            found = computed.run(given)
            for port, wanted in zip(part.outputs, (said,) if isinstance(said, Tensor) else said, strict=True):
                values = wanted.numpy()
                assert found[port.name].shape == values.shape, port.name
                allowed = 1 if port.dtype == "uint8" else 0 if port.dtype in ("bool", "int64") else 1e-5
                np.testing.assert_allclose(
                    found[port.name].astype(float), values.astype(float), rtol=0, atol=allowed, err_msg=port.name
                )
