"""Checkpoints as strangers share them: what is wrong is told; nothing leads out of the folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import demo_model
from quantize import checkpoint

Json = dict[str, Any]


def safetensors(tensors: Json, data: bytes) -> bytes:
    header = json.dumps(tensors).encode()
    return len(header).to_bytes(8, "little") + header + data


def tensor(start: int, end: int, dtype: str = "F16") -> Json:
    return {"dtype": dtype, "shape": [(end - start) // 2], "data_offsets": [start, end]}


SOUND = safetensors({"__metadata__": {"format": "pt"}, "a": tensor(0, 8), "b": tensor(8, 12)},
                    b"x" * 12)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of two files with an index."""
    place = tmp_path / "model"
    place.mkdir()
    write(place / "config.json", {"architectures": ["LlamaForCausalLM"]})
    (place / "model-00001-of-00002.safetensors").write_bytes(SOUND)
    other = safetensors({"c": tensor(0, 4)}, b"x" * 4)
    (place / "model-00002-of-00002.safetensors").write_bytes(other)
    names = {"a": 1, "b": 1, "c": 2}
    write(place / "model.safetensors.index.json", {
        "weight_map": {key: f"model-0000{n}-of-00002.safetensors" for key, n in names.items()}
    })  # fmt: skip
    return place


def write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document), "utf-8")


def refused(folder: Path, **options: bool) -> AppError:
    with pytest.raises(AppError) as caught:
        checkpoint.read(folder, **options)
    return caught.value


def test_a_sound_one_is_read(folder: Path) -> None:
    found = checkpoint.read(folder)
    assert found.architecture == "LlamaForCausalLM" and found.values == 8
    assert [path.name[6:11] for path in found.weights] == ["00001", "00002"]
    assert not found.pickled and not found.own_code
    assert found.size_bytes == sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    bundled = checkpoint.read(demo_model().parent)
    # As resources/demo/README.md says; tied embeddings are there once.
    assert 4_400_000 < bundled.values < 4_600_000


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").code is ErrorCode.PATH_NOT_FOUND
    error = refused(tmp_path)
    assert error.code is ErrorCode.CHECKPOINT_INVALID and "config.json" in str(error)
    write(tmp_path / "adapter_config.json", {})
    assert "LoRA" in str(refused(tmp_path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ("[" * 100_000, "JSON"),
        ("{}", "architecture"),
        ('{"architectures": [7]}', "architecture"),
    ],
    ids=["cut off", "a list", "deep", "empty", "a number"],
)
def test_a_config_that_says_nothing(folder: Path, text: str, words: str) -> None:
    (folder / "config.json").write_text(text, "utf-8")
    error = refused(folder)
    assert error.code is ErrorCode.CHECKPOINT_INVALID and words in str(error)


@pytest.mark.parametrize("indexed", [True, False])
def test_missing_shards_are_named(folder: Path, indexed: bool) -> None:
    if not indexed:
        (folder / "model.safetensors.index.json").unlink()
    (folder / "model-00002-of-00002.safetensors").unlink()
    error = refused(folder)
    assert error.code is ErrorCode.CHECKPOINT_INCOMPLETE and error.params["count"] == 1
    assert error.params["files"] == "model-00002-of-00002.safetensors"


@pytest.mark.parametrize(
    "name",
    ["../model.safetensors", "/etc/passwd", "..\\x.safetensors", "c:x.safetensors", "evil.py",
     "a\nb.safetensors"],
)  # fmt: skip
def test_an_index_may_not_lead_out_of_the_folder(folder: Path, name: str) -> None:
    write(folder / "model.safetensors.index.json", {"weight_map": {"a": name}})
    error = refused(folder)
    assert error.code is ErrorCode.CHECKPOINT_INVALID and "leads out" in str(error)


def test_an_index_that_names_what_is_not_there(folder: Path) -> None:
    index = {"weight_map": {"odd": "model-00001-of-00002.safetensors"}}
    write(folder / "model.safetensors.index.json", index)
    assert "odd" in str(refused(folder))
    write(folder / "model.safetensors.index.json", {"weight_map": {}})
    assert "weight_map" in str(refused(folder))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no safetensors"),
        (b"\xff" * 64, "no safetensors"),
        (SOUND[:20], "cut off"),
        (SOUND[:-1], "cut off"),
        (SOUND + b"x", "longer"),
        ((9).to_bytes(8, "little") + b"no header", "broken"),
        (safetensors({"a": tensor(0, 8), "b": tensor(4, 12)}, b"x" * 12), "overlap"),
        (safetensors({"a": tensor(4, 8)}, b"x" * 8), "holes"),
        (safetensors({"a": {**tensor(0, 8), "shape": [5]}}, b"x" * 8), "shape"),
        (safetensors({"a": {**tensor(0, 8), "shape": [-4]}}, b"x" * 8), "shape"),
        (safetensors({"a": tensor(0, 8, "ODD")}, b"x" * 8), "broken"),
        (safetensors({"a": 7}, b""), "broken"),
        (safetensors({"a": {**tensor(0, 8), "data_offsets": [0]}}, b"x" * 8), "broken"),
    ],
)
def test_weights_that_are_broken(folder: Path, content: bytes, words: str) -> None:
    path = folder / "model-00001-of-00002.safetensors"
    path.write_bytes(content)
    error = refused(folder)
    assert error.code is ErrorCode.CHECKPOINT_INVALID and words in str(error)
    assert error.params["path"] == str(path)


def test_pickles_are_read_only_where_that_is_allowed(folder: Path) -> None:
    for path in folder.glob("model*"):
        path.unlink()
    assert "no weights" in str(refused(folder))
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    error = refused(folder)
    assert error.code is ErrorCode.CHECKPOINT_PICKLED
    assert error.params["file"] == "pytorch_model.bin"
    assert checkpoint.read(folder, allow_pickle=True).pickled


@pytest.mark.parametrize("link", [None, os.link, os.symlink])
def test_the_converter_sees_what_it_may_read_and_nothing_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: Callable[..., None] | None
) -> None:
    def denied(*given: object) -> None:
        raise OSError("no such rights")

    for name in ("link", "symlink"):
        if link is None or link.__name__ != name:
            monkeypatch.setattr(checkpoint.os, name, denied)
    for name in ("evil.py", "pytorch_model.bin", "run.sh"):
        (folder / name).write_text("no", "utf-8")
    for name in ("tokenizer.model", "chat_template.jinja", "merges.txt"):
        (folder / name).write_text("yes", "utf-8")
    pooling = folder / "1_Pooling"
    pooling.mkdir()
    write(pooling / "config.json", {"pooling_mode_mean_tokens": True})
    (pooling / "evil.py").write_text("no", "utf-8")
    found = checkpoint.read(folder)
    place = tmp_path / "private" / "model"
    checkpoint.show(found, place)
    seen = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert seen == {
        "config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors", "tokenizer.model", "chat_template.jinja", "merges.txt",
        "1_Pooling/config.json",
    }  # fmt: skip
    assert (place / "model-00001-of-00002.safetensors").read_bytes() == SOUND
    shutil.rmtree(place)
    assert (folder / "model-00001-of-00002.safetensors").read_bytes() == SOUND


def test_code_that_a_checkpoint_names_is_told(folder: Path) -> None:
    write(folder / "tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}})
    assert checkpoint.read(folder).own_code
