"""The mirror images of the 43 classes."""

from __future__ import annotations

from profond.data.signs.names import MIRRORS, SPEED_LIMITS, names


def test_left_becomes_right_a_number_is_never_mirrored_and_twice_mirrored_is_as_before() -> None:
    english = names()
    pairs = {english[label]: english[mirror] for label, mirror in enumerate(MIRRORS) if mirror not in (-1, label)}
    assert pairs["keep right"] == "keep left"
    assert pairs["turn left ahead"] == "turn right ahead"
    assert all(("left" in one) == ("right" in other) for one, other in pairs.items())
    assert all(MIRRORS[label] == -1 for label in SPEED_LIMITS)
    assert MIRRORS[english.index("stop")] == MIRRORS[english.index("roundabout")] == -1
    assert all(MIRRORS[MIRRORS[label]] == label for label in range(43) if MIRRORS[label] >= 0)
