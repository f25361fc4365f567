"""Converting with stand-ins: an index on loopback, and checkpoints that say what happens."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from desktop.core.jobs.handlers.convert import ConvertKind
from desktop.core.paths import Paths, demo_model
from desktop.core.settings import Settings
from desktop.core.web import WebSettings
from tests.unit.jobs.making import read_with

Json = dict[str, Any]
CONVERTER = Path(__file__).resolve().parents[2] / "data" / "convert" / "convert_hf_to_gguf.py"
ROOT = "llama_cpp_python-0.3.36"
_CODE = "def {0}(*given, **named): raise RuntimeError('it was called')\n"
PACKAGES = {
    "transformers/__init__.py": "",
    "transformers/dynamic_module_utils.py": "".join(
        _CODE.format(name)
        for name in (
            "resolve_trust_remote_code", "get_class_in_module", "get_class_from_dynamic_module",
            "get_cached_module_file",
        )
    ),
    "tqdm/__init__.py": "",
    "tqdm/std.py": "class tqdm:\n    def __init__(self, total): self.n, self.total = 0, total\n",
}  # fmt: skip


class Hub:
    """What the service tells of the hub; without an address there is none."""

    def __init__(self, home: Paths, url: str = "http://127.0.0.1:1") -> None:
        self._home, self._url = home, url

    def settings(self) -> Settings:
        return Settings()

    def network(self) -> WebSettings:
        return WebSettings(endpoint=self._url)

    def cache(self) -> Path:
        return self._home.data / "hub"


def kind_of(home: Paths, hub: Hub | None = None) -> ConvertKind:
    return ConvertKind(home, read=read_with(home), downloads=hub or Hub(home))


def write_checkpoint(folder: Path, **do: Any) -> Path:
    """The bundled checkpoint, with what the stand-in is to do."""
    folder.mkdir()
    for name in ("config.json", "tokenizer.model", "model.safetensors"):
        shutil.copyfile(demo_model().parent / name, folder / name)
    told = {"what": "write", "file": str(demo_model()), **do}
    (folder / "do.json").write_text(json.dumps(told), "utf-8")
    return folder


def asked(folder: Path, target: Path, **more: Any) -> Json:
    return {"path": str(folder), "output": str(target), "type": "q8_0", **more}
