"""Out of Python: networks with their preprocessing and answers in one file, proved equal."""
