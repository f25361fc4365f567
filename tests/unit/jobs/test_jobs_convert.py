"""Converting with a toolkit that real uv installs from an index on loopback.

What it installs is small: a stand-in for the converter (tests/data/convert) and for the packages
that the wrapper around it needs. The real ones are tried in test_jobs_convert_real.py.
"""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.jobs.handlers.toolkit import ToolkitKind, root_of
from desktop.core.jobs.kinds import JobContext
from desktop.core.paths import Paths, demo_model
from quantize import pins, toolkit
from tests.helpers.disk import small_disk
from tests.helpers.hub import LocalHub
from tests.helpers.package_index import Index
from tests.helpers.told import Told
from tests.unit.jobs.converting import CONVERTER, ROOT, Hub, asked, kind_of, write_checkpoint
from tests.unit.jobs.making import CancelsAt, begin, refused


def test_the_toolkit_is_installed_and_a_file_is_made(
    home: Paths, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("SOME_SETTING", "of the user")
    look, target = tmp_path / "look.json", tmp_path / "out" / "{guide}.gguf"
    folder = write_checkpoint(tmp_path / "guide", look=str(look))
    (folder / "evil.py").write_text("raise SystemExit", "utf-8")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {}}), "utf-8")
    kind, told = kind_of(home), Told()
    made = kind.run(begin(kind, asked(folder, target), told))

    assert target.read_bytes() == demo_model().read_bytes()
    facts = json.loads((target.parent / "{guide}.gguf.made.json").read_text("utf-8"))
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert facts["made_from"]["sha256"]["model.safetensors"] == weights
    assert sorted(path.name for path in target.parent.iterdir()) == [
        "{guide}.gguf", "{guide}.gguf.made.json",
    ]  # fmt: skip
    assert made["path"] == str(target) and made["own_code"] is True
    assert any("is not run" in line for line in told.lines)
    assert any("MB to get" in line for line in told.lines)
    steps = [step for step in told.steps if step.what == "converting to q8_0" and step.total]
    assert [(step.done, step.total) for step in steps] == [(40, 100), (100, 100)]

    seen = json.loads(look.read_text("utf-8"))
    assert seen["files"] == ["config.json", "do.json", "model.safetensors", "tokenizer.model"]
    assert seen["name"] == "guide" and seen["environment"]["HF_HUB_OFFLINE"] == "1"
    assert not {"HF_TOKEN", "SOME_SETTING"} & set(seen["environment"])
    there = root_of(home) / pins.ENGINE_VERSION / "llama.cpp"
    assert sorted(path.name for path in there.iterdir()) == [
        "conversion", "convert_hf_to_gguf.py", "convert_lora_to_gguf.py",
    ]  # fmt: skip
    assert not list(home.work.iterdir()) and not list(root_of(home).rglob("escaped.py"))

    # After a restart at its very end the job knows its own file, and does not make it again.
    first = begin(kind, asked(folder, tmp_path / "another.gguf"))
    kind.run(first)
    look.unlink()
    again = JobContext(first.job, Told(), CancelToken(), lambda name, value: None)
    again.done.update(first.done)
    assert kind.run(again)["path"] == str(tmp_path / "another.gguf") and not look.exists()

    # The second one needs nothing of the index.
    index.asked.clear()
    second = asked(folder, target, replace=True)
    kind.run(begin(kind, second))
    assert index.asked == []
    assert refused(lambda: kind.plan(asked(folder, target))).code is ErrorCode.OUTPUT_EXISTS


def test_what_the_converter_ends_with_is_explained(home: Paths, tmp_path: Path) -> None:
    kind, target = kind_of(home), tmp_path / "out" / "x.gguf"
    folder = write_checkpoint(tmp_path / "guide", what="pre-tokenizer")
    error = refused(lambda: kind.run(begin(kind, asked(folder, target))))
    assert error.code is ErrorCode.TOKENIZER_UNKNOWN and error.params["hash"] == "ab" * 32

    error = refused(lambda: kind.run(begin(kind, asked(
        write_checkpoint(tmp_path / "odd", what="crash"), target))))  # fmt: skip
    assert error.code is ErrorCode.ENGINE_TOOL_FAILED
    assert "Can not map tensor 'model.odd.weight'" in str(error.params["reason"])

    broken = write_checkpoint(tmp_path / "broken", file=str(CONVERTER))
    error = refused(lambda: kind.run(begin(kind, asked(broken, target))))
    assert error.code.value.startswith("gguf"), "what it wrote is read before it gets its name"

    # Now the toolkit is there: what it does not know is told before the job waits.
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["architectures"] = ["OddForCausalLM"]
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    error = refused(lambda: kind.plan(asked(folder, target)))
    assert error.code is ErrorCode.ARCHITECTURE_UNSUPPORTED
    assert error.params["architecture"] == "OddForCausalLM"
    error = refused(lambda: kind.plan(asked(broken, target, projector=True)))
    assert error.code is ErrorCode.ARCHITECTURE_UNSUPPORTED
    assert list(target.parent.iterdir()) == [], "no half file is left"


def test_tensors_that_the_type_cannot_hold_are_named(home: Paths, tmp_path: Path) -> None:
    kind, told = kind_of(home), Told()
    folder = write_checkpoint(tmp_path / "guide", what="fallback")
    made = kind.run(begin(kind, asked(folder, tmp_path / "x.gguf"), told))
    assert made["fallbacks"] == ["blk.0.ffn_down.weight", "blk.1.ffn_down.weight"]
    assert any("2 tensors are F16 instead of q8_0" in line for line in told.lines)


def test_a_converter_that_is_killed_and_one_that_refuses_a_part(
    home: Paths, tmp_path: Path
) -> None:
    kind, target = kind_of(home), tmp_path / "out" / "x.gguf"
    folder = write_checkpoint(tmp_path / "killed", what="killed")
    error = refused(lambda: kind.run(begin(kind, asked(folder, target))))
    assert error.code is ErrorCode.ENGINE_TOOL_FAILED
    assert error.params["reason"] == "ended by SIGKILL"
    folder = write_checkpoint(tmp_path / "refused", what="refused")
    error = refused(lambda: kind.run(begin(kind, asked(folder, target))))
    assert error.code is ErrorCode.ARCHITECTURE_UNSUPPORTED
    assert error.params["architecture"] == "InnerForCausalLM"
    assert list(target.parent.iterdir()) == [] and list(home.work.iterdir()) == []


def test_a_model_in_a_model_is_known_by_its_inner_architecture(home: Paths, tmp_path: Path) -> None:
    kind = kind_of(home)
    kind.run(begin(kind, asked(write_checkpoint(tmp_path / "first"), tmp_path / "x.gguf")))
    folder = write_checkpoint(tmp_path / "guide")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["architectures"] = ["LlavaForConditionalGeneration"]
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    params = asked(folder, tmp_path / "y.gguf")
    assert refused(lambda: kind.plan(params)).code is ErrorCode.ARCHITECTURE_UNSUPPORTED
    config["text_config"] = {"architectures": ["LlamaForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    assert kind.plan(params) == ["toolkit", "hash", "convert"]
    assert kind.plan({**params, "projector": True}) == ["toolkit", "hash", "convert"]


def test_a_disk_that_fills_up_in_the_middle(
    home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = kind_of(home)
    folder = write_checkpoint(tmp_path / "guide", what="full")
    with small_disk(tmp_path) as disk:
        params = asked(folder, disk / "x.gguf")
        error = refused(lambda: kind.run(begin(kind, params)))
        assert error.code is ErrorCode.DISK_FULL and "are free" in str(error)
        monkeypatch.setattr("quantize.whole.check_room", lambda folder, needed: None)
        error = refused(lambda: kind.run(begin(kind, params)))
        assert error.code is ErrorCode.DISK_FULL and "were free" in str(error)
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize("at", ["looking up", "making an", "getting", "installing", "trying"])
def test_an_install_that_is_stopped_is_no_toolkit_and_goes_on_later(home: Paths, at: str) -> None:
    kind, cancel = ToolkitKind(home), CancelToken()
    error = refused(lambda: kind.run(begin(kind, {}, CancelsAt(cancel, at), cancel)))
    assert error.code is ErrorCode.CANCELLED
    assert toolkit.find(root_of(home)) is None
    kind.run(begin(kind, {}))
    found = toolkit.find(root_of(home))
    assert found is not None and found.architectures == {"LlamaForCausalLM"}


def test_a_conversion_that_is_stopped_leaves_nothing(home: Paths, tmp_path: Path) -> None:
    look, target = tmp_path / "begun", tmp_path / "out" / "x.gguf"
    folder = write_checkpoint(tmp_path / "guide", what="wait", look=str(look))
    kind = kind_of(home)

    def stopped(told: Told | None, cancel: CancelToken) -> None:
        error = refused(lambda: kind.run(begin(kind, asked(folder, target), told, cancel)))
        assert error.code is ErrorCode.CANCELLED
        assert not target.parent.exists() or list(target.parent.iterdir()) == []

    for at in ("reading the checkpoint", "converting"):
        cancel = CancelToken()
        stopped(CancelsAt(cancel, at), cancel)

    # In the middle of the writing, by somebody else.
    def stop() -> None:
        while not look.exists() and not ended.wait(0.02):
            pass
        cancel.cancel()

    ended, cancel = threading.Event(), CancelToken()
    look.unlink(missing_ok=True)
    stopper = threading.Thread(target=stop)
    stopper.start()
    try:
        stopped(None, cancel)
    finally:
        ended.set()
        stopper.join()
    assert look.exists() and not list(home.work.iterdir())


def test_another_source_package_than_ours_is_refused(
    home: Paths, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = ToolkitKind(home)
    for module in (pins, toolkit):
        monkeypatch.setattr(module, "SOURCE_SHA256", "0" * 64)
    error = refused(lambda: kind.run(begin(kind, {})))
    assert error.code is ErrorCode.TOOLKIT_FAILED and "another source package" in str(error)
    assert not (root_of(home) / pins.ENGINE_VERSION / "llama.cpp").exists()


def test_content_that_is_not_what_the_index_says_is_refused(
    home: Paths, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = pins.SOURCE_SHA256
    rows = json.loads(index.page("llama-cpp-python"))
    rows["files"][0]["hashes"]["sha256"] = digest
    monkeypatch.setattr(index, "page", lambda project, true=index.page: (
        json.dumps(rows).encode() if project == "llama-cpp-python" else true(project)
    ))  # fmt: skip
    changed = {**index.files, "llama-cpp-python": {f"{ROOT}.tar.gz": b"something else"}}
    monkeypatch.setattr(index, "files", changed)
    kind = ToolkitKind(home)
    error = refused(lambda: kind.run(begin(kind, {})))
    assert error.code is ErrorCode.TOOLKIT_FAILED and "content" in str(error.params["reason"])
    assert toolkit.find(root_of(home)) is None


def test_an_index_without_the_packages_is_told_in_uvs_words(
    home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolkit, "REQUIREMENTS", ("missing-kit==1.0",))
    kind = ToolkitKind(home)
    error = refused(lambda: kind.run(begin(kind, {})))
    assert error.code is ErrorCode.TOOLKIT_FAILED and "missing-kit" in str(error.params["reason"])


def test_another_engine_makes_the_toolkit_new_and_takes_the_old_one_away(
    home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = root_of(home) / "0.3.1"
    old.mkdir(parents=True)
    (old / "large").write_bytes(b"x" * 1000)
    kind = ToolkitKind(home)
    state = kind.run(begin(kind, {}))
    assert state["installed"] and state["size_bytes"] > 0 and not old.exists()
    for module in (pins, toolkit):
        monkeypatch.setattr(module, "CONSTRAINTS", ("tinykit<2",))
    assert toolkit.find(root_of(home)) is None, "other packages are another toolkit"
    gone = kind.run(begin(kind, {"remove": True}))
    assert not gone["installed"] and gone["freed_bytes"] > 0 and not root_of(home).exists()


# --- from the hub


def test_a_checkpoint_on_the_hub_is_got_without_what_could_run(
    home: Paths, hub: LocalHub, tmp_path: Path
) -> None:
    look, target = tmp_path / "look.json", tmp_path / "out" / "x.gguf"
    folder = write_checkpoint(tmp_path / "guide", look=str(look))
    files = {path.name: path.read_bytes() for path in folder.iterdir()} | {
        "modeling_evil.py": b"raise SystemExit",
        "pytorch_model.bin": b"pickle",
        "consolidated.safetensors": b"the same again",
        "onnx/model.onnx": b"another form",
        "1_Pooling/config.json": b"{}",
    }
    hub.add_repo("maker/Guide-7B", files)
    kind, told = kind_of(home, Hub(home, hub.url)), Told()
    params = {"repo": "maker/Guide-7B", "output": str(target), "type": "f16"}
    assert kind.plan(params) == ["find", "download", "toolkit", "hash", "convert"]
    kind.run(begin(kind, params, told))
    assert target.read_bytes() == demo_model().read_bytes()
    seen = json.loads(look.read_text("utf-8"))
    assert seen["name"] == "Guide-7B", "what the model will be called"
    got = {path.name for path in (home.data / "hub").rglob("*") if path.is_file()}
    assert {"config.json", "model.safetensors", "tokenizer.model"} <= got
    assert not {"modeling_evil.py", "pytorch_model.bin", "consolidated.safetensors"} & got
    facts = json.loads((target.parent / "x.gguf.made.json").read_text("utf-8"))
    assert facts["made_from"]["checkpoint"] == "maker/Guide-7B"

    # Nothing is fetched twice.
    hub.clear_log()
    kind.run(begin(kind, {**params, "replace": True}))
    assert not [each for each in hub.requests if "resolve" in each.path]


def test_a_repository_that_holds_no_checkpoint(home: Paths, hub: LocalHub, tmp_path: Path) -> None:
    hub.add_repo("maker/gguf", {"model.gguf": b"GGUF", "config.json": b"{}"})
    hub.add_repo("maker/pickled", {"pytorch_model.bin": b"x", "config.json": b"{}"})
    kind = kind_of(home, Hub(home, hub.url))

    def told(repo: str, **more: Any) -> AppError:
        params = {"repo": repo, "output": str(tmp_path / "x.gguf"), **more}
        return refused(lambda: kind.run(begin(kind, params)))

    error = told("maker/gguf")
    assert error.code is ErrorCode.CHECKPOINT_INVALID and error.params["path"] == "maker/gguf"
    assert told("maker/pickled").code is ErrorCode.CHECKPOINT_PICKLED
    assert told("maker/none").code is ErrorCode.REMOTE_NOT_FOUND
    assert told("maker/gguf:Q4_K_M").code is ErrorCode.BAD_REQUEST
    assert told("no name").code is ErrorCode.BAD_REQUEST
    # Allowed, it is got, and the folder's own check goes on.
    assert "architecture" in str(told("maker/pickled", allow_pickle=True))
