"""Exported files answer here, without PyTorch: the smallest part of Profond that can be installed alone."""
