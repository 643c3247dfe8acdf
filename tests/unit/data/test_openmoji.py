"""Drawings in colour and as outlines: who sees what, and which belong together."""

from __future__ import annotations

import pytest
import torch

from profond.core.errors import MissingError
from profond.data import open_dataset

COLOUR, OUTLINE = 0, 1


@pytest.fixture(scope="module")
def drawings():
    try:
        return open_dataset("openmoji")
    except MissingError as error:
        pytest.skip(f"the drawings cannot be had: {error.message}")


def codes(split, style):
    return [split.identity(i).partition("/")[2] for i, one in enumerate(split.targets.tolist()) if one == style]


def test_nothing_is_learned_from_in_both_styles_nor_tested_with(drawings):
    train, test = drawings.split("train"), drawings.split("test")
    parts = [codes(train, COLOUR), codes(train, OUTLINE), codes(test, COLOUR)]
    assert [len(part) for part in parts] == [980, 980, 500]
    assert len({code for part in parts for code in part}) == 2460
    assert not any("1F3FB" <= half <= "1F3FF" for part in parts for code in part for half in code.split("-"))


def test_pairs_are_known_of_the_tested_drawings_alone(drawings):
    train, test = drawings.split("train"), drawings.split("test")
    assert set(train.marks["pair"].tolist()) == {-1}
    pair, style = test.marks["pair"], test.targets
    assert torch.equal(pair[style == COLOUR], pair[style == OUTLINE])
    assert codes(test, COLOUR) == codes(test, OUTLINE)


def test_the_two_of_a_pair_lie_pixel_on_pixel_and_differ_by_their_fill(drawings):
    """The distances that a translation is held to; the outline is what is translated into."""
    test = drawings.split("test")
    values = test.samples.float() / 255
    colour, outline = (values[test.targets == style] for style in (COLOUR, OUTLINE))
    assert float((colour - outline).abs().mean()) == pytest.approx(0.083, abs=0.006)
    assert float((1 - outline).abs().mean()) == pytest.approx(0.106, abs=0.006)
    other = outline.roll(1, 0)
    assert float((colour - other).abs().mean()) > 1.5 * float((colour - outline).abs().mean())
