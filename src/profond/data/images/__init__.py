"""Images: read, prepared, checked, changed at random."""
