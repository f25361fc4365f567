"""Removing models: what goes, what stays and why, and that nothing else is ever touched."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.entry import ModelEntry
from desktop.core.library.library import Library
from desktop.core.library.notes import DownloadedFile
from desktop.core.library.removal import Removal, execute, plan_removal, plan_rows
from desktop.core.service.library_store import LibraryStore
from desktop.core.service.model_settings import ModelSettingsStore
from desktop.core.service.removal import Remover
from tests.helpers.gguf_files import (
    tiny_llama,
    write_hf_file,
    write_projector,
    write_split_llama,
    write_tiny_llama,
)
from tests.helpers.hub_cache import COMMIT, contents, downloaded, problems, remember

REPO = "owner/Tiny-GGUF"
NEWER = "b" * 40


def model(name: str = "Tiny", seed: int = 1) -> bytes:
    return tiny_llama(name=name, seed=seed).to_bytes()


class Setup:
    def __init__(self, root: Path) -> None:
        self.root, self.cache, self.folder = root, root / "hub", root / "models"
        self.folder.mkdir()
        self.outside = root / "outside"
        self.outside.mkdir()
        self.database = Database(root / "paddock.db", root / "backups")
        self.store = LibraryStore(self.database)
        self.reader = HeaderReader(None)
        self.library = Library(
            self.store,
            self.reader,
            lambda: [self.cache],
            lambda: [self.folder],
            root / "bundled" / "guide.gguf",
            hashes=root / "hashes",
            notes=self.store.notes,
        )
        self.journal = root / "removing.json"
        self.saved = ModelSettingsStore(self.database)
        self.remover = Remover(self.library, self.store, self.saved, self.journal)

    def fetched(
        self, filename: str, content: bytes, repo: str = REPO, commit: str = COMMIT
    ) -> DownloadedFile:
        row = downloaded(self.cache, repo, filename, content, commit=commit)
        remember(self.database, row)
        return row

    def entries(self) -> list[ModelEntry]:
        self.library.rescan()
        return self.library.models()

    def entry(self, path: Path) -> ModelEntry:
        return next(each for each in self.entries() if path in each.shard_paths)

    def plan(self, path: Path) -> Removal:
        return self.remover.plan(self.entry(path))

    def close(self) -> None:
        self.reader.close()
        self.database.close()


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.close()


def codes(removal: Removal) -> set[str]:
    return {each.code for each in removal.kept}


def test_a_downloaded_model_goes_with_all_that_was_made_for_it(setup: Setup) -> None:
    row = setup.fetched("tiny-f16.gguf", model())
    other = setup.fetched("sub/other.gguf", model("Other", 2), repo="owner/Other-GGUF")
    entry = setup.entry(row.path)
    taken = row.path.stat().st_blocks * 512
    assert entry.downloaded and entry.disk_bytes == taken
    plan = setup.remover.plan(entry)
    assert plan.freed_bytes == taken and not plan.kept and not plan.hides and not plan.remains
    assert os.path.lexists(row.path), "a plan changes nothing"
    assert setup.remover.carry_out(plan) == taken
    assert not (setup.cache / "models--owner--Tiny-GGUF").exists()
    assert other.path.exists() and problems(setup.cache) == []
    assert [each.path for each in setup.store.downloads()] == [other.path]
    assert [each.path for each in setup.entries()] == [other.path]


def test_another_file_of_the_repository_keeps_its_snapshot_and_branch(setup: Setup) -> None:
    row = setup.fetched("quants/tiny-f16.gguf", model())
    hers = write_hf_file(setup.cache, REPO, "README.md", b"read me")
    setup.remover.carry_out(setup.plan(row.path))
    folder = setup.cache / "models--owner--Tiny-GGUF"
    assert hers.read_bytes() == b"read me" and (folder / "refs" / "main").exists()
    assert not (hers.parent / "quants").exists() and len(list((folder / "blobs").iterdir())) == 1
    assert problems(setup.cache) == []


def test_two_snapshots_of_ours_share_a_blob_and_go_together(setup: Setup) -> None:
    content = model()
    old = setup.fetched("tiny.gguf", content)
    new = setup.fetched("tiny.gguf", content, commit=NEWER)
    entry = setup.entry(new.path)
    assert entry.disk_bytes == new.path.stat().st_blocks * 512, "counted once"
    plan = setup.remover.plan(entry)
    assert {file.path for file in plan.gone} == {old.path, new.path}
    assert plan.freed_bytes == entry.disk_bytes == setup.remover.carry_out(plan)
    assert not list(setup.cache.iterdir()) and not setup.store.downloads()


def test_a_snapshot_that_is_not_ours_keeps_the_blob_and_the_model_is_hidden(setup: Setup) -> None:
    content = model()
    setup.fetched("tiny.gguf", content)
    hers = write_hf_file(setup.cache, REPO, "tiny.gguf", content, revision=NEWER)
    before = contents(setup.cache)
    plan = setup.plan(hers)
    assert plan.hides and plan.remains and not plan.gone and plan.freed_bytes == 0
    assert "shared" in codes(plan)
    assert contents(setup.cache) == before


def test_a_later_snapshot_without_the_file_stays(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    hers = write_hf_file(setup.cache, REPO, "config.json", b"{}", revision=NEWER, ref="main")
    setup.remover.carry_out(setup.plan(row.path))
    folder = setup.cache / "models--owner--Tiny-GGUF"
    assert [path.name for path in (folder / "snapshots").iterdir()] == [NEWER]
    assert (folder / "refs" / "main").read_text() == NEWER and hers.exists()
    assert problems(setup.cache) == []


def test_a_branch_of_a_snapshot_that_goes_goes_too(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    folder = row.path.parents[2]
    (folder / "refs" / "refs" / "pr").mkdir(parents=True)
    (folder / "refs" / "refs" / "pr" / "1").write_text(COMMIT)
    write_hf_file(setup.cache, REPO, "config.json", b"{}", revision=NEWER, ref="v2")
    setup.remover.carry_out(setup.plan(row.path))
    assert problems(setup.cache) == []
    assert [path.name for path in (folder / "refs").iterdir() if path.is_file()] == ["v2"]


def test_what_the_hubs_library_noted_of_an_emptied_repository_goes(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    folder = row.path.parents[2]
    (folder / ".no_exist" / COMMIT).mkdir(parents=True)
    (folder / ".no_exist" / COMMIT / "config.json").touch()
    (folder / "trees").mkdir()
    (folder / "trees" / f"{COMMIT}.json").write_text("{}")
    setup.remover.carry_out(setup.plan(row.path))
    assert not folder.exists()


def test_a_download_in_progress_beside_it_stays(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    part = row.path.parents[2] / "blobs" / f"{'e' * 64}.paddock-part"
    part.write_bytes(b"half")
    setup.remover.carry_out(setup.plan(row.path))
    assert part.read_bytes() == b"half" and problems(setup.cache) == []


def test_all_parts_of_a_split_model_go_or_none(setup: Setup, tmp_path: Path) -> None:
    parts = write_split_llama(tmp_path / "made", "tiny-f16", parts=3, name="Tiny")
    rows = [setup.fetched(part.name, part.read_bytes()) for part in parts]
    plan = setup.plan(rows[0].path)
    assert {file.path for file in plan.gone} == {row.path for row in rows}
    setup.store.forget_downloads([rows[1].path])
    plan = setup.plan(rows[0].path)
    assert plan.hides and not plan.gone and codes(plan) == {"incomplete", "not_downloaded"}
    assert not setup.entry(rows[0].path).downloaded


def test_a_projector_goes_with_the_last_model_that_has_it(setup: Setup, tmp_path: Path) -> None:
    eyes = write_projector(tmp_path / "mmproj.gguf")
    projector = setup.fetched("mmproj-F16.gguf", eyes.read_bytes())
    one = setup.fetched("tiny-f16.gguf", model())
    two = setup.fetched("tiny-q8_0.gguf", tiny_llama(type_name="Q8_0").to_bytes())
    plan = setup.plan(one.path)
    assert [file.part for file in plan.gone] == ["model"] and codes(plan) == {"used_by"}
    assert "tiny-llama:q8_0" in plan.to_dict()["kept"][0]["reason"]
    assert not plan.remains and not plan.hides
    setup.remover.carry_out(plan)
    plan = setup.plan(two.path)
    assert sorted(file.part for file in plan.gone) == ["model", "projector"]
    setup.remover.carry_out(plan)
    assert not projector.path.exists() and not list(setup.cache.iterdir())


def test_a_file_that_paddock_did_not_fetch_is_hidden(setup: Setup) -> None:
    path = write_tiny_llama(setup.folder / "mine.gguf")
    entry = setup.entry(path)
    assert not entry.downloaded and entry.disk_bytes == path.stat().st_blocks * 512
    plan = setup.remover.plan(entry)
    assert plan.hides and codes(plan) == {"not_downloaded"} and not plan.gone


def test_a_copy_of_somebody_elses_stays_where_it_is(setup: Setup) -> None:
    content = model()
    row = setup.fetched("tiny.gguf", content)
    mine = setup.folder / "mine.gguf"
    mine.write_bytes(content)
    plan = setup.plan(row.path)
    assert plan.remains and not plan.hides and plan.freed_bytes > 0
    assert [each.path for each in plan.kept] == [mine]
    setup.remover.carry_out(plan)
    assert [each.path for each in setup.entries()] == [mine]


def test_a_content_with_a_hard_link_elsewhere_frees_nothing(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    os.link(row.path.resolve(), setup.outside / "linked.gguf")
    entry = setup.entry(row.path)
    assert entry.downloaded and entry.disk_bytes == 0
    plan = setup.remover.plan(entry)
    assert plan.freed_bytes == 0 and plan.gone[0].linked
    assert setup.remover.carry_out(plan) == 0
    assert (setup.outside / "linked.gguf").exists() and not os.path.lexists(row.path)


def test_hard_links_that_all_go_free_their_content_once(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    again = setup.fetched("copy.gguf", model(), repo="other/Tiny-GGUF")
    taken = row.path.stat().st_blocks * 512
    again.path.resolve().unlink()
    os.link(row.path.resolve(), again.path.parents[2] / "blobs" / again.etag)
    entry = setup.entry(again.path)
    assert entry.disk_bytes == taken
    plan = setup.remover.plan(entry)
    assert {file.path for file in plan.gone} == {row.path, again.path}
    assert plan.freed_bytes == taken == setup.remover.carry_out(plan)
    assert not list(setup.cache.iterdir())


def test_a_system_without_links_keeps_plain_files_in_snapshots(setup: Setup) -> None:
    content = model()
    row = setup.fetched("tiny.gguf", content)
    row.path.resolve().rename(setup.root / "content")
    row.path.unlink()
    (setup.root / "content").rename(row.path)
    plan = setup.plan(row.path)
    assert plan.freed_bytes == row.path.stat().st_blocks * 512
    assert setup.remover.carry_out(plan) == plan.freed_bytes
    assert not list(setup.cache.iterdir())


def test_a_plain_file_that_was_put_in_its_place_stays(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    row.path.unlink()
    row.path.write_bytes(tiny_llama(name="Mine", n_layers=3).to_bytes())
    plan = setup.plan(row.path)
    assert plan.hides and codes(plan) == {"changed"} and row.path.exists()


def test_a_link_to_another_blob_is_not_ours_any_more(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    hers = write_hf_file(setup.cache, REPO, "hers.gguf", tiny_llama(n_layers=3).to_bytes())
    row.path.unlink()
    row.path.symlink_to(hers.readlink())
    plan = plan_rows(REPO, [row])
    assert not plan.gone and codes(plan) == {"changed"}


def test_a_model_whose_blob_is_gone_can_be_removed(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    row.path.resolve().unlink()
    plan = setup.plan(row.path)
    assert [file.path for file in plan.gone] == [row.path] and plan.freed_bytes == 0
    setup.remover.carry_out(plan)
    assert not list(setup.cache.iterdir())


def test_a_bundled_model_is_refused(setup: Setup) -> None:
    path = write_tiny_llama(setup.root / "bundled" / "guide.gguf")
    with pytest.raises(AppError) as caught:
        setup.plan(path)
    assert caught.value.code is ErrorCode.MODEL_BUNDLED
    assert setup.remover.plan(setup.entry(path), keep_file=True).hides


# --- nothing outside is ever deleted


def test_a_link_that_leads_out_of_the_blobs_is_left_alone(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    mine = setup.outside / row.etag
    shutil.move(row.path.resolve(), mine)
    row.path.unlink()
    row.path.symlink_to(mine)
    plan = setup.plan(row.path)
    assert plan.hides and codes(plan) == {"outside"} and not plan.gone
    assert mine.exists() and row.path.exists()


@pytest.mark.parametrize("level", ["models--owner--Tiny-GGUF", "snapshots", COMMIT, "sub", "blobs"])
def test_a_folder_that_is_a_link_is_never_gone_through(setup: Setup, level: str) -> None:
    row = setup.fetched("sub/tiny.gguf", model())
    folder = next(
        path for path in (*row.path.parents, row.path.parents[3] / "blobs") if path.name == level
    )
    if level != row.path.parents[3].name:  # moved with its folder, a relative link leads nowhere
        blob = row.path.resolve()
        row.path.unlink()
        row.path.symlink_to(blob)
    shutil.move(folder, setup.outside / level)
    folder.symlink_to(setup.outside / level)
    assert row.path.exists()
    before = contents(setup.outside)
    plan = plan_removal(setup.entry(row.path), setup.entries(), setup.store.downloads())
    assert plan.hides and not plan.gone and codes(plan) == {"outside"}
    assert contents(setup.outside) == before


def test_a_blob_that_is_a_link_is_left_alone(setup: Setup) -> None:
    """The hub's library can keep contents in a store that repositories share."""
    row = setup.fetched("tiny.gguf", model())
    blob = row.path.resolve()
    shutil.move(blob, setup.outside / "shared")
    blob.symlink_to(setup.outside / "shared")
    plan = setup.plan(row.path)
    assert plan.hides and codes(plan) == {"outside"} and (setup.outside / "shared").exists()


@pytest.mark.parametrize("name", ["refs", ".no_exist", "trees", "blobs"])
def test_links_beside_the_snapshots_are_not_followed(setup: Setup, name: str) -> None:
    row = setup.fetched("tiny.gguf", model())
    plan = setup.plan(row.path)
    folder = row.path.parents[2]
    if (folder / name).exists():
        shutil.move(folder / name, setup.outside / name)
    else:
        (setup.outside / name).mkdir()
    (setup.outside / name / "precious").write_text(COMMIT)
    (folder / name).symlink_to(setup.outside / name)
    before = contents(setup.outside)
    try:
        execute(plan)
    except AppError as error:
        assert error.code is ErrorCode.REMOVE_FAILED
    assert contents(setup.outside) == before


def test_a_recorded_path_elsewhere_is_not_believed(setup: Setup) -> None:
    mine = write_tiny_llama(setup.folder / "mine.gguf")
    row = setup.fetched("tiny.gguf", model("Other", 5))
    for path in (mine, setup.cache / "models--owner--Tiny-GGUF" / ".." / "mine.gguf"):
        lying = replace(row, path=path, repo_file="mine.gguf", size_bytes=mine.stat().st_size)
        plan = plan_removal(setup.entry(mine), setup.entries(), [lying])
        assert plan.hides and not plan.gone
    assert mine.exists()


def test_what_changed_since_the_plan_is_left_alone(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    plan = setup.plan(row.path)
    mine = setup.outside / "mine.gguf"
    mine.write_bytes(b"mine")
    row.path.unlink()
    row.path.symlink_to(mine)
    with pytest.raises(AppError) as caught:
        setup.remover.carry_out(plan)
    assert caught.value.code is ErrorCode.REMOVE_FAILED
    assert mine.read_bytes() == b"mine" and (row.path.parents[2] / "blobs" / row.etag).exists()


# --- when it cannot be done, or is interrupted


@pytest.mark.skipif(os.name != "posix", reason="permissions of folders")
def test_a_folder_that_cannot_be_written_to_is_told_before_anything_goes(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = setup.fetched("tiny.gguf", model())
    plan = setup.plan(row.path)
    before = contents(setup.cache)
    blobs = row.path.parents[2] / "blobs"
    real = os.access
    # Root may write everywhere: what the system says to others stands in for it.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != blobs and real(path, mode))
    with pytest.raises(AppError) as caught:
        setup.remover.carry_out(plan)
    assert caught.value.code is ErrorCode.REMOVE_FAILED
    assert contents(setup.cache) == before and setup.store.downloads() == [row]
    assert not setup.journal.exists()


@pytest.mark.parametrize("done", ["nothing", "the link", "everything"])
def test_a_removal_that_was_killed_is_finished_at_the_next_start(setup: Setup, done: str) -> None:
    row = setup.fetched("tiny.gguf", model())
    plan = setup.plan(row.path)
    setup.remover._write(plan)  # as a service leaves it that is killed right then
    if done != "nothing":
        row.path.unlink()
    if done == "everything":
        (row.path.parents[2] / "blobs" / row.etag).unlink()
    setup.remover.finish()
    assert not list(setup.cache.iterdir())
    assert setup.store.downloads() == [] and not setup.journal.exists()
    setup.remover.finish()


def test_a_blob_that_is_needed_again_survives_the_finishing(setup: Setup) -> None:
    content = model()
    row = setup.fetched("tiny.gguf", content)
    setup.remover._write(setup.plan(row.path))
    row.path.unlink()
    hers = write_hf_file(setup.cache, REPO, "tiny.gguf", content, revision=NEWER)
    setup.remover.finish()
    assert hers.read_bytes() == content and problems(setup.cache) == []


def test_a_note_of_a_removal_that_makes_no_sense_is_left_out(setup: Setup) -> None:
    row = setup.fetched("tiny.gguf", model())
    for text in ("", "[]", '{"model": "x"}', '{"model": "x", "files": [{"path": 1}]}'):
        setup.journal.write_text(text)
        setup.remover.finish()
    lying = {"path": "/etc/hostname", "folder": "/etc", "blob": "/etc/hostname", "part": "model"}
    fields = {**vars(row), "path": "/etc/hostname"}
    setup.journal.write_text(json.dumps({"model": "x", "files": [{**lying, "row": fields}]}))
    setup.remover.finish()
    assert Path("/etc/hostname").exists() and row.path.exists()


def test_models_that_are_loaded_with_it_are_named(setup: Setup) -> None:
    draft = setup.fetched("draft.gguf", model())
    big = setup.fetched("big.gguf", tiny_llama(name="Big", n_layers=3).to_bytes())
    entry = setup.entry(big.path)
    setup.saved.change(entry.fingerprint, {"draft": setup.entry(draft.path).id})
    assert setup.plan(draft.path).needed_by == (entry.id,)
    assert setup.plan(big.path).needed_by == ()


def test_single_files_of_a_download_that_was_given_up_go(setup: Setup) -> None:
    one = setup.fetched("tiny-00001-of-00002.gguf", b"first")
    two = setup.fetched("tiny-00002-of-00002.gguf", b"second")
    gone = replace(one, path=one.path.with_name("never.gguf"), repo_file="never.gguf")
    setup.remover.carry_out(plan_rows(REPO, [one, gone]))
    assert not os.path.lexists(one.path) and two.path.read_bytes() == b"second"
    assert setup.store.downloads() == [two] and problems(setup.cache) == []
