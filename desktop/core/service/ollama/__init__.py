"""Ollama's API, as its clients use it, over the same engines and the same library."""
