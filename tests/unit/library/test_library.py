"""The library over real files, a real reader and a store in memory."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.entry import ModelEntry
from desktop.core.library.library import Library, LibraryChange
from tests.helpers.gguf_files import (
    ARR,
    F32,
    STR,
    U32,
    Gguf,
    TensorSpec,
    tiny_llama,
    write_adapter,
    write_hf_file,
    write_projector,
    write_split_llama,
    write_tiny_llama,
    write_vocab_only,
)


class Store:
    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.paths: dict[str, Path] = {}
        self.names: dict[str, str] = {}

    def load_ids(self) -> Mapping[str, str]:
        return dict(self.ids)

    def save_id(self, fingerprint: str, id: str, path: Path) -> None:
        self.ids[fingerprint] = id
        self.paths[fingerprint] = path

    def aliases(self) -> Mapping[str, str]:
        return self.names


class Setup:
    """A library on a folder, a hub cache and a bundled model, none of which is there yet."""

    def __init__(self, root: Path) -> None:
        self.folder, self.hub = root / "models", root / "hub"
        self.bundled = root / "resources" / "paddock-guide-q8_0.gguf"
        self.folder.mkdir()
        self.store = Store()
        self.reader = HeaderReader(root / "cache" / "headers")
        self.hashes = root / "cache" / "hashes"
        self.library = self.made()

    def made(self) -> Library:
        return Library(
            self.store,
            self.reader,
            lambda: [self.hub],
            lambda: [self.folder],
            self.bundled,
            hashes=self.hashes,
        )

    def ids(self) -> list[str]:
        self.library.rescan()
        return [entry.id for entry in self.library.models()]

    def one(self) -> ModelEntry:
        self.library.rescan()
        (entry,) = self.library.models()
        return entry


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.reader.close()


def test_nothing_is_there_at_first(setup: Setup) -> None:
    assert setup.library.models() == []
    assert not setup.library.rescan()
    with pytest.raises(AppError):
        setup.library.resolve("anything")


def test_a_model_with_everything_that_is_known_of_it(setup: Setup) -> None:
    path = write_tiny_llama(setup.folder / "tiny.gguf", name="Tiny Llama", context=4096)
    assert setup.library.rescan() == LibraryChange(added=("tiny-llama:f16",))
    entry = setup.library.resolve("tiny-llama")
    data = json.loads(json.dumps(entry.to_dict()))
    assert {key: data[key] for key in list(data)[:8]} == {
        "id": "tiny-llama:f16",
        "path": str(path),
        "size_bytes": path.stat().st_size,
        "architecture": "llama",
        "quant_type": "F16",
        "context_tokens": 4096,
        "bundled": False,
        "broken": False,
    }
    assert data["error"] is None and data["chat_template"] is True and data["parameters"] > 0
    assert setup.store.ids == {entry.fingerprint: "tiny-llama:f16"}


def test_the_bundled_model_comes_first_and_under_its_own_name(setup: Setup) -> None:
    write_tiny_llama(setup.folder / "a.gguf", name="A")
    write_tiny_llama(setup.bundled, name="Whatever", type_name="Q8_0")
    assert setup.ids() == ["paddock-guide:q8_0", "a:f16"]
    assert setup.library.models()[0].bundled
    write_tiny_llama(setup.bundled, name="A newer one", type_name="Q8_0")
    os.utime(setup.bundled, ns=(1, 1))
    assert setup.ids() == ["paddock-guide:q8_0", "a:f16"]


def test_kinds_are_told_apart_and_projectors_attached(setup: Setup) -> None:
    write_tiny_llama(setup.folder / "model.gguf", name="Tiny")
    write_projector(setup.folder / "mmproj-f32.gguf", projection_dim=64)
    fitting = write_projector(setup.folder / "mmproj-f16.gguf", projection_dim=256)
    write_adapter(setup.folder / "lora.gguf")
    write_vocab_only(setup.folder / "vocab.gguf")
    imatrix = Gguf(tensors=[TensorSpec("blk.0.attn_q.weight.in_sum2", (256,))])
    imatrix.set("general.type", STR, "imatrix").write(setup.folder / "imatrix.gguf")
    setup.library.rescan()
    kinds = {entry.path.name: entry.kind for entry in setup.library.models()}
    assert kinds == {
        "model.gguf": "model",
        "mmproj-f32.gguf": "projector",
        "mmproj-f16.gguf": "projector",
        "lora.gguf": "adapter",
        "vocab.gguf": "vocab",
        "imatrix.gguf": "other",
    }
    assert setup.library.resolve("tiny").mmproj == fitting


def test_the_hubs_projector_serves_the_quants_below_it(setup: Setup, tmp_path: Path) -> None:
    for name, made in {
        "sub/m-F16.gguf": tiny_llama().to_bytes(),
        "mmproj.gguf": write_projector(tmp_path / "p.gguf", projection_dim=5).read_bytes(),
    }.items():
        write_hf_file(setup.hub, "org/m", name, made)
    setup.library.rescan()
    model = setup.library.resolve("org/m")
    assert model.repo_file == "sub/m-F16.gguf"
    assert model.mmproj is not None and model.mmproj.name == "mmproj.gguf"


def test_broken_files_are_listed_and_harm_nothing(setup: Setup) -> None:
    good = write_tiny_llama(setup.folder / "good.gguf", name="Good")
    (setup.folder / "empty.gguf").touch()
    (setup.folder / "cut.gguf").write_bytes(good.read_bytes()[:-1000])
    (setup.folder / "evil.gguf").write_bytes(b"GGUF\x03\0\0\0" + b"\xff" * 500)
    (setup.folder / "page.gguf").write_bytes(b"<html>")
    (setup.folder / "gone.gguf").symlink_to(setup.folder / "nowhere")
    setup.library.rescan()
    entries = {entry.path.name: entry for entry in setup.library.models()}
    codes = {name: entry.error.code for name, entry in entries.items() if entry.error}
    assert codes == {
        "empty.gguf": ErrorCode.GGUF_EMPTY,
        "cut.gguf": ErrorCode.GGUF_TRUNCATED,
        "evil.gguf": ErrorCode.GGUF_HOSTILE,
        "page.gguf": ErrorCode.GGUF_NOT_GGUF,
        "gone.gguf": ErrorCode.PATH_NOT_FOUND,
    }
    assert not entries["good.gguf"].broken
    data = entries["cut.gguf"].to_dict()
    assert data["broken"] is True and data["error"]["code"] == "gguf_truncated"
    assert list(setup.store.ids.values()) == ["good:f16"]
    assert setup.library.resolve("cut").broken


def test_a_split_model_is_one(setup: Setup) -> None:
    paths = write_split_llama(setup.folder, "tiny-F16", parts=3, name="Tiny")
    entry = setup.one()
    assert entry.id == "tiny:f16" and not entry.broken
    assert entry.shard_paths == tuple(paths) and entry.path == paths[0]
    assert entry.size_bytes == sum(path.stat().st_size for path in paths)
    assert entry.summary is not None and entry.summary.parameters == 1_334_528
    paths[2].unlink()
    entry = setup.one()
    assert entry.error is not None and entry.error.code is ErrorCode.GGUF_SHARD_MISSING
    assert entry.id == "tiny:f16"


def test_parts_must_agree_with_their_names(setup: Setup) -> None:
    paths = write_split_llama(setup.folder, "tiny", parts=2)
    swapped = setup.folder / "swapped"
    paths[0].rename(swapped)
    paths[1].rename(paths[0])
    swapped.rename(paths[1])
    error = setup.one().error
    assert error is not None and error.code is ErrorCode.GGUF_HOSTILE
    paths[0].unlink()
    paths[1].rename(setup.folder / "renamed.gguf")
    error = setup.one().error
    assert error is not None and error.code is ErrorCode.GGUF_SHARD_MISSING


def test_the_same_content_is_one_model(setup: Setup) -> None:
    first = write_tiny_llama(setup.folder / "a.gguf", name="Same")
    second = setup.folder / "b" / "other-name.gguf"
    second.parent.mkdir()
    shutil.copy(first, second)
    entry = setup.one()
    assert (entry.path, entry.copies) == (first, (second,))
    assert setup.library.resolve(str(second)) == entry
    assert setup.library.resolve("other-name") == entry


def test_what_was_fetched_twice_is_found_under_each_of_its_names_on_the_hub(setup: Setup) -> None:
    content = write_tiny_llama(setup.bundled, name="Twice").read_bytes()
    write_hf_file(setup.hub, "me/First-GGUF", "first-F16.gguf", content)
    write_hf_file(setup.hub, "me/Second-GGUF", "sub/second-F16.gguf", content)
    entry = setup.one()
    assert entry.bundled and len(entry.copies) == 2
    for name in (
        "me/First-GGUF:F16",
        "hf.co/me/second-gguf",
        "me/Second-GGUF/sub/second-F16.gguf",
        "me/First-GGUF/first-F16.gguf",
    ):
        assert setup.library.resolve(name) is entry
    for name in ("me/First-GGUF:Q8_0", "me/Second-GGUF/first-F16.gguf", "me/Third-GGUF"):
        with pytest.raises(AppError):
            setup.library.resolve(name)


def test_ids_survive_a_restart_a_move_and_an_absence(setup: Setup) -> None:
    path = write_tiny_llama(setup.folder / "a.gguf", name="Same", seed=1)
    write_tiny_llama(setup.folder / "b.gguf", name="Same", seed=2)
    assert setup.ids() == ["same:f16", "same:f16-2"]
    moved = path.rename(setup.folder / "z.gguf")
    setup.library = setup.made()
    assert setup.ids() == ["same:f16-2", "same:f16"]
    hidden = moved.rename(setup.folder / "z.hidden")
    assert setup.library.rescan() == LibraryChange(removed=("same:f16",))
    write_tiny_llama(setup.folder / "c.gguf", name="Same", seed=3)
    assert setup.library.rescan() == LibraryChange(added=("same:f16-3",))
    hidden.rename(moved)
    assert setup.library.rescan() == LibraryChange(added=("same:f16",))


def test_a_replaced_file_is_a_change(setup: Setup) -> None:
    path = write_tiny_llama(setup.folder / "a.gguf", name="A", seed=1)
    setup.library.rescan()
    assert not setup.library.rescan()
    write_tiny_llama(path, name="A", seed=2, context=8192)
    os.utime(path, ns=(1, 1))
    assert setup.library.rescan() == LibraryChange(changed=("a:f16",))


def test_aliases_are_asked_each_time(setup: Setup) -> None:
    write_tiny_llama(setup.folder / "a.gguf", name="A")
    setup.library.rescan()
    setup.store.names["best"] = "a:f16"
    assert setup.library.resolve("Best").id == "a:f16"


def test_a_stopped_rescan_changes_nothing(setup: Setup) -> None:
    write_tiny_llama(setup.folder / "a.gguf", name="A")
    setup.library.rescan()
    write_tiny_llama(setup.folder / "b.gguf", name="B")
    cancel = CancelToken()

    class Stopper(NullReporter):
        def progress(self, progress: Progress) -> None:
            if progress.what == "reading models" and progress.done == 1:
                cancel.cancel()

    with pytest.raises(AppError) as caught:
        setup.library.rescan(Stopper(), cancel)
    assert caught.value.code is ErrorCode.CANCELLED
    assert [entry.id for entry in setup.library.models()] == ["a:f16"]
    assert setup.ids() == ["a:f16", "b:f16"]


def test_a_reader_that_dies_costs_one_file(setup: Setup, tmp_path: Path) -> None:
    write_tiny_llama(setup.folder / "a.gguf", name="A")
    assert setup.ids() == ["a:f16"]
    write_tiny_llama(setup.folder / "b.gguf", name="B")
    with HeaderReader(tmp_path / "cache" / "headers", command=["/nothing"]) as dead:
        library = Library(setup.store, dead, lambda: [], lambda: [setup.folder], None)
        library.rescan()
        first, second = library.models()
    assert first.id == "a:f16" and not first.broken
    assert second.error is not None and second.error.code is ErrorCode.GGUF_READER_DIED
    assert setup.ids() == ["a:f16", "b:f16"]


def test_hostile_names_do_not_reach_ids(setup: Setup) -> None:
    made = tiny_llama(name="../../etc/passwd\x1b[2J <b>x</b>").set("x", ARR, (F32, []))
    made.set("y", U32, 1).write(setup.folder / "evil\x1b[31m.gguf")
    entry = setup.one()
    assert entry.id == "etc-passwd-2j-b-x-b:f16"
    assert entry.summary is not None and entry.summary.name is not None
    assert entry.summary.name.isprintable()
