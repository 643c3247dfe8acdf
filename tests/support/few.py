"""Data that are made on the spot, in a size that takes no time."""

from __future__ import annotations

FEW: dict[str, dict[str, int | float]] = {
    "clips": {"train_clips": 40, "test_clips": 10},
    "dates": {"train": 300, "valid": 20, "test": 20},
    "digit_scenes": {"train_scenes": 300, "valid_scenes": 30, "test_scenes": 30},
    "drawn_faces": {"train_faces": 12, "test_faces": 4},
    "moving_digits": {"train_clips": 40, "test_clips": 10},
    "traffic_signs": {"share": 0.01, "frames": 2},
    "turned_digits": {"train_digits": 300, "test_digits": 20},
}
"""Settings by the name of the data; those of others say nothing of how many samples there are, or they are quick."""
