"""Draft models are suggested from the catalogue: small, of the same words, of the family."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desktop.core.fit.catalog import Catalog, CatalogModel, load_catalog
from desktop.core.hub.drafts import LARGEST_SHARE, row_of, suggested_draft

GB = 1_000_000_000


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.mark.parametrize(
    ("repo", "size_gb", "draft"),
    [
        ("unsloth/Qwen3-32B-GGUF", 19.8, "Qwen/Qwen3-0.6B"),
        ("bartowski/Qwen_Qwen3-32B-GGUF", 19.8, "Qwen/Qwen3-0.6B"),  # another uploader's name
        ("someone/qwen3-8b-gguf", 5.0, "Qwen/Qwen3-0.6B"),
        ("google/gemma-3-27b-it-qat-q4_0-gguf", 17.0, None),  # a name nobody can know
        ("ggml-org/gemma-3-27b-it-GGUF", 16.5, "google/gemma-3-270m-it"),
        ("unsloth/Llama-3.3-70B-Instruct-GGUF", 42.5, "meta-llama/Llama-3.2-1B-Instruct"),
        ("unsloth/Qwen3-0.6B-GGUF", 0.6, None),  # it is the smallest itself
        ("unsloth/Qwen3-1.7B-GGUF", 1.8, None),  # the smallest is more than a sixth of it
        ("unsloth/Qwen3-30B-A3B-Instruct-2507-GGUF", 18.6, None),  # a token of it costs little
        ("Qwen/Qwen3-Embedding-8B-GGUF", 8.0, None),  # it generates nothing
        ("ggml-org/gpt-oss-120b-GGUF", 63.4, None),
        ("nobody/Nothing-GGUF", 20.0, None),
    ],
)
def test_suggestions(catalog: Catalog, repo: str, size_gb: float, draft: str | None) -> None:
    found = suggested_draft(catalog, repo, round(size_gb * GB))
    assert (None if found is None else found.model.id) == draft


def test_every_suggestion_keeps_the_rules(catalog: Catalog) -> None:
    """Over the whole catalogue: a sixth in bytes and in work, as many words, a chat model."""
    made = 0
    for row in catalog.models:
        size = row.size("Q4_K_M")
        if row.repository is None or size is None:
            continue
        found = suggested_draft(catalog, row.repository, size.value)
        if found is None:
            continue
        made += 1
        other = found.model
        assert other.id != row.id and other.repository == found.repository
        assert "chat" in other.capabilities and "chat" in row.capabilities
        for quant in found.quant_types:
            sized = other.size(quant)
            assert sized is not None and sized.value <= size.value * LARGEST_SHARE
        work, more = (m.active_parameters or m.parameters for m in (other, row))
        assert work <= more / 6
        assert other.vocab_size is not None and row.vocab_size is not None
        assert abs(other.vocab_size - row.vocab_size) <= 128
    assert made > 10


def only(catalog: Catalog, *rows: CatalogModel) -> Catalog:
    return replace(catalog, models=rows)


def test_which_types_are_small_enough_and_which_model_is_the_smallest(catalog: Catalog) -> None:
    row = replace(catalog.find("Qwen3 8B"), id="lab/Big", repository="m/Big-GGUF", family="F")
    sizes = {"Q4_0": 3 * GB // 4, "Q8_0": 5 * GB // 4}
    small = replace(row, id="lab/Small", repository="m/Small", sizes=sizes, parameters=GB)
    smaller = replace(small, id="lab/Smaller", repository=None)
    known = only(catalog, row, small, smaller)
    found = suggested_draft(known, "m/Big-GGUF", 6 * GB)
    assert found is not None
    assert (found.repository, found.quant_types) == ("m/Small", ("Q4_0",))
    both = suggested_draft(known, "m/Big-GGUF", 8 * GB)
    assert both is not None and both.quant_types == ("Q4_0", "Q8_0")
    tiny = replace(small, id="lab/Tiny", repository="m/Tiny", sizes={"Q8_0": GB // 10})
    least = suggested_draft(only(catalog, row, small, tiny), "m/Big-GGUF", 8 * GB)
    assert least is not None and least.repository == "m/Tiny"


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"family": "G"}, True),  # of the same publisher, with as many words
        ({"family": "G", "publisher": "Another"}, False),
        ({"family": "G", "vocab_size": 151_900}, False),
        ({"vocab_size": 151_900}, True),
        ({"vocab_size": 150_000}, False),
        ({"vocab_size": None}, False),
        ({"capabilities": ("embedding",)}, False),
        ({"parameters": 2 * GB}, False),
    ],
)
def test_what_goes_with_it(catalog: Catalog, changes: dict[str, object], fits: bool) -> None:
    row = replace(catalog.find("Qwen3 8B"), id="lab/Big", repository="m/Big-GGUF", family="F")
    small = replace(
        row, id="lab/Small", repository="m/Small", sizes={"Q8_0": GB // 2}, parameters=GB // 2
    )
    known = only(catalog, row, replace(small, **changes))  # type: ignore[arg-type]
    assert (suggested_draft(known, "m/Big-GGUF", 6 * GB) is not None) is fits


def test_repositories_by_their_names(catalog: Catalog) -> None:
    for repo, wanted in (
        ("unsloth/Qwen3-8B-GGUF", "Qwen/Qwen3-8B"),
        ("UNSLOTH/qwen3-8b-gguf", "Qwen/Qwen3-8B"),
        ("lmstudio-community/gemma-3-12b-it-GGUF", "google/gemma-3-12b-it"),
        ("bartowski/meta-llama_Llama-3.2-3B-Instruct-GGUF", "meta-llama/Llama-3.2-3B-Instruct"),
    ):
        row = row_of(catalog, repo)
        assert row is not None and row.id == wanted
    assert row_of(catalog, "x/Qwen3-8B-abliterated-GGUF") is None, "other weights"
