"""Tar shards: many samples in few files."""
