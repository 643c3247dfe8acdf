"""The GRU's two forms are Keras's two, weight for weight."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import Tensor

from profond.nn.recurrent import GRU, LSTM, RNN, unroll

INPUTS = torch.randn(4, 11, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("reset_after", [True, False])
def test_both_forms_of_the_gru_are_kerass(reset_after: bool, keras_applications: ModuleType) -> None:
    import keras

    layer = keras.layers.GRU(7, return_sequences=True, reset_after=reset_after, bias_initializer="random_normal")
    expected = torch.as_tensor(keras.ops.convert_to_numpy(layer(INPUTS.float().numpy()))).double()
    kernel, recurrent, bias = (torch.as_tensor(keras.ops.convert_to_numpy(w)).double() for w in layer.weights)
    cell = GRU(5, 7, reset="after" if reset_after else "before").double()

    def ours(values: Tensor) -> Tensor:
        """Keras has update, reset, candidate; here reset comes first."""
        update, reset, candidate = values.chunk(3, -1)
        return torch.cat([reset, update, candidate], -1)

    with torch.no_grad():
        cell.from_input.weight.copy_(ours(kernel).T)
        cell.from_state.weight.copy_(ours(recurrent).T)
        cell.from_input.bias.copy_(ours(bias[0] if reset_after else bias))
        cell.from_state.bias.copy_(ours(bias[1]) if reset_after else torch.zeros(21))
    torch.testing.assert_close(unroll(cell, INPUTS)[0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "ours"), [("LSTM", LSTM), ("SimpleRNN", RNN)])
def test_the_others_are_kerass_too(name: str, ours: type[LSTM] | type[RNN], keras_applications: ModuleType) -> None:
    import keras

    layer = getattr(keras.layers, name)(7, return_sequences=True, bias_initializer="random_normal")
    expected = torch.as_tensor(keras.ops.convert_to_numpy(layer(INPUTS.float().numpy()))).double()
    kernel, recurrent, bias = (torch.as_tensor(keras.ops.convert_to_numpy(w)).double() for w in layer.weights)
    cell = ours(5, 7).double()
    with torch.no_grad():
        cell.from_input.weight.copy_(kernel.T)
        cell.from_state.weight.copy_(recurrent.T)
        cell.from_input.bias.copy_(bias)
        cell.from_state.bias.zero_()
    torch.testing.assert_close(unroll(cell, INPUTS)[0], expected, rtol=0, atol=1e-5)
