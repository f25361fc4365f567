"""The typed client of the private face: what window and command line use."""
