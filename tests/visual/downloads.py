"""Downloads that are made up, and what the hub is made up to have found."""

from __future__ import annotations

from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.client import SearchResult
from desktop.core.hub.facts import FoundRepo
from desktop.core.hub.files import Listing, RepoFile
from desktop.core.hub.repository import Repository
from tests.visual.data import DAY, GIB, MIB, NOW, OFFLINE

Json = dict[str, Any]
STEPS = ["resolve", "fetch", "register"]
QWEN = "unsloth/Qwen3-8B-GGUF"
DENIED = AppError(
    ErrorCode.REMOTE_DENIED,
    url="hub.example/meta-llama/Llama-3.3-70B-Instruct-GGUF",
    status=401,
    reason="Access to this model is restricted.",
)
FULL = AppError(
    ErrorCode.DISK_FULL,
    path="/srv/models/hub",
    reason="The download needs 23.0 GiB more, and 6.1 GiB are free there.",
    needed_bytes=23 * GIB,
    free_bytes=round(6.1 * GIB),
)


def file(path: str, size: int, done: int, state: str, verified: int | None = None) -> Json:
    return {
        "path": path,
        "size_bytes": size,
        "done_bytes": done,
        "verified_bytes": done if verified is None else verified,
        "state": state,
    }


def progress(files: list[Json], *, speed: float | None = None, **more: Any) -> Json:
    """As the downloader reports it."""
    done, total = (sum(each[k] for each in files) for k in ("done_bytes", "size_bytes"))
    return {
        "what": "downloading",
        "done": done,
        "total": total,
        "unit": "bytes",
        "detail": {
            "files": files,
            "bytes_per_second": speed,
            "seconds_left": None if not speed else (total - done) / speed,
            "connections": 8,
            "verified_bytes": sum(each["verified_bytes"] for each in files),
            "notes": [],
            **more,
        },
    }


def job(number: int, model: str, state: str = "queued", **more: Any) -> Json:
    return {
        "id": number,
        "kind": "download",
        "params": {"model": model, "projector": True, "draft": False},
        "state": state,
        "steps": STEPS,
        "steps_done": ["resolve"] if state == "running" else [],
        "result": None,
        "error": None,
        "created": NOW - number,
        "started": None,
        "finished": None,
        "position": float(number),
        "progress": None,
        **more,
    }


FILES = [
    file(
        "Qwen3-8B-Q4_K_M.gguf",
        round(4.68 * GIB),
        round(1.9 * GIB),
        "downloading",
        round(1.84 * GIB),
    ),
    file("mmproj-F16.gguf", round(0.88 * GIB), 0, "waiting"),
]
RUNNING = job(
    21, f"{QWEN}:Q4_K_M", "running", progress=progress(FILES, speed=12.4 * MIB, connections=6)
)
WAITS = {"code": "waits_busy", "params": {"seconds": 30}}
BUSY = job(21, f"{QWEN}:Q4_K_M", "running", progress=progress(FILES, speed=None, notes=[WAITS]))
CHECKING = job(
    24,
    "ggml-org/gemma-3-4b-it-GGUF:Q4_K_M",
    "running",
    progress=progress(
        [file("gemma-3-4b-it-Q4_K_M.gguf", round(2.3 * GIB), round(2.3 * GIB), "checking", GIB)]
    ),
)
PAUSED = job(
    22,
    "bartowski/Llama-3.2-3B-Instruct-with-a-long-name-of-a-fine-tune-GGUF:IQ3_XXS",
    "paused",
    progress=progress([file("a.gguf", 2 * GIB, 700 * MIB, "downloading")]),
)
QUEUED = job(23, "unsloth/gpt-oss-20b-GGUF:MXFP4")
QUEUE = [RUNNING, PAUSED, QUEUED]
DONE = job(
    18,
    "Qwen/Qwen3-4B-Thinking-2507-GGUF:Q4_K_M",
    "done",
    finished=NOW - 300,
    steps_done=STEPS,
    result={
        "model": "qwen3-4b-thinking-2507:q4_k_m",
        "size_bytes": round(2.33 * GIB),
        "fetched_bytes": round(2.33 * GIB),
        "seconds": 214.0,
    },
)
FAILED = job(
    19,
    "meta-llama/Llama-3.3-70B-Instruct-GGUF:Q4_K_M",
    "failed",
    finished=NOW - 600,
    error=DENIED.to_dict(),
)
NO_SPACE = job(
    20,
    "unsloth/Qwen3-32B-GGUF:Q8_0",
    "failed",
    finished=NOW - 900,
    error=FULL.to_dict(),
    progress=progress([file("Qwen3-32B-Q8_0.gguf", 32 * GIB, 9 * GIB, "downloading")]),
)
HISTORY = [DONE, FAILED, NO_SPACE]


# --- what the hub found ---------------------------------------------------------------------------


def repo(name: str, **more: Any) -> FoundRepo:
    facts: Json = {
        "downloads": 1_240_000,
        "likes": 3412,
        "updated": NOW - 3 * DAY,
        "tags": ("gguf",),
        "license": "apache-2.0",
        "is_gguf": True,
        "parameters": 8_190_000_000,
        "task": "text-generation",
        **more,
    }
    return FoundRepo(name, **facts)


CODER = repo(
    "unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF",
    parameters=30_500_000_000,
    base_models=("Qwen/Qwen3-Coder-30B-A3B-Instruct",),
)
GATED = repo(
    "meta-llama/Llama-3.3-70B-Instruct-GGUF",
    gated="manual",
    license="llama3.3",
    parameters=70_600_000_000,
    base_models=("meta-llama/Llama-3.3-70B-Instruct",),
)
FOUND = (
    CODER,
    GATED,
    repo(
        "bartowski/Qwen2.5-VL-7B-Instruct-GGUF",
        task="image-text-to-text",
        languages=("en", "ja"),
        downloads=88_300,
        likes=47,
    ),
    repo(
        "someone-with-a-long-name/an-odd-model-with-a-very-long-name-of-a-fine-tune-GGUF",
        license=None,
        parameters=None,
        likes=0,
        downloads=12,
        updated=None,
    ),
    repo("Qwen/Qwen3-8B-GGUF", base_models=("Qwen/Qwen3-8B",)),
    repo("ggml-org/embeddinggemma-300M-GGUF", task="sentence-similarity", parameters=302_863_104),
)
RESULT = SearchResult(FOUND, "hub", NOW, more=True)
REMEMBERED = SearchResult(FOUND[:3], "cache", NOW - 3 * DAY, problem=OFFLINE)
COMMIT = "7c41b9e2" * 5


def repository(facts: FoundRepo, sizes: dict[str, float]) -> Repository:
    """Args: sizes: of its files in GiB, by their quant."""
    name = facts.repo.partition("/")[2].removesuffix("-GGUF")
    files = tuple(
        RepoFile(f"{name}-{quant}.gguf", round(size * GIB), None, None)
        for quant, size in sizes.items()
    )
    return Repository(facts, Listing(facts.repo, COMMIT, files), NOW)


GATED_REPOSITORY = repository(GATED, {"Q4_K_M": 39.6, "Q8_0": 69.8, "UD-IQ2_XXS": 18.9})
