"""Runs first in the frozen program: takes back what its starter put into the environment.

The starter lists its own folder in LD_LIBRARY_PATH, so that Python finds its libraries. The linker
has read that by now; left there, every child (the engine, a browser opened by a link) would load
our libraries in place of its own. `_PYI_…` tells a second start of the program that it is a child
of the first, which is of no use to it: what we start again finds its own way.
"""

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path


def take_back(environ: MutableMapping[str, str], folder: str) -> None:
    """Make `environ` what it was before the program in `folder` was started."""
    original = environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if original is not None:
        environ["LD_LIBRARY_PATH"] = original
    elif Path(environ.get("LD_LIBRARY_PATH", "")) == Path(folder):
        del environ["LD_LIBRARY_PATH"]
    for name in [name for name in environ if name.startswith("_PYI_")]:
        del environ[name]


if hasattr(sys, "_MEIPASS"):
    take_back(os.environ, sys._MEIPASS)
