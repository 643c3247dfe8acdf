"""A recipe put to work: configuration, training, fine-tuning, the card."""
