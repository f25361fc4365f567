"""The kinds of jobs there are. Handlers run only in the service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.core.events import CancelToken
from desktop.core.jobs.kinds import Kind
from desktop.core.paths import Paths

if TYPE_CHECKING:
    from desktop.core.bench.results import ResultStore
    from desktop.core.engine.runtime import Runtime
    from desktop.core.fit.speed_book import SpeedStore
    from desktop.core.gguf.summary import ModelSummary
    from desktop.core.jobs.handlers.acceptance import Host
    from desktop.core.jobs.handlers.download_parts import Host as DownloadHost
    from desktop.core.jobs.handlers.library_host import LibraryHost
    from desktop.core.jobs.handlers.quantize_host import Host as MeasuredHost
    from desktop.core.library.entry import ModelEntry


@dataclass(frozen=True)
class Tools:
    """What handlers use of the service.

    Attributes:
        resolve: the model of a name.
        wait_idle: blocks a worker thread until no answer is in progress; raises CANCELLED.
        requests_served: how many answers have ended so far.
        quiet_seconds: for how long nobody has asked for an answer or a load.
        acceptances: what the test of new models needs; downloads: what getting them does.
        library: what verifying, moving and comparing models needs.
        measured: what comparing quantized files does.
    """

    paths: Paths
    resolve: Callable[[str], ModelEntry]
    current_runtime: Callable[[], Runtime]
    results: ResultStore
    speeds: SpeedStore
    wait_idle: Callable[[CancelToken], None]
    requests_served: Callable[[], int]
    quiet_seconds: Callable[[], float]
    acceptances: Host
    downloads: DownloadHost
    library: LibraryHost
    measured: MeasuredHost


# Below this a file is hashed for its benchmark's record; above, only a hash that is known is used.
HASH_BYTES = 2 << 30


def _sha256(paths: Paths, entry: ModelEntry) -> str | None:
    from desktop.core.library.identity import hash_cache, known_sha256, sha256_file

    if len(entry.shard_paths) != 1:
        return None
    cache = hash_cache(paths.cache / "hashes")
    if entry.size_bytes > HASH_BYTES:
        return known_sha256(entry.path, cache)
    return sha256_file(entry.path, cache=cache)


def all_kinds(tools: Tools) -> dict[str, Kind]:
    """Every kind of job by its name."""
    from desktop.core.hardware.cpu import probe_cpu
    from desktop.core.hardware.memory import probe_memory
    from desktop.core.jobs.handlers.acceptance import AcceptanceKind
    from desktop.core.jobs.handlers.bench import BenchKind
    from desktop.core.jobs.handlers.calibrate import CalibrateKind
    from desktop.core.jobs.handlers.convert import ConvertKind
    from desktop.core.jobs.handlers.download import DownloadKind
    from desktop.core.jobs.handlers.duplicates import DuplicatesKind, LinkKind
    from desktop.core.jobs.handlers.engine_build import EngineBuildKind
    from desktop.core.jobs.handlers.merge import MergeKind
    from desktop.core.jobs.handlers.move import MoveKind
    from desktop.core.jobs.handlers.quantize import QuantizeKind
    from desktop.core.jobs.handlers.split import JoinKind, SplitKind
    from desktop.core.jobs.handlers.target import TargetKind
    from desktop.core.jobs.handlers.toolkit import ToolkitKind
    from desktop.core.jobs.handlers.verify import VerifyKind
    from desktop.core.jobs.idle import Idle

    def read(path: Path) -> ModelSummary:
        from desktop.core.gguf.reader import HeaderReader

        with HeaderReader(tools.paths.cache / "headers", work_root=tools.paths.work) as reader:
            return reader.read(path)

    def problem(models: Sequence[Path], adapter: Path) -> str | None:
        from desktop.core.gguf.reader import HeaderReader

        with HeaderReader(None, work_root=tools.paths.work) as reader:
            return reader.problem_with("adapter", models, adapter)

    def hardware() -> dict[str, Any]:
        from desktop.core.hardware.probe import probe

        return probe(tools.paths, with_bandwidth=False).to_dict()

    convert = ConvertKind(tools.paths, read=read, downloads=tools.downloads)
    kinds: tuple[Kind, ...] = (
        BenchKind(
            resolve=tools.resolve,
            current_runtime=tools.current_runtime,
            hardware=hardware,
            results=tools.results,
            wait_idle=tools.wait_idle,
            requests_served=tools.requests_served,
            known_sha256=lambda entry: _sha256(tools.paths, entry),
        ),
        EngineBuildKind(tools.paths),
        ToolkitKind(tools.paths),
        convert,
        MergeKind(tools.paths, read=read, problem=problem, current_runtime=tools.current_runtime),
        SplitKind(read=read, current_runtime=tools.current_runtime),
        JoinKind(read=read, current_runtime=tools.current_runtime),
        QuantizeKind(
            tools.paths,
            read=read,
            convert=convert,
            host=tools.measured,
            current_runtime=tools.current_runtime,
            wait_idle=tools.wait_idle,
            requests_served=tools.requests_served,
        ),
        TargetKind(
            tools.paths,
            read=read,
            current_runtime=tools.current_runtime,
            wait_idle=tools.wait_idle,
        ),
        VerifyKind(tools.library),
        MoveKind(tools.library),
        DuplicatesKind(tools.library),
        LinkKind(tools.library),
        DownloadKind(tools.downloads),
        AcceptanceKind(
            resolve=tools.resolve, idle=Idle(tools.quiet_seconds), host=tools.acceptances
        ),
        CalibrateKind(
            tools.paths,
            tools.speeds,
            current_runtime=tools.current_runtime,
            cpu=probe_cpu,
            memory=probe_memory,
            wait_idle=tools.wait_idle,
            requests_served=tools.requests_served,
        ),
    )
    return {kind.name: kind for kind in kinds}
