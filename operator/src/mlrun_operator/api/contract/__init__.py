"""What operator and wrapper say to each other, and what the platform sets."""
