"""Deaths of the engine, recorded, in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.core.engine.explain import explain
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.loglines import Scrubber, parse_line
from desktop.core.errors import ErrorCode

DATA = Path(__file__).parents[2] / "data" / "engine"
C = ErrorCode


def lines_of(name: str) -> list[str]:
    """The lines of a recording as they lie in the log."""
    scrubber, kept = Scrubber(""), []
    for suffix in (".out", ".err"):
        path = DATA / (name + suffix)
        for raw in path.read_bytes().splitlines() if path.exists() else ():
            line = parse_line(raw)
            text = scrubber.text(line) if line is not None else None
            if text is not None:
                kept.append(text)
    return kept


@pytest.mark.parametrize(
    ("name", "returncode", "code", "words"),
    [
        ("died_unknown_architecture", 1, C.ENGINE_UNKNOWN_ARCHITECTURE, "zorkk"),
        ("died_corrupt_cut", 1, C.ENGINE_CORRUPT_MODEL, "not within the file bounds"),
        ("died_corrupt_magic", 1, C.ENGINE_CORRUPT_MODEL, "Invalid magic"),
        ("died_corrupt_shape", 1, C.ENGINE_CORRUPT_MODEL, "invalid n_rot"),
        ("died_missing_file", 1, C.ENGINE_CORRUPT_MODEL, "No such file"),
        ("died_bad_flag", 1, C.ENGINE_BAD_FLAG, "--no-such-flag"),
        ("died_bad_value", 1, C.ENGINE_BAD_FLAG, "q9_9"),
        ("died_kv_needs_flash_attention", 1, C.ENGINE_BAD_FLAG, "flash attention"),
        ("died_port_taken", 1, C.ENGINE_PORT_TAKEN, "18802"),
        ("died_out_of_memory_kv", 1, C.ENGINE_OUT_OF_MEMORY, "3.8 GiB"),
        ("handmade_died_cuda_out_of_memory", 1, C.ENGINE_OUT_OF_MEMORY, "20.0 GiB"),
        ("handmade_died_vulkan_out_of_memory", 1, C.ENGINE_OUT_OF_MEMORY, "The GPU"),
        ("handmade_died_metal_out_of_memory", 1, C.ENGINE_OUT_OF_MEMORY, "12.0 GiB"),
        ("handmade_died_missing_library", 127, C.ENGINE_MISSING_LIBRARY, "libcuda.so.1"),
        ("handmade_died_cuda_error", -6, C.ENGINE_DIED, "illegal memory access"),
    ],
)
def test_recorded_deaths(name: str, returncode: int, code: ErrorCode, words: str) -> None:
    error = explain(lines_of(name), returncode, LoadSettings(), "tiny")
    assert error.code is code
    assert words in error.cause
    assert "(reason)" not in str(error) and "(model)" not in error.title


def test_a_kill_from_outside_and_one_by_the_kernel() -> None:
    settings = LoadSettings(context_tokens=8192, slots=4)
    error = explain(["x"], -9, settings, "m", kernel_log=lambda: "")
    assert error.code is C.ENGINE_KILLED
    error = explain(["x"], -9, settings, "m", kernel_log=lambda: "Out of memory: Killed process 1")
    assert error.code is C.ENGINE_OUT_OF_MEMORY
    assert "4 × 8192" in error.cause


def test_the_most_telling_line() -> None:
    lines = ["loading", "/src/x.cpp:12: GGML_ASSERT(n > 0) failed", "[New LWP 12]", ""]
    error = explain(lines, -6, LoadSettings(), "m", was_ready=True)
    assert error.code is C.ENGINE_DIED
    assert "GGML_ASSERT(n > 0) failed" in error.cause and "SIGABRT" in error.cause
    assert "It said nothing" in explain([], 3, LoadSettings(), "m").cause


def test_a_served_models_death_is_not_its_files_fault() -> None:
    lines = ["error: gguf_init_from_file: something long ago", "error: srv x: decode() failed"]
    error = explain(lines, -11, LoadSettings(), "m", was_ready=True)
    assert error.code is C.ENGINE_DIED
