"""Models on the Hugging Face hub: names, listings, and which file is meant."""
