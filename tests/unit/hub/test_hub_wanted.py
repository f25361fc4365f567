"""Which files a model on the hub consists of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.files import Listing, RepoFile
from desktop.core.hub.wanted import Wanted, asked_name, find_wanted, full_name, projector_of
from desktop.core.web import WebSettings
from tests.helpers.hub import LocalHub

HUB = WebSettings(endpoint="https://hub.example")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub") as hub:
        yield hub


def listing(*paths: str) -> Listing:
    return Listing("m/R", "c" * 40, tuple(RepoFile(path, 10, None) for path in paths))


@pytest.mark.parametrize(
    ("paths", "model", "projector"),
    [
        (("m-Q4_0.gguf",), "m-Q4_0.gguf", None),
        (("m-Q4_0.gguf", "mmproj-F32.gguf", "mmproj-F16.gguf"), "m-Q4_0.gguf", "mmproj-F16.gguf"),
        (("m-Q4_0.gguf", "mmproj-BF16.gguf", "mmproj-F32.gguf"), "m-Q4_0.gguf", "mmproj-BF16.gguf"),
        (("m-Q4_0.gguf", "mmproj-model.gguf"), "m-Q4_0.gguf", "mmproj-model.gguf"),
        (("a/m-Q4_0.gguf", "mmproj-f16.gguf"), "a/m-Q4_0.gguf", "mmproj-f16.gguf"),
        (("a/m.gguf", "a/mmproj-f16.gguf", "b/mmproj-f16.gguf"), "a/m.gguf", "a/mmproj-f16.gguf"),
        (("a/m.gguf", "b/mmproj-f16.gguf"), "a/m.gguf", None),  # another model's
        (("mmproj-f16.gguf", "mmproj-f32.gguf"), "mmproj-f32.gguf", None),  # it is one itself
    ],
)
def test_the_projector_of_a_model(
    paths: tuple[str, ...], model: str, projector: str | None
) -> None:
    every = listing(*paths)
    (files,) = [(file,) for file in every.files if file.path == model]
    found = projector_of(every, files)
    assert (None if found is None else found.path) == projector


@pytest.mark.parametrize(
    ("text", "quant", "file"),
    [
        ("m/R:Q4_K_M", "Q4_K_M", None),
        ("hf.co/m/R:q4_k_m", "q4_k_m", None),
        ("https://huggingface.co/m/R", None, None),
        ("https://hub.example/m/R:Q8_0", "Q8_0", None),
        ("m/R:latest", None, None),
        ("m/R/sub/file.gguf", None, "sub/file.gguf"),
    ],
)
def test_how_a_model_is_called(text: str, quant: str | None, file: str | None) -> None:
    name = asked_name(text, HUB)
    assert (name.repo, name.quant, name.file) == ("m/R", quant, file)


@pytest.mark.parametrize("text", ["", "qwen3", "/etc/passwd", "C:\\x.gguf", "m/../x", "x/y.gguf"])
def test_what_is_no_name_on_the_hub(text: str) -> None:
    with pytest.raises(AppError) as refused:
        asked_name(text, HUB)
    assert refused.value.code is ErrorCode.BAD_REQUEST


def test_an_order_is_fixed_to_the_commit_and_survives_being_stored(hub: LocalHub) -> None:
    settings = WebSettings(endpoint=hub.url)
    files = {"m-Q4_0.gguf": b"model", "mmproj-F16.gguf": b"eyes", "README.md": b"x"}
    commit = hub.add_repo("m/R", files)
    wanted = find_wanted(asked_name("m/R:q4_0", settings), settings)
    assert (wanted.name, wanted.projector) == ("m/R:Q4_0", "mmproj-F16.gguf")
    assert (wanted.order.repo, wanted.order.revision, wanted.order.commit) == (
        "m/R",
        "main",
        commit,
    )
    assert [file.path for file in wanted.order.files] == ["m-Q4_0.gguf", "mmproj-F16.gguf"]
    assert all(file.sha256 and file.etag == file.sha256 for file in wanted.order.files)
    assert wanted.size_bytes == len(b"model"), "of the model alone"
    assert Wanted.from_dict(wanted.to_dict()) == wanted
    blind = find_wanted(asked_name("m/R:Q4_0", settings), settings, projector=False)
    assert [file.path for file in blind.order.files] == ["m-Q4_0.gguf"] and not blind.projector
    older = find_wanted(asked_name(f"m/R/resolve/{commit}/m-Q4_0.gguf", settings), settings)
    assert older.order.revision == commit and older.name == "m/R/m-Q4_0.gguf"


def test_names_are_what_can_be_pulled() -> None:
    assert full_name("m/R", "Q4_0") == "m/R:Q4_0"
    assert full_name("m/R", "sub/odd name.gguf") == "m/R/sub/odd name.gguf"
