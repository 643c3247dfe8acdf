"""Videos: decoding, labels of frames, and how both become clips."""
