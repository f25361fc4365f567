"""Child processes: start, read, stop the whole tree, and never leave one behind.

Every child is started by one thread that lives as long as the process: on Linux the parent-death
signal fires when the *thread* that started the child ends, so a pool's thread must not do it.
Where a child may start children of its own (`whole_tree`), and on macOS, which has no parent-death
signal, a small guard process holds the read end of a pipe whose write end only we hold: when we
die, however we die, it reads the end of the file and kills the group. On Windows a job object does
the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.paths import own_command

# Names that would change what a tool does, or tell it a secret it has no business with.
_STRIPPED_PREFIXES = ("LLAMA_", "AIP_", "GGML_", "PADDOCK_", "HF_", "HUGGING_FACE_")
_STRIPPED_WORDS = ("TOKEN", "SECRET", "PASSWORD", "API_KEY", "APIKEY", "CREDENTIAL")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOWEST_PRIORITY = 19  # nice(1)


def clean_environment(
    extra: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """A child's environment: ours without engine variables and secrets, plus `extra`."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.upper().startswith(_STRIPPED_PREFIXES)
        and not any(word in name.upper() for word in _STRIPPED_WORDS)
    }
    kept["GGML_NO_BACKTRACE"] = "1"  # a failing load would start a debugger to print its stack
    kept.update(extra or {})
    return kept


@dataclass(frozen=True)
class Outcome:
    """How a child ended. `stdout` and `stderr` are the last bytes, bounded by the caller."""

    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def ok(self) -> bool:
        return self.returncode == 0

    def tail(self, lines: int = 8) -> str:
        """The last lines of stderr (or of stdout where that is empty), as text."""
        raw = self.stderr.strip() or self.stdout.strip()
        return "\n".join(raw.decode("utf-8", "replace").splitlines()[-lines:])


def exit_words(returncode: int) -> str:
    """An exit status as a person reads it: "exit code 1", "ended by SIGKILL"."""
    if returncode < 0:
        try:
            return f"ended by {signal.Signals(-returncode).name}"
        except ValueError:
            return f"ended by signal {-returncode}"
    if sys.platform == "win32" and returncode >= 0xC0000000:
        return f"ended by Windows error 0x{returncode:08X}"
    return f"exit code {returncode}"


class _Spawner:
    """One thread that starts every child and lives as long as the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] | None = None

    def call(self, function: Callable[[], Any]) -> Any:
        with self._lock:
            if self._queue is None:
                self._queue = queue.SimpleQueue()
                threading.Thread(
                    target=self._serve, args=(self._queue,), name="spawner", daemon=True
                ).start()
        future: Future[Any] = Future()
        self._queue.put((future, function))
        return future.result()

    @staticmethod
    def _serve(jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]]) -> None:
        while True:
            future, function = jobs.get()
            try:
                future.set_result(function())
            except BaseException as error:  # handed to the caller, whatever it is
                future.set_exception(error)


_spawner = _Spawner()


def _linux_preexec(parent: int, memory_limit_bytes: int | None, nice: int) -> Callable[[], None]:
    # Resolved here: nothing may be imported after fork. A PyDLL keeps the interpreter's lock during
    # a call: to get it back, in a child of a process with many threads, is one more way to hang.
    libc = ctypes.PyDLL(None, use_errno=True)
    import resource

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the signal was set
            os._exit(1)
        if memory_limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory_limit_bytes, memory_limit_bytes))
        if nice:
            os.nice(nice)

    return prepare


class Child:
    """A started child and everything below it.

    `stdin`, `stdout` and `stderr` are binary pipes where they were asked for. `close` must be
    called once it has ended (`stop` and `kill` do): it removes the working folder.
    """

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        workdir: Path | None,
        lifeline: int | None,
        job: Any = None,
        whole_tree: bool = False,
    ) -> None:
        self.popen = popen
        self._whole_tree = whole_tree
        self._workdir = workdir
        self._lifeline = lifeline
        self._job = job

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def stdin(self) -> IO[bytes] | None:
        return self.popen.stdin

    @property
    def stdout(self) -> IO[bytes] | None:
        return self.popen.stdout

    @property
    def stderr(self) -> IO[bytes] | None:
        return self.popen.stderr

    def poll(self) -> int | None:
        return self.popen.poll()

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """The exit status, or None when the time is over first."""
        try:
            return self.popen.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def _signal_group(self, number: int) -> None:
        if self.poll() is not None and not self._whole_tree:
            return  # nothing is left, and the number may be another group's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, number)

    def terminate(self) -> None:
        """Ask the tree to end."""
        if sys.platform == "win32":
            self.popen.terminate()
        else:
            self._signal_group(signal.SIGTERM)

    def kill(self) -> None:
        """End the tree now and wait for it."""
        if sys.platform == "win32":
            if self._job is not None:
                self._job.terminate()
            else:
                self.popen.kill()
        else:
            self._signal_group(signal.SIGKILL)
        self.wait(10)
        self.close()

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Ask the tree to end, and end it when the grace is over."""
        if self.poll() is None:
            self.terminate()
            self.wait(grace_seconds)
        self.kill()

    def close(self) -> None:
        """Release what belongs to an ended child: its lifeline and its working folder."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        if self._job is not None:
            self._job.close()
            self._job = None
        if self._workdir is not None:
            shutil.rmtree(self._workdir, ignore_errors=True)
            self._workdir = None


def start(
    command: Sequence[str | os.PathLike[str]],
    *,
    environment: Mapping[str, str] | None = None,
    workdir: Path | None = None,
    work_root: Path | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    whole_tree: bool = False,
    memory_limit_bytes: int | None = None,
    background: bool = False,
) -> Child:
    """Start a child that ends when this process ends, however this process ends.

    Args:
        command: program and arguments; never a shell line.
        environment: its whole environment; `clean_environment()` by default.
        workdir: where it runs; a new empty folder under `work_root` by default.
        whole_tree: it will start children of its own, which must end with it.
        memory_limit_bytes: bound on its address space (Linux; elsewhere not enforced).
        background: it and its children get the processor only when nothing else wants it.

    Raises:
        FileNotFoundError, PermissionError, OSError: the program cannot be started.
    """
    private: Path | None = None
    if workdir is None:
        if work_root is not None:
            work_root.mkdir(parents=True, exist_ok=True)
        private = Path(tempfile.mkdtemp(prefix="paddock-", dir=work_root))
        workdir = private
    arguments = [os.fspath(part) for part in command]
    options: dict[str, Any] = {
        "cwd": workdir,
        "env": dict(clean_environment() if environment is None else environment),
        "stdin": stdin,
        "stdout": stdout,
        "stderr": stderr,
        "close_fds": True,
    }
    lifeline: int | None = None
    inherited: int | None = None
    job: Any = None
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        if background:
            options["creationflags"] |= subprocess.IDLE_PRIORITY_CLASS
    else:
        options["start_new_session"] = True
        if sys.platform == "linux" and not whole_tree:
            nice = LOWEST_PRIORITY if background else 0
            options["preexec_fn"] = _linux_preexec(os.getpid(), memory_limit_bytes, nice)
        else:
            inherited, lifeline = os.pipe()
            options["pass_fds"] = (inherited,)
            arguments = own_command("_guard", str(inherited), *arguments)
    try:
        popen = _spawner.call(lambda: subprocess.Popen(arguments, **options))
        if sys.platform == "win32":
            from desktop.core.winjob import Job

            job = Job()
            job.add(popen)
        elif background and inherited is not None:
            # The guard has not started the command yet, and hands its own priority on.
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, popen.pid, LOWEST_PRIORITY)
    except BaseException:
        if lifeline is not None:
            os.close(lifeline)
        if private is not None:
            shutil.rmtree(private, ignore_errors=True)
        raise
    finally:
        if inherited is not None:
            os.close(inherited)
    return Child(popen, private, lifeline, job, whole_tree)


class _Tail:
    """The last `limit` bytes of a stream, and every whole line handed to `on_line`."""

    def __init__(
        self, stream: IO[bytes], limit: int, on_line: Callable[[bytes], None] | None
    ) -> None:
        self._stream, self._limit, self._on_line = stream, limit, on_line
        self._kept: deque[bytes] = deque()
        self._size = 0
        self.thread = threading.Thread(target=self._read, name="child-output", daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                self._kept.append(line)
                self._size += len(line)
                while self._size > self._limit and len(self._kept) > 1:
                    self._size -= len(self._kept.popleft())
                if self._on_line is not None:
                    self._on_line(line)

    def bytes(self) -> bytes:
        self.thread.join()
        return b"".join(self._kept)


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    timeout_seconds: float | None = None,
    cancel: CancelToken | None = None,
    on_stdout: Callable[[bytes], None] | None = None,
    on_stderr: Callable[[bytes], None] | None = None,
    environment: Mapping[str, str] | None = None,
    workdir: Path | None = None,
    work_root: Path | None = None,
    whole_tree: bool = False,
    background: bool = False,
    output_limit_bytes: int = 8 << 20,
) -> Outcome:
    """Run a tool to its end, handing its lines on as they come.

    Raises:
        AppError: CANCELLED, or TIMED_OUT after `timeout_seconds`; the tree is gone by then.
        OSError: the program cannot be started.
    """
    child = start(
        command,
        environment=environment,
        workdir=workdir,
        work_root=work_root,
        whole_tree=whole_tree,
        background=background,
    )
    assert child.stdout is not None and child.stderr is not None
    out = _Tail(child.stdout, output_limit_bytes, on_stdout)
    err = _Tail(child.stderr, output_limit_bytes, on_stderr)
    undo = cancel.on_cancel(child.terminate) if cancel else None
    try:
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while child.wait(0.5 if cancel else _remaining(deadline)) is None:
            if cancel is not None and cancel.cancelled:
                child.stop(grace_seconds=3)
                raise AppError(ErrorCode.CANCELLED)
            if deadline is not None and time.monotonic() >= deadline:
                child.kill()
                raise AppError(
                    ErrorCode.TIMED_OUT,
                    what=Path(os.fspath(command[0])).name,
                    seconds=round(timeout_seconds or 0),
                )
        if cancel is not None and cancel.cancelled:
            raise AppError(ErrorCode.CANCELLED)
        return Outcome(child.popen.returncode, out.bytes(), err.bytes())
    finally:
        if undo is not None:
            undo()
        child.kill()


def _remaining(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())
