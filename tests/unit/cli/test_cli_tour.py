"""`paddock` without a command: what it shows, and that it stops what it started."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from desktop.cli import machine
from desktop.cli.commands import tour
from desktop.cli.texts import _ENGLISH, _JAPANESE, tour_texts
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.probe import Hardware
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import AppErrorReply, FakeFace, loaded, model

URL = "http://127.0.0.1:8484"


@pytest.fixture
def guided(face: FakeFace, monkeypatch: pytest.MonkeyPatch) -> FakeFace:
    """A service with the bundled model, on a machine that need not be measured."""
    hardware = Hardware(cpu=CpuInfo("Test CPU", "x86_64", 2, 4, 4), ram=None)
    monkeypatch.setattr(machine, "look", lambda out: hardware)
    face.models = [model("other"), model("guide:q8_0", bundled=True)]
    face.routes["/public"] = lambda body: {"on": body["on"], "url": URL if body["on"] else None}
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    return face


def test_it_does_the_whole_job_and_leaves_a_running_service_as_it_was(
    guided: FakeFace, paddock: Paddock
) -> None:
    ran = paddock("tour")
    assert ran.code == 0
    assert "This machine: Test CPU, 4 cores, no GPU" in ran.out
    assert "It is a quant type." in ran.out
    assert "✓ 50.0 tok/s measured (20 tokens" in ran.out
    assert f"The server is on at {URL}" in ran.out
    (load,) = guided.called("/load")
    assert load["model"] == "guide:q8_0"
    assert [body["on"] for body in guided.called("/public")] == [True, False]
    assert guided.called("/unload") == [{"model": "guide:q8_0"}]
    assert guided.called("/stop") == []


def test_what_was_there_before_stays(guided: FakeFace, paddock: Paddock) -> None:
    guided.state["models"] = [loaded("guide:q8_0")]
    guided.state["public"] = {"on": True, "url": URL, "host": "127.0.0.1", "port": 8484}
    assert paddock("tour").code == 0
    for path in ("/load", "/unload", "/public", "/stop"):
        assert guided.called(path) == []


def test_json(guided: FakeFace, paddock: Paddock) -> None:
    found = paddock("tour", "--json").document
    assert (found["question"], found["answer"]) == ("What is Q4_K_M?", "It is a quant type.")
    assert (found["model"], found["url"]) == ("guide:q8_0", URL)
    assert found["tokens_per_second"] == 50.0


def test_a_taken_port_is_told_and_the_rest_is_stopped(guided: FakeFace, paddock: Paddock) -> None:
    def taken(body: dict[str, Any]) -> dict[str, Any]:
        params = {"host": "127.0.0.1", "port": 8484, "holder": "nginx (process 1) is using it."}
        raise AppErrorReply({"code": "port_taken", "title": "", "params": params})

    guided.routes["/public"] = taken
    ran = paddock("tour")
    assert ran.code == 1
    assert "Port 8484 on 127.0.0.1 is taken" in ran.err
    assert guided.called("/unload") == [{"model": "guide:q8_0"}]


def test_a_failed_load_leaves_nothing_on(guided: FakeFace, paddock: Paddock) -> None:
    def refuse(body: dict[str, Any]) -> dict[str, Any]:
        raise AppErrorReply({"code": "engine_died", "title": "", "params": {"reason": "It died."}})

    guided.routes["/load"] = refuse
    assert paddock("tour").code == 1
    assert guided.called("/public") == []


def test_the_snippet_is_a_call_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    public = {"url": URL, "key_required": False}
    words = shlex.split(tour._snippet(public, "it's:q8_0", "what’s that?"))
    assert words[:3] == ["curl", "-s", f"{URL}/v1/chat/completions"]
    assert '"model": "it\'s:q8_0"' in words[-1]
    assert "YOUR_KEY" in tour._snippet({"url": URL, "key_required": True}, "m", "?")


def test_both_languages_say_the_same_things() -> None:
    assert _ENGLISH.keys() == _JAPANESE.keys()
    for name, text in _ENGLISH.items():
        fields = {part.split("}")[0] for part in text.split("{")[1:]}
        assert fields == {part.split("}")[0] for part in _JAPANESE[name].split("{")[1:]}, name


def test_the_locale_decides() -> None:
    assert tour_texts({"LANG": "ja_JP.UTF-8"}) is _JAPANESE
    assert tour_texts({"LC_ALL": "C", "LANG": "ja_JP.UTF-8"}) is _ENGLISH
    assert tour_texts({}) is _ENGLISH
