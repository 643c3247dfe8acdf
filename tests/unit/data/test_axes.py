"""The tests run with axes checked: a wrong shape is an error, not a surprise further down."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from profond.models import create
from profond.tasks.classify import Classes


def test_a_prediction_with_an_axis_too_many_is_refused() -> None:
    Classes(torch.zeros(2, 3))
    with pytest.raises(TypeCheckError, match="n k"):
        Classes(torch.zeros(2, 3, 4))


def test_a_model_that_is_given_labels_for_pictures_is_refused() -> None:
    model = create("mlp", input_shape=(1, 4, 4), num_classes=2, hidden=[3])
    assert model(torch.zeros(5, 1, 4, 4)).shape == (5, 2)
    with pytest.raises(TypeCheckError):
        model(torch.zeros(5, 1, 4, 4, dtype=torch.int64))
