"""Texts: reading, preparing and splitting."""
