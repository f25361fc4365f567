"""Reads headers in a child, remembers them, and gets a new child when one dies."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from desktop.core import procs
from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.companions import Companion
from desktop.core.gguf.facts import ShapeFacts
from desktop.core.gguf.filecache import FileCache
from desktop.core.gguf.header import NeedMoreBytes
from desktop.core.gguf.local import stat_file
from desktop.core.gguf.summary import ModelSummary
from desktop.core.gguf.words import shown
from desktop.core.paths import own_command

# The child's whole address space. A header of 250,000 tokens takes 80 MB of it, the most that the
# parser's own limits allow 100 MB, and 64 MiB of the file are mapped.
MEMORY_LIMIT_BYTES = 200_000_000
TIMEOUT_SECONDS = 10.0
_MAX_REPLY_BYTES = 1 << 20
SUMMARY_VERSION = 3
_T = TypeVar("_T")
_CACHED_ERRORS = frozenset(
    {
        ErrorCode.GGUF_EMPTY,
        ErrorCode.GGUF_NOT_GGUF,
        ErrorCode.GGUF_VERSION,
        ErrorCode.GGUF_TRUNCATED,
        ErrorCode.GGUF_HOSTILE,
        ErrorCode.GGUF_TYPE_UNKNOWN,
    }
)


@dataclass(frozen=True)
class Start:
    """What the first bytes of a file say, and where its header ends."""

    summary: ModelSummary
    facts: ShapeFacts
    header_bytes: int


class _WorkerDied(Exception):
    """The child gave no usable answer; the text says how it ended."""


class _Worker:
    """One child and a thread that hands on what it says."""

    def __init__(self, command: Sequence[str], work_root: Path | None) -> None:
        self._child = procs.start(
            command,
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            work_root=work_root,
            memory_limit_bytes=MEMORY_LIMIT_BYTES,
        )
        self._replies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._listen, name="gguf-reader", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def ended(self) -> bool:
        return self._child.poll() is not None

    def _listen(self) -> None:
        stream = self._child.stdout
        assert stream is not None
        while line := stream.readline(_MAX_REPLY_BYTES):
            self._replies.put(line)
        self._replies.put(b"")

    def ask(self, request: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        """Raises: _WorkerDied; the child is of no use after that."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            self._child.stdin.flush()
            line = self._replies.get(timeout=timeout_seconds)
        except OSError as error:
            raise _WorkerDied(self._ending()) from error
        except queue.Empty as error:
            raise _WorkerDied(f"no answer within {timeout_seconds:g} seconds") from error
        if not line:
            raise _WorkerDied(self._ending())
        try:
            reply = json.loads(line)
        except ValueError as error:
            raise _WorkerDied("its answer made no sense") from error
        if not isinstance(reply, dict):
            raise _WorkerDied("its answer made no sense")
        return reply

    def _ending(self) -> str:
        status = self._child.wait(5)
        return "it closed its output" if status is None else procs.exit_words(status)

    def close(self) -> None:
        self._child.kill()
        self._thread.join()
        for stream in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(OSError):  # what was still unwritten has no reader any more
                if stream is not None:
                    stream.close()


class HeaderReader:
    """Summaries of GGUF files that lie here, whole or in part.

    Safe to use from any thread, one file at a time.

    Args:
        cache_dir: where summaries are remembered; None reads every file anew.
        command: the worker's command line (tests put others in its place).
        timeout_seconds: how long one file may take.
        work_root: where the child's private working folder is made.
    """

    def __init__(
        self,
        cache_dir: Path | None,
        *,
        command: Sequence[str] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        work_root: Path | None = None,
    ) -> None:
        self._cache = FileCache(cache_dir, SUMMARY_VERSION)
        self._command = list(command) if command is not None else own_command("_gguf_worker")
        self._timeout_seconds = timeout_seconds
        self._work_root = work_root
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._closed = False

    @property
    def worker_pid(self) -> int | None:
        worker = self._worker
        return None if worker is None else worker.pid

    def read(self, path: Path) -> ModelSummary:
        """The summary of the file's header.

        Raises:
            AppError: PATH_NOT_FOUND, PATH_UNREADABLE, one of the GGUF_* codes (GGUF_READER_DIED
                when the child crashed or took too long; the next file gets a new one).
        """
        return self._known(path, _summary)

    def read_facts(self, path: Path) -> ShapeFacts:
        """What the header says of the model's layers; of a split model, each file has its own.

        Raises:
            AppError: as `read`.
        """
        return self._known(path, _facts)

    def _known(self, path: Path, take: Callable[[dict[str, Any]], _T]) -> _T:
        status = stat_file(path)
        if status.st_size == 0:
            raise AppError(ErrorCode.GGUF_EMPTY, path=shown(path))
        kept = self._cache.get(path, status)
        if kept is not None:
            found = _outcome(kept, take)
            if found is not None and not isinstance(found, AppError):
                return found
            if found is not None and found.code in _CACHED_ERRORS:
                raise found
        reply = self._ask(path, {}, shown(path))
        result = _outcome(reply, take)
        if result is None:
            raise _senseless(shown(path))
        if not isinstance(result, AppError):
            self._remember(path, status, reply)
            return result
        if result.code in _CACHED_ERRORS:
            self._remember(path, status, reply)
        raise result

    def read_start(self, path: Path, file_size: int, name: str) -> Start:
        """The summary of a file of which `path` holds the first bytes; nothing is remembered.

        Args:
            file_size: of the whole file in bytes.
            name: how errors call it.

        Raises:
            NeedMoreBytes: the header goes on behind them.
            AppError: as `read`.
        """
        reply = self._ask(path, {"file_size": file_size, "name": name}, name)
        need, header_bytes = reply.get("need_bytes"), reply.get("header_bytes")
        if isinstance(need, int):
            raise NeedMoreBytes(need)
        summary, facts = _outcome(reply, _summary), _outcome(reply, _facts)
        if isinstance(summary, AppError):
            raise summary
        if summary is None or facts is None or not isinstance(header_bytes, int):
            raise _senseless(name)
        assert not isinstance(facts, AppError)
        return Start(summary, facts, header_bytes)

    def read_values(self, path: Path) -> dict[str, Any]:
        """The header's keys and values (`values.values_of`); read anew each time.

        Raises:
            AppError: as `read`.
        """
        found = _outcome(self._ask(path, {"values": True}, shown(path)), _values)
        if isinstance(found, AppError):
            raise found
        if found is None:
            raise _senseless(shown(path))
        return found

    def problem_with(self, kind: Companion, model_paths: Sequence[Path], path: Path) -> str | None:
        """Why a file does not go with a model, in a sentence; None where nothing is against it.

        Raises:
            AppError: as `read`, of either.
        """
        models = [str(each.absolute()) for each in model_paths]
        reply = self._ask(path, {"goes_with": kind, "models": models}, shown(path))
        found = _outcome(reply, lambda reply: (reply["problem"],))
        if isinstance(found, AppError):
            raise found
        if found is None:
            raise _senseless(shown(path))
        return None if found[0] is None else str(found[0])

    def _remember(self, path: Path, status: os.stat_result, reply: dict[str, Any]) -> None:
        try:
            now = stat_file(path)
        except AppError:
            return
        same = (now.st_size, now.st_mtime_ns, now.st_ino) == (
            status.st_size,
            status.st_mtime_ns,
            status.st_ino,
        )
        if same:  # otherwise it changed while it was read: what we know is of neither state
            self._cache.put(path, status, reply)

    def _ask(self, path: Path, more: dict[str, Any], name: str) -> dict[str, Any]:
        # Absolute: the child runs in a folder of its own.
        request = {"path": str(path.absolute()), **more}
        with self._lock:
            if self._closed:
                raise RuntimeError("the reader is closed")
            try:
                return self._running().ask(request, self._timeout_seconds)
            except (_WorkerDied, OSError) as error:  # OSError: it cannot be started
                self._drop()
                raise AppError(ErrorCode.GGUF_READER_DIED, path=name, reason=str(error)) from error

    def _running(self) -> _Worker:
        if self._worker is not None and self._worker.ended:
            self._drop()  # ended between two files (by the system, say): not the next one's doing
        if self._worker is None:
            self._worker = _Worker(self._command, self._work_root)
        return self._worker

    def _drop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def close(self) -> None:
        """End the child. Reading afterwards is an error of the program."""
        with self._lock:
            self._closed = True
            self._drop()

    def __enter__(self) -> HeaderReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _senseless(name: str) -> AppError:
    return AppError(ErrorCode.GGUF_READER_DIED, path=name, reason="its answer made no sense")


def _summary(reply: dict[str, Any]) -> ModelSummary:
    return ModelSummary.from_dict(reply["summary"])


def _facts(reply: dict[str, Any]) -> ShapeFacts:
    return ShapeFacts.from_dict(reply["facts"])


def _values(reply: dict[str, Any]) -> dict[str, Any]:
    return dict(reply["values"])


def _outcome(reply: dict[str, Any], take: Callable[[dict[str, Any]], _T]) -> _T | AppError | None:
    """What a reply or a cached entry says; None when it says nothing that can be used."""
    try:
        return AppError.from_dict(reply["error"]) if "error" in reply else take(reply)
    except (TypeError, ValueError, AttributeError, KeyError):
        return None
