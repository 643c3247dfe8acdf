"""How good it is, and against what."""
