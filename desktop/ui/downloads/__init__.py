"""The window's downloads: what they say, what can be done with them, and their panel."""
