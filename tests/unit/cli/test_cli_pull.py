"""`pull` and `run`: what is shown on the way, what Ctrl-C does, and which model is meant."""

from __future__ import annotations

import _thread
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest

from desktop.cli.bars import Bar
from desktop.cli.output import Mode, Output
from desktop.cli.transfers import job_line, pace
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import PATIENCE_SECONDS, AppErrorReply, FakeFace, loaded

MODEL = "maker/Tiny-GGUF:F16"
GIB = 1 << 30
RESULT = {
    "model": "tiny:f16",
    "path": "/cache/tiny-F16.gguf",
    "size_bytes": 2 * GIB,
    "fetched_bytes": 2 * GIB,
    "seconds": 40.0,
    "files": [],
    "projector": "/cache/mmproj-F16.gguf",
    "draft": "small:q4_0",
    "notes": [],
}


def progress(done: float, total: float = 2 * GIB, **detail: Any) -> dict[str, Any]:
    return {
        "what": "downloading it",
        "done": done,
        "total": total,
        "unit": "bytes",
        "detail": detail,
    }


def job(state: str, **other: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "kind": "download",
        "params": {"model": MODEL, "projector": True, "draft": False},
        "state": state,
        "steps": ["resolve", "fetch", "register"],
        "steps_done": [],
        "progress": None,
        "result": None,
        "error": None,
        "finished": 1.0 if state in ("done", "failed", "cancelled") else None,
        **other,
    }


class Queue:
    """The face's side of one download. Once it is followed it tells how far it is, then `meanwhile`
    happens, and when it may `go` it ends."""

    def __init__(self, face: FakeFace, end: dict[str, Any]) -> None:
        self.face, self.end = face, end
        self.current = job("running")
        self.seen = threading.Event()
        self.looks = threading.Semaphore(0)  # the job is read again after each change of it
        self.go = threading.Event()  # the download may end
        self.asked_to_pause = threading.Event()
        face.routes["/jobs"] = lambda body: self.current
        face.routes["/jobs/1"] = self._look
        face.routes["/jobs/1/pause"] = self._pause
        face.on_follow = lambda: threading.Thread(target=self._tell, daemon=True).start()
        self.meanwhile: Callable[[], None] = self.go.set

    def _look(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.face.followed.is_set():
            self.seen.set()
            self.looks.release()
        return self.current

    def _pause(self, body: dict[str, Any]) -> dict[str, Any]:
        self.current = job("paused", progress=progress(GIB))
        self.asked_to_pause.set()
        return self.current

    def _tell(self) -> None:
        """What does not come here is missed by the test itself; nobody looks at this thread."""
        self.face.publish("job.changed", self.current)
        if not self.seen.wait(PATIENCE_SECONDS):
            return
        detail = {"bytes_per_second": 50 * (1 << 20), "seconds_left": 20.0}
        self.face.publish("job.progress", {"id": 1, "progress": progress(GIB, **detail)})
        self.face.publish("job.log", {"id": 1, "line": "the network is back"})
        self.face.publish("job.progress", {"id": 2, "progress": progress(GIB, what="another's")})
        if not self.face.sent.wait(PATIENCE_SECONDS):
            return
        self.meanwhile()
        if self.go.wait(PATIENCE_SECONDS):
            self.current = self.end
            self.face.publish("job.changed", self.end)


def test_a_download_is_followed_and_told(face: FakeFace, paddock: Paddock) -> None:
    Queue(face, job("done", result=RESULT))
    ran = paddock("pull", MODEL, "--limit", "5", "--draft", "--no-projector")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "tiny:f16 is here (2.0 GiB in 40 s, 51 MiB/s).",
        "With it: the projector mmproj-F16.gguf.",
        "With it: the draft model small:q4_0.",
    ]
    assert "downloading it: 50 % of 2.0 GiB, 50 MiB/s, 20 s left" in ran.err
    assert "the network is back" in ran.err and "another's" not in ran.err
    assert "`paddock run tiny:f16`" in ran.err
    assert face.called("/jobs") == [
        {
            "kind": "download",
            "params": {
                "model": MODEL,
                "projector": False,
                "draft": True,
                "limit_mib_per_second": 5.0,
            },
        }
    ]


def test_json_and_quiet(face: FakeFace, paddock: Paddock) -> None:
    Queue(face, job("done", result=RESULT))
    assert paddock("pull", MODEL, "--json").document == RESULT
    face.followed.clear()
    assert paddock("pull", MODEL, "-q").out == "tiny:f16\n"


def test_a_failure_is_the_commands(face: FakeFace, paddock: Paddock) -> None:
    error = {"code": "hub_offline", "params": {"url": "the hub"}}
    Queue(face, job("failed", error=error))
    ran = paddock("pull", MODEL, "--json")
    assert ran.code == 1 and ran.document["error"]["code"] == "hub_offline"


def test_a_token_that_the_service_does_not_know_is_explained(
    face: FakeFace, paddock: Paddock, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {"code": "remote_denied", "params": {"url": "u", "status": 403, "reason": "r"}}
    Queue(face, job("failed", error=error))
    assert "hub-token` tells" not in paddock("pull", MODEL).err
    face.followed.clear()
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    ran = paddock("pull", MODEL)
    assert ran.code == 1 and "`paddock hub-token` tells it the service" in ran.err


def test_what_was_cancelled_elsewhere_is_no_success(face: FakeFace, paddock: Paddock) -> None:
    Queue(face, job("cancelled"))
    ran = paddock("pull", MODEL, "--json")
    assert ran.code == 1 and ran.document["error"]["code"] == "cancelled"


def test_ctrl_c_pauses_it_and_says_how_to_go_on(face: FakeFace, paddock: Paddock) -> None:
    queue = Queue(face, job("done", result=RESULT))
    queue.meanwhile = _thread.interrupt_main
    ran = paddock("pull", MODEL)
    assert ran.code == 130 and ran.out == ""
    assert queue.asked_to_pause.is_set()
    assert "Paused at 1.0 GiB of 2.0 GiB. The same command goes on with it" in ran.err


def test_ctrl_c_leaves_alone_what_was_under_way_before(face: FakeFace, paddock: Paddock) -> None:
    queue = Queue(face, job("done", result=RESULT))
    face.state["jobs"] = [job("running")]
    queue.meanwhile = _thread.interrupt_main
    ran = paddock("pull", MODEL)
    assert ran.code == 130 and not queue.asked_to_pause.is_set()
    assert "being fetched already" in ran.err and "goes on" in ran.err


def test_what_was_paused_before_is_begun_by_this_command(face: FakeFace, paddock: Paddock) -> None:
    queue = Queue(face, job("done", result=RESULT))
    face.state["jobs"] = [job("paused")]
    queue.meanwhile = _thread.interrupt_main
    ran = paddock("pull", MODEL)
    assert queue.asked_to_pause.is_set() and "already" not in ran.err


def test_waiting_and_a_pause_elsewhere_are_told_once(face: FakeFace, paddock: Paddock) -> None:
    queue = Queue(face, job("done", result=RESULT))
    queue.current = job("queued")

    def meanwhile() -> None:
        assert queue.looks.acquire(timeout=PATIENCE_SECONDS)
        for state in ("queued", "paused", "paused"):
            face.publish("job.changed", job(state))
            assert queue.looks.acquire(timeout=PATIENCE_SECONDS)
        queue.go.set()

    queue.meanwhile = meanwhile
    ran = paddock("pull", MODEL)
    assert ran.err.count("Waiting for downloads before it.") == 1
    assert ran.err.count("paused elsewhere") == 1


def test_a_service_stopped_on_purpose_is_not_started_again(
    face: FakeFace, paddock: Paddock
) -> None:
    queue = Queue(face, job("done", result=RESULT))
    queue.meanwhile = lambda: face.publish("service.stopping", {"making_room": False})
    ran = paddock("pull", MODEL, "--json")
    assert ran.code == 1 and ran.document["error"]["code"] == "service_stopping"
    assert "goes on when the service is started again" in ran.err


def test_the_next_service_is_asked_where_one_makes_room(face: FakeFace, paddock: Paddock) -> None:
    queue = Queue(face, job("done", result=RESULT))
    told: list[int] = []

    def meanwhile() -> None:
        told.append(1)
        if len(told) == 1:
            face.publish("service.stopping", {"making_room": True})
        else:
            queue.go.set()

    queue.meanwhile = meanwhile
    ran = paddock("pull", MODEL)
    assert ran.code == 0 and "is here" in ran.out
    assert "started again" in ran.err and len(face.called("/jobs")) == 1


def test_the_queue_is_listed_and_a_download_cancelled(face: FakeFace, paddock: Paddock) -> None:
    assert paddock("pull", "--list").err == "Nothing is being fetched.\n"
    paused = job("paused", id=3, progress=progress(GIB, bytes_per_second=None))
    detail = {"bytes_per_second": 1 << 20, "seconds_left": 3700.0}
    face.state["jobs"] = [
        job("running", progress=progress(GIB, **detail)),
        paused,
        job("queued", id=4),
        job("running", id=5, kind="bench"),
    ]
    lines = paddock("pull", "--list").out.splitlines()
    assert [line.split(maxsplit=2) for line in lines[1:]] == [
        ["1", MODEL, "1.0 GiB of 2.0 GiB, 1.0 MiB/s, 1 h 2 min left"],
        ["3", MODEL, "paused at 1.0 GiB of 2.0 GiB"],
        ["4", MODEL, "waits for its turn"],
    ]
    document = paddock("pull", "--list", "--json").document
    assert [each["id"] for each in document["downloads"]] == [1, 3, 4]
    assert f"Download 3: {MODEL}, paused at" in paddock("status").out
    face.routes["/jobs/3/cancel"] = lambda body: job("cancelled", id=3)
    assert paddock("pull", "--cancel", "3").out == "Download 3 is cancelled.\n"


def test_without_a_service_a_list_starts_none(paddock: Paddock) -> None:
    ran = paddock("pull", "--list", "--json")
    assert ran.document == {"downloads": []}


@pytest.mark.parametrize("words", [(), ("--limit", "0", MODEL), ("--cancel", "0")])
def test_wrong_usage(words: tuple[str, ...], paddock: Paddock) -> None:
    assert paddock("pull", *words).code == 2


def test_a_name_of_the_catalogue_is_the_hubs(face: FakeFace, paddock: Paddock) -> None:
    Queue(face, job("done", result=RESULT))
    ran = paddock("pull", "qwen3-8b:q4_K_M")
    assert "Qwen3 8B is unsloth/Qwen3-8B-GGUF on the hub." in ran.err
    assert face.called("/jobs")[0]["params"]["model"] == "unsloth/Qwen3-8B-GGUF:q4_k_m"
    ambiguous = paddock("pull", "qwen3:q4_K_M", "--json")
    assert ambiguous.document["error"]["code"] == "model_ambiguous"
    assert paddock("pull", "nothing-of-the-kind", "--json").document["error"]["code"] == (
        "bad_request"
    )


@pytest.mark.parametrize("name", [MODEL, "hf.co/maker/Tiny-GGUF:F16"])
def test_run_gets_what_is_not_here_and_loads_it(
    face: FakeFace, paddock: Paddock, name: str
) -> None:
    Queue(face, job("done", result=RESULT))

    def load(body: dict[str, Any]) -> dict[str, Any]:
        if body["model"] == name:
            raise AppErrorReply({"code": "model_not_found", "title": "", "params": {"model": name}})
        return loaded(body["model"])

    face.routes["/load"] = load
    ran = paddock("run", name, "-p", "hi", "--ctx", "512", "--no-projector")
    assert ran.code == 0 and ran.out == "It is a quant type.\n"
    assert face.called("/jobs")[0]["params"] == {
        "model": name,
        "projector": False,
        "draft": False,
    }
    assert [(body["model"], body["context_tokens"]) for body in face.called("/load")] == [
        (name, 512),
        ("tiny:f16", 512),
    ]


def test_run_gets_nothing_when_the_model_is_here(face: FakeFace, paddock: Paddock) -> None:
    assert paddock("run", MODEL, "-p", "hi").code == 0
    assert face.called("/jobs") == []


def test_run_of_a_model_nobody_knows_asks_nobody(face: FakeFace, paddock: Paddock) -> None:
    def missing(body: dict[str, Any]) -> dict[str, Any]:
        params = {"model": body["model"]}
        raise AppErrorReply({"code": "model_not_found", "title": "", "params": params})

    face.routes["/load"] = missing
    ran = paddock("run", "no-such-model", "-p", "hi", "--json")
    assert ran.code == 1 and ran.document["error"]["code"] == "model_not_found"
    assert face.called("/jobs") == []


def test_run_gets_nothing_for_a_draft_that_is_not_here(face: FakeFace, paddock: Paddock) -> None:
    """What is missing is the draft; to fetch the model would not help."""

    def missing(body: dict[str, Any]) -> dict[str, Any]:
        params = {"model": body["draft"]}
        raise AppErrorReply({"code": "model_not_found", "title": "", "params": params})

    face.routes["/load"] = missing
    ran = paddock("run", MODEL, "-p", "hi", "--draft", "small/Draft:Q8_0", "--json")
    assert ran.code == 1 and face.called("/jobs") == []


def test_run_asks_for_a_prompt_before_it_fetches(face: FakeFace, paddock: Paddock) -> None:
    assert paddock("run", MODEL, "--json").code == 2
    assert face.calls == []


# --- bars and words


def file(name: str, state: str, done: float = 0, verified: float = 0) -> dict[str, Any]:
    sizes = {"size_bytes": GIB, "done_bytes": done, "verified_bytes": verified}
    return {"path": f"sub/{name}", "state": state, **sizes}


def test_a_bar_for_each_file_under_way_and_one_for_all() -> None:
    stream = io.StringIO()
    files = [file("a.gguf", "done", GIB), file("b.gguf", "downloading", GIB / 2)]
    files += [file("c.gguf", "checking", GIB, GIB / 4), file("d.gguf", "waiting")]
    with Bar(stream, colour=False) as bar:
        bar._console.size = (200, 40)
        detail = {"files": files, "bytes_per_second": 1 << 20, "seconds_left": 90.0}
        bar.show(progress(2 * GIB, 4 * GIB, **detail))
        bar._progress.refresh()
        text = stream.getvalue()
        for words in ("2.00/4.00 GiB, 1.0 MiB/s, 2 min left", "b.gguf", "0.50/1.00 GiB"):
            assert words in text
        assert "0.25/1.00 GiB checking" in text
        assert "a.gguf" not in text and "d.gguf" not in text
        stream.seek(0)
        stream.truncate()
        bar.show(progress(4 * GIB, 4 * GIB, files=[{**each, "state": "done"} for each in files]))
        bar._progress.refresh()
        assert "b.gguf" not in stream.getvalue().rpartition("4.00/4.00 GiB")[2]


def test_a_single_file_has_one_bar() -> None:
    stream = io.StringIO()
    with Bar(stream, colour=False) as bar:
        bar._console.size = (200, 40)
        bar.show(progress(1, 2 * GIB, files=[file("only.gguf", "downloading", 1)]))
        bar._progress.refresh()
    assert "only.gguf" not in stream.getvalue()


def test_small_files_have_figures_too() -> None:
    stream = io.StringIO()
    with Bar(stream, colour=False) as bar:
        bar.show(progress(5 << 19, 9 << 20))
        bar._progress.refresh()
    assert "2.5/9.0 MiB" in stream.getvalue()


def test_plain_lines_stay_few() -> None:
    err = io.StringIO()
    with Output(Mode.HUMAN, io.StringIO(), err, {}).progress() as show:
        for done in range(101):
            show(progress(done * GIB / 50, bytes_per_second=1 << 20, seconds_left=5.0))
    lines = err.getvalue().splitlines()
    assert lines[0] == "downloading it"
    assert lines[1:] == [
        f"downloading it: {share} % of 2.0 GiB, 1.0 MiB/s, 5 s left" for share in (25, 50, 75, 100)
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (job("running"), "asking the hub"),
        (job("running", steps_done=["resolve"]), "beginning"),
        (job("running", steps_done=["resolve", "fetch"]), "adding it to the library"),
        (job("running", progress=progress(GIB)), "1.0 GiB of 2.0 GiB"),
        (job("paused"), "paused"),
        (job("queued", progress=progress(GIB)), "waits for its turn at 1.0 GiB of 2.0 GiB"),
    ],
)
def test_where_a_download_stands(given: dict[str, Any], words: str) -> None:
    assert job_line(given) == f"Download 1: {MODEL}, {words}"


def test_a_pace_nobody_knows_is_not_told() -> None:
    assert pace(progress(1)) == ""
    assert pace(progress(1, bytes_per_second=None, seconds_left=None)) == ""
    assert pace(progress(1, bytes_per_second=1 << 20, seconds_left=None)) == "1.0 MiB/s"
