"""What a request becomes before the engine sees it, and its answer before the client does."""
