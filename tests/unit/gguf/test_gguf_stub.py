"""Stubs: nothing but a header and a hole, and the engine plans with them as with the real file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.estimate import HOST
from desktop.core.fit.memory import dry_run
from desktop.core.gguf import stub
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.stub import StubPart, sparse_model, write_stub
from tests.helpers.gguf_files import write_split_llama
from tests.helpers.model_zoo import Spec, zoo

posix = pytest.mark.skipif(os.name != "posix", reason="counts blocks as POSIX does")
GIB = 1 << 30


@pytest.fixture
def head(tmp_path: Path) -> Path:
    path = tmp_path / "head"
    path.write_bytes(b"GGUF" + bytes(range(256)) * 4096)
    return path


@posix
def test_a_stub_is_a_header_and_a_hole(head: Path, tmp_path: Path) -> None:
    raw = head.read_bytes()
    with sparse_model([StubPart(head, 353 * GIB)], tmp_path / "stubs") as path:
        status = path.stat()
        assert status.st_size == 353 * GIB
        assert status.st_blocks * 512 < len(raw) + (1 << 20)
        with path.open("rb") as stream:
            assert stream.read(len(raw) + 4096) == raw + bytes(4096)
    assert list((tmp_path / "stubs").iterdir()) == []


def test_parts_are_named_as_the_engine_looks_for_them(head: Path, tmp_path: Path) -> None:
    parts = [StubPart(head, head.stat().st_size + number) for number in range(3)]
    with sparse_model(parts, tmp_path / "stubs") as path:
        assert path.name == "model-00001-of-00003.gguf"
        files = sorted(path.parent.iterdir())
        assert [file.name[6:] for file in files] == [
            f"0000{number}-of-00003.gguf" for number in (1, 2, 3)
        ]
        assert [file.stat().st_size for file in files] == [part.size_bytes for part in parts]


def test_an_error_in_the_block_leaves_nothing(head: Path, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), sparse_model([StubPart(head, GIB)], tmp_path / "stubs"):
        raise ZeroDivisionError
    assert list((tmp_path / "stubs").iterdir()) == []


@posix
def test_a_file_system_without_holes_is_refused_before_it_is_full(
    head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT fills what lies between the end and the new end; so does this stand-in for it."""
    written: list[int] = []

    def fill(stream: object, size_bytes: int) -> None:
        descriptor = stream.fileno()  # type: ignore[attr-defined]
        os.pwrite(descriptor, bytes(size_bytes - os.fstat(descriptor).st_size), 1 << 20)
        written.append(size_bytes)

    monkeypatch.setattr(stub, "_extend", fill)
    with (
        pytest.raises(AppError) as caught,
        sparse_model([StubPart(head, 353 * GIB)], tmp_path / "stubs"),
    ):
        pass
    assert caught.value.code is ErrorCode.SPARSE_UNSUPPORTED
    assert str(tmp_path / "stubs") in caught.value.cause
    assert len(written) == 1 and written[0] < 32 << 20
    assert list((tmp_path / "stubs").iterdir()) == []


@posix
def test_a_file_larger_than_allowed_is_refused(head: Path, tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, before[1]))
    try:
        with pytest.raises(AppError) as caught:
            write_stub(StubPart(head, GIB), tmp_path / "stub.gguf")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code is ErrorCode.SPARSE_UNSUPPORTED
    assert "file of this size" in caught.value.cause
    assert not (tmp_path / "stub.gguf").exists()


def test_what_is_missing_is_told(head: Path, tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        write_stub(StubPart(tmp_path / "gone", GIB), tmp_path / "stub.gguf")
    assert caught.value.code is ErrorCode.PATH_NOT_FOUND
    (tmp_path / "blocked").write_text("a file where the folder should be")
    with (
        pytest.raises(AppError) as caught,
        sparse_model([StubPart(head, GIB)], tmp_path / "blocked" / "stubs"),
    ):
        pass
    assert caught.value.code is ErrorCode.SPARSE_UNSUPPORTED


def test_what_a_killed_process_left_goes(head: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stubs"
    old, young = folder / "old", folder / "young"
    for each in (old, young):
        each.mkdir(parents=True)
        (each / "model.gguf").write_bytes(b"x")
    os.utime(old, (0, 0))
    with sparse_model([StubPart(head, GIB)], folder):
        assert not old.exists() and young.exists()


# --- the engine plans with them


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory, engine_bin: Path) -> Runtime:
    folder = environment_folder()
    assert folder is not None
    return read_runtime("environment", folder, tmp_path_factory.mktemp("cache"))


# Real models' dimensions, with a vocabulary cut to keep the test short.
SPECS = {
    "llama-8b": Spec("llama", 32, 4096, 32, 8, 128, 14336, vocab=8192, kind="Q4_K"),
    "qwen3-32b": Spec("qwen3", 64, 5120, 64, 8, 128, 25600, vocab=8192, kind="Q6_K"),
    "qwen3moe-30b": Spec(
        *("qwen3moe", 48, 2048, 32, 4, 128, 6144),
        vocab=8192,
        kind="Q4_K",
        experts=128,
        used=8,
        expert_ff=768,
    ),
    "gemma3-12b": Spec(
        "gemma3", 48, 3840, 16, 8, 256, 15360, vocab=8192, kind="Q8_0", window=1024, output=False
    ),
    "gpt-oss-20b": Spec(
        *("gpt-oss", 24, 2880, 64, 8, 64, 2880),
        vocab=8192,
        kind="MXFP4",
        embedding_kind="Q8_0",
        experts=32,
        used=4,
        expert_ff=2880,
        window=128,
    ),
}


@pytest.mark.parametrize("name", SPECS)
def test_the_engine_plans_with_a_stub(runtime: Runtime, tmp_path: Path, name: str) -> None:
    spec = SPECS[name]
    made = zoo(spec)
    head = tmp_path / "head"
    head.write_bytes(made.header())
    tensors = sum(-(-tensor.size // made.alignment) * made.alignment for tensor in made.tensors)
    size = head.stat().st_size + tensors
    assert size > 3 * GIB
    settings = LoadSettings(context_tokens=4096, slots=1, threads=1)
    with sparse_model([StubPart(head, size)], tmp_path / "stubs") as path:
        estimate = dry_run(runtime, path, settings, vocab_size=spec.vocab)
    (need,) = estimate.devices
    assert need.name == HOST
    # Weights are the tensors, and what the CPU packs anew beside them.
    assert tensors * 0.99 < need.weights_bytes.value < 2.2 * tensors
    plain = 4096 * spec.layers * spec.kv_heads * spec.head_dim * 2 * 2
    if spec.window:
        assert plain / 8 < need.kv_bytes.value < plain
    else:
        assert abs(need.kv_bytes.value - plain) <= 2 << 20


@pytest.mark.skipif(sys.platform == "win32", reason="compares real and sparse files")
def test_a_split_stub_costs_what_the_real_files_cost(runtime: Runtime, tmp_path: Path) -> None:
    paths = write_split_llama(tmp_path / "real", "tiny", parts=3, n_layers=6, hidden=512)
    parts = []
    with HeaderReader(None) as reader:
        for number, path in enumerate(paths):
            size = path.stat().st_size
            start = reader.read_start(path, size, path.name)
            head = tmp_path / f"head{number}"
            head.write_bytes(path.read_bytes()[: start.header_bytes])
            parts.append(StubPart(head, size))
    settings = LoadSettings(context_tokens=2048, slots=2, threads=1)
    with sparse_model(parts, tmp_path / "stubs") as stub_path:
        planned = dry_run(runtime, stub_path, settings, model="tiny", vocab_size=300)
        assert planned == dry_run(runtime, paths[0], settings, model="tiny", vocab_size=300)
        (stub_path.parent / "model-00002-of-00003.gguf").unlink()
        with pytest.raises(AppError):  # each part's stub is needed
            dry_run(runtime, stub_path, settings, vocab_size=300)
