"""The panel that prices a load while it is being chosen: in Discover and in the Library."""
