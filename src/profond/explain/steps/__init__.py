"""One step at a time, with its arithmetic: planes, convolution, pooling."""
