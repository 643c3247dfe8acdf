"""Profond: deep learning's classical families as one working tool."""

__version__ = "0.1.0"
