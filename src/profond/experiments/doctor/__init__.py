"""What is wrong with a fine-tuning, found by measuring."""
