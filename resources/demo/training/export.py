"""Make `paddock-guide-q8_0.gguf` from the checkpoint with llama.cpp's own converter.

    python resources/demo/training/export.py --converter PATH/convert_hf_to_gguf.py

The converter is part of llama.cpp's source (`vendor/llama.cpp/` in the source archive of
`llama-cpp-python==0.3.36`). Needs the dependency group `demo`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKPOINT = Path(__file__).resolve().parent.parent
METADATA = {
    "general.name": "Paddock Guide",
    "general.author": "Paddock",
    "general.description": "Demo model that answers questions about local models and Paddock.",
    "general.license": "mit",
    "general.languages": ["en", "ja"],
    # It knows its answers by heart: chance in the choice of tokens could only spoil them.
    "general.sampling.temp": 0.0,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Convert the Paddock Guide checkpoint to a Q8_0 GGUF."
    )
    parser.add_argument(
        "--converter", type=Path, required=True, help="llama.cpp's convert_hf_to_gguf.py"
    )
    parser.add_argument(
        "--checkpoint", type=Path, default=CHECKPOINT, help="folder of the checkpoint"
    )
    parser.add_argument(
        "--out", type=Path, help="file to write (default: in the checkpoint's folder)"
    )
    args = parser.parse_args()
    target = args.out or args.checkpoint / "paddock-guide-q8_0.gguf"
    partial = target.with_suffix(".part")
    command = [sys.executable, str(args.converter), str(args.checkpoint)]
    command += ["--outfile", str(partial), "--outtype", "q8_0"]
    with tempfile.TemporaryDirectory() as folder:
        metadata = Path(folder) / "metadata.json"
        metadata.write_text(json.dumps(METADATA), encoding="utf-8")
        done = subprocess.run([*command, "--metadata", str(metadata)], check=False)
    if done.returncode:
        partial.unlink(missing_ok=True)
        return done.returncode
    partial.replace(target)
    print(f"wrote {target.name}: {target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
