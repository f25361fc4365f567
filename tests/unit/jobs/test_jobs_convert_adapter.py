"""Converting LoRA adapters, and what a conversion holds while it gets what it works on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from desktop.core.errors import ErrorCode
from desktop.core.jobs.table import JobTable
from desktop.core.paths import Paths, demo_model
from tests.helpers.hub import LocalHub
from tests.unit.jobs.by_hand import Hand, running
from tests.unit.jobs.converting import Hub, kind_of, write_checkpoint
from tests.unit.jobs.making import begin, refused
from tests.unit.quantize.test_quantize_adapter import HALVES, weights


def write_adapter(folder: Path, **config: Any) -> Path:
    folder.mkdir()
    document = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, **config}
    (folder / "adapter_config.json").write_text(json.dumps(document), "utf-8")
    (folder / "adapter_model.safetensors").write_bytes(weights(*HALVES))
    return folder


def test_an_adapter_is_made_a_file_of_with_its_models_config(home: Paths, tmp_path: Path) -> None:
    look, target = tmp_path / "look.json", tmp_path / "lora.gguf"
    base = write_checkpoint(tmp_path / "base", look=str(look))
    folder = write_adapter(tmp_path / "adapter", use_rslora=True, secret="of its maker")
    kind = kind_of(home)
    params = {"path": str(folder), "base": str(base), "output": str(target)}
    made = kind.run(begin(kind, params))
    assert made["adapter"] and made["type"] == "f32", "it is small: nothing is lost"
    seen = json.loads(look.read_text("utf-8"))
    assert seen["files"] == ["adapter_config.json", "adapter_model.safetensors"]
    assert seen["base"] == ["config.json", "do.json", "tokenizer.model"]
    assert seen["config"] == {"lora_alpha": 16.0}, "8 times √4, which the engine divides by 4"
    assert seen["name"] == "adapter" and seen["type"] == "f32"
    assert seen["script"] == "convert_lora_to_gguf.py"
    facts = json.loads((tmp_path / "lora.gguf.made.json").read_text("utf-8"))
    assert set(facts["made_from"]["sha256"]) == {
        "adapter_config.json", "config.json", "adapter_model.safetensors",
    }  # fmt: skip

    error = refused(lambda: kind.plan({**params, "replace": True, "projector": True}))
    assert error.code is ErrorCode.BAD_REQUEST
    error = refused(lambda: kind.plan({**params, "replace": True, "base": None}))
    assert error.code is ErrorCode.ADAPTER_NEEDS_BASE


def test_an_adapter_and_its_model_on_the_hub(home: Paths, hub: LocalHub, tmp_path: Path) -> None:
    look, target = tmp_path / "look.json", tmp_path / "lora.gguf"
    base = write_checkpoint(tmp_path / "base", look=str(look))
    folder = write_adapter(tmp_path / "adapter")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    hub.add_repo("maker/lora", {**files, "optimizer.pt": b"pickle", "evil.py": b"no"})
    hub.add_repo("maker/base", {
        **{path.name: path.read_bytes() for path in base.iterdir()},
        "model.safetensors.index.json": b"{}", "evil.py": b"no", "pytorch_model.bin": b"pickle",
    })  # fmt: skip
    kind = kind_of(home, Hub(home, hub.url))
    params = {"repo": "maker/lora", "base_repo": "maker/base", "output": str(target)}
    steps = ["find", "download", "find base", "download base", "toolkit", "hash", "convert"]
    assert kind.plan(params) == steps
    made = kind.run(begin(kind, params))
    assert made["adapter"] and target.read_bytes() == demo_model().read_bytes()
    got = {path.name for path in (home.data / "hub").rglob("*") if path.is_file()}
    assert {"adapter_model.safetensors", "config.json", "tokenizer.model"} <= got
    assert not {"model.safetensors", "pytorch_model.bin", "optimizer.pt", "evil.py"} & got
    seen = json.loads(look.read_text("utf-8"))
    assert seen["base"] == ["config.json", "do.json", "tokenizer.model"]

    hub.add_repo("maker/none", {"README.md": b""})
    other = {**params, "base_repo": "maker/none", "replace": True}
    error = refused(lambda: kind.run(begin(kind, other)))
    assert error.code is ErrorCode.CHECKPOINT_INVALID and error.params["path"] == "maker/none"


async def test_what_is_got_and_installed_keeps_nobody_from_computing(
    home: Paths, hub: LocalHub, table: JobTable, tmp_path: Path
) -> None:
    folder, target = write_checkpoint(tmp_path / "guide"), tmp_path / "x.gguf"
    hub.add_repo("maker/guide", {path.name: path.read_bytes() for path in folder.iterdir()})
    bench, kind = Hand("bench", {"cpu"}), kind_of(home, Hub(home, hub.url))
    async with running(table, bench, kind) as (scheduler, events):
        first = await scheduler.submit("bench", {})
        job = await scheduler.submit("convert", {"repo": "maker/guide", "output": str(target)})
        waits = await events.until(
            lambda name, data: (
                name == "job.changed"
                and data["id"] == job.id
                and data["state"] == "queued"
                and "toolkit" in data["steps_done"]
            )
        )
        assert waits["steps_done"] == ["find", "download", "toolkit"] and not target.exists()
        assert scheduler.running_needs() == {"cpu"}
        bench.free.set()
        await events.ended(first)
        assert (await events.ended(job))["state"] == "done"
    assert target.read_bytes() == demo_model().read_bytes()
