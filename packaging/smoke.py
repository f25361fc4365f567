"""Try a build the way a person does who has nothing else of Paddock: `packaging/smoke.py FOLDER`.

The build is copied to a folder of its own and run there with empty homes and an empty PATH: there
is no source tree and no Python it could take anything from, and a look into its processes' memory
makes sure of it. First the commands, then (on Linux) the window, on a screen that is not there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for tests.helpers: this script is run by its path

from desktop.core.client.client import Client  # noqa: E402
from desktop.core.client.connect import connect  # noqa: E402
from desktop.core.engine.server import free_port  # noqa: E402
from desktop.core.errors import AppError  # noqa: E402
from desktop.core.paths import paths  # noqa: E402
from tests.helpers.service import wait_for  # noqa: E402

MODEL = "paddock-guide:q8_0"
QUESTION = "What is Q4_K_M?"
PROGRAM = "paddock.exe" if sys.platform == "win32" else "paddock"
# A service that nobody uses ends after a minute.
LINGER_SECONDS = 100.0
COMMAND_SECONDS = 120.0
WINDOW_SECONDS = 60.0


def say(text: str) -> None:
    print(f"smoke: {text}", flush=True)


def check(condition: object, what: str) -> None:
    """Stop with `what` where the condition does not hold."""
    if not condition:
        raise AssertionError(what)


def _mapped(process: psutil.Process) -> list[Path]:
    """The files a process has in memory; none of one that has ended since it was seen."""
    try:
        return [Path(mapped.path) for mapped in process.memory_maps()]
    except psutil.NoSuchProcess:
        return []


class Trial:
    """A copy of a build with homes of its own."""

    def __init__(self, build: Path, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder / "Paddock アプリ"  # spaces and letters beyond ASCII must do no harm
        self.program = self.folder / PROGRAM
        self.home = folder / "home"
        nothing = folder / "nothing"
        nothing.mkdir()
        shutil.copytree(build, self.folder, symlinks=True)
        if os.name == "posix":  # as a package puts it into /usr/bin
            self.link = folder / "link"
            self.link.symlink_to(self.program)
        else:
            self.link = self.program
        kept = ("SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL", "USERPROFILE")
        self.environ = {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": str(nothing),
            "PATH": str(nothing),
            "PADDOCK_HOME": str(self.home),
            "HF_HOME": str(folder / "hf"),
            "PADDOCK_SERVER_PORT": str(free_port()),
            # What the person has set goes to children; what the frozen program adds does not.
            "LD_LIBRARY_PATH": str(nothing),
        }
        self.paths = paths(self.environ)

    # --- running it ---------------------------------------------------------------------------

    def run(self, *words: str) -> str:
        """Run a command to its end; returns its output."""
        begun = time.monotonic()
        ran = subprocess.run(
            [str(self.link), *words],
            env=self.environ,
            cwd=self.home.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        out, err = (text.decode("utf-8", "replace") for text in (ran.stdout, ran.stderr))
        shown = f"paddock {' '.join(words)}"
        check(ran.returncode == 0, f"{shown}: exit code {ran.returncode}\n{out}\n{err}")
        say(f"ok  {shown}  ({time.monotonic() - begun:.2f} s)")
        return out

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def client(self) -> Client:
        """The running service, as soon as it answers."""
        found: list[Client] = []

        def answers() -> bool:
            try:
                found.append(connect(self.paths))
            except AppError:
                return False
            return True

        wait_for(answers, "the service answers", WINDOW_SECONDS)
        return found[0]

    # --- its processes ------------------------------------------------------------------------

    def processes(self) -> list[psutil.Process]:
        """Everything that runs from the copy: the program and the engine."""
        found = []
        for process in psutil.process_iter():
            try:
                inside = Path(process.exe()).is_relative_to(self.folder)
                if inside and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def wait_until_none_runs(self, seconds: float) -> None:
        wait_for(lambda: not self.processes(), "every process has ended", seconds)

    def check_processes(self) -> None:
        """Whether service and engine run, each on nothing but the build and the system."""
        names = {Path(process.exe()).stem: process for process in self.processes()}
        check({"paddock", "llama-server"} <= set(names), f"only {sorted(names)} run")
        foreign = (str(ROOT), sys.prefix, sysconfig.get_path("stdlib"))
        for process in self.processes():
            if sys.platform != "darwin":  # where only root may look
                for path in _mapped(process):
                    own = path.is_relative_to(self.folder)
                    taken = str(path).startswith(foreign) or path.name.startswith("libpython")
                    check(own or not taken, f"{process.name()} has loaded {path}")
        if sys.platform == "linux":
            engine = names["llama-server"]
            given = engine.environ()
            check(
                given.get("LD_LIBRARY_PATH") == self.environ["LD_LIBRARY_PATH"],
                f"the engine was given LD_LIBRARY_PATH={given.get('LD_LIBRARY_PATH')}",
            )
            check(
                not any(name.startswith("_PYI_") for name in given), "the engine was given _PYI_…"
            )
            loaded = set(_mapped(engine))
            for stem in ("libllama.", "libggml-cpu.", "libgomp.", "libssl."):
                places = [path for path in loaded if path.name.startswith(stem)]
                good = places and all(path.is_relative_to(self.folder) for path in places)
                check(good, f"{stem} is taken from {places or 'nowhere'}")
        say("ok  service and engine run on the build alone")

    def check_logs(self) -> None:
        """Whether nobody noted an error."""
        for log in self.paths.logs.glob("*.log"):
            for line in log.read_text("utf-8", "replace").splitlines():
                if line.startswith("{"):
                    entry = json.loads(line)
                    check(entry.get("level") not in ("error", "critical"), f"{log.name}: {line}")

    def end(self) -> None:
        """Leave nothing behind, whatever went wrong."""
        for process in self.processes():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue


def try_commands(trial: Trial) -> None:
    """Everything a terminal wants of the build, its service included."""
    check(trial.run("--version").startswith("paddock "), "--version says no version")
    check("usage: paddock" in trial.run("--help"), "--help is no help")
    hardware = trial.json("hw")
    check(hardware["ram"]["total_bytes"] > 0, "hw knows no memory")
    check(hardware["bandwidth_gb_per_second"], "hw measured no bandwidth")
    engines = trial.json("engine", "list")
    check(str(trial.folder) in json.dumps(engines, ensure_ascii=False), f"engines: {engines}")
    models = trial.json("models")["models"]
    check([each["id"] for each in models if each["bundled"]] == [MODEL], f"models: {models}")
    answer = trial.run("chat", MODEL, "-p", QUESTION)
    check(len(answer.strip()) > 20, f"the answer is {answer!r}")
    trial.check_processes()
    measured = trial.json("bench", MODEL, "--prompt", "32", "--gen", "16", "--repeat", "1")
    check(all(each["tokens_per_second"] > 0 for each in measured["results"]), f"bench: {measured}")
    if os.name == "posix":
        try_guard(trial)
    trial.run("stop")
    trial.wait_until_none_runs(30)
    trial.check_logs()
    say("ok  nothing is left running")


def try_guard(trial: Trial) -> None:
    """The guard and what it guards end when their owner's end of the pipe is closed."""
    inherited, lifeline = os.pipe()
    guard = subprocess.Popen(
        [str(trial.program), "_guard", str(inherited), str(trial.program), "_gguf_worker"],
        env=trial.environ,
        pass_fds=[inherited],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(inherited)
    assert guard.stdin is not None and guard.stdout is not None
    with guard.stdin, guard.stdout:
        guard.stdin.write(b'{"path": "/no/such/file"}\n')
        guard.stdin.flush()
        check(b"error" in guard.stdout.readline(), "the worker below the guard does not answer")
        children = psutil.Process(guard.pid).children(recursive=True)
        check(children, "there is nothing below the guard")
        os.close(lifeline)
        guard.wait(30)
        psutil.wait_procs(children, timeout=10)
    check(not any(child.is_running() for child in children), "what was guarded runs on")
    say("ok  the guard ends its tree")


@contextmanager
def opened_window(trial: Trial, environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`paddock` without a command, as a double-click starts it."""
    output = trial.home.with_suffix(".out")
    with output.open("ab") as sink:
        process = subprocess.Popen(
            [str(trial.program)],
            env=environ,
            cwd=trial.home.parent,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
    try:
        yield process
        said = output.read_text("utf-8", "replace").strip()
        check(not said, f"the window said on the terminal: {said}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def try_window(trial: Trial) -> None:
    """First run, a question, every page, and a clean end."""
    from tests.helpers.screen import screen

    with screen() as on:
        begun = time.monotonic()
        environ = {**trial.environ, "DISPLAY": on.environ["DISPLAY"]}
        with opened_window(trial, environ) as process:

            def shown() -> bool:
                check(process.poll() is None, f"the window ended with {process.returncode}")
                return bool(on.windows(process.pid))

            wait_for(shown, "the window is shown", WINDOW_SECONDS)
            say(f"ok  the window is shown  ({time.monotonic() - begun:.2f} s)")
            client = trial.client()
            say(f"ok  its service answers  ({time.monotonic() - begun:.2f} s)")
            seen = trial.paths.config / "window.ini"
            on.activate(process.pid)

            def first_run_is_over() -> bool:
                on.keys("Escape")
                return seen.exists() and "first_run_seen" in seen.read_text("utf-8")

            wait_for(first_run_is_over, "Esc ends the first run", WINDOW_SECONDS)
            on.keys("ctrl+1")
            on.write(QUESTION)
            on.keys("Return")
            wait_for(lambda: _answered(client), "the answer is stored", WINDOW_SECONDS)
            say("ok  a question was asked, and the answer is stored")
            trial.check_processes()
            for page in "5324":  # pages are made when they are first shown
                on.keys(f"ctrl+{page}")
            wait_for(lambda: _has_charts(process.pid), "the benchmarks have their charts", 30)
            on.close_window(process.pid)
            wait_for(lambda: process.poll() is not None, "the window ends", 30)
            check(process.returncode == 0, f"the window ended with {process.returncode}")
            say("ok  the window was closed")
    client.unload(MODEL)
    trial.wait_until_none_runs(LINGER_SECONDS)
    trial.check_logs()
    say("ok  its service ended by itself; nothing is left running")


def _answered(client: Client) -> bool:
    """Whether the newest conversation has our question and a complete answer."""
    listed = client.conversations()
    if not listed:
        return False
    messages = client.conversation(listed[0]["id"])["messages"]
    said = [(each["role"], each["state"]) for each in messages]
    return (
        said[-1:] == [("assistant", "done")]
        and messages[0]["content"] == QUESTION
        and len(messages[-1]["content"]) > 20
    )


def _has_charts(pid: int) -> bool:
    """Whether pyqtgraph is loaded: that is the last of Qt it asks for."""
    return any("QtOpenGLWidgets." in mapped.path for mapped in psutil.Process(pid).memory_maps())


def smoke(build: Path, *, window: bool) -> None:
    """Try everything.

    Raises:
        AssertionError: what does not work.
    """
    check((build / PROGRAM).is_file(), f"there is no {PROGRAM} in {build}")
    with tempfile.TemporaryDirectory(prefix="paddock-smoke-") as made:
        for attempt in (try_commands, try_window)[: 2 if window else 1]:
            folder = Path(made).resolve() / attempt.__name__
            trial = Trial(build, folder)
            try:
                attempt(trial)
            finally:
                trial.end()
            shutil.rmtree(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=Path, nargs="?", default=ROOT / "dist" / "paddock")
    parser.add_argument("--no-window", action="store_true", help="only the commands")
    args = parser.parse_args()
    window = sys.platform == "linux" and not args.no_window
    try:
        smoke(args.build.absolute(), window=window)
    except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
        print(f"smoke: failed: {error}", file=sys.stderr)
        return 1
    say("all of it works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
