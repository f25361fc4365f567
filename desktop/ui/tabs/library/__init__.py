"""The Library page: the models that are there, and loading them."""
