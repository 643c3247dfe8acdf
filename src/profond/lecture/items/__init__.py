"""The lecture's items, one file each."""
