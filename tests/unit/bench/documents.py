"""A valid result document for tests to store, compare and spoil."""

from __future__ import annotations

from typing import Any

from desktop.core.hardware.known import KnownSpeed, Status

SPEED = KnownSpeed(
    device="RTX 4090",
    vendor="nvidia",
    engine="llama.cpp",
    backend="cuda",
    bandwidth_gb_per_second=1008.0,
    bandwidth_source="",
    model="Qwen3 8B",
    architecture="qwen3",
    parameters=8_190_000_000,
    quant_type="Q4_K_M",
    size_bytes=5_000_000_000,
    prefill_test="pp512",
    prefill_tokens=512,
    prefill_tokens_per_second=5000.0,
    decode_test="tg",
    decode_tokens=None,
    decode_tokens_per_second=150.0,
    build="2026",
    source="example.org",
    status=Status.READ,
    notes="",
)


def result(test: str = "prefill", samples: tuple[float, ...] = (100.0, 101.0, 99.0), **more: Any):
    mean = sum(samples) / len(samples)
    return {
        "test": test,
        "tokens": 512 if test == "prefill" else 128,
        "depth": 0,
        "concurrency": 1,
        "tokens_per_second": mean,
        "median_tokens_per_second": sorted(samples)[len(samples) // 2],
        "stddev": 1.0,
        "samples": list(samples),
        "disturbed_requests": 0,
        **more,
    }


def document(name: str = "one", *, results: list[dict[str, Any]] | None = None, **more: Any):
    made: dict[str, Any] = {
        "schema": 1,
        "name": name,
        "created": 1_795_260_405.25,
        "model": {
            "id": "qwen3-8b:q4_k_m",
            "file": "Qwen3-8B-Q4_K_M.gguf",
            "fingerprint": "quick-00",
            "sha256": None,
            "size_bytes": 5_000_000_000,
            "architecture": "qwen3",
            "quant_type": "Q4_K_M",
            "parameters": 8_000_000_000,
        },
        "results": [result()] if results is None else results,
        "fingerprint": {
            "machine": {
                "cpu": "AMD EPYC",
                "logical_cores": 2,
                "gpus": [{"name": "NVIDIA L4"}],
                "bandwidth_gb_per_second": 20.0,
            },
            "runtime": {"id": "environment", "version": "0.5.0 (0c1e570)", "commit": "0c1e570"},
            "settings": {"threads": 2, "kv_type_k": "f16"},
        },
        "disturbed": None,
        "warnings": [],
    }
    return {**made, **more}
