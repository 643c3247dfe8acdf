"""One door to a trained run, for the command line, and later HTTP and the page."""
