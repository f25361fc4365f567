"""The library in a real service: removing, hiding, names, verifying, newer uploads."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.server import free_port
from desktop.core.errors import AppError, ErrorCode
from tests.helpers.gguf_files import tiny_llama, write_hf_file, write_projector, write_tiny_llama
from tests.helpers.hub import LocalHub
from tests.helpers.hub_cache import downloaded, problems
from tests.helpers.library_setup import service_with, stored_paths
from tests.helpers.service import RunningService, running_service, wait_for

Json = dict[str, Any]
REPO = "owner/Tiny-GGUF"
TINY, SMALL = "tiny:f16", "tiny:q8_0"


class Setup:
    """Two quants of a model with eyes that Paddock fetched, and a file of the person's own."""

    def __init__(self, home: Path) -> None:
        self.home, self.cache = home, home / "hf" / "hub"
        eyes = write_projector(home / "made" / "mmproj.gguf").read_bytes()
        contents = {
            "tiny-f16.gguf": tiny_llama(name="Tiny", n_layers=8).to_bytes(),
            "tiny-q8_0.gguf": tiny_llama(name="Tiny", type_name="Q8_0").to_bytes(),
            "mmproj-F16.gguf": eyes,
        }
        self.rows = {
            name: downloaded(self.cache, REPO, name, content) for name, content in contents.items()
        }
        self.mine = write_tiny_llama(home / "mine" / "mine.gguf", name="Mine")


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path / "home")


@pytest.fixture
def service(setup: Setup) -> Iterator[RunningService]:
    with service_with(setup.home, *setup.rows.values()) as running:
        running.client.add_models(str(setup.mine))
        for model in (TINY, SMALL):  # its weights are zeros: the engine would not take it
            running.client.change_model_settings(model, {"mmproj": "none"})
        yield running


def named(service: RunningService, model: str, *, hidden: bool = False) -> Json:
    return next(each for each in service.client.models(hidden=hidden) if each["id"] == model)


def refused(code: ErrorCode, work: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        work()
    assert caught.value.code is code, caught.value
    return caught.value


def test_a_model_is_removed_with_what_it_frees(setup: Setup, service: RunningService) -> None:
    client = service.client
    client.change_card(TINY, {"aliases": ["gpt-4o"], "tags": ["work"]})
    tiny = named(service, TINY)
    assert tiny["downloaded"] is True and tiny["aliases"] == ["gpt-4o"]
    plan = client.removal("gpt-4o")
    assert plan["freed_bytes"] == tiny["disk_bytes"] > 0
    assert [each["code"] for each in plan["kept"]] == ["used_by"]
    before = os.statvfs(setup.cache)
    assert client.remove_model(TINY) == plan
    after = os.statvfs(setup.cache)
    freed = (after.f_bfree - before.f_bfree) * after.f_frsize
    assert freed > plan["freed_bytes"] // 2, "about as much, whatever others do on this disk"
    assert [
        each["id"] for each in client.models() if each["repo"] == REPO and each["kind"] == "model"
    ] == [SMALL]
    refused(ErrorCode.MODEL_NOT_FOUND, lambda: client.card("gpt-4o"))
    assert stored_paths(service) == {
        str(setup.rows[name].path) for name in ("tiny-q8_0.gguf", "mmproj-F16.gguf")
    }
    assert problems(setup.cache) == []
    client.remove_model(SMALL)
    assert not (setup.cache / "models--owner--Tiny-GGUF").exists() and not stored_paths(service)
    assert problems(setup.cache) == []
    client.change_card("mine:f16", {"aliases": ["gpt-4o"]})  # the name is free again


def test_everybody_is_told_of_a_removal(service: RunningService) -> None:
    state = service.client.state()
    service.client.remove_model(TINY)
    for event in service.client.events(state["epoch"], state["seq"]):
        if event["type"] == "library.changed" and TINY in event["data"]["removed"]:
            break


def test_a_model_in_use_is_not_removed(service: RunningService) -> None:
    client = service.client
    client.load(TINY)
    error = refused(ErrorCode.MODEL_IN_USE, lambda: client.remove_model(TINY))
    assert "loaded" in error.cause
    client.remove_model(SMALL)
    client.unload(TINY)
    params = {"prompt": [2000], "gen": [2000], "depth": [0], "concurrency": [1], "repeat": 50}
    job = client.submit("bench", {"model": TINY, **params})
    wait_for(lambda: client.job(job["id"])["state"] == "running", "it runs")
    error = refused(ErrorCode.MODEL_IN_USE, lambda: client.remove_model(TINY))
    assert f"Job {job['id']} (bench)" in error.cause
    client.cancel_job(job["id"])
    wait_for(lambda: client.job(job["id"])["finished"], "it has ended")
    assert client.remove_model(TINY)["freed_bytes"] > 0


def test_a_file_of_the_persons_own_is_hidden_and_shown_again(
    setup: Setup, service: RunningService
) -> None:
    client = service.client
    client.public_on(port=free_port())
    url = client.state()["public"]["url"]
    client.change_card("mine:f16", {"aliases": ["openai/Mine"]})
    assert {"mine:f16", "openai/Mine"} <= served(url)
    done = client.remove_model("mine:f16")
    assert done["hidden"] is True and done["freed_bytes"] == 0 and done["removed"] == []
    assert setup.mine.exists()
    assert "mine:f16" not in [each["id"] for each in client.models()]
    assert named(service, "mine:f16", hidden=True)["hidden"] is True
    assert not {"mine:f16", "openai/Mine"} & served(url)
    for name in ("mine:f16", "OPENAI/mine", str(setup.mine)):
        refused(ErrorCode.MODEL_HIDDEN, lambda name=name: client.load(name))
    assert ask(url, "openai/Mine")[0] == 404
    service.stop()
    service.restart()
    assert "mine:f16" not in [each["id"] for each in service.client.models()]
    service.client.show("openai/mine")
    assert named(service, "mine:f16")["hidden"] is False


def served(url: str) -> set[str]:
    with urllib.request.urlopen(f"{url}/v1/models", timeout=20) as reply:
        return {each["id"] for each in json.load(reply)["data"]}


def ask(url: str, model: str, **more: Any) -> tuple[int, Json]:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_card_counts_where_a_request_says_nothing(service: RunningService) -> None:
    client = service.client
    client.public_on(port=free_port())
    url = client.state()["public"]["url"]
    plain = ask(url, TINY, max_tokens=1)[1]["usage"]["prompt_tokens"]
    client.change_card(TINY, {"system": "Be brief. " * 20, "sampling": {"max_tokens": 3}})
    status, said = ask(url, TINY)
    assert status == 200 and said["usage"]["completion_tokens"] <= 3
    assert said["usage"]["prompt_tokens"] > plain + 40
    client.change_card(TINY, {"system": None, "sampling": None})
    assert ask(url, TINY, max_tokens=1)[1]["usage"]["prompt_tokens"] == plain


def test_a_template_of_ones_own_is_used_from_the_next_load_on(service: RunningService) -> None:
    client = service.client
    client.public_on(port=free_port())
    url = client.state()["public"]["url"]
    plain = ask(url, TINY, max_tokens=1)[1]["usage"]["prompt_tokens"]
    go = "{{ if .System }}{{ .System }}{{ end }}{{ .Prompt }}"
    refused(ErrorCode.SETTING_INVALID, lambda: client.change_card(TINY, {"template": go}))
    longer = "the model is the model is the model is " * 5
    template = f"{longer}{{% for m in messages %}}{{{{ m.content }}}}{{% endfor %}}"
    client.change_card(TINY, {"template": template})
    client.unload(TINY)
    loaded = client.load(TINY)
    assert Path(loaded["settings"]["chat_template"]).read_text() == template
    assert ask(url, TINY, max_tokens=1)[1]["usage"]["prompt_tokens"] > plain + 20
    client.change_card(TINY, {"template": None})
    client.unload(TINY)
    assert ask(url, TINY, max_tokens=1)[1]["usage"]["prompt_tokens"] == plain


def test_cards_and_names_survive_a_crash_and_stay_with_the_content(
    setup: Setup, service: RunningService
) -> None:
    service.client.change_card("mine:f16", {"notes": "good", "tags": ["a"], "aliases": ["mine"]})
    service.kill()
    moved = setup.mine.with_name("renamed.gguf")
    setup.mine.rename(moved)
    service.restart()
    service.client.add_models(str(moved))
    card = service.client.card("mine")
    assert (card["path"], card["card"], card["tags"]) == (str(moved), {"notes": "good"}, ["a"])


def test_wrong_names_and_values_change_nothing(service: RunningService) -> None:
    client = service.client
    client.change_card(TINY, {"aliases": ["mine"]})
    for changes, code in (
        ({"aliases": ["MINE"]}, ErrorCode.ALIAS_TAKEN),
        ({"aliases": [TINY.upper()]}, ErrorCode.ALIAS_TAKEN),
        ({"aliases": ["paddock-guide:q8_0"]}, ErrorCode.ALIAS_TAKEN),
        ({"aliases": ["no spaces"]}, ErrorCode.ALIAS_INVALID),
        ({"aliases": ["/etc/passwd"]}, ErrorCode.ALIAS_INVALID),
        ({"aliases": "text"}, ErrorCode.ALIAS_INVALID),
        ({"sampling": {"temperature": "hot"}, "tags": ["x"]}, ErrorCode.SETTING_INVALID),
        ({"tags": ["a,b"], "aliases": ["fine"]}, ErrorCode.SETTING_INVALID),
        ({"nonsense": 1}, ErrorCode.SETTING_INVALID),
        ({"messages": [{"role": "tool", "content": "x"}]}, ErrorCode.SETTING_INVALID),
    ):
        refused(code, lambda changes=changes: client.change_card(SMALL, changes))
    card = client.card(SMALL)
    assert (card["aliases"], card["tags"], card["card"]) == ([], [], {})


def test_the_bundled_model_stays(service: RunningService) -> None:
    for work in (service.client.removal, service.client.remove_model):
        refused(ErrorCode.MODEL_BUNDLED, lambda work=work: work("paddock-guide:q8_0"))
    service.client.hide("paddock-guide:q8_0")
    assert "paddock-guide:q8_0" not in [each["id"] for each in service.client.models()]


def test_a_projector_hides_and_shows_with_its_model(setup: Setup, service: RunningService) -> None:
    client = service.client
    client.hide(TINY)
    assert "projector" in {each["kind"] for each in client.models()}, "another model has it"
    client.hide(SMALL)
    assert "projector" not in {each["kind"] for each in client.models()}
    client.show(TINY)
    assert "projector" in {each["kind"] for each in client.models()}


def test_a_removal_that_was_killed_is_finished(setup: Setup, service: RunningService) -> None:
    row = setup.rows["tiny-f16.gguf"]
    blob = row.path.resolve()
    service.kill()
    row.path.unlink()  # the link is gone, its content is not
    fields = {**vars(row), "path": str(row.path)}
    file = {"path": str(row.path), "folder": str(row.path.parents[2]), "blob": str(blob)}
    note = {"model": TINY, "files": [{**file, "part": "model", "row": fields}]}
    (service.paths.data / "removing.json").write_text(json.dumps(note))
    service.restart()
    wait_for(lambda: str(row.path) not in stored_paths(service), "it is finished")
    assert not blob.exists() and problems(setup.cache) == []


def test_disk_use_counts_everything_once(setup: Setup, service: RunningService) -> None:
    write_hf_file(
        setup.cache, REPO, "tiny-f16.gguf", setup.rows["tiny-f16.gguf"].path.read_bytes(),
        revision="c" * 40,
    )  # fmt: skip
    service.client.scan()
    found = service.client.disk_use()
    taken = {each["folder"]: each["disk_bytes"] for each in found["places"]}
    blobs = setup.rows["tiny-f16.gguf"].path.resolve().parent
    assert taken[str(setup.cache)] == sum(b.stat().st_blocks * 512 for b in blobs.iterdir())
    assert taken[str(setup.mine.parent)] == setup.mine.stat().st_blocks * 512
    assert found["total_bytes"] == sum(taken.values())


# --- verifying


def verified(service: RunningService, model: str) -> Json:
    job = service.client.verify_model(model)
    result: Json = service.client.follow_job(job["id"], lambda event: None)["result"]
    return result


def test_damage_is_found_marked_and_mended(setup: Setup, service: RunningService) -> None:
    client, row = service.client, setup.rows["tiny-f16.gguf"]
    first = verified(service, TINY)
    assert first["state"] == "ok" and first["files"][0]["source"] == "hub"
    assert named(service, TINY)["checked"]["state"] == "ok"
    blob = row.path.resolve()
    status, content = blob.stat(), blob.read_bytes()
    with blob.open("r+b") as stream:  # one bit, at a place no fingerprint looks at
        stream.seek(200_000)
        stream.write(bytes([content[200_000] ^ 1]))
    os.utime(blob, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert named(service, TINY)["broken"] is False, "nothing about the file tells it"
    second = verified(service, TINY)
    assert second["state"] == "damaged" and second["error"]["code"] == "model_damaged"
    entry = named(service, TINY)
    assert entry["broken"] is True and entry["checked"]["state"] == "damaged"
    assert entry["error"]["code"] == "model_damaged" and row.path.exists()
    refused(ErrorCode.MODEL_BROKEN, lambda: client.load(TINY))
    blob.write_bytes(content)
    assert verified(service, TINY)["state"] == "ok"
    client.load(TINY)


def test_a_file_nobody_knows_is_compared_the_next_time(service: RunningService) -> None:
    assert verified(service, "mine:f16")["state"] == "no_hash"
    again = verified(service, "mine:f16")
    assert again["state"] == "ok" and again["files"][0]["source"] == "earlier"


def test_verifying_goes_on_after_a_kill_and_can_be_cancelled(tmp_path: Path) -> None:
    home = tmp_path / "home"
    big = tmp_path / "big.gguf"
    big.write_bytes(tiny_llama(name="Big").to_bytes())
    with big.open("ab") as stream:
        stream.truncate(4 << 30)  # holes: nothing is written, all is read
    with running_service(home) as service:
        client = service.client
        client.add_models(str(big))
        job = client.verify_model(str(big))
        wait_for(lambda: (client.job(job["id"])["progress"] or {}).get("done"), "it reads")
        service.kill()
        service.restart()
        client = service.client
        wait_for(lambda: (client.job(job["id"])["progress"] or {}).get("done"), "it reads again")
        client.cancel_job(job["id"])
        wait_for(lambda: client.job(job["id"])["state"] == "cancelled", "it stops")
        assert client.card(str(big))["checked"] is None


# --- newer uploads


def test_a_newer_upload_is_seen_when_a_person_asks(tmp_path: Path) -> None:
    old, new = tiny_llama(name="Tiny").to_bytes(), tiny_llama(name="Tiny", seed=2).to_bytes()
    home = tmp_path / "home"
    cache = home / "hf" / "hub"
    with LocalHub(tmp_path / "hub") as hub:
        commit = hub.add_repo(REPO, {"tiny-f16.gguf": old})
        row = downloaded(cache, REPO, "tiny-f16.gguf", old, commit=commit)
        with service_with(home, row, HF_ENDPOINT=hub.url) as service:
            client = service.client
            assert named(service, TINY)["upstream"] is None
            asked = len(hub.requests)
            client.scan()
            assert len(hub.requests) == asked, "nobody asked"
            (same,) = client.check_upstream()
            assert (same["repo"], same["models"], same["newer"], same["error"]) == (
                REPO, [TINY], [], None,
            )  # fmt: skip
            assert named(service, TINY)["upstream"]["newer"] is False
            newer = hub.add_repo(REPO, {"tiny-f16.gguf": new})
            assert client.check_upstream(TINY)[0]["newer"] == [TINY]
            assert named(service, TINY)["upstream"]["newer"] is True
            downloaded(cache, REPO, "tiny-f16.gguf", new, commit=newer)  # as another tool fetches
            client.scan()
            states = {
                each["revision"]: each["upstream"] for each in client.models() if each["repo"]
            }
            assert states[newer]["newer"] is False and states[commit]["newer"] is True
            hub.faults.down = True
            (failed,) = client.check_upstream(TINY)
            assert failed["error"]["code"] == "remote_unreachable" and failed["newer"] == []


# --- with real downloads


def pulled(service: RunningService, model: str) -> Json:
    job = service.client.pull(model)
    result: Json = service.client.follow_job(job["id"], lambda event: None)["result"]
    return result


def test_a_real_download_is_removed_and_fetched_again(tmp_path: Path) -> None:
    content = tiny_llama(name="Tiny").to_bytes()
    home = tmp_path / "home"
    cache = home / "hf" / "hub"
    with LocalHub(tmp_path / "hub") as hub:
        hub.add_repo(REPO, {"tiny-f16.gguf": content})
        more = {"HF_ENDPOINT": hub.url, "PADDOCK_LIBRARY_TEST_NEW_MODELS": "false"}
        with running_service(home, more) as service:
            client = service.client
            first = pulled(service, f"{REPO}:F16")
            assert first["model"] == TINY and stored_paths(service) == {first["path"]}
            tiny = named(service, TINY)
            assert tiny["downloaded"] is True and verified(service, TINY)["state"] == "ok"
            done = client.remove_model(TINY)
            assert done["freed_bytes"] == tiny["disk_bytes"] >= len(content)
            assert problems(cache) == [] and not stored_paths(service)
            assert not (cache / "models--owner--Tiny-GGUF").exists()

            assert pulled(service, f"{REPO}:F16")["fetched_bytes"] == len(content)
            client.hide(TINY)
            again = pulled(service, f"{REPO}:F16")
            assert (again["model"], again["fetched_bytes"]) == (TINY, 0)
            assert named(service, TINY)["hidden"] is False, "somebody wants it"

            blob = Path(again["path"]).resolve()
            status = blob.stat()
            with blob.open("r+b") as stream:
                stream.seek(-1, os.SEEK_END)
                stream.write(bytes([content[-1] ^ 1]))
            os.utime(blob, ns=(status.st_atime_ns, status.st_mtime_ns))
            assert verified(service, TINY)["state"] == "damaged"
            client.remove_model(TINY)
            assert pulled(service, f"{REPO}:F16")["fetched_bytes"] == len(content)
            assert named(service, TINY)["broken"] is False
            assert verified(service, TINY)["state"] == "ok"
