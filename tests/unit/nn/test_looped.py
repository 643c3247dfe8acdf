import pytest
import torch
from torch import nn

from profond.core.errors import ConfigError
from profond.nn.looped import looped
from profond.nn.sequence import CELLS, Kind, Recurrent

VALUES = torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([7, 1, 4])


@pytest.mark.parametrize("kind", CELLS)
def test_a_looped_network_computes_what_the_fused_one_does(kind: Kind) -> None:
    torch.manual_seed(0)
    fused = Recurrent(kind, 5, 6, layers=2, bidirectional=True).eval()
    loops = looped(fused)
    assert not any(isinstance(part, nn.RNNBase) for part in loops.modules())
    with torch.no_grad():
        for wanted, found in zip(fused(VALUES, LENGTHS), loops(VALUES, LENGTHS), strict=True):
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", CELLS)
def test_a_looped_network_goes_on_from_the_state_of_the_fused_one(kind: Kind) -> None:
    torch.manual_seed(0)
    fused = Recurrent(kind, 5, 6, layers=2).eval()
    loops = looped(fused)
    assert isinstance(loops, Recurrent)
    with torch.no_grad():
        _, state = fused.go_on(VALUES[:, :4])
        wanted, after = fused.go_on(VALUES[:, 4:5], state)
        found, reached = loops.go_on(VALUES[:, 4:5], state)
        for one, other in zip((wanted, *after), (found, *reached), strict=True):
            torch.testing.assert_close(other, one, rtol=0, atol=1e-6)


def test_a_looped_network_is_a_copy() -> None:
    fused = Recurrent("lstm", 5, 6)
    before = fused.forwards[0].get_parameter("weight_hh_l0").clone()
    loops = looped(fused)
    with torch.no_grad():
        for parameter in loops.parameters():
            parameter.zero_()
    assert isinstance(fused.forwards[0], nn.LSTM)
    assert fused.training
    assert torch.equal(fused.forwards[0].get_parameter("weight_hh_l0"), before)


@pytest.mark.parametrize(
    "layer",
    [
        nn.LSTM(5, 6, num_layers=2, batch_first=True),
        nn.GRU(5, 6, bidirectional=True, batch_first=True),
        nn.RNN(5, 6),
        nn.RNN(5, 6, nonlinearity="relu", batch_first=True),
        nn.LSTM(5, 6, proj_size=2, batch_first=True),
        nn.LSTM(5, 6, bias=False, batch_first=True),
    ],
    ids=["layers", "directions", "time first", "relu", "projection", "no bias"],
)
def test_a_fused_layer_of_another_form_is_refused_in_words(layer: nn.Module) -> None:
    with pytest.raises(ConfigError, match="cannot leave Python"):
        looped(nn.Sequential(nn.Linear(5, 5), layer))
    with pytest.raises(ConfigError, match="cannot leave Python"):
        looped(layer)
