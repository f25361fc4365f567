"""Stands in for llama.cpp's converters: does what the checkpoint's `do.json` says, or that of the
model that an adapter changes."""

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
base = Path(sys.argv[sys.argv.index("--base") + 1]) if "--base" in sys.argv else None
do = json.loads(((base or folder) / "do.json").read_text("utf-8"))
if "--mmproj" in sys.argv:
    target = target.with_name(f"mmproj-{target.name}")
if "look" in do:
    seen = {
        "files": sorted(path.name for path in folder.iterdir()),
        "environment": dict(os.environ),
    }
    seen["name"] = folder.name
    seen["type"] = sys.argv[sys.argv.index("--outtype") + 1]
    seen["script"] = Path(__file__).name
    if base is not None:
        seen["base"] = sorted(path.name for path in base.iterdir())
        seen["config"] = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    Path(do["look"]).write_text(json.dumps(seen), "utf-8")
bar = tqdm(total=100)
bar.n = 40
bar.display()
if do["what"] == "pre-tokenizer":
    print(f"WARNING:hf-to-gguf:** chkhsh:  {'ab' * 32}", file=sys.stderr)
    raise NotImplementedError("BPE pre-tokenizer was not recognized - update get_vocab_base_pre()")
if do["what"] == "fallback":  # as recorded
    for number in (0, 1):
        name, shape = f"blk.{number}.ffn_down.weight,", "(128, 250)"
        said = f"Can't quantize tensor with shape {shape} to Q8_0, falling back to F16"
        print(f"WARNING:hf-to-gguf:{said}", file=sys.stderr)
        print(
            f"INFO:hf-to-gguf:{name}   torch.float16 --> F16, shape = {{250, 128}}", file=sys.stderr
        )
        print("INFO:hf-to-gguf:output.weight,  torch.float16 --> F16, shape = {1}", file=sys.stderr)
if do["what"] == "killed":
    os.kill(os.getpid(), 9)
if do["what"] == "full":
    with target.open("wb") as file:
        while True:
            file.write(b"0" * 65536)
if do["what"] == "refused":
    print("ERROR:hf-to-gguf:Model InnerForCausalLM is not supported", file=sys.stderr)
    sys.exit(1)
if do["what"] == "crash":
    target.write_bytes(b"half")
    raise ValueError("Can not map tensor 'model.odd.weight'")
target.write_bytes(b"half" if do["what"] == "wait" else Path(do["file"]).read_bytes())
if do["what"] == "wait":
    Path(do["look"]).write_text("begun", "utf-8")
    time.sleep(60)
bar.n = 100
bar.display()
