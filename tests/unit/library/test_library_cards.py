"""Cards, aliases and what else is known of models beside their files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import MIGRATIONS, Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.cards import Card, checked_aliases, taken_names
from desktop.core.library.library import Library
from desktop.core.library.notes import card_key
from desktop.core.library.reading import read_library
from desktop.core.paths import paths
from desktop.core.service.card_store import CardStore
from desktop.core.service.library_store import LibraryStore
from desktop.core.settings import Settings
from tests.helpers.gguf_files import tiny_llama, write_tiny_llama
from tests.helpers.hub_cache import downloaded, remember


def code_of(work: Any) -> ErrorCode:
    with pytest.raises(AppError) as caught:
        work()
    return caught.value.code


# --- cards


def test_a_card_says_only_what_is_set() -> None:
    card = Card().changed({"system": "Be brief.", "tags": ["b", " A  b ", "B"], "hidden": True})
    assert card.to_dict() == {"system": "Be brief."}
    assert card.tags == ("b", "A b") and card.hidden
    assert Card.from_document(json.loads(json.dumps(card.to_document()))) == card
    assert card.changed({"system": None, "hidden": None, "tags": None}) == Card()


@pytest.mark.parametrize(
    "changes",
    [
        {"system": 1},
        {"system": "half \ud800"},
        {"system": "x" * (129 << 10)},
        {"notes": "nul \0"},
        {"tags": "text"},
        {"tags": ["x" * 41]},
        {"tags": ["a\nb\x07"]},
        {"tags": [""]},
        {"tags": [f"{number}" for number in range(51)]},
        {"sampling": {"temperature": 6}},
        {"sampling": {"temperature": True}},
        {"sampling": {"top_k": 1.5}},
        {"sampling": {"min_p": float("nan")}},
        {"sampling": {"num_ctx": 4096}},
        {"sampling": {"stop": [""]}},
        {"sampling": [1]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"adapters": [{"path": "", "scale": 1}]},
        {"adapters": [{"path": "/a.gguf", "scale": float("inf")}]},
        {"adapters": ["/a.gguf"]},
        {"template": "{{ .System }}"},
        {"template": "{{- if .Tools }}x{{ end }}"},
        {"hidden": "yes"},
        {"colour": "red"},
    ],
)
def test_what_a_card_does_not_take(changes: dict[str, Any]) -> None:
    assert code_of(lambda: Card().changed(changes)) is ErrorCode.SETTING_INVALID


def test_what_a_card_takes() -> None:
    changes = {
        "sampling": {"temperature": 0, "top_k": 40, "stop": ["</s>"], "seed": -1, "min_p": None},
        "messages": [{"role": "user", "content": "Hi", "name": "left out"}],
        "adapters": [{"path": "/a.gguf"}],
        "template": "{% for m in messages %}{{ m.content }}{% endfor %}",
        "tags": ["日本語"],
    }
    card = Card().changed(changes)
    assert card.sampling == {"temperature": 0, "top_k": 40, "stop": ["</s>"], "seed": -1}
    assert card.messages == ({"role": "user", "content": "Hi"},)
    assert card.adapters == ({"path": "/a.gguf", "scale": 1.0},)


def test_a_document_of_another_version_is_used_as_far_as_it_goes() -> None:
    card = Card.from_document({"system": "Hi", "sampling": {"warp": 9}, "mood": "good", "tags": 3})
    assert card == Card(system="Hi")


def test_a_card_over_another_one() -> None:
    other = Card(system="Theirs", notes="Theirs", sampling={"seed": 1})
    assert Card(system="Mine").over(other) == Card("Mine", {"seed": 1}, notes="Theirs")


# --- aliases


def test_aliases_are_unique_over_ids_and_aliases() -> None:
    taken = taken_names(["a:q8_0", "B:f16"], {"gpt-4o": "a:q8_0"})
    check = checked_aliases
    assert check(["gpt-4o", "openai/GPT-4", "GPT-4O"], "a:q8_0", taken) == (
        "gpt-4o",
        "openai/GPT-4",
    )
    for alias, code in (
        ("GPT-4o", ErrorCode.ALIAS_TAKEN),
        ("A:Q8_0", ErrorCode.ALIAS_TAKEN),
        ("b:F16", ErrorCode.ALIAS_INVALID),
        ("", ErrorCode.ALIAS_INVALID),
        ("-x", ErrorCode.ALIAS_INVALID),
        ("x ", ErrorCode.ALIAS_INVALID),
        ("x//y", ErrorCode.ALIAS_INVALID),
        ("日本", ErrorCode.ALIAS_INVALID),
        ("x" * 129, ErrorCode.ALIAS_INVALID),
        (7, ErrorCode.ALIAS_INVALID),
    ):
        assert code_of(lambda alias=alias: check([alias], "b:f16", taken)) is code, alias


class Setup:
    def __init__(self, root: Path) -> None:
        where = paths().ensure()
        self.folder, self.cache = root / "models", root / "hub"
        self.database = Database(where.database, where.backups)
        self.store = LibraryStore(self.database)
        self.cards = CardStore(self.database)
        self.reader = HeaderReader(None)
        self.library = Library(
            self.store,
            self.reader,
            lambda: [self.cache],
            lambda: [self.folder],
            None,
            hashes=root / "hashes",
            notes=self.store.notes,
        )

    def name(self, model_id: str, *aliases: str) -> None:
        present = [entry.id for entry in self.library.models()]
        self.store.set_aliases(model_id, list(aliases), present)
        self.library.note_again()


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.reader.close()
    made.database.close()


def test_a_new_model_never_gets_a_name_that_is_anothers_alias(setup: Setup) -> None:
    write_tiny_llama(setup.folder / "a.gguf", name="First")
    setup.library.rescan()
    setup.name("first:f16", "Second:F16")
    write_tiny_llama(setup.folder / "b.gguf", name="Second", seed=2)
    assert setup.library.rescan().added == ("second:f16-2",)
    assert setup.library.resolve("second:f16").id == "first:f16"


def test_a_name_of_a_model_that_is_not_there_stays_taken(setup: Setup) -> None:
    path = write_tiny_llama(setup.folder / "a.gguf", name="First")
    other = write_tiny_llama(setup.folder / "b.gguf", name="Second", seed=2)
    setup.library.rescan()
    setup.name("first:f16", "mine")
    aside = path.rename(path.with_suffix(".aside"))
    setup.library.rescan()
    for alias in ("mine", "first:f16"):
        assert code_of(lambda alias=alias: setup.name("second:f16", alias)) is ErrorCode.ALIAS_TAKEN
    aside.rename(path)
    setup.library.rescan()
    assert setup.library.resolve("mine").path == path and other.exists()


def test_changing_names_is_a_change_without_a_look_at_the_disks(setup: Setup) -> None:
    path = write_tiny_llama(setup.folder / "a.gguf", name="First")
    setup.library.rescan()
    path.unlink()
    setup.store.set_aliases("first:f16", ["mine"], ())
    assert setup.library.note_again().changed == ("first:f16",)
    assert setup.library.resolve("MINE").to_dict()["aliases"] == ["mine"]
    assert not setup.library.note_again()


def test_what_is_hidden_is_in_nobodys_way(setup: Setup) -> None:
    for number, quant in enumerate(("F16", "Q8_0")):
        write_tiny_llama(setup.folder / f"{number}.gguf", name="Tiny", type_name=quant)
    setup.library.rescan()
    assert code_of(lambda: setup.library.resolve("tiny")) is ErrorCode.MODEL_AMBIGUOUS
    hidden = setup.library.resolve("tiny:q8_0")
    setup.cards.change(card_key(hidden), {"hidden": True})
    setup.library.note_again()
    assert setup.library.resolve("tiny").id == "tiny:f16"
    assert code_of(lambda: setup.library.resolve("tiny:q8_0")) is ErrorCode.MODEL_HIDDEN
    assert setup.library.resolve("tiny:q8_0", hidden=True).hidden
    assert code_of(lambda: setup.library.resolve("nothing")) is ErrorCode.MODEL_NOT_FOUND


def test_a_card_of_a_file_that_cannot_be_read_is_kept_by_its_place(setup: Setup) -> None:
    broken = setup.folder / "broken.gguf"
    broken.parent.mkdir()
    broken.symlink_to(setup.folder / "nowhere.gguf")
    setup.library.rescan()
    (entry,) = setup.library.models()
    assert entry.fingerprint == ""
    setup.cards.change(card_key(entry), {"hidden": True})
    setup.library.rescan()
    assert setup.library.models()[0].hidden


def test_fields_of_another_version_survive_a_change(setup: Setup) -> None:
    setup.database.execute(
        "INSERT INTO model_cards VALUES (?, ?, 1)", ("quick-1", json.dumps({"mood": "good"}))
    )
    setup.cards.change("quick-1", {"notes": "mine"})
    (row,) = setup.database.query("SELECT document FROM model_cards")
    assert json.loads(row["document"]) == {"mood": "good", "notes": "mine"}
    setup.cards.change("quick-1", {"notes": None})
    assert setup.cards.read("quick-1") == Card()


# --- the rest that is known


def test_when_a_model_came_was_used_and_how_fast_it_is(setup: Setup) -> None:
    row = downloaded(setup.cache, "o/Tiny", "tiny.gguf", tiny_llama(name="Tiny").to_bytes())
    mine = write_tiny_llama(setup.folder / "mine.gguf", name="Mine", seed=2)
    remember(setup.database, row)
    setup.library.rescan()
    by_path = {entry.path: entry for entry in setup.library.models()}
    assert by_path[row.path].added == row.downloaded
    assert by_path[mine].added is not None and by_path[mine].last_used is None
    setup.store.used(by_path[mine].fingerprint)
    for speed in (10.0, 12.5):
        setup.database.execute(
            "INSERT INTO generations (created, build, backend, device, fingerprint, architecture, "
            "settings, test, tokens, depth, real) VALUES (1, '', '', '', ?, '', '', 'decode', 1, "
            "1, ?)",
            (by_path[mine].fingerprint, speed),
        )
    setup.library.note_again()
    data = setup.library.resolve(str(mine)).to_dict()
    assert data["last_used"] > 0 and data["decode_tokens_per_second"] == {
        "value": 12.5,
        "low": 12.5,
        "high": 12.5,
        "source": "measured",
    }


def test_a_newer_upload_is_told_by_the_files_that_are_here(setup: Setup) -> None:
    row = downloaded(setup.cache, "o/Tiny", "q/tiny.gguf", tiny_llama(name="Tiny").to_bytes())
    setup.library.rescan()
    entry = setup.library.models()[0]
    assert entry.upstream is None
    for files, newer in (
        ({"q/tiny.gguf": row.etag}, False),
        ({"q/tiny.gguf": "f" * 64}, True),
        ({"tiny.gguf": "f" * 64}, False),
        ({}, False),
    ):
        document = json.dumps({"commit": "c", "files": files})
        setup.database.execute(
            "INSERT OR REPLACE INTO upstream VALUES ('O/tiny', 7, ?)", (document,)
        )
        setup.library.note_again()
        assert setup.library.models()[0].upstream == {"newer": newer, "checked": 7.0}


def test_a_command_sees_what_the_service_stored(setup: Setup) -> None:
    write_tiny_llama(setup.folder / "a.gguf", name="First")
    setup.library.rescan()
    entry = setup.library.models()[0]
    setup.name(entry.id, "mine")
    setup.cards.change(card_key(entry), {"system": "Hi", "tags": ["x"]})
    settings = Settings.model_validate({"library": {"folders": [str(setup.folder)]}})
    library = read_library(paths(), setup.reader, settings)
    data = library.resolve("mine").to_dict()
    assert (data["card"], data["tags"]) == ({"system": "Hi"}, ["x"])
    setup.cards.change(card_key(entry), {"hidden": True})
    library = read_library(paths(), setup.reader, settings)
    assert code_of(lambda: library.resolve("mine")) is ErrorCode.MODEL_HIDDEN


def test_a_database_of_an_older_version_says_what_it_can(tmp_path: Path) -> None:
    where = paths().ensure()
    older = {version: MIGRATIONS[version] for version in range(1, 6)}
    database = Database(where.database, where.backups, older)
    LibraryStore(database)
    database.execute("INSERT INTO aliases VALUES ('mine', 'first:f16')")
    database.close()
    write_tiny_llama(tmp_path / "models" / "a.gguf", name="First")
    settings = Settings.model_validate({"library": {"folders": [str(tmp_path / "models")]}})
    with HeaderReader(None) as reader:
        found = read_library(where, reader, settings).resolve("mine")
    assert (found.id, found.downloaded, found.card) == ("first:f16", False, Card())
