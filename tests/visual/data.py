"""What a window shows that is in use: models, a conversation, requests, results, a machine.

Made up, but as long and as odd as the real ones: long names, a broken file, a slow reply.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop.core.engine.runtime import EngineDevice, Runtime, Version
from desktop.core.engine.store import RuntimeEntry
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.speed import DeviceSpeed
from desktop.core.fit.speed_book import Calibration
from desktop.core.hardware.bandwidth import Bandwidth, Rate
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.disk import DiskInfo
from desktop.core.hardware.facts import Deviation, LearnedFacts
from desktop.core.hardware.gpu import Gpu
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.probe import Hardware
from desktop.core.library.acceptance import Acceptance, Check, CheckName, Mark
from desktop.ui.tabs.machine.calibration import Known
from tests.helpers.entries import entry_json

Json = dict[str, Any]
MIB, GIB = 1 << 20, 1 << 30
NOW = 1_795_780_000.0  # 2026-11-27
DAY = 86_400.0
HOME = "/home/hanako"
HUB = f"{HOME}/.cache/huggingface/hub"
MODEL = "qwen3-8b:q4_k_m"
DEMO = "paddock-guide:q8_0"


# --- the library ----------------------------------------------------------------------------------


def acceptance(*checks: tuple[CheckName, Mark, str, Json]) -> Json:
    """Args: checks: name, mark, code, what fills its words."""
    made = tuple(Check(name, mark, code, params) for name, mark, code, params in checks)
    return Acceptance(NOW - 2 * DAY, "b10134", made).to_dict()


def entry(name: str, size: float, quant: str, billions: float, **more: Any) -> Json:
    """Args: size: in GiB; billions: of parameters."""
    known: Json = {
        "path": f"{HUB}/models--{name.replace(':', '--')}/snapshots/{'7c41b9e2' * 5}/model.gguf",
        "size_bytes": round(size * GIB),
        "disk_bytes": round(size * GIB),
        "architecture": "qwen3",
        "quant_type": quant,
        "context_tokens": 40_960,
        "source": "hf_cache",
        "repo": "Qwen/Qwen3-8B-GGUF",
        "revision": "7c41b9e2" * 5,
        "repo_file": "model.gguf",
        "name": name.split(":", 1)[0],
        "parameters": round(billions * 1e9),
        "bits_per_weight": size * GIB * 8 / max(1.0, billions * 1e9),
        "chat_template": True,
        "license": "apache-2.0",
        "shard_paths": ["one"],
        "fingerprint": "quick-5d0f7c31a9be44d2",
        "downloaded": True,
    }
    return entry_json(name, **{**known, **more})


TRUNCATED = AppError(
    ErrorCode.GGUF_TRUNCATED,
    path=f"{HOME}/Downloads/gemma-3-12b-it-Q5_K_M.gguf",
    have_bytes=round(3.1 * GIB),
    need_bytes=round(7.9 * GIB),
)
WONT_FIT = AppError(
    ErrorCode.LOAD_WONT_FIT,
    model="llama-3.3-70b-instruct:q4_k_m",
    need="44.6 GiB",
    available="14.8 GiB",
    device="RAM",
)
OFFLINE = AppError(
    ErrorCode.REMOTE_UNREACHABLE,
    url="hub.example/api/models/bartowski/Llama-3.2-3B-Instruct-GGUF",
    reason="Name or service not known.",
)
BROKEN = "gemma-3-12b-it:q5_k_m"
HUGE = "llama-3.3-70b-instruct:q4_k_m"
CODING = "Answer as a patient teacher of Rust does: short, with one example that compiles."
LIBRARY = [
    entry(
        MODEL,
        4.68,
        "Q4_K_M",
        8.19,
        aliases=["gpt-4o-mini", "default"],
        tags=["work", "日本語"],
        card={"system": CODING, "sampling": {"temperature": 0.6, "top_p": 0.95}},
        last_used=NOW - 3 * 3600,
        acceptance=acceptance(
            ("loads", "passed", "loads_ok", {"seconds": 3.2}),
            ("template", "passed", "template_ok", {}),
            ("stops", "passed", "stops_ok", {"tokens": 11}),
            ("tools", "failed", "tools_no_call", {}),
            ("schema", "passed", "schema_ok", {}),
            ("thinking", "passed", "thinking_ok", {}),
            ("embeddings", "skipped", "embeddings_none", {}),
            ("vision", "skipped", "vision_none", {}),
        ),
        upstream={"newer": True, "checked": NOW - DAY},
    ),
    entry(
        "llama3.2:3b",
        1.88,
        "Q4_K_M",
        3.21,
        source="folder",
        repo=None,
        downloaded=False,
        app="ollama",
        names=["llama3.2:3b"],
        path="/usr/share/ollama/.ollama/models/blobs/sha256-" + "dde5aa3f" * 8,
    ),
    entry(
        DEMO,
        0.0047,
        "Q8_0",
        0.0046,
        bundled=True,
        source="bundled",
        repo=None,
        architecture="llama",
        context_tokens=1024,
        license="mit",
        path="/opt/paddock/_internal/desktop/_resources/demo/paddock-guide-q8_0.gguf",
    ),
    entry("qwen3-4b-thinking-2507:q4_k_m", 2.33, "Q4_K_M", 4.02, context_tokens=262_144),
    entry(
        "qwen2.5-vl-7b-instruct-with-a-very-long-name-of-a-fine-tune:iq3_xxs",
        2.9,
        "IQ3_XXS",
        7.62,
        source="folder",
        repo=None,
        mmproj=f"{HOME}/models/mmproj-qwen2.5-vl-7b-f16.gguf",
        copies=[f"{HOME}/Downloads/qwen2.5-vl-7b-instruct-iq3_xxs.gguf"],
    ),
    entry(HUGE, 39.6, "Q4_K_M", 70.55, shard_paths=["1", "2"], context_tokens=131_072),
    entry("gpt-oss-20b:mxfp4", 11.28, "MXFP4", 20.91, context_tokens=131_072),
    entry("qwen3-embedding-0.6b:q8_0", 0.6, "Q8_0", 0.6, embedding=True, chat_template=False),
    entry("mmproj-qwen2.5-vl-7b:f16", 1.26, "F16", 0.68, kind="projector", source="folder"),
    entry(
        BROKEN,
        3.1,
        "",
        0,
        quant_type=None,
        parameters=None,
        bits_per_weight=None,
        context_tokens=None,
        architecture=None,
        license=None,
        repo=None,
        chat_template=False,
        broken=True,
        source="folder",
        error=TRUNCATED.to_dict(),
        path=f"{HOME}/Downloads/gemma-3-12b-it-Q5_K_M.gguf",
    ),
]


def loaded(name: str = MODEL, **more: Any) -> Json:
    """A model in the engine, ready unless told otherwise."""
    parts = {
        "name": "CPU",
        "weights_bytes": round(4.61 * GIB),
        "kv_bytes": round(1.12 * GIB),
        "compute_bytes": 312 * MIB,
    }
    foreseen = {**parts, "kv_bytes": round(1.13 * GIB), "overhead_bytes": 90 * MIB}
    return {
        "id": name,
        "state": "ready",
        "stage": "ready",
        "progress": 1.0,
        "memory_bytes": round(6.04 * GIB),
        "memory": [parts],
        "estimate": {"devices": [foreseen]},
        "settings": {"context_tokens": 8192, "slots": 4, "kv_type_k": "q8_0"},
        "slots": 4,
        **more,
    }


def loading(name: str, stage: str, progress: float | None) -> Json:
    return loaded(
        name,
        state="loading",
        stage=stage,
        progress=progress,
        memory_bytes=None,
        memory=[],
        estimate=None,
        settings=None,
    )


# --- the chat -------------------------------------------------------------------------------------

_ANSWER = {
    "en": """`Q4_K_M` keeps the weights in **4.8 bits** each instead of 16, so an 8B model shrinks \
from 16 GB to about 5 GB. Attention and output layers, which suffer most, get 6 bits.

| Quant | Bits per weight | Size | Quality lost |
|---|---:|---:|---|
| Q8_0 | 8.5 | 8.1 GiB | hardly any |
| Q5_K_M | 5.7 | 5.4 GiB | very little |
| **Q4_K_M** | 4.8 | 4.7 GiB | little |
| Q2_K | 3.2 | 3.1 GiB | a lot |

What a quant takes can be worked out before the download:

```python
def size_gib(parameters: float, bits_per_weight: float) -> float:
    \"\"\"Weights only; the KV cache comes on top.\"\"\"
    return parameters * bits_per_weight / 8 / 2**30

print(f"{size_gib(8.19e9, 4.8):.1f} GiB")  # 4.6 GiB
```

1. Take the **largest quant that fits** with the context you need.
2. Below 4 bits, a smaller model at Q4_K_M is mostly the better choice.
""",
    "ja": """`Q4_K_M` は重みを1つあたり16ビットではなく **4.8ビット**で持ちます。8Bのモデルなら、\
およそ16 GBが5 GBほどになります。影響を受けやすい注意機構と出力層には6ビットが割り当てられます。

| 量子化 | 重みあたりのビット数 | サイズ | 品質の低下 |
|---|---:|---:|---|
| Q8_0 | 8.5 | 8.1 GiB | ほぼなし |
| Q5_K_M | 5.7 | 5.4 GiB | ごくわずか |
| **Q4_K_M** | 4.8 | 4.7 GiB | わずか |
| Q2_K | 3.2 | 3.1 GiB | 大きい |

必要な大きさは、ダウンロードの前に計算できます。

```python
def size_gib(parameters: float, bits_per_weight: float) -> float:
    \"\"\"重みだけ。KVキャッシュは別に要ります。\"\"\"
    return parameters * bits_per_weight / 8 / 2**30

print(f"{size_gib(8.19e9, 4.8):.1f} GiB")  # 4.6 GiB
```

1. 必要なコンテキストで**収まる中でいちばん大きい**量子化を選びます。
2. 4ビットを下回るくらいなら、小さいモデルのQ4_K_Mのほうがたいてい優れています。
""",
}
_QUESTION = {
    "en": "What is Q4_K_M, and how do I know whether it fits into my 8 GB?",
    "ja": "Q4_K_Mとは何ですか。8 GBに収まるかどうかはどう見分けますか。",
}
_TITLES = {
    "en": (
        "What is Q4_K_M?",
        "Plan for a small garden",
        "Unit tests for a parser that reads very long lines",
        "Haiku about autumn",
        "Why is my GPU not used?",
    ),
    "ja": (
        "Q4_K_Mとは?",
        "小さな庭の計画",
        "とても長い行を読むパーサーの単体テストをどう書くか",
        "秋の俳句",
        "GPUが使われない理由",
    ),
}
_PREVIEWS = {
    "en": (
        "Below 4 bits, a smaller model at Q4_K_M is mostly the better choice.",
        "Beans, courgettes and marigolds like each other.",
        "Give it a line of ten million bytes and see what it keeps.",
        "A branch without leaves",
        "The engine in use was built without CUDA.",
    ),
    "ja": (
        "4ビットを下回るくらいなら、小さいモデルのQ4_K_Mのほうがたいてい優れています。",
        "いんげんとズッキーニとマリーゴールドは相性がよい組み合わせです。",
        "1千万バイトの行を渡して、何が残るかを確かめます。",
        "枯枝に烏のとまりけり",
        "使用中のエンジンはCUDAなしでビルドされています。",
    ),
}
_FIGURES = {
    "ttft_seconds": 0.42,
    "tokens_per_second": 41.3,
    "completion_tokens": 286,
    "prompt_tokens": 1534,
    "finish_reason": "stop",
}


def message(number: int, role: str, content: str, **more: Any) -> Json:
    answer = role == "assistant"
    return {
        "id": number,
        "conversation_id": 1,
        "parent_id": number - 1 or None,
        "role": role,
        "content": content,
        "reasoning": "",
        "state": "done",
        "model_id": MODEL if answer else None,
        "figures": dict(_FIGURES) if answer else None,
        "error": None,
        "created": NOW,
        **more,
    }


def thread(language: str) -> list[Json]:
    return [
        message(1, "user", _QUESTION[language]),
        message(2, "assistant", _ANSWER[language], reasoning=_QUESTION[language]),
    ]


def conversations(language: str) -> list[Json]:
    return [
        {
            "id": number,
            "title": title,
            "model_id": MODEL,
            "system": "",
            "sampling": {},
            "current": 2 if number == 1 else None,
            "created": NOW - number * DAY,
            "updated": NOW - (number - 1) ** 3 * DAY,
            "deleted": None,
            "preview": _PREVIEWS[language][number - 1],
            "message_count": 2,
        }
        for number, title in enumerate(_TITLES[language], 1)
    ]


# --- benchmarks -----------------------------------------------------------------------------------


def result(test: str, mean: float, **more: Any) -> Json:
    return {
        "test": test,
        "tokens": 512 if test == "prefill" else 128,
        "depth": 0,
        "concurrency": 1,
        "tokens_per_second": mean,
        "median_tokens_per_second": mean,
        "stddev": mean * 0.012,
        "samples": [mean, mean * 1.012, mean * 0.988],
        "disturbed_requests": 0,
        **more,
    }


def document(name: str, created: float, prefill: float, decode: float, threads: int) -> Json:
    return {
        "schema": 1,
        "name": name,
        "created": created,
        "model": {
            "id": MODEL,
            "file": "Qwen3-8B-Q4_K_M.gguf",
            "fingerprint": "quick-00",
            "sha256": None,
            "size_bytes": round(4.68 * GIB),
            "architecture": "qwen3",
            "quant_type": "Q4_K_M",
            "parameters": 8_190_000_000,
        },
        "results": [
            result("prefill", prefill),
            result("decode", decode),
            result("prefill", prefill * 0.71, depth=4096),
            result("decode", decode * 0.82, depth=4096),
        ],
        "fingerprint": {
            "machine": {"cpu": "AMD Ryzen 7 7840U", "gpus": []},
            "runtime": {"id": "environment", "version": "b6123 (0c1e570)", "commit": "0c1e570"},
            "settings": {"threads": threads},
        },
        "disturbed": None,
        "warnings": [],
    }


DOCUMENTS = [
    document("qwen3-8b 4 threads", NOW - 2 * DAY, 61.4, 8.62, 4),
    document("qwen3-8b 8 threads", NOW - DAY, 98.7, 10.94, 8),
    document("qwen3-8b after update", NOW, 117.2, 11.02, 8),
]
BENCH_JOB: Json = {
    "id": 7,
    "kind": "bench",
    "params": {"model": MODEL},
    "state": "running",
    "steps": ["prefill 512 @ 0", "decode 128 @ 0", "prefill 512 @ 4096", "decode 128 @ 4096"],
    "steps_done": ["prefill 512 @ 0"],
    "result": None,
    "error": None,
    "progress": {"what": "decode 128 @ 0", "done": 3, "total": 8, "unit": ""},
    "finished": None,
}


# --- the machine ----------------------------------------------------------------------------------

RAM = MemoryInfo(
    16 * GIB, round(7.4 * GIB), 32 * GIB, "/sys/fs/cgroup/memory.max", "ram", 8 * GIB, GIB
)
CPU = CpuInfo(
    "AMD Ryzen 7 7840U w/ Radeon 780M Graphics",
    "x86_64",
    8,
    16,
    12,
    usable_physical_cores=6,
    instruction_sets=("avx2", "fma", "f16c", "avx512", "avx512_vnni", "avx512_bf16"),
)
BANDWIDTH = Bandwidth(57.4, (Rate(8, 57.4),), (), GIB, True, 0.0, 3 * DAY, True)
_DISK = DiskInfo(
    f"{HOME}/.cache/huggingface/hub", 931 * GIB, 212 * GIB, "ext4", "/", False, True, None, False,
    False,
)  # fmt: skip
_SHARE = DiskInfo(
    "/mnt/team/models", 7300 * GIB, 610 * GIB, "nfs4", "/mnt/team", False, False, None, True, False
)
GPU = Gpu(
    "NVIDIA GeForce RTX 4090",
    "cuda",
    24 * GIB,
    round(21.2 * GIB),
    round(2.8 * GIB),
    driver_version="580.95.05",
    cuda_driver_version="13.0",
    memory_bandwidth_gb_per_second=1008.0,
)
LAPTOP = Hardware(CPU, RAM, (), (), BANDWIDTH, (_DISK, replace(_DISK, folder=f"{HOME}/.local")))
DESKTOP = Hardware(CPU, RAM, (GPU,), (), None, (_DISK, _SHARE))
RUNTIME = Runtime(
    "environment",
    Path("/opt/paddock/engine"),
    Path("/opt/paddock/engine/bin"),
    {},
    Version("6123", "0c1e570", "version: 6123 (0c1e570)"),
    (),
    frozenset({"backend:cpu"}),
)
_CUDA = EngineDevice("CUDA0", "NVIDIA GeForce RTX 4090", "cuda", 24 * GIB, 21 * GIB)
ENGINES = [
    RuntimeEntry("environment", "environment", RUNTIME.folder, RUNTIME),
    RuntimeEntry(
        "cuda-b6123",
        "built",
        Path(f"{HOME}/.local/share/paddock/runtimes/cuda-b6123"),
        replace(
            RUNTIME,
            id="cuda-b6123",
            devices=(_CUDA,),
            capabilities=frozenset({"backend:cpu", "backend:cuda"}),
        ),
    ),
    RuntimeEntry(
        "old",
        "linked",
        Path(f"{HOME}/src/llama.cpp/build"),
        error=AppError(
            ErrorCode.ENGINE_BAD_RUNTIME,
            path=f"{HOME}/src/llama.cpp/build",
            reason="llama-server is missing.",
        ),
    ),
]
BUILD_JOB: Json = {
    **BENCH_JOB,
    "id": 9,
    "kind": "engine_build",
    "params": {"backend": "cuda", "name": "cuda"},
    "progress": {"what": "compiling", "done": 212, "total": 640, "unit": ""},
}

CALIBRATE_JOB: Json = {
    **BENCH_JOB,
    "id": 10,
    "kind": "calibrate",
    "params": {},
    "progress": {"what": "decode", "done": 21.0, "total": 50.0, "unit": "seconds"},
}
KNOWN_SPEEDS = Known(
    (
        Calibration(
            DeviceSpeed("6123 0c1e570", "cpu", f"{CPU.name} × 6", (), {}, {}, spread_decode=0.09),
            NOW - 3 * DAY,
        ),
    ),
    LearnedFacts(
        (CPU.name,),
        {"total_bytes": Deviation(42, 0.004, 0.021)},
        {"decode": Deviation(318, 0.061, 0.24, 0.87), "prefill": Deviation(301, 0.12, 0.4, 0.8)},
    ),
)

# What is nobody's to translate: names, and reasons that come from elsewhere.
NAMES = frozenset(
    [
        *(each["name"] for each in DOCUMENTS),
        CPU.name,
        GPU.name,
        "llama-server is missing.",
        "Name or service not known.",
        "Access to this model is restricted.",
    ]
)
