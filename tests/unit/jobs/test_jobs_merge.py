"""Adapters merged into a model by the real tool: the weights are what the adapter makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.core.errors import ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.reader import HeaderReader
from desktop.core.jobs.handlers.merge import MergeKind
from desktop.core.jobs.handlers.split import JoinKind
from desktop.core.paths import Paths, paths
from quantize.make import sha256_of
from tests.helpers.disk import small_disk
from tests.helpers.gguf_files import F32, STR, Gguf, TensorSpec, write_lora, write_split_llama
from tests.helpers.gguf_files import write_tiny_llama as write_llama
from tests.helpers.tensor_data import contents, matrix
from tests.helpers.told import Told
from tests.unit.jobs.making import CancelsAt, begin, engine, read_with, refused

Json = dict[str, Any]
QUERY = "blk.0.attn_q.weight"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path / "home"))
    return paths().ensure()


@pytest.fixture
def kind(home: Paths) -> MergeKind:
    return kind_with(home)


def kind_with(home: Paths, without: str = "") -> MergeKind:
    def problem(models: Sequence[Path], adapter: Path) -> str | None:
        with HeaderReader(None, work_root=home.work) as reader:
            return reader.problem_with("adapter", models, adapter)

    found = engine(home.cache)
    tools = {name: path for name, path in found.tools.items() if name != without}
    build = replace(found, tools=tools)
    return MergeKind(home, read=read_with(home), problem=problem, current_runtime=lambda: build)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    return write_llama(folder / "model: f16.gguf")


@pytest.fixture(scope="module")
def adapter(folder: Path) -> Path:
    """Its name has what the exporter's options are separated by."""
    return write_lora(folder / "one, two:3.gguf")


def asked(model: Path, target: Path, *adapters: tuple[Path, float], **more: Any) -> Json:
    rows = [{"path": str(path), "scale": scale} for path, scale in adapters]
    return {"path": str(model), "output": str(target), "adapters": rows, **more}


def change(adapter: Path, scale: float) -> Any:
    """What the adapter adds to the first layer's queries: scale · alpha / rank · B·A."""
    a, b = (matrix(adapter, f"{QUERY}.lora_{half}") for half in "ab")
    return scale * 64.0 * (b @ a)  # its alpha is 64 times its rank


def test_what_the_adapter_changes_is_in_the_weights(
    kind: MergeKind, model: Path, adapter: Path, tmp_path: Path
) -> None:
    target, told = tmp_path / "out" / "merged.gguf", Told()
    result = kind.run(begin(kind, asked(model, target, (adapter, 0.5)), told))
    wanted = matrix(model, QUERY) + change(adapter, 0.5)
    assert np.abs(change(adapter, 0.5)).max() > 0.01, "it changes something"
    assert np.allclose(matrix(target, QUERY), wanted, rtol=1e-3, atol=1e-4)
    before, after = contents([model]), contents([target])
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"blk.0.attn_q.weight", "blk.1.attn_q.weight"}

    facts = json.loads((target.parent / "merged.gguf.made.json").read_text("utf-8"))
    cancel = CancelToken()
    assert facts["made_from"]["sha256"] == {model.name: sha256_of(model, cancel)}
    assert facts["made_from"]["adapters"] == [{"sha256": sha256_of(adapter, cancel), "scale": 0.5}]
    assert result["path"] == str(target) and not result["quantized"]
    assert len(list(target.parent.iterdir())) == 2
    assert any(step.what == "merging" for step in told.steps)


def test_two_adapters_and_a_second_time(
    kind: MergeKind, model: Path, adapter: Path, tmp_path: Path
) -> None:
    other, target = write_lora(tmp_path / "b.gguf", seed=8), tmp_path / "merged.gguf"
    params = asked(model, target, (adapter, 1.0), (other, -0.25))
    context = begin(kind, params)
    kind.run(context)
    wanted = matrix(model, QUERY) + change(adapter, 1.0) + change(other, -0.25)
    assert np.allclose(matrix(target, QUERY), wanted, rtol=1e-3, atol=1e-4)

    assert refused(lambda: kind.plan(params)).code is ErrorCode.OUTPUT_EXISTS
    made = target.stat().st_mtime_ns
    again = begin(kind, params, done=context.done)
    assert kind.run(again)["path"] == str(target), "after a restart it knows its own file"
    assert target.stat().st_mtime_ns == made

    short = write_lora(tmp_path / "short.gguf", n_layers=1)
    both = asked(model, tmp_path / "x.gguf", (adapter, 1.0), (short, 1.0))
    error = refused(lambda: kind.run(begin(kind, both)))
    assert error.code is ErrorCode.BAD_REQUEST and "one after another" in str(error)
    assert not (tmp_path / "x.gguf").exists()


def test_a_model_in_parts_and_a_joined_one(
    kind: MergeKind, home: Paths, model: Path, adapter: Path, tmp_path: Path
) -> None:
    parts = write_split_llama(tmp_path, "split", parts=3)
    whole, target = tmp_path / "whole.gguf", tmp_path / "merged.gguf"
    kind.run(begin(kind, asked(model, whole, (adapter, 1.0))))
    kind.run(begin(kind, asked(parts[1], target, (adapter, 1.0))))
    assert contents([target]) == contents([whole])
    facts = json.loads((tmp_path / "merged.gguf.made.json").read_text("utf-8"))
    assert list(facts["made_from"]["sha256"]) == [path.name for path in parts]

    joiner = JoinKind(read=read_with(home), current_runtime=lambda: engine(home.cache))
    joined = tmp_path / "joined.gguf"
    joiner.run(begin(joiner, {"path": str(parts[0]), "output": str(joined)}))
    kind.run(begin(kind, asked(joined, target, (adapter, 1.0), replace=True)))
    assert contents([target]) == contents([whole])


def test_a_quantized_model_is_told(kind: MergeKind, adapter: Path, tmp_path: Path) -> None:
    model, target = tmp_path / "q8.gguf", tmp_path / "merged.gguf"
    write_llama(model, type_name="Q8_0")
    told = Told()
    result = kind.run(begin(kind, asked(model, target, (adapter, 1.0)), told))
    assert result["quantized"] and any("stays lost" in line for line in told.lines)
    kinds = {name: kind for name, (kind, _, _) in contents([target]).items()}
    assert kinds[QUERY] == "F16" and kinds["blk.0.attn_k.weight"] == "Q8_0"


def test_what_does_not_belong_together(
    kind: MergeKind, home: Paths, model: Path, adapter: Path, tmp_path: Path
) -> None:
    target = tmp_path / "x.gguf"

    def error(*adapters: tuple[Path, float], base: Path = model) -> Any:
        return refused(lambda: kind.plan(asked(base, target, *adapters)))

    wide = write_lora(tmp_path / "wide.gguf", hidden=512)
    assert error((wide, 1.0)).code is ErrorCode.LOAD_MISMATCH
    other = write_lora(tmp_path / "other.gguf", architecture="qwen2")
    assert "qwen2" in str(error((adapter, 1.0), (other, 1.0)))
    deep = write_lora(tmp_path / "deep.gguf", n_layers=9)
    assert "blk.2.attn_q.weight" in str(error((deep, 1.0)))
    assert error((model, 1.0)).code is ErrorCode.LOAD_MISMATCH, "a model is no adapter"
    assert error((adapter, 1.0), base=adapter).code is ErrorCode.BAD_REQUEST
    assert error((tmp_path / "none.gguf", 1.0)).code is ErrorCode.PATH_NOT_FOUND
    assert error().code is ErrorCode.BAD_REQUEST
    assert error((adapter, float("inf"))).code is ErrorCode.BAD_REQUEST

    small = Gguf().set("general.architecture", STR, "llama").set("general.type", STR, "adapter")
    small.set("adapter.type", STR, "lora").set("adapter.lora.alpha", F32, 1.0)
    for half, dims in (("a", (256, 32)), ("b", (32, 256))):
        small.tensors.append(TensorSpec(f"{QUERY}.lora_{half}", dims, "Q8_0"))
    found = error((small.write(tmp_path / "small.gguf"), 1.0))
    assert found.code is ErrorCode.BAD_REQUEST and "Q8_0" in str(found)

    error_without = refused(
        lambda: kind_with(home, "llama-export-lora").plan(asked(model, target, (adapter, 1.0)))
    )
    assert error_without.code is ErrorCode.ENGINE_TOOL_MISSING


@pytest.mark.parametrize("at", ["reading the model", "joining the parts", "merging"])
def test_a_merge_that_is_stopped_leaves_nothing(
    kind: MergeKind, adapter: Path, tmp_path: Path, home: Paths, at: str
) -> None:
    parts, cancel = write_split_llama(tmp_path, "split", parts=2), CancelToken()
    target = tmp_path / "out" / "merged.gguf"
    context = begin(kind, asked(parts[0], target, (adapter, 1.0)), CancelsAt(cancel, at), cancel)
    assert refused(lambda: kind.run(context)).code is ErrorCode.CANCELLED
    assert not target.parent.exists() or not list(target.parent.iterdir())
    assert not list(home.work.iterdir())


def test_what_a_killed_service_left_is_removed(
    kind: MergeKind, model: Path, adapter: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "merged.gguf"
    left = target.parent / "merged.gguf.unfinished" / "model.gguf"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    kind.cancelled(asked(model, target, (adapter, 1.0)), {"output": str(target)})
    assert not list(target.parent.iterdir())


def test_a_full_disk_is_told_with_the_need(
    kind: MergeKind, model: Path, adapter: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path) as disk:
        params = asked(model, disk / "merged.gguf", (adapter, 1.0))
        error = refused(lambda: kind.run(begin(kind, params)))
        assert error.code is ErrorCode.DISK_FULL and "GiB are needed" in str(error)
        assert not list(disk.iterdir())
