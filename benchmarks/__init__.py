"""Profond beside its peers: interleaved, each in an interpreter of its own, one at a time, on two cores."""
