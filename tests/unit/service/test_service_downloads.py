"""Downloads as jobs: the real scheduler, library and transfer, against a hub on loopback."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.jobs.table import JobState
from desktop.core.paths import paths
from desktop.core.secrets import Secrets, choose_backend
from tests.helpers.gguf_files import write_projector, write_split_llama
from tests.helpers.hub import LocalHub
from tests.helpers.hub_cache import problems
from tests.unit.service.downloading import (
    REPO,
    Service,
    content_of,
    model,
    serving,
    slow,
)

# --- getting it


async def test_a_model_comes_with_its_projector_into_library_cache_and_memory(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    content = model(tmp_path)
    eyes = write_projector(tmp_path / "eyes.gguf").read_bytes()
    files = {"tiny-F16.gguf": content, "mmproj-BF16.gguf": b"GGUF other", "mmproj-F16.gguf": eyes}
    commit = hub.add_repo(REPO, files)
    result = await service.got()
    snapshot = service.cache / "models--maker--Tiny-GGUF" / "snapshots" / commit
    assert result["model"] == "tiny-1:f16" and result["notes"] == [] and result["draft"] is None
    assert result["path"] == str(snapshot / "tiny-F16.gguf")
    assert result["projector"] == str(snapshot / "mmproj-F16.gguf"), "the most exact for its size"
    assert result["fetched_bytes"] == len(content) + len(eyes)
    assert [file["was_present"] for file in result["files"]] == [False, False]
    entry = service.models.library.resolve("maker/Tiny-GGUF:F16")
    assert entry.id == result["model"] and str(entry.mmproj) == result["projector"]
    assert entry.downloaded, "what Paddock fetched it may delete"
    assert {name: size for name, (_, size) in service.rows().items()} == {
        "tiny-F16.gguf": len(content),
        "mmproj-F16.gguf": len(eyes),
    }
    assert (snapshot / "tiny-F16.gguf").read_bytes() == content
    assert problems(service.cache) == [], "other tools find nothing amiss"
    assert any(name == "library.changed" for name, _ in service.events.all)
    assert service.tests.asked == [{"model": "tiny-1:f16", "asked": False}]


async def test_a_model_alone_and_without_a_test_where_that_is_wished(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    eyes = write_projector(tmp_path / "eyes.gguf").read_bytes()
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path), "mmproj-F16.gguf": eyes})
    service.file.change({"library.test_new_models": False})
    result = await service.got(projector=False)
    assert result["projector"] is None and list(service.rows()) == ["tiny-F16.gguf"]
    assert service.tests.asked == []


async def test_a_service_that_tests_no_models_gets_them_all_the_same(
    hub: LocalHub, tmp_path: Path
) -> None:
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)})
    async with serving(paths(), tests=False) as service:
        assert (await service.got())["model"] == "tiny-1:f16"


async def test_what_is_here_already_is_not_fetched_and_not_ours(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    from huggingface_hub import hf_hub_download

    content = model(tmp_path)
    hub.add_repo(REPO, {"tiny-F16.gguf": content})
    hf_hub_download(REPO, "tiny-F16.gguf", endpoint=hub.url, token=False, cache_dir=service.cache)
    sent = hub.sent_bytes
    result = await service.got()
    assert result["fetched_bytes"] == 0 and result["files"][0]["was_present"]
    assert hub.sent_bytes == sent
    assert service.rows() == {}, "another program fetched it: it is not ours to delete"
    assert service.tests.asked == [], "it is not new"


async def test_again_it_stays_ours_and_is_not_fetched_twice(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)})
    await service.got()
    sent, rows = hub.sent_bytes, service.rows()
    assert (await service.got())["fetched_bytes"] == 0
    assert (hub.sent_bytes, service.rows()) == (sent, rows)


async def test_a_file_by_its_path_and_all_parts_of_a_split_model(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    parts = write_split_llama(tmp_path / "split", "big-F16", parts=3, name="Big")
    hub.add_repo(
        REPO, {f"BF16/{path.name}": path for path in parts} | {"one.gguf": model(tmp_path)}
    )
    result = await service.got(f"hf.co/{REPO}:F16")
    assert [Path(file["path"]).name for file in result["files"]] == [path.name for path in parts]
    assert result["size_bytes"] == sum(path.stat().st_size for path in parts)
    single = await service.got(f"{REPO}/one.gguf")
    assert single["model"] == "tiny-1:f16"
    assert service.models.library.resolve(result["model"]).shard_paths[1].name == parts[1].name


async def test_a_download_goes_to_the_folder_of_the_settings(
    hub: LocalHub, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HOME")
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)})
    service.file.change({"library.models_folder": str(tmp_path / "elsewhere")})
    result = await service.got()
    assert Path(result["path"]).is_relative_to(tmp_path / "elsewhere")


async def test_a_model_that_cannot_be_loaded_is_here_and_that_is_said(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)[:-5000]})
    result = await service.got()
    assert [note["code"] for note in result["notes"]] == ["broken"]
    assert service.tests.asked == []


# --- what goes wrong


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("maker/Nothing-GGUF:F16", ErrorCode.REMOTE_NOT_FOUND),
        (f"{REPO}:Q8_0", ErrorCode.HUB_QUANT_UNKNOWN),
        (REPO, ErrorCode.MODEL_AMBIGUOUS),
        (f"{REPO}:latest", ErrorCode.MODEL_AMBIGUOUS),
        ("maker/Closed-GGUF:F16", ErrorCode.REMOTE_DENIED),
        (f"{REPO}/none.gguf", ErrorCode.REMOTE_NOT_FOUND),
    ],
)
async def test_what_the_hub_does_not_give_is_told(
    hub: LocalHub, service: Service, tmp_path: Path, name: str, code: ErrorCode
) -> None:
    content = model(tmp_path)
    hub.add_repo(REPO, {"tiny-F16.gguf": content, "tiny-Q4_0.gguf": content})
    hub.add_repo("maker/Closed-GGUF", {"closed-F16.gguf": content}, gated=True)
    error = await service.refused(name)
    assert error.code is code
    assert service.blobs() == set()


@pytest.mark.parametrize(
    "params",
    [
        {"model": "no name"},
        {"model": ""},
        {"model": "/etc/passwd"},
        {"model": "../../x/y.gguf"},
        {"model": 5},
        {},
        {"model": f"{REPO}:F16", "projector": "yes"},
        {"model": f"{REPO}:F16", "draft": 1},
        {"model": f"{REPO}:F16", "limit_mib_per_second": 0},
        {"model": f"{REPO}:F16", "limit_mib_per_second": "5"},
        {"model": f"{REPO}:F16", "limit_mib_per_second": True},
    ],
)
async def test_what_is_no_download_makes_no_job(
    hub: LocalHub, service: Service, params: dict[str, Any]
) -> None:
    with pytest.raises(AppError) as refused:
        await service.scheduler.submit("download", params)
    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert service.table.latest() == [] and hub.requests == []


async def test_a_stored_token_opens_a_gated_repository(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)}, gated=True)
    assert (await service.refused()).code is ErrorCode.REMOTE_DENIED
    Secrets(lambda: choose_backend(service.where.secrets_file)).set("hub_token", hub.token)
    assert (await service.got())["model"] == "tiny-1:f16"


async def test_bytes_that_are_wrong_never_reach_the_library(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)})
    hub.faults.wrong_bytes = True
    assert (await service.refused()).code is ErrorCode.HUB_HASH_WRONG
    assert service.rows() == {} and service.blobs() == set()
    hub.faults.clear()
    job = service.table.latest()[0]
    await service.scheduler.resume(job.id)  # tried again
    ended = await service.events.until(
        lambda name, data: name == "job.changed" and (data["id"], data["state"]) == (job.id, "done")
    )
    assert ended["error"] is None and service.rows()


async def test_offline_what_is_here_is_here_and_nothing_else_is(
    hub: LocalHub, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path), "tiny-Q4_0.gguf": model(tmp_path, 2)})
    first = await service.got()
    asked = len(hub.requests)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    here = await service.got()
    assert (here["model"], here["path"]) == (first["model"], first["path"])
    assert here["fetched_bytes"] == 0
    assert (await service.refused(f"{REPO}:Q4_0")).code is ErrorCode.HUB_OFFLINE
    assert len(hub.requests) == asked
    monkeypatch.delenv("HF_HUB_OFFLINE")
    hub.faults.down = True
    assert (await service.got())["model"] == first["model"]
    assert (await service.refused(f"{REPO}:Q4_0")).code is ErrorCode.REMOTE_UNREACHABLE


async def test_a_download_that_has_begun_outlasts_a_lost_network(
    hub: LocalHub, tmp_path: Path
) -> None:
    content = model(tmp_path)
    hub.add_repo(REPO, {"tiny-F16.gguf": content})
    async with serving(paths()) as service:
        kind: Any = service.scheduler._kinds["download"]
        kind._lost_seconds = 60.0
        slow(hub)
        job = await service.pull()
        await service.coming(job)
        hub.faults.down = True
        # The transfer gives up and is begun again several times before the network is back.
        await service.events.until(
            lambda name, data: (
                len([1 for each in service.events.of("job.log") if "tried again" in each["line"]])
                > 2
            )
        )
        hub.faults.clear()
        ended = await service.events.ended(job)
    assert ended["state"] == "done"
    assert content_of(ended["result"]) == content


async def test_one_that_nobody_waits_for_asks_again_until_the_network_is_there(
    hub: LocalHub, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine starts before its network does, and so may a queue that was left."""
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)})
    hub.faults.down = True
    assert (await service.refused()).code is ErrorCode.REMOTE_UNREACHABLE, "a person waits"
    monkeypatch.setattr("desktop.core.jobs.handlers.download._FRESH_SECONDS", 0.0)
    job = await service.pull()
    await service.events.until(
        lambda name, data: (
            name == "job.progress" and data["progress"]["what"] == "waiting for the network"
        )
    )
    hub.faults.clear()
    assert (await service.events.ended(job))["state"] == "done"


# --- pausing, cancelling, going on


async def test_paused_it_keeps_what_came_and_goes_on_from_there(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    content = model(tmp_path)
    hub.add_repo(REPO, {"tiny-F16.gguf": content})
    slow(hub)
    job = await service.pull()
    await service.coming(job)
    await service.scheduler.pause(job.id)
    paused = await service.events.state(job, JobState.PAUSED)
    at = paused["progress"]
    assert 0 < at["done"] < at["total"] == len(content)
    assert (at["detail"]["bytes_per_second"], at["detail"]["seconds_left"]) == (None, None)
    assert service.parts()
    hub.faults.clear()
    again = await service.pull()  # the same command goes on with it
    assert again.id == job.id
    ended = await service.events.ended(job)
    result = ended["result"]
    assert content_of(result) == content
    assert len(content) <= result["fetched_bytes"] < 1.5 * len(content)
    assert hub.sent_bytes < 2 * len(content), "it did not begin anew"
    assert service.parts() == []


@pytest.mark.parametrize("when", ["running", "paused", "failed"])
async def test_cancelled_it_leaves_nothing(
    hub: LocalHub, service: Service, tmp_path: Path, when: str
) -> None:
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)})
    slow(hub)
    job = await service.pull()
    await service.coming(job)
    if when == "paused":
        await service.scheduler.pause(job.id)
        await service.events.state(job, JobState.PAUSED)
    if when == "failed":
        hub.faults.down = True
        await service.events.state(job, JobState.FAILED)
    assert service.parts()
    await service.scheduler.cancel(job.id)
    await service.events.state(job, JobState.CANCELLED)
    assert service.parts() == [] and service.blobs() == set()
    assert not (service.cache / "models--maker--Tiny-GGUF").exists()


async def test_cancelled_in_the_middle_of_a_split_model_its_whole_parts_go_too(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    parts = write_split_llama(tmp_path / "split", "big-F16", parts=3, name="Big")
    hub.add_repo(REPO, {path.name: path for path in parts})
    slow(hub)
    service.file.change({"downloads.connections": 1})
    job = await service.pull()

    def one_is_whole(name: str, data: dict[str, Any]) -> bool:
        files = (data.get("progress") or {}).get("detail", {}).get("files", [])
        states = [file["state"] for file in files]
        return "done" in states and set(states) != {"done"}

    await service.events.until(one_is_whole)
    await service.scheduler.pause(job.id)
    await service.events.state(job, JobState.PAUSED)
    assert service.blobs() and service.rows(), "whole files are ours at once"
    await service.scheduler.cancel(job.id)
    assert service.blobs() == set() and service.rows() == {} and service.parts() == []


async def test_cancelling_takes_nothing_that_was_here_before_or_that_another_needs(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    eyes = write_projector(tmp_path / "eyes.gguf").read_bytes()
    files = {"tiny-F16.gguf": model(tmp_path), "tiny-Q4_0.gguf": model(tmp_path, 2)}
    hub.add_repo(REPO, {**files, "mmproj-F16.gguf": eyes})
    await service.got()
    before, rows = service.blobs(), service.rows()
    assert set(rows) == {"tiny-F16.gguf", "mmproj-F16.gguf"}
    slow(hub)
    first = await service.pull(f"{REPO}:Q4_0")
    await service.coming(first)
    await service.scheduler.pause(first.id)
    await service.events.state(first, JobState.PAUSED)
    second = await service.pull(f"{REPO}:Q4_0", projector=False)  # the same file once more
    await service.coming(second)
    await service.scheduler.pause(second.id)
    await service.events.state(second, JobState.PAUSED)
    await service.scheduler.cancel(second.id)
    assert service.parts(), "the first one still wants it"
    assert (service.blobs(), service.rows()) == (before, rows)
    await service.scheduler.cancel(first.id)
    assert service.parts() == []
    assert (service.blobs(), service.rows()) == (before, rows)


async def test_a_queue_goes_on_in_the_next_service(hub: LocalHub, tmp_path: Path) -> None:
    contents = {n: model(tmp_path, n) for n in (1, 2, 3)}
    for n, content in contents.items():
        hub.add_repo(f"maker/M{n}-GGUF", {f"m{n}-F16.gguf": content})
    names = [f"maker/M{n}-GGUF:F16" for n in contents]
    slow(hub)
    async with serving(paths()) as service:
        jobs = [await service.pull(name) for name in names]
        await service.coming(jobs[0])
        await service.scheduler.pause(jobs[1].id)
    hub.faults.clear()
    async with serving(paths()) as service:
        first = await service.events.ended(jobs[0])
        third = await service.events.ended(jobs[2])
        assert service.table.get(jobs[1].id).state is JobState.PAUSED
        await service.scheduler.resume(jobs[1].id)
        second = await service.events.ended(jobs[1])
    assert [each["state"] for each in (first, second, third)] == ["done"] * 3
    for each, content in zip((first, second, third), contents.values(), strict=True):
        assert content_of(each["result"]) == content
    assert hub.sent_bytes < 1.5 * sum(map(len, contents.values()))


async def test_the_speed_limit_is_obeyed_and_a_new_one_counts_at_once(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)})
    service.file.change({"downloads.limit_mib_per_second": 0.05})
    loop = asyncio.get_running_loop()
    job = await service.pull(limit_mib_per_second=100)
    shown = await service.coming(job)
    begun, had = loop.time(), shown["progress"]["done"]
    later = await service.events.until(
        lambda name, data: (
            (name == "job.progress" and data["progress"]["done"] > had + 60_000)
            or (name == "job.changed" and data["finished"] is not None)
        )
    )
    assert "progress" in later, "60 kB at 50 KiB/s take a second: it is not done"
    assert loop.time() - begun > 0.3, "the lower limit counts"
    service.file.change({"downloads.limit_mib_per_second": None})
    await service.events.ended(job)
    assert loop.time() - begun < 15, "at the old limit it would take 50 seconds"
