"""Moving the models folder in a real service, also when it is killed in the middle of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from tests.helpers.disk import small_disk
from tests.helpers.gguf_files import tiny_llama, write_hf_file, write_lora
from tests.helpers.hub_cache import contents, downloaded, problems
from tests.helpers.library_setup import service_with, stored_paths
from tests.helpers.service import RunningService, wait_for

Json = dict[str, Any]
MIB = 1 << 20
TINY, OTHER = "tiny:f16", "other:f16"


class Setup:
    """A model Paddock fetched and one that another tool did, in the hub's own folder: nothing in
    the environment says where models lie."""

    def __init__(self, home: Path, extra_bytes: int = 0) -> None:
        self.home, self.cache = home, home / "xdg" / "huggingface" / "hub"
        content = tiny_llama(name="Tiny", n_layers=8).to_bytes() + os.urandom(extra_bytes)
        self.row = downloaded(self.cache, "owner/Tiny-GGUF", "tiny-f16.gguf", content)
        self.hers = write_hf_file(
            self.cache,
            "somebody/Other-GGUF",
            "other-f16.gguf",
            tiny_llama(name="Other", seed=3).to_bytes(),
        )

    @contextmanager
    def service(self, **more: str) -> Iterator[RunningService]:
        xdg = str(self.home / "xdg")
        with service_with(
            self.home, self.row, **{"HF_HOME": "", "XDG_CACHE_HOME": xdg, **more}
        ) as s:
            yield s

    def moved_to(self, folder: Path) -> str:
        return str(folder / self.row.path.relative_to(self.cache))


def named(service: RunningService, model: str) -> Json:
    return next(each for each in service.client.models() if each["id"] == model)


def move(service: RunningService, folder: Path | None) -> Json:
    job = service.client.move_models(None if folder is None else str(folder))
    result: Json = service.client.follow_job(job["id"], lambda event: None)["result"]
    return result


def refused(code: ErrorCode, service: RunningService, folder: Path) -> AppError:
    with pytest.raises(AppError) as caught:
        service.client.move_models(str(folder))
    assert caught.value.code is code, caught.value
    return caught.value


def test_there_and_back_again_on_one_disk(tmp_path: Path) -> None:
    setup, target = Setup(tmp_path / "home"), tmp_path / "new" / "models"
    lora = write_lora(setup.row.path.with_name("lora.gguf"))
    before = contents(setup.cache)
    with setup.service() as service:
        client = service.client
        client.change_card(TINY, {"tags": ["mine"], "aliases": ["gpt-4o"]})
        client.change_card(TINY, {"adapters": [{"path": str(lora), "scale": 0.5}]})
        client.change_model_settings(TINY, {"slots": 1})
        result = move(service, target)
        assert result["copied"] is False and result["left"] == []
        assert client.settings()["library"]["models_folder"] == str(target)
        tiny = named(service, TINY)
        assert tiny["path"] == setup.moved_to(target) and tiny["downloaded"] is True
        assert (tiny["tags"], tiny["aliases"], tiny["copies"]) == (["mine"], ["gpt-4o"], [])
        assert tiny["card"]["adapters"][0]["path"] == str(target / lora.relative_to(setup.cache))
        assert stored_paths(service) == {tiny["path"]}
        assert named(service, OTHER)["path"] == str(setup.hers), "it is still read"
        assert [each.name for each in setup.cache.iterdir()] == ["models--somebody--Other-GGUF"]
        assert problems(setup.cache) == problems(target) == []
        assert client.load(TINY)["settings"]["slots"] == 1
        client.unload(TINY)
        service.stop()
        service.restart()
        assert named(service, TINY)["path"] == setup.moved_to(target)
        move(service, None)
        assert service.client.settings()["library"]["models_folder"] is None
        assert named(service, TINY)["path"] == str(setup.row.path)
        assert contents(setup.cache) == before and list(target.iterdir()) == []
        freed = service.client.remove_model(TINY)["freed_bytes"]
        assert freed == tiny["disk_bytes"]


def test_to_another_disk_and_a_damaged_file_stays_marked(tmp_path: Path) -> None:
    setup = Setup(tmp_path / "home", extra_bytes=9 * MIB)
    with small_disk(tmp_path, megabytes=256) as disk, setup.service() as service:
        client = service.client
        blob = setup.row.path.resolve()
        status = blob.stat()
        with blob.open("r+b") as stream:
            stream.seek(-1, os.SEEK_END)
            stream.write(bytes([blob.read_bytes()[-1] ^ 1]))
        os.utime(blob, ns=(status.st_atime_ns, status.st_mtime_ns))
        job = client.verify_model(TINY)
        client.follow_job(job["id"], lambda event: None)
        assert named(service, TINY)["checked"]["state"] == "damaged"
        job = client.move_models(str(disk / "models"))
        result = client.follow_job(job["id"], lambda event: None)["result"]
        assert result["copied"] is True and result["freed_bytes"] >= status.st_size
        tiny = named(service, TINY)
        assert tiny["path"] == setup.moved_to(disk / "models")
        assert tiny["checked"]["state"] == "damaged" and tiny["broken"] is True
        progress = [each["data"] for each in service.events() if each["type"] == "job.progress"]
        told = {each["progress"]["what"] for each in progress if each["id"] == job["id"]}
        assert {"copying", "checking the copies"} <= told
        service.stop()


def test_it_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    setup = Setup(tmp_path / "home", extra_bytes=300 * MIB)
    content_size = setup.row.path.stat().st_size
    blob = setup.row.path.resolve().relative_to(setup.cache)
    with small_disk(tmp_path, megabytes=700) as disk, setup.service() as service:
        target = disk / "models"
        staged = target / ".paddock-move" / blob
        job = service.client.move_models(str(target))["id"]
        wait_for(lambda: staged.exists() and staged.stat().st_size > 0, "it copies")
        service.kill()
        half = staged.stat().st_size
        assert half < content_size, "it was killed in the middle of the file"
        assert setup.row.path.exists() and not (target / "models--owner--Tiny-GGUF").exists()
        service.restart()
        assert named(service, TINY)["path"] == str(setup.row.path)
        wait_for(lambda: "copy" in service.client.job(job)["steps_done"], "it has copied", 60)
        service.kill()
        assert setup.row.path.exists() or os.path.lexists(setup.moved_to(target))
        service.restart()
        done = service.client.follow_job(job, lambda event: None)
        assert done["state"] == "done" and done["result"]["left"] == []
        assert named(service, TINY)["path"] == setup.moved_to(target)
        assert not os.path.lexists(setup.row.path) and not (target / ".paddock-move").exists()
        assert problems(target) == problems(setup.cache) == []
        checked = service.client.verify_model(TINY)["id"]
        assert service.client.follow_job(checked, lambda e: None)["result"]["state"] == "ok"
        service.stop()


def test_a_cancelled_move_leaves_everything_as_it_was(tmp_path: Path) -> None:
    setup = Setup(tmp_path / "home", extra_bytes=300 * MIB)
    before = contents(setup.cache)
    blob = setup.row.path.resolve().relative_to(setup.cache)
    with small_disk(tmp_path, megabytes=700) as disk, setup.service() as service:
        target = disk / "models"
        staged = target / ".paddock-move" / blob
        job = service.client.move_models(str(target))["id"]
        wait_for(lambda: staged.exists() and staged.stat().st_size > 0, "it copies")
        service.client.cancel_job(job)
        wait_for(lambda: service.client.job(job)["state"] == "cancelled", "it is cancelled")
        assert list(target.iterdir()) == [] and contents(setup.cache) == before
        assert service.client.settings()["library"]["models_folder"] is None
        assert named(service, TINY)["path"] == str(setup.row.path)
        service.stop()


def test_what_it_refuses(tmp_path: Path) -> None:
    setup = Setup(tmp_path / "home")
    with setup.service() as service:
        client = service.client
        refused(ErrorCode.MODELS_FOLDER_UNUSABLE, service, setup.cache)
        refused(ErrorCode.MODELS_FOLDER_UNUSABLE, service, setup.cache / "below")
        taken = tmp_path / "taken"
        (taken / "models--owner--Tiny-GGUF").mkdir(parents=True)
        refused(ErrorCode.MODELS_FOLDER_UNUSABLE, service, taken)
        refused(ErrorCode.BAD_REQUEST, service, Path("not/absolute"))
        client.load(TINY)
        error = refused(ErrorCode.MODEL_IN_USE, service, tmp_path / "new")
        assert TINY in error.title
        client.unload(TINY)
        client.load(OTHER)  # it stays where it is
        move(service, tmp_path / "new")
        assert named(service, TINY)["path"] == setup.moved_to(tmp_path / "new")


def test_the_environment_has_the_last_word(tmp_path: Path) -> None:
    setup = Setup(tmp_path / "home")
    with setup.service(HF_HUB_CACHE=str(setup.cache)) as service:
        error = refused(ErrorCode.MODELS_FOLDER_FIXED, service, tmp_path / "new")
        assert "HF_HUB_CACHE" in error.cause and str(setup.cache) in error.cause
        assert not (tmp_path / "new").exists()


def test_a_folder_of_ones_own_that_others_use_too_goes_on_being_read(tmp_path: Path) -> None:
    setup = Setup(tmp_path / "home")
    own = tmp_path / "own"
    with setup.service() as service:
        move(service, own)
        hers = write_hf_file(own, "somebody/More", "more.gguf", tiny_llama(name="More").to_bytes())
        move(service, tmp_path / "next")
        assert named(service, TINY)["path"] == setup.moved_to(tmp_path / "next")
        assert named(service, "more:f16")["path"] == str(hers)
        assert service.client.settings()["library"]["folders"] == [str(own)]
