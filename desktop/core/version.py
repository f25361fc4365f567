"""The version, and the number of the private face's language."""

from __future__ import annotations

VERSION = "0.1.0"

# Raised when an older window or command could misread the private face.
ADMIN_API = 1
