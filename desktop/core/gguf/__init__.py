"""Headers of GGUF files: a checked parser of our own, its summary, and the child that runs it."""
