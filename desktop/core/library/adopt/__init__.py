"""The models of other programs: where they lie, what is said of them there, and which files are
the same. Nothing of it is ever changed, but for hard links a person asked for."""
