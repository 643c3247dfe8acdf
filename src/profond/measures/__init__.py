"""Numbers with intervals, and their figures."""
