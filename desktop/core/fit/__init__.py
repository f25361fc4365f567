"""What fits and how fast it will be."""
