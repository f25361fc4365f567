"""The local models: where they lie, what they are, and what they are called."""
