"""Why: planes, convolutions, pooling, made visible."""
