"""A draft model that comes along with its model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from desktop.core.fit.catalog import Catalog, load_catalog
from tests.helpers.gguf_files import spm_vocab, tiny_llama
from tests.helpers.hub import LocalHub
from tests.unit.service.downloading import (
    REPO,
    Service,
    model,
)


@dataclass
class Family:
    """A model and a smaller one of its family, on the hub and in the catalogue."""

    big: str
    small: str
    catalog: Catalog


@pytest.fixture
def family(
    hub: LocalHub, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Family:
    large = tiny_llama(seed=7, name="Family 8B", n_layers=24).write(tmp_path / "large.gguf")
    small = tiny_llama(seed=8, name="Family 0.5B", n_layers=1).write(tmp_path / "small.gguf")
    hub.add_repo("maker/Family-8B-GGUF", {"family-8b-F16.gguf": large})
    hub.add_repo("maker/Family-0.5B-GGUF", {"family-0.5b-Q8_0.gguf": small})
    row = load_catalog().find("Qwen3 8B")
    rows = (
        replace(row, id="lab/Family-8B", repository="maker/Family-8B-GGUF", family="Family"),
        replace(
            row,
            id="lab/Family-0.5B",
            repository="maker/Family-0.5B-GGUF",
            family="Family",
            parameters=500_000_000,
            sizes={"Q8_0": small.stat().st_size},
        ),
    )
    catalog = replace(load_catalog(), models=rows)
    monkeypatch.setattr(service.downloads, "catalog", lambda: catalog)
    return Family("maker/Family-8B-GGUF:F16", "maker/Family-0.5B-GGUF:Q8_0", catalog)


async def test_a_draft_model_comes_along_and_is_used_from_then_on(
    service: Service, family: Family
) -> None:
    result = await service.got(family.big, draft=True)
    draft = service.models.library.resolve(family.small)
    assert result["draft"] == draft.id
    assert [note["code"] for note in result["notes"]] == ["draft_used"]
    entry = service.models.library.resolve(result["model"])
    assert service.models.saved.read(entry.fingerprint) == {"draft": draft.id}
    assert set(service.rows()) == {"family-8b-F16.gguf", "family-0.5b-Q8_0.gguf"}
    assert result["fetched_bytes"] == sum(file["size_bytes"] for file in result["files"])


async def test_a_draft_that_was_chosen_before_stays(service: Service, family: Family) -> None:
    first = await service.got(family.big)
    entry = service.models.library.resolve(first["model"])
    await service.models.change_saved(entry, {"draft": "none"})
    result = await service.got(family.big, draft=True)
    assert result["draft"] is not None and result["notes"] == []
    assert service.models.saved.read(entry.fingerprint) == {"draft": "none"}


async def test_a_draft_with_other_words_is_not_fetched(
    hub: LocalHub, service: Service, family: Family, tmp_path: Path
) -> None:
    other = tiny_llama(seed=9, name="Other", n_layers=1, vocab=spm_vocab(["other"]))
    hub.add_repo("maker/Family-0.5B-GGUF", {"s-Q8_0.gguf": other.write(tmp_path / "o.gguf")})
    result = await service.got(family.big, draft=True)
    assert result["draft"] is None
    (note,) = result["notes"]
    assert note["code"] == "draft_refused" and "vocabulary" in note["text"]
    assert list(service.rows()) == ["family-8b-F16.gguf"]


async def test_without_a_draft_the_model_is_here_all_the_same(
    hub: LocalHub, service: Service, family: Family
) -> None:
    hub.remove_repo("maker/Family-0.5B-GGUF")
    gone = await service.got(family.big, draft=True)
    assert [note["code"] for note in gone["notes"]] == ["draft_failed"]
    unknown = await service.got(family.small.replace("0.5B", "8B").replace("Q8_0", "F16"))
    assert unknown["notes"] == []


async def test_of_a_model_nobody_knows_there_is_no_draft(
    hub: LocalHub, service: Service, tmp_path: Path
) -> None:
    hub.add_repo(REPO, {"tiny-F16.gguf": model(tmp_path)})
    result = await service.got(draft=True)
    assert [note["code"] for note in result["notes"]] == ["draft_unknown"]
