"""The engine: llama.cpp's tools as runtimes, llama-server as a child, and what its words mean."""
