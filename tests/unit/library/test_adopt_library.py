"""Adopted models in the library: their names, variants, what came along, and second places."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.adopt.known import KnownApps
from desktop.core.library.adopt.linking import link_files
from desktop.core.library.adopt.places import Machine
from desktop.core.library.cards import Card
from desktop.core.library.entry import ModelEntry
from desktop.core.library.given import Given
from desktop.core.library.library import Library
from desktop.core.library.notes import DownloadedFile, Notes
from desktop.core.library.removal import execute, plan_removal
from desktop.core.library.variants import Variant
from tests.helpers.app_folders import (
    OllamaStore,
    lmstudio_defaults,
    place_file,
    state_of,
)
from tests.helpers.gguf_files import write_hf_file, write_projector, write_tiny_llama


class Store:
    """Ids in memory, as the service keeps them in its database."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}

    def load_ids(self) -> Mapping[str, str]:
        return dict(self.ids)

    def save_id(self, fingerprint: str, id: str, path: Path) -> None:
        self.ids = {key: value for key, value in self.ids.items() if value != id}
        self.ids[fingerprint] = id

    def aliases(self) -> Mapping[str, str]:
        return {}


class Setup:
    """A person's home with a library over the folders of it that were adopted."""

    def __init__(self, root: Path) -> None:
        self.home, self.hub = root / "home", root / "hub"
        self.home.mkdir()
        self.models = self.home / ".ollama" / "models"
        self.ollama = OllamaStore(self.models)
        self.folders = [self.models]
        self.notes = Notes()
        self.store = Store()
        self.reader = HeaderReader(root / "cache" / "headers")
        self.hashes = root / "cache" / "hashes"
        self.library = self.made()

    def made(self) -> Library:
        machine = {"HOME": str(self.home)}
        return Library(
            self.store,
            self.reader,
            lambda: [self.hub],
            lambda: self.folders,
            None,
            hashes=self.hashes,
            notes=lambda: self.notes,
            given=lambda: KnownApps(Machine(machine, "linux").places()).given,
        )

    def scan(self) -> dict[str, ModelEntry]:
        self.library.rescan()
        return {entry.id: entry for entry in self.library.models()}


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.reader.close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_llama(tmp_path / "made.gguf")


# --- names


def test_an_ollama_model_goes_by_the_name_it_has_there(setup: Setup, model: Path) -> None:
    blob = setup.ollama.add(
        "llama3.2:3b", model, system="Be kind.", params={"num_ctx": 2048, "temperature": 0.2}
    )
    setup.ollama.add(
        "llama3.2:latest", model, system="Be kind.", params={"num_ctx": 2048, "temperature": 0.2}
    )
    (entry,) = setup.scan().values()
    assert entry.id == "llama3.2:3b" and entry.path == blob and entry.source == "ollama"
    assert entry.app == "ollama" and entry.error is None and entry.kind == "model"
    assert entry.card.system == "Be kind." and entry.card.sampling == {"temperature": 0.2}
    assert entry.load_defaults == {"context_tokens": 2048}
    for name in ("llama3.2:3b", "llama3.2", "Llama3.2:LATEST", "library/llama3.2:3b", str(blob)):
        assert setup.library.resolve(name).id == "llama3.2:3b"
    with pytest.raises(AppError) as caught:
        setup.library.resolve("llama3.2:70b")
    assert caught.value.code is ErrorCode.MODEL_NOT_FOUND
    shown = entry.to_dict()
    assert shown["app"] == "ollama" and shown["names"] == ["llama3.2:3b", "llama3.2:latest"]
    assert shown["card"]["system"] == "Be kind." and shown["variant"] is None


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("me/mine:v1", "me-mine:v1"),
        ("hf.co/bartowski/Qwen3-8B-GGUF:Q4_K_M", "hf.co-bartowski-qwen3-8b-gguf:q4_k_m"),
        ("mistral:latest", "mistral:latest"),
    ],
)
def test_ids_are_made_of_any_name(setup: Setup, model: Path, name: str, wanted: str) -> None:
    setup.ollama.add(name, model)
    assert list(setup.scan()) == [wanted]
    assert setup.library.resolve(name).id == wanted


def test_new_pulls_show_up_and_removed_ones_vanish(
    setup: Setup, model: Path, tmp_path: Path
) -> None:
    setup.ollama.add("a:1b", model)
    other = write_tiny_llama(tmp_path / "other.gguf", seed=2)
    assert list(setup.scan()) == ["a:1b"]
    setup.ollama.add("b:1b", other)
    assert list(setup.scan()) == ["a:1b", "b:1b"]
    shutil.rmtree(setup.models / "manifests" / "registry.ollama.ai" / "library" / "a")
    assert list(setup.scan()) == ["b:1b"]


def test_a_newer_pull_keeps_the_name_also_after_a_restart(
    setup: Setup, model: Path, tmp_path: Path
) -> None:
    setup.ollama.add("a:1b", model)
    first = setup.scan()["a:1b"]
    setup.ollama.add("a:1b", write_tiny_llama(tmp_path / "newer.gguf", seed=3))
    assert setup.scan()["a:1b"].fingerprint != first.fingerprint
    setup.ollama.add("a:1b", write_tiny_llama(tmp_path / "newest.gguf", seed=4))
    setup.library = setup.made()
    assert list(setup.scan()) == ["a:1b"]


def test_the_projector_is_the_one_ollama_names(setup: Setup, model: Path, tmp_path: Path) -> None:
    eyes = write_projector(tmp_path / "eyes.gguf")
    setup.ollama.add("llava:7b", model, projector=eyes)
    entry = setup.scan()["llava:7b"]
    assert entry.mmproj is not None and entry.mmproj.read_bytes() == eyes.read_bytes()


def test_a_missing_blob_is_a_broken_model_and_the_rest_is_there(
    setup: Setup, model: Path, tmp_path: Path
) -> None:
    setup.ollama.add("good:1b", model)
    setup.ollama.add("gone:1b", write_tiny_llama(tmp_path / "gone.gguf", seed=2)).unlink()
    setup.ollama.write("cloud:1b", setup.ollama.manifest([], {"remote_host": "https://x"}))
    found = setup.scan()
    assert sorted(found) == ["gone:1b", "good:1b"]
    error = found["gone:1b"].error
    assert error is not None and error.code is ErrorCode.ADOPT_DAMAGED
    assert not found["good:1b"].broken


# --- variants


def test_variants_are_models_of_their_own(setup: Setup, model: Path) -> None:
    blob = setup.ollama.add("llama3.2:3b", model)
    setup.ollama.add(
        "mario:latest", model, system="It is me.", params={"num_ctx": 512}, parent="llama3.2:3b"
    )
    found = setup.scan()
    base, mario = found["llama3.2:3b"], found["mario:latest"]
    assert mario.variant == "mario:latest" and mario.variant_of == "llama3.2:3b"
    assert mario.path == base.path == blob
    assert mario.fingerprint != base.fingerprint and mario.content == base.content
    assert mario.card.system == "It is me." and base.card.system == ""
    assert mario.load_defaults == {"context_tokens": 512} and base.load_defaults == {}
    assert mario.disk_bytes == 0 < base.disk_bytes
    assert setup.library.resolve("mario").id == "mario:latest"
    assert setup.library.resolve(str(blob)).id == setup.library.resolve(blob.name).id == base.id
    before = found
    setup.library = setup.made()
    assert list(setup.scan()) == list(before)


def test_a_variant_made_here_goes_with_its_model(setup: Setup, model: Path) -> None:
    place_file(model, setup.home / "mine" / "tiny-F16.gguf")
    setup.folders = [setup.home / "mine"]
    (base,) = setup.scan().values()
    given = Given(names=("Helper",), card=Card(system="Help."), defaults={"context_tokens": 256})
    setup.notes = replace(Notes(), variants=(Variant("Helper", base.fingerprint, given),))
    found = setup.scan()
    helper = found["helper"]
    assert helper.variant_of == base.id and helper.card.system == "Help."
    assert helper.load_defaults == {"context_tokens": 256} and not helper.bundled
    (setup.home / "mine" / "tiny-F16.gguf").unlink()
    assert setup.scan() == {}


def test_what_people_say_of_a_variant_is_its_own(setup: Setup, model: Path) -> None:
    setup.ollama.add("llama3.2:3b", model, params={"temperature": 0.1, "seed": 7})
    setup.ollama.add("mario:latest", model, system="It is me.", parent="x")
    found = setup.scan()
    base = found["llama3.2:3b"].fingerprint
    mine = Card(sampling={"temperature": 0.9})
    setup.notes = replace(Notes(), cards={base: mine})
    found = setup.scan()
    assert found["llama3.2:3b"].card.sampling == {"temperature": 0.9, "seed": 7}
    assert found["mario:latest"].card == Card(system="It is me.")


# --- second places


def test_a_copy_elsewhere_brings_its_names_and_words(setup: Setup, model: Path) -> None:
    content = model.read_bytes()
    write_hf_file(setup.hub, "me/Tiny-GGUF", "tiny-F16.gguf", content)
    blob = setup.ollama.add("tiny:1b", model, system="Hello.")
    (entry,) = setup.scan().values()
    assert entry.source == "hf_cache" and entry.app is None and entry.copies == (blob,)
    assert entry.card.system == "Hello."
    assert setup.library.resolve("tiny:1b") is setup.library.resolve("me/Tiny-GGUF")


def test_a_hard_link_elsewhere_does_the_same(setup: Setup, model: Path) -> None:
    blob = setup.ollama.add("tiny:1b", model, system="Hello.")
    target = setup.home / "mine" / "tiny-F16.gguf"
    target.parent.mkdir()
    os.link(blob, target)
    setup.folders = [setup.home / "mine", setup.models]
    (entry,) = setup.scan().values()
    assert entry.path == target and entry.card.system == "Hello."
    assert setup.library.resolve("tiny:1b") is entry


def test_the_owner_is_told_by_the_place(setup: Setup, model: Path, tmp_path: Path) -> None:
    lm = setup.home / ".lmstudio"
    place_file(model, lm / "models" / "me" / "repo" / "tiny-F16.gguf")
    lmstudio_defaults(
        lm,
        "me/repo/tiny-F16.gguf",
        [{"key": "llm.prediction.systemPrompt", "value": "Be brief."}],
        [{"key": "llm.load.contextLength", "value": 1024}],
    )
    other = write_tiny_llama(setup.home / "mine" / "other-F16.gguf", seed=2, name="Other")
    setup.folders = [setup.home / ".lmstudio" / "models", other]
    found = list(setup.scan().values())
    assert [entry.app for entry in found] == ["lmstudio", None]
    assert found[0].card.system == "Be brief."
    assert found[0].load_defaults == {"context_tokens": 1024}
    assert setup.library.resolve("me/repo/tiny-F16.gguf").id == found[0].id


def test_what_is_linked_to_another_programs_file_is_removed_without_it(
    setup: Setup, model: Path
) -> None:
    link = write_hf_file(setup.hub, "me/Tiny-GGUF", "tiny-F16.gguf", model.read_bytes())
    blob = setup.ollama.add("tiny:1b", model)
    old = model.stat().st_mtime - 1000
    for path in (link, blob):
        os.utime(path, (old, old))
    (linked,) = link_files([link, blob])
    assert linked.linked and link.samefile(blob)
    row = DownloadedFile(
        path=link,
        repo="me/Tiny-GGUF",
        revision="main",
        commit="a" * 40,
        repo_file="tiny-F16.gguf",
        etag=link.resolve().name,
        sha256=link.resolve().name,
        size_bytes=model.stat().st_size,
        downloaded=1.0,
    )
    setup.notes = replace(Notes(), downloads={link: row})
    (entry,) = setup.scan().values()
    assert entry.source == "hf_cache" and entry.given.names == ("tiny:1b",)
    removal = plan_removal(entry, [entry], [row])
    gone = {path for file in removal.gone for path in (file.path, file.blob) if path}
    assert link in gone and blob not in gone
    execute(removal, lambda done: None)
    assert not link.exists() and blob.read_bytes() == model.read_bytes()
    setup.notes = Notes()
    (left,) = setup.scan().values()
    assert left.path == blob and left.app == "ollama" and not left.downloaded


def test_settings_no_model_could_have_are_made_to_fit(setup: Setup, model: Path) -> None:
    setup.ollama.add("tiny:1b", model, params={"num_ctx": 131_072, "num_gpu": 999})
    (entry,) = setup.scan().values()
    assert entry.load_defaults == {"context_tokens": 2048}  # what it was trained for
    assert [(left.name, left.value) for left in entry.given.left_out] == [
        ("context", "131,072"),
        ("GPU layers", "999"),
    ]


def test_a_store_anywhere_below_an_adopted_folder_is_read(setup: Setup, model: Path) -> None:
    setup.ollama.add("tiny:1b", model)
    write_tiny_llama(setup.home / "mine" / "other-F16.gguf", seed=2, name="Other")
    (setup.models / "blobs" / "stray.gguf").write_bytes(b"not one of Ollama's")
    setup.folders = [setup.home]
    assert sorted(setup.scan()) == ["other:f16", "tiny:1b"]
    setup.folders = [setup.home / ".ollama"]
    assert sorted(setup.scan()) == ["tiny:1b"]


def test_adopting_changes_nothing(setup: Setup, model: Path) -> None:
    setup.ollama.add("llama3.2:3b", model, system="s", params={"num_ctx": 512})
    setup.ollama.add("mario:latest", model, system="m", parent="x")
    before = state_of(setup.home)
    assert len(setup.scan()) == 2
    assert state_of(setup.home) == before
