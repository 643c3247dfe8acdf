"""Traffic signs: the layout of the German benchmark (GTSRB), its names, and a synthetic stand-in rendered here."""
