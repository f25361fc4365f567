"""`paddock pull` and `run` with the real service, the real engine, and a hub on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.client.client import Client
from desktop.core.client.connect import connect
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import demo_model, own_command, paths
from tests.helpers.disk import small_disk
from tests.helpers.gguf_files import write_tiny_llama
from tests.helpers.hub import LocalHub
from tests.helpers.hub_cache import problems
from tests.helpers.service import RunningService, gone, wait_for

GUIDE = "maker/Guide-GGUF:Q8_0"
QUESTION, ANSWER = "What is Q4_K_M?", "4-bit"
SLOW_MIB = 0.5  # the bundled model takes 9 seconds


class Home:
    """A home with a service of its own, or none; commands run in it."""

    def __init__(self, root: Path, hub: LocalHub, **more: str) -> None:
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PADDOCK_", "HF_"))},
            "PADDOCK_HOME": str(root / "home"),
            "HF_HOME": str(root / "hf"),
            "HF_ENDPOINT": hub.url,
            "NO_PROXY": "*",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "LANG": "C.UTF-8",
            **more,
        }
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            self.environ.pop(name, None)
        self.paths = paths(self.environ)
        self.cache = Path(self.environ["HF_HOME"]) / "hub"

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "desktop.cli", *words],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, status: int = 0) -> tuple[str, str]:
        process = self.begin(*words)
        out, err = process.communicate(timeout=100)
        assert process.returncode == status, f"{words}: {out}\n{err}"
        return out, err

    def json(self, *words: str, status: int = 0) -> dict[str, Any]:
        out, _ = self.run(*words, "--json", status=status)
        document: dict[str, Any] = json.loads(out)
        return document

    def client(self) -> Client:
        return connect(self.paths)

    def service_process(self) -> int:
        return self.client().endpoint.pid

    def downloads(self) -> list[dict[str, Any]]:
        """Those that have not ended, in the queue's order."""
        return [job for job in self.client().state()["jobs"] if job["kind"] == "download"]

    def files(self) -> dict[str, bytes]:
        """What lies in the cache's snapshots, by its name."""
        return {path.name: path.read_bytes() for path in self.cache.glob("*/snapshots/*/*")}

    def parts(self) -> list[Path]:
        return list(self.cache.rglob("*.paddock-part"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        hub.add_repo(
            "maker/Guide-GGUF",
            {"guide-Q8_0.gguf": demo_model()},
            gguf={"total": 4_400_000, "architecture": "llama", "context_length": 2048},
        )
        yield hub


@pytest.fixture
def home(tmp_path: Path, hub: LocalHub) -> Iterator[Home]:
    home = Home(tmp_path, hub)
    yield home
    home.run("stop")


def slow_service(home: Home) -> Client:
    """The service, which fetches so slowly that a download can be caught in the middle."""
    home.run("models")
    client = home.client()
    client.change_settings({"downloads.limit_mib_per_second": SLOW_MIB})
    return client


def slow_hub(home: Home, hub: LocalHub) -> Client:
    """The service, and a hub that is slow itself: what a slow service does not read yet was sent
    all the same, into the system's buffers."""
    home.run("models")
    hub.faults.bytes_per_second = 200_000
    return home.client()


def fast(client: Client) -> None:
    client.change_settings({"downloads.limit_mib_per_second": None})


def another_service(home: Home, than: int) -> bool:
    try:
        return home.service_process() != than
    except AppError:
        return False


def coming(home: Home) -> dict[str, Any]:
    """The download that runs, with bytes that have come."""
    found: list[dict[str, Any]] = []

    def come() -> bool:
        found[:] = [
            job
            for job in home.downloads()
            if job["state"] == "running" and (job["progress"] or {}).get("total")
        ]
        return bool(found) and 0 < found[0]["progress"]["done"] < found[0]["progress"]["total"]

    wait_for(come, "a download has begun")
    return found[0]


def done(home: Home, number: int) -> dict[str, Any]:
    wait_for(lambda: home.client().job(number)["finished"], f"job {number} has ended", 40)
    return home.client().job(number)


# --- getting, listing, talking


def test_pulled_listed_and_talked_with(home: Home, hub: LocalHub) -> None:
    out, err = home.run("pull", "hf.co/maker/Guide-GGUF:q8_0")
    assert "is here (4.6 MiB in" in out and "100 % of 4.6 MiB" in err
    assert home.files() == {"guide-Q8_0.gguf": demo_model().read_bytes()}
    assert problems(home.cache) == []
    models = home.json("models")["models"]
    pulled = next(model for model in models if model["path"] or model["copies"])
    assert any(str(home.cache) in place for place in (pulled["path"], *pulled["copies"]))
    assert ANSWER in home.json("chat", GUIDE, "-p", QUESTION)["answer"]
    sent = hub.sent_bytes
    again = home.json("pull", GUIDE)
    assert again["fetched_bytes"] == 0 and again["model"] == pulled["id"]
    assert "was here already" in home.run("pull", GUIDE)[0]
    assert home.run("pull", GUIDE, "--quiet") == (f"{pulled['id']}\n", "")
    assert hub.sent_bytes == sent


def test_run_gets_loads_and_chats(home: Home, hub: LocalHub, tmp_path: Path) -> None:
    tiny = write_tiny_llama(tmp_path / "tiny.gguf", name="Tiny Runner")
    hub.add_repo("maker/Runner-GGUF", {"runner-F16.gguf": tiny})
    answer = home.json("run", "maker/Runner-GGUF:F16", "-p", "hello", "--max-tokens", "8")
    assert answer["model"] == "tiny-runner:f16" and answer["usage"]["completion_tokens"] > 0
    assert hub.sent_bytes >= tiny.stat().st_size
    hub.faults.down = True  # it is here: nobody is asked any more
    out, err = home.run("run", "maker/Runner-GGUF:F16", "-p", "hello", "--max-tokens", "8")
    assert out.strip() and "pull" not in err
    for words in (
        ("run", "no-such-model", "-p", "x"),
        ("run", "maker/Runner-GGUF:Q8_0", "-p", "x"),
    ):
        assert home.json(*words, status=1)["error"]["code"] in (
            "model_not_found",
            "remote_unreachable",
        )


def test_of_several_quants_one_is_to_be_named(home: Home, hub: LocalHub, tmp_path: Path) -> None:
    large = write_tiny_llama(tmp_path / "l.gguf", name="Two", type_name="F16")
    small = write_tiny_llama(tmp_path / "s.gguf", name="Two", type_name="Q8_0")
    hub.add_repo(
        "maker/Two-GGUF",
        {"two-F16.gguf": large, "two-Q8_0.gguf": small},
        gguf={"total": 1_300_000, "architecture": "llama", "context_length": 2048},
    )
    out, err = home.run("pull", "maker/Two-GGUF", status=1)
    assert [line.split()[0] for line in out.splitlines()[:3]] == ["QUANT", "Q8_0", "F16"]
    assert "the best here" in out
    assert "“maker/Two-GGUF” can mean more than one model" in err
    error = home.json("pull", "maker/Two-GGUF", status=1)["error"]
    assert error["code"] == "model_ambiguous"
    assert sorted(error["params"]["ids"]) == ["maker/Two-GGUF:F16", "maker/Two-GGUF:Q8_0"]
    best = error["params"]["recommended"]
    assert f"`paddock pull {best}`" in err
    assert home.files() == {}, "nothing is fetched on a guess"
    taken = home.json("pull", "maker/Two-GGUF", "--best")
    assert best.rpartition(":")[2] in Path(taken["path"]).name
    assert len(home.files()) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("maker/None-GGUF:Q8_0",), "remote_not_found"),
        (("maker/Guide-GGUF:Q2_K",), "hub_quant_unknown"),
        (("maker/Closed-GGUF:Q8_0",), "remote_denied"),
        (("not a name",), "bad_request"),
    ],
)
def test_what_cannot_be_had(home: Home, hub: LocalHub, words: tuple[str, ...], code: str) -> None:
    hub.add_repo("maker/Closed-GGUF", {"closed-Q8_0.gguf": demo_model()}, gated=True)
    assert home.json("pull", *words, status=1)["error"]["code"] == code
    assert home.files() == {}


def test_a_gated_model_comes_with_a_token(tmp_path: Path, hub: LocalHub) -> None:
    hub.add_repo("maker/Closed-GGUF", {"closed-Q8_0.gguf": demo_model()}, gated=True)
    home = Home(tmp_path, hub, HF_TOKEN=hub.token)
    try:
        assert home.json("pull", "maker/Closed-GGUF:Q8_0")["fetched_bytes"] > 0
        held = [r for r in hub.requests if r.authorized and "/cdn/" in r.path]
        assert held == [], "the token goes to the hub alone"
    finally:
        home.run("stop")


def test_offline_what_is_here_runs_and_the_rest_is_refused(tmp_path: Path, hub: LocalHub) -> None:
    Home(tmp_path, hub).run("pull", GUIDE)
    Home(tmp_path, hub).run("stop")
    asked = len(hub.requests)
    home = Home(tmp_path, hub, HF_HUB_OFFLINE="1")
    try:
        assert home.json("pull", GUIDE)["fetched_bytes"] == 0
        assert ANSWER in home.json("run", GUIDE, "-p", QUESTION)["answer"]
        error = home.json("pull", "maker/Other-GGUF:Q8_0", status=1)["error"]
        assert error["code"] == "hub_offline"
        assert len(hub.requests) == asked
    finally:
        home.run("stop")


def test_wrong_bytes_are_refused_and_nothing_of_them_is_kept(home: Home, hub: LocalHub) -> None:
    hub.faults.wrong_bytes = True
    assert home.json("pull", GUIDE, status=1)["error"]["code"] == "hub_hash_wrong"
    assert home.files() == {}
    hub.faults.clear()
    home.run("pull", GUIDE)
    assert home.files() == {"guide-Q8_0.gguf": demo_model().read_bytes()}


def test_no_space_is_told_before_anything_is_written(tmp_path: Path, hub: LocalHub) -> None:
    with small_disk(tmp_path, megabytes=3) as place:
        home = Home(tmp_path, hub, HF_HOME=str(place / "hf"))
        try:
            error = home.json("pull", GUIDE, status=1)["error"]
            assert error["code"] == "disk_full" and str(place) in error["cause"]
            assert home.files() == {} and home.parts() == []
        finally:
            home.run("stop")


# --- the queue


def test_ctrl_c_pauses_and_the_same_command_goes_on(home: Home, hub: LocalHub) -> None:
    client = slow_hub(home, hub)
    process = home.begin("pull", GUIDE)
    number = coming(home)["id"]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Paused at" in err and "nothing is lost" in err
    assert client.job(number)["state"] == "paused"
    assert f"Download {number}: {GUIDE}, paused at" in home.run("status")[0]
    assert "paused at" in home.run("pull", "--list")[0]
    hub.faults.clear()
    assert home.json("pull", GUIDE)["model"]
    assert client.job(number)["state"] == "done", "it is the same download"
    assert hub.sent_bytes < 1.3 * demo_model().stat().st_size


def test_who_joins_a_download_does_not_pause_it(home: Home) -> None:
    client = slow_service(home)
    client.pull(GUIDE)
    number = coming(home)["id"]
    process = home.begin("pull", GUIDE)
    assert process.stderr is not None
    assert "being fetched already" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "goes on" in err
    assert client.job(number)["state"] == "running"
    fast(client)
    assert done(home, number)["state"] == "done"


def test_a_killed_client_ends_nothing(home: Home) -> None:
    client = slow_service(home)
    process = home.begin("pull", GUIDE)
    number = coming(home)["id"]
    process.kill()
    process.communicate()
    fast(client)
    assert done(home, number)["state"] == "done"


def test_the_queue_survives_the_death_of_service_and_client_at_once(
    home: Home, hub: LocalHub, tmp_path: Path
) -> None:
    tiny = write_tiny_llama(tmp_path / "tiny.gguf", name="Second")
    hub.add_repo("maker/Second-GGUF", {"second-F16.gguf": tiny})
    client = slow_hub(home, hub)
    process = home.begin("pull", GUIDE)
    first = coming(home)["id"]
    second = client.pull("maker/Second-GGUF:F16")["id"]
    wait_for(lambda: coming(home)["progress"]["done"] > 1_000_000, "a megabyte has come")
    service = home.service_process()
    for victim in (service, process.pid):
        os.kill(victim, signal.SIGKILL)
    process.communicate()
    assert not home.json("status")["running"], "a question starts none"
    before = hub.sent_bytes
    home.run("models")  # this does
    hub.faults.clear()
    assert [done(home, number)["state"] for number in (first, second)] == ["done", "done"]
    assert home.files()["guide-Q8_0.gguf"] == demo_model().read_bytes()
    assert home.files()["second-F16.gguf"] == tiny.read_bytes()
    total = demo_model().stat().st_size + tiny.stat().st_size
    assert before > 900_000 and hub.sent_bytes < 1.2 * total, "it went on from where it was"
    assert home.parts() == []


def test_a_client_goes_on_with_the_next_service(home: Home, hub: LocalHub) -> None:
    slow_service(home)
    process = home.begin("pull", GUIDE, "--json")
    coming(home)
    killed = home.service_process()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: another_service(home, killed), "the command starts it again")
    fast(home.client())
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["model"] and "it is started again" in err


def test_stopped_on_purpose_it_goes_on_at_the_next_start(home: Home) -> None:
    slow_service(home)
    process = home.begin("pull", GUIDE, "--json")
    number = coming(home)["id"]
    home.run("stop")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and json.loads(out)["error"]["code"] == "service_stopping"
    assert "it goes on when the service is started again" in err
    assert home.parts()
    home.run("models")
    fast(home.client())
    assert done(home, number)["state"] == "done"


def test_pause_resume_move_and_cancel(home: Home, hub: LocalHub, tmp_path: Path) -> None:
    names = []
    for n in range(4):
        tiny = write_tiny_llama(tmp_path / f"{n}.gguf", name=f"Number {n}", seed=n)
        hub.add_repo(f"maker/N{n}-GGUF", {f"n{n}-F16.gguf": tiny})
        names.append(f"maker/N{n}-GGUF:F16")
    client = slow_service(home)
    a, b, c, d = (client.pull(name)["id"] for name in names)
    coming(home)
    for body in ({}, {"before": "1"}, {"before": True}, {"before": 1 << 70}, {"before": 99}):
        with pytest.raises(AppError) as refused:
            client.call("POST", f"/jobs/{d}/move", body)
        assert refused.value.code in (ErrorCode.BAD_REQUEST, ErrorCode.JOB_NOT_FOUND)
    client.move_job(d, b)
    assert [job["id"] for job in home.downloads()] == [a, d, b, c]
    states = {job["id"]: job["state"] for job in home.downloads()}
    assert states == {a: "running", d: "queued", b: "queued", c: "queued"}, "one at a time"
    client.pause_job(a)
    wait_for(lambda: coming(home)["id"] == d, "the next one runs")
    assert client.resume_job(a)["state"] == "queued", "one at a time"
    client.cancel_job(d)
    wait_for(lambda: client.job(d)["state"] == "cancelled", "it is cancelled")
    assert not list(home.cache.glob("*N3*"))
    fast(client)
    assert {done(home, number)["state"] for number in (a, b, c)} == {"done"}
    order = sorted((client.job(n) for n in (a, b, c)), key=lambda job: job["finished"])
    assert [job["id"] for job in order] == [a, b, c]
    out, _ = home.run("pull", "--list")
    assert out == ""
    error = home.json("pull", "--cancel", str(a), status=1)["error"]
    assert error["code"] == "job_finished"


def test_a_failed_download_is_cancelled_from_the_command_line(home: Home, hub: LocalHub) -> None:
    client = slow_service(home)
    process = home.begin("pull", GUIDE)
    number = coming(home)["id"]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert home.parts()
    assert f"Download {number} is cancelled" in home.run("pull", "--cancel", str(number))[0]
    assert client.job(number)["state"] == "cancelled" and home.parts() == []


def test_detached_it_goes_on_alone(home: Home) -> None:
    out, _ = home.run("pull", GUIDE, "--detach")
    assert done(home, int(out))["state"] == "done"


def test_a_service_ends_with_paused_downloads_only_and_not_with_running_ones(
    tmp_path: Path, hub: LocalHub
) -> None:
    home = Home(tmp_path, hub)
    home.paths.ensure()
    settings = f"[downloads]\nlimit_mib_per_second = {SLOW_MIB}\n"
    home.paths.settings_file.write_text(settings)
    service = subprocess.Popen(own_command("_service", "0.5"), env=home.environ)
    wait_for(home.paths.endpoint_file.exists, "the service has started")
    try:
        number = home.client().pull(GUIDE)["id"]
        begun = time.monotonic()
        wait_for(home.parts, "a file grows")
        # Nobody asks for anything; four times as long as an idle service would live it goes on.
        with pytest.raises(subprocess.TimeoutExpired):
            service.wait(2.0)
        assert time.monotonic() - begun >= 2.0
        client = home.client()
        client.pause_job(number)
        wait_for(lambda: client.job(number)["state"] == "paused", "it is paused")
        assert service.wait(20) == 0, "a paused download keeps no service alive"
    finally:
        service.kill()
        service.wait()


def test_a_newer_service_takes_a_download_over(tmp_path: Path, hub: LocalHub) -> None:
    """Who makes room does not wait for hours until a download has ended."""
    limit = "PADDOCK_DOWNLOADS_LIMIT_MIB_PER_SECOND"
    more = {"HF_ENDPOINT": hub.url, "NO_PROXY": "*", limit: "0.3"}
    service = RunningService(tmp_path / "own", more)
    try:
        number = service.client.pull(GUIDE)["id"]

        def has_come() -> bool:
            return bool((service.client.job(number)["progress"] or {}).get("done"))

        wait_for(has_come, "bytes have come")
        service.client.call("POST", "/stop", {"after_jobs": True})
        assert service.process.wait(5) == 0
        del service.environ[limit]
        service.restart()
        wait_for(lambda: service.client.job(number)["finished"], "the next one does it", 30)
        assert service.client.job(number)["state"] == "done"
        below = service.kill()
        wait_for(lambda: gone(below), "no process is left", 5)
    finally:
        service.stop()
