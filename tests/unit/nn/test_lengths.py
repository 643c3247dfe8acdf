"""How long each padded sequence is."""

from __future__ import annotations

import torch

from profond.nn.sequence import ends, lengths_of, padded, token_ends, token_lengths


def test_a_text_ends_with_its_last_token_that_is_not_padding() -> None:
    tokens = torch.tensor([[5, 6, 0, 0], [5, 0, 7, 0], [0, 0, 0, 0]])
    assert token_ends(tokens).tolist() == [2, 3, 0]
    assert token_lengths(tokens).tolist() == [2, 3, 1]


def test_a_series_ends_where_all_channels_are_missing() -> None:
    gap = torch.nan
    series = torch.tensor([[[1, gap, gap, gap], [1, 2, gap, gap]], [[gap, gap, 3, 4], [1, 2, gap, 4]]])
    assert ends(series).tolist() == [2, 4]
    assert lengths_of(torch.full((1, 2, 3), gap)).tolist() == [1]


def test_samples_are_padded_on_their_right() -> None:
    assert padded([torch.tensor([1, 2]), torch.tensor([3])], 0).tolist() == [[1, 2], [3, 0]]
    whole = padded([torch.ones(2, 1), torch.ones(2, 3)], torch.nan)
    assert whole.shape == (2, 2, 3)
    assert lengths_of(whole).tolist() == [1, 3]
