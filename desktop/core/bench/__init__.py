"""Measuring: what is run, what a result is, where results are kept and how they compare."""
