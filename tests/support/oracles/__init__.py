"""Servers of the Open Inference Protocol that are not ours, with the same three models."""
