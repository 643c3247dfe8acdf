"""Series: signals in files (CSV, NPY, WAV) and tables of series. Reading, preparing, checking."""
