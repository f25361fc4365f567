"""Stands in for llama.cpp's converter: does what the checkpoint's `do.json` says."""

import json
import os
import sys
import time
from pathlib import Path

from tqdm.std import tqdm

if "--print-supported-models" in sys.argv:
    print("Supported models:\nTEXT models:\n  - LlamaForCausalLM\nMMPROJ models:", file=sys.stderr)
    print("  - LlavaForConditionalGeneration", file=sys.stderr)
    sys.exit(0)
folder, target = Path(sys.argv[1]), Path(sys.argv[sys.argv.index("--outfile") + 1])
do = json.loads((folder / "do.json").read_text("utf-8"))
if "--mmproj" in sys.argv:
    target = target.with_name(f"mmproj-{target.name}")
if "look" in do:
    seen = {
        "files": sorted(path.name for path in folder.iterdir()),
        "environment": dict(os.environ),
    }
    seen["name"] = folder.name
    Path(do["look"]).write_text(json.dumps(seen), "utf-8")
bar = tqdm(total=100)
bar.n = 40
bar.display()
if do["what"] == "pre-tokenizer":
    print(f"WARNING:hf-to-gguf:** chkhsh:  {'ab' * 32}", file=sys.stderr)
    raise NotImplementedError("BPE pre-tokenizer was not recognized - update get_vocab_base_pre()")
if do["what"] == "crash":
    target.write_bytes(b"half")
    raise ValueError("Can not map tensor 'model.odd.weight'")
target.write_bytes(b"half" if do["what"] == "wait" else Path(do["file"]).read_bytes())
if do["what"] == "wait":
    Path(do["look"]).write_text("begun", "utf-8")
    time.sleep(60)
bar.n = 100
bar.display()
