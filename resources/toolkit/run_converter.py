"""Runs llama.cpp's converter so that a checkpoint stays data. Runs in the toolkit's environment.

    python -I run_converter.py CONVERTER ARGUMENTS…

The converter asks transformers for code that comes with a checkpoint in more than a dozen places.
Here that code is never loaded, whatever is asked for, and nothing is connected to.
"""

import os
import runpy
import socket
import sys
from pathlib import Path

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
# A line `MARK done total` for each step of the writing, in bytes.
MARK = "paddock-written"


def _no_connection(*_given, **_named):
    raise OSError("the converter may not connect to anything")


def _no_code(*_given, **_named):
    raise ValueError("the checkpoint's own code is not run")


def forbid() -> None:
    """Close the network and the ways to a checkpoint's own code."""
    for name in OFFLINE:
        os.environ[name] = "1"
    socket.socket.connect = _no_connection
    socket.socket.connect_ex = _no_connection
    socket.create_connection = _no_connection
    # Before the modules that take these functions by name are imported.
    from transformers import dynamic_module_utils

    dynamic_module_utils.resolve_trust_remote_code = lambda *_given, **_named: False
    for name in ("get_class_in_module", "get_class_from_dynamic_module", "get_cached_module_file"):
        if not hasattr(dynamic_module_utils, name):
            raise SystemExit(f"This transformers has no {name}: its code cannot be kept out.")
        setattr(dynamic_module_utils, name, _no_code)


def tell() -> None:
    """Print how much is written as plain lines instead of a bar."""
    from tqdm import std

    def display(self, msg=None, pos=None):
        if self.total:
            print(f"{MARK} {int(self.n)} {int(self.total)}", flush=True)

    std.tqdm.display = display


def main() -> None:
    converter, arguments = sys.argv[1], sys.argv[2:]
    folder = str(Path(converter).parent)
    sys.path[:0] = [folder, str(Path(folder) / "gguf-py")]
    forbid()
    tell()
    sys.argv = [converter, *arguments]
    runpy.run_path(converter, run_name="__main__")


if __name__ == "__main__":
    main()
