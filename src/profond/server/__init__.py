"""Answers over HTTP: the Open Inference Protocol, and a plain POST; without PyTorch."""
