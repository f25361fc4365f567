"""Long work as rows: what runs, how far it is, what came out, and going on after a restart."""
