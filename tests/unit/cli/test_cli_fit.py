"""`paddock fit`: files here, on a server and on the hub, priced by the real engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.errors import ErrorCode
from desktop.core.fit import pricing
from desktop.core.hardware import bandwidth
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.memory import MemoryInfo, probe_memory
from tests.helpers.file_server import FileServer
from tests.helpers.gguf_files import (
    ARR,
    STR,
    spm_vocab,
    write_adapter,
    write_hf_file,
    write_projector,
    write_split_llama,
    write_tiny_llama,
)
from tests.helpers.model_zoo import Spec, zoo
from tests.unit.cli.conftest import Paddock

MB = 1_000_000
SHA = "ab" * 32
PROMISED = {
    *("model", "context_tokens", "verdict", "total_bytes", "parts"),
    *("decode_tokens_per_second", "prefill_tokens_per_second"),
}

pytestmark = pytest.mark.usefixtures("engine_bin")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This machine's measured bandwidth, once for all tests here: it takes 2 s."""
    folder = tmp_path_factory.mktemp("measured")
    bandwidth.measure(folder, probe_cpu(), probe_memory())
    return bandwidth.cache_file(folder)


@pytest.fixture(autouse=True)
def known_bandwidth(measured: Path, own_environment: Path) -> None:
    kept = bandwidth.cache_file(own_environment / "cache")
    kept.parent.mkdir(parents=True)
    shutil.copyfile(measured, kept)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with FileServer() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        yield made


@pytest.fixture(scope="module")
def remote_model() -> tuple[bytes, int]:
    """An 8B model's header with a vocabulary of 150,000 and its merges; and its file's size."""
    made = zoo(Spec("qwen3", 36, 4096, 32, 8, 128, 12288, vocab=151_936, kind="Q4_K"))
    merges = [f"▁merge {number}" for number in range(151_387)]
    made.set("tokenizer.ggml.merges", ARR, (STR, merges))
    head = made.header()
    tensors = sum(-(-tensor.size // made.alignment) * made.alignment for tensor in made.tensors)
    return head, len(head) + tensors


def set_memory(monkeypatch: pytest.MonkeyPatch, available_bytes: int) -> None:
    real: MemoryInfo = probe_memory()
    given = replace(real, total_bytes=available_bytes, available_bytes=available_bytes)
    monkeypatch.setattr(pricing, "probe_memory", lambda: given)


# --- a file on a server


@pytest.mark.parametrize("ignore_range", [False, True], ids=["ranges", "whole file"])
def test_a_remote_file_is_priced_from_a_few_megabytes(
    paddock: Paddock, server: FileServer, remote_model: tuple[bytes, int], ignore_range: bool
) -> None:
    head, size = remote_model
    assert len(head) > 6 * MB and size > 4000 * MB
    server.add("/files/qwen3-8b-Q4_K.gguf", head, size=size, ignore_range=ignore_range)
    done = paddock("fit", f"{server.url}/files/qwen3-8b-Q4_K.gguf", "--ctx", "4096", "--json")
    assert done.code == 0, done.err
    document = done.document
    assert document["context_tokens"] == 4096
    assert document["size_bytes"] == size and document["architecture"] == "qwen3"
    assert document["total_bytes"]["source"] == "dry_run"
    weights = size - len(head)
    assert document["parts"]["weights_bytes"] >= 0.99 * weights
    cell = 36 * 8 * 128 * 2 * 2
    assert abs(document["parts"]["kv_bytes"] - 4096 * document["slots"] * cell) <= 2 << 20
    # The figure that matters: what went over the wire, socket buffers and all.
    print(
        f"sent {server.bytes_sent / MB:.1f} MB of {size / MB:.0f} MB, header {len(head) / MB:.1f}"
    )
    assert server.bytes_sent < 20 * MB
    again = paddock("fit", f"{server.url}/files/qwen3-8b-Q4_K.gguf", "--ctx", "4096", "--json")
    assert again.document["fetched_bytes"] == 0
    assert again.document["total_bytes"] == document["total_bytes"]


def test_the_document_has_the_promised_keys(paddock: Paddock) -> None:
    document = paddock("fit", "paddock-guide:q8_0", "--json").document
    assert document.keys() >= PROMISED
    assert document["verdict"] == "cpu"
    assert document["total_bytes"].keys() == {"value", "low", "high", "source"}
    assert document["parts"].keys() == {
        *("weights_bytes", "kv_bytes", "compute_bytes", "overhead_bytes")
    }
    assert sum(document["parts"].values()) == document["total_bytes"]["value"]
    for test in ("decode", "decode_full_context", "prefill"):
        speed = document[f"{test}_tokens_per_second"]
        assert 0 < speed["low"] < speed["value"] < speed["high"]
        assert speed["source"] in ("calibrated", "seed_table", "measured")
    loss = document["quality"]
    assert loss["level"] == "near_lossless" and loss["kld_mean"]["source"] == "seed_table"
    assert loss["same_top_rate"]["low"] < loss["same_top_rate"]["value"] < 1
    full = document["decode_full_context_tokens_per_second"]["value"]
    assert full <= document["decode_tokens_per_second"]["value"]


def test_a_machine_not_yet_measured_is_measured(paddock: Paddock, own_environment: Path) -> None:
    kept = bandwidth.cache_file(own_environment / "cache")
    kept.unlink()
    document = paddock("fit", "paddock-guide:q8_0", "--json").document
    assert document["decode_tokens_per_second"]["value"] > 0
    assert kept.exists()


def test_a_stub_leaves_nothing_behind(
    paddock: Paddock, server: FileServer, own_environment: Path
) -> None:
    made = zoo(Spec("llama", vocab=512))
    server.add("/m.gguf", made.to_bytes())
    assert paddock("fit", f"{server.url}/m.gguf").code == 0
    assert list((own_environment / "cache" / "stubs").iterdir()) == []


def test_a_file_that_is_no_model(paddock: Paddock, server: FileServer) -> None:
    server.add("/page.gguf", b"<html>nothing here</html>")
    done = paddock("fit", f"{server.url}/page.gguf", "--json")
    assert (done.code, done.document["error"]["code"]) == (1, "gguf_not_gguf")
    done = paddock("fit", f"{server.url}/gone.gguf")
    assert done.code == 1 and done.out == "" and "was not found" in done.err
    done = paddock("fit", "ftp://host/x.gguf", "--json")
    assert (done.code, done.document["error"]["code"]) == (1, "bad_request")


# --- on the hub


def test_a_quant_on_the_hub(
    paddock: Paddock, server: FileServer, remote_model: tuple[bytes, int]
) -> None:
    head, size = remote_model
    name = "qwen3-8b-Q4_K_M.gguf"
    server.add_listing(
        "Owner/Qwen3-GGUF",
        {
            name: {"size": size, "lfs": {"sha256": SHA, "size": size}},
            "qwen3-8b-Q8_0.gguf": 9_000_000_000,
            "mmproj-F16.gguf": 800_000_000,
        },
    )
    # The hub finds a repository however it is spelled, and says how it is.
    server.files["/api/models/owner/qwen3-gguf"] = server.files["/api/models/Owner/Qwen3-GGUF"]
    path = f"/Owner/Qwen3-GGUF/resolve/{'c' * 40}/{name}"
    server.add(path, head, size=size, etag=f'"{SHA}"')
    done = paddock("fit", "owner/qwen3-gguf:q4_k_m", "--ctx", "2048", "--parallel", "1", "--json")
    assert done.code == 0, done.err
    assert done.document["model"] == "Owner/Qwen3-GGUF:Q4_K_M"
    assert done.document["source"] == "hub"
    assert "projector_not_counted" in [each["code"] for each in done.document["warnings"]]
    asked = len(server.of(path))
    again = paddock("fit", "owner/qwen3-gguf:q4_k_m", "--ctx", "2048", "--parallel", "1")
    assert again.code == 0 and "~" in again.out
    assert len(server.of(path)) == asked  # the listing says that the content is the same


def test_what_the_hub_does_not_have(paddock: Paddock, server: FileServer) -> None:
    server.add_listing("owner/plain", {"model.safetensors": 5})
    server.add_listing("owner/quants", {"m-Q4_K_M.gguf": 5, "m-Q8_0.gguf": 5})
    cases = {
        "owner/plain:Q8_0": ErrorCode.HUB_NO_GGUF,
        "owner/quants:Q2_K": ErrorCode.HUB_QUANT_UNKNOWN,
        "owner/quants": ErrorCode.MODEL_AMBIGUOUS,
        "owner/none:Q8_0": ErrorCode.REMOTE_NOT_FOUND,
    }
    for name, code in cases.items():
        done = paddock("fit", name, "--json")
        assert (done.code, done.document["error"]["code"]) == (1, code.value), name
    assert "Q4_K_M, Q8_0" in paddock("fit", "owner/quants:Q2_K").err


def test_what_is_here_is_not_asked_for(
    paddock: Paddock, server: FileServer, tmp_path: Path
) -> None:
    raw = write_tiny_llama(tmp_path / "m.gguf").read_bytes()
    write_hf_file(tmp_path / "hf-home" / "hub", "owner/mine", "m-F16.gguf", raw)
    done = paddock("fit", "owner/mine:F16", "--json")
    assert (done.code, done.document["source"]) == (0, "library")
    assert server.asked == []


# --- files here


def test_a_file_and_its_parts(paddock: Paddock, tmp_path: Path) -> None:
    whole = write_tiny_llama(tmp_path / "whole.gguf", n_layers=3)
    parts = write_split_llama(tmp_path, "split", parts=3, n_layers=3)
    options = ("--ctx", "512", "--parallel", "1", "--json")
    one = paddock("fit", str(whole), *options).document
    split = paddock("fit", str(parts[1]), *options).document
    assert split["parts"] == one["parts"]
    parts[2].unlink()
    done = paddock("fit", str(parts[0]), "--json")
    assert done.document["error"]["code"] == "gguf_shard_missing"


def test_files_that_are_no_models_by_themselves(paddock: Paddock, tmp_path: Path) -> None:
    for path in (write_projector(tmp_path / "p.gguf"), write_adapter(tmp_path / "a.gguf")):
        done = paddock("fit", str(path))
        assert done.code == 1 and "cannot be loaded" in done.err
    done = paddock("fit", "no-such-model", "--json")
    assert done.document["error"]["code"] == "model_not_found"


# --- settings


def test_settings_change_the_price(paddock: Paddock, tmp_path: Path) -> None:
    path = str(
        write_tiny_llama(tmp_path / "m.gguf", n_layers=8, hidden=1024, n_heads=8, n_kv_heads=8)
    )

    def parts(*words: str) -> dict[str, int]:
        done = paddock("fit", path, "--json", *words)
        assert done.code == 0, done.err
        found: dict[str, int] = done.document["parts"]
        return found

    base = parts("--ctx", "2048", "--parallel", "1")
    assert parts("--ctx", "1024", "--parallel", "1")["kv_bytes"] == pytest.approx(
        base["kv_bytes"] / 2, abs=1 << 20
    )
    assert parts("--ctx", "2048", "--parallel", "2")["kv_bytes"] == pytest.approx(
        base["kv_bytes"] * 2, abs=1 << 20
    )
    smaller = parts("--ctx", "2048", "--parallel", "1", "--kv", "q8_0")["kv_bytes"]
    assert smaller == pytest.approx(base["kv_bytes"] * 34 / 64, abs=2 << 20)
    assert (
        parts("--ctx", "2048", "--parallel", "1", "--ubatch", "2048")["compute_bytes"]
        > base["compute_bytes"]
    )


def test_a_context_beyond_training_is_warned_of(paddock: Paddock, tmp_path: Path) -> None:
    path = str(write_tiny_llama(tmp_path / "m.gguf", context=2048))
    done = paddock("fit", path, "--ctx", "8192", "--json")
    assert done.code == 0
    assert [each["code"] for each in done.document["warnings"]] == ["context_beyond_training"]
    assert "2,048" in paddock("fit", path, "--ctx", "8192").err
    assert paddock("fit", path, "--ctx", "2048", "--json").document["warnings"] == []


@pytest.mark.parametrize("words", [("--ctx", "0"), ("--kv", "q5"), ("--ubatch", "x"), ()])
def test_wrong_usage(paddock: Paddock, words: tuple[str, ...]) -> None:
    assert paddock("fit", *(("m", *words) if words else ())).code == 2


# --- machines


def test_a_machine_without_memory(
    paddock: Paddock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write_tiny_llama(tmp_path / "m.gguf"))
    set_memory(monkeypatch, 0)
    done = paddock("fit", path, "--json")
    assert done.code == 0
    assert done.document["verdict"] == "wont_fit" and done.document["choices"] == []
    assert done.document["problem"]["code"] == "load_wont_fit"
    shown = paddock("fit", path).out
    assert "Won't fit." in shown and "; 0 MiB can be used" in shown and "smaller" in shown


def test_what_would_fit_is_offered(
    paddock: Paddock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.gguf"
    words = [f"▁word{number}" for number in range(1000)]
    write_tiny_llama(
        path,
        n_layers=8,
        hidden=1024,
        n_heads=8,
        n_kv_heads=8,
        context=65536,
        vocab=spm_vocab(words),
    )
    # 32 KiB a token: 2 GiB for 65,536 tokens in f16, and about half of it in q8_0.
    need = paddock("fit", str(path), "--ctx", "65536", "--parallel", "1", "--json").document
    total = need["total_bytes"]["value"]
    set_memory(monkeypatch, (1 << 30) + total * 3 // 4)
    done = paddock("fit", str(path), "--ctx", "65536", "--parallel", "2", "--json").document
    assert done["verdict"] == "wont_fit"
    kinds = [(each["kv_type"], each["slots"], each["context_tokens"]) for each in done["choices"]]
    assert kinds[:2] == [("q8_0", 1, 65536), ("q4_0", 1, 65536)]
    kind, slots, context = kinds[2]
    assert (kind, slots) == ("f16", 1) and 30_000 < context < 50_000
    room = done["available"][0]["room_bytes"]
    for choice in done["choices"]:
        assert choice["verdict"] == "cpu" and choice["total_bytes"]["value"] <= room
        words = ["--ctx", str(choice["context_tokens"]), "--kv", choice["kv_type"]]
        taken = paddock("fit", str(path), *words, "--parallel", "1", "--json").document
        assert taken["verdict"] == "cpu"
    shown = paddock("fit", str(path), "--ctx", "65536", "--parallel", "2").out
    assert "→ 65,536 tokens of context × 1 slot, KV cache q8_0" in shown


def test_a_context_too_large_even_to_ask(
    paddock: Paddock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write_tiny_llama(tmp_path / "m.gguf"))
    set_memory(monkeypatch, 256 << 20)
    done = paddock("fit", path, "--ctx", "16777216", "--json")
    assert (done.code, done.document["error"]["code"]) == (1, "load_wont_fit")


def test_the_table_for_people(paddock: Paddock) -> None:
    done = paddock("fit", "paddock-guide:q8_0", "--ctx", "1024")
    lines = done.out.splitlines()
    assert lines[0].startswith("paddock-guide:q8_0: ") and "Q8_0" in lines[0]
    assert [line.split("  ")[0] for line in lines[3:10]] == [
        *("PART", "Weights", "KV cache", "Compute", "Overhead", "In all", "Can be used")
    ]
    assert "CPU: it fits in RAM" in done.out
    assert "Decode ~ " in done.out and "prefill ~ " in done.out
