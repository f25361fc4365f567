"""Names of models on the hub, and which files they mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.files import HubModel, Listing, RepoFile, choose, find_model
from desktop.core.hub.names import HubName, labelled, parse_name
from desktop.core.web import WebSettings
from tests.helpers.file_server import FileServer

SHA = "ab" * 32


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as made:
        yield made


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("owner/Model-GGUF:Q4_K_M", HubName("owner/Model-GGUF", "Q4_K_M")),
        (" owner/model ", HubName("owner/model")),
        ("hf:owner/model:q8_0", HubName("owner/model", "q8_0")),
        ("hf.co/owner/model", HubName("owner/model")),
        ("owner/model/sub/file.gguf", HubName("owner/model", file="sub/file.gguf")),
        (
            "https://huggingface.co/owner/model/blob/main/file.gguf?download=true",
            HubName("owner/model", file="file.gguf", revision="main"),
        ),
        (
            "https://huggingface.co/owner/model/tree/v1.0",
            HubName("owner/model", revision="v1.0"),
        ),
        ("https://mirror.example/owner/model", HubName("owner/model")),
    ],
)
def test_names_on_the_hub(text: str, name: HubName) -> None:
    assert parse_name(text, "https://mirror.example") == name


@pytest.mark.parametrize(
    "text",
    [
        *("model", "qwen3:8b", "folder/file.gguf", "./a/b", "/a/b", "../a/b", "a/../b", "a//b"),
        *("a/b:", "a\\b", "a/b/c", "a/b/file.gguf:Q4", "https://elsewhere.example/a/b.gguf", ""),
        *("a b/c", "日本/語", "C:/models/x"),
    ],
)
def test_other_names(text: str) -> None:
    assert parse_name(text, "https://mirror.example") is None


def test_labels_are_words() -> None:
    names = ["m-Q4_K_M.gguf", "m-UD-Q4_K_M.gguf", "m-Q4_K_S.gguf", "IQ4_K_M/x.gguf", "m-BF16.gguf"]
    assert labelled(names, "q4_k_m") == ["m-Q4_K_M.gguf"]
    assert labelled(names, "UD-Q4_K_M") == ["m-UD-Q4_K_M.gguf"]
    assert labelled(names[1:], "Q4_K_M") == ["m-UD-Q4_K_M.gguf"]
    assert labelled(names, "F16") == []
    assert labelled(["Q8_0/m-00001-of-00002.gguf"], "Q8_0") == ["Q8_0/m-00001-of-00002.gguf"]


# --- choosing

FILES = (
    "README.md",
    "mmproj-model-f16.gguf",
    "model.imatrix.gguf",
    "model-Q4_K_M.gguf",
    "model-Q8_0.gguf",
    "BF16/model-BF16-00001-of-00002.gguf",
    "BF16/model-BF16-00002-of-00002.gguf",
)


def listing(*paths: str) -> Listing:
    return Listing("owner/model", "c" * 40, tuple(RepoFile(path, 5, SHA) for path in paths))


def chosen(name: HubName, *paths: str) -> tuple[str, list[str]]:
    label, files = choose(listing(*(paths or FILES)), name)
    return label, [file.path for file in files]


def refusal(name: HubName, *paths: str) -> AppError:
    with pytest.raises(AppError) as caught:
        choose(listing(*(paths or FILES)), name)
    return caught.value


def test_the_file_of_a_quant() -> None:
    assert chosen(HubName("owner/model", "q8_0")) == ("Q8_0", ["model-Q8_0.gguf"])
    parts = list(FILES[-2:])
    assert chosen(HubName("owner/model", "BF16")) == ("BF16", parts)
    assert chosen(HubName("owner/model", file=parts[1])) == (parts[1], parts)
    only = ("README.md", "mmproj-f16.gguf", "model-Q5_K_M.gguf")
    assert chosen(HubName("owner/model"), *only) == ("Q5_K_M", ["model-Q5_K_M.gguf"])


def test_a_quant_that_is_not_there_is_told_what_is() -> None:
    error = refusal(HubName("owner/model", "Q2_K"))
    assert error.code is ErrorCode.HUB_QUANT_UNKNOWN
    assert error.params["known"] == "Q4_K_M, Q8_0, BF16"
    assert refusal(HubName("owner/model", file="x.gguf")).code is ErrorCode.REMOTE_NOT_FOUND


def test_a_name_that_means_several_is_refused() -> None:
    error = refusal(HubName("owner/model"))
    assert error.code is ErrorCode.MODEL_AMBIGUOUS
    assert error.params["ids"] == [f"owner/model:{quant}" for quant in ("Q4_K_M", "Q8_0", "BF16")]
    twice = ("a-Q8_0.gguf", "b-Q8_0.gguf", "c-Q4_0.gguf")
    error = refusal(HubName("owner/model", "Q8_0"), *twice)
    assert error.params["ids"] == ["owner/model/a-Q8_0.gguf", "owner/model/b-Q8_0.gguf"]
    for name in error.params["ids"]:  # what it offers can be asked for
        parsed = parse_name(name)
        assert parsed is not None
        assert chosen(parsed, *twice)[1] == [parsed.file]


def test_a_repository_without_a_model() -> None:
    error = refusal(HubName("owner/model"), "model.safetensors", "config.json")
    assert error.code is ErrorCode.HUB_NO_GGUF
    assert "safetensors" in error.cause and "convert" in error.remedy
    for paths in (("README.md",), ("mmproj-f16.gguf", "x.imatrix.gguf")):
        assert refusal(HubName("owner/model", "Q8_0"), *paths).code is ErrorCode.HUB_NO_GGUF


def test_a_part_that_is_missing_there() -> None:
    error = refusal(HubName("owner/model", "Q8_0"), "m-Q8_0-00001-of-00002.gguf")
    assert error.code is ErrorCode.GGUF_SHARD_MISSING
    assert error.params["missing"] == "m-Q8_0-00002-of-00002.gguf"


# --- over the network


def find(server: FileServer, text: str, token: str | None = None) -> HubModel:
    name = parse_name(text)
    assert name is not None
    return find_model(name, WebSettings(endpoint=server.url, token=token))


def test_a_model_is_found_in_its_listing(server: FileServer) -> None:
    server.add_listing(
        "owner/model",
        {
            "model-Q4_K_M.gguf": {"size": 7, "lfs": {"sha256": SHA, "size": 7}},
            "mmproj-F16.gguf": 3,
            "odd name.gguf": {"size": None},
        },
    )
    model = find(server, "owner/model:q4_k_m")
    (file,) = model.files
    assert model.name == "owner/model:Q4_K_M"
    assert file.url == f"{server.url}/owner/model/resolve/{'c' * 40}/model-Q4_K_M.gguf"
    assert file.tag == SHA and "c" * 40 not in file.key  # a new commit may hold the same file
    assert [each.path for each in model.projectors] == ["mmproj-F16.gguf"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"[]", b"{}", b"[" * 100_000, b'{"siblings": 5, "sha": "x"}'),
        json.dumps({"id": "other/model", "sha": "c" * 40, "siblings": []}).encode(),
        json.dumps({"id": "owner/model", "sha": "../..", "siblings": []}).encode(),
        json.dumps({"id": "owner/model", "sha": "c" * 40, "siblings": [{}]}).encode(),
    ],
)
def test_answers_that_are_no_listing(server: FileServer, body: bytes) -> None:
    server.add("/api/models/owner/model", body)
    with pytest.raises(AppError) as caught:
        find(server, "owner/model:Q8_0")
    assert caught.value.code is ErrorCode.REMOTE_FAILED


@pytest.mark.parametrize(
    "path",
    ["../x-Q8_0.gguf", "/etc/x-Q8_0.gguf", "a/./x-Q8_0.gguf", "a\\x-Q8_0.gguf", "a//Q8_0.gguf"],
)
def test_names_that_lead_out_of_the_repository(server: FileServer, path: str) -> None:
    server.add_listing("owner/model", {path: 5})
    with pytest.raises(AppError) as caught:
        find(server, "owner/model:Q8_0")
    assert caught.value.code is ErrorCode.HUB_NO_GGUF


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"status": 401, "headers": {"X-Error-Code": "RepoNotFound"}}, ErrorCode.REMOTE_NOT_FOUND),
        ({"status": 403, "headers": {"X-Error-Code": "GatedRepo"}}, ErrorCode.REMOTE_DENIED),
        ({"status": 429, "headers": {"Retry-After": "9"}}, ErrorCode.REMOTE_BUSY),
        ({"status": 502}, ErrorCode.REMOTE_FAILED),
        ({"head": b"[", "size": 33 << 20}, ErrorCode.REMOTE_FAILED),
    ],
)
def test_what_the_hub_refuses(server: FileServer, options: dict[str, Any], code: ErrorCode) -> None:
    server.add("/api/models/owner/model", **options)
    with pytest.raises(AppError) as caught:
        find(server, "owner/model:Q8_0")
    assert caught.value.code is code


def test_the_token_is_given_to_the_hub(server: FileServer) -> None:
    server.add_listing("owner/model", {"m-Q8_0.gguf": 5})
    server.files["/api/models/owner/model"].token = "hf_mine"
    assert find(server, "owner/model", token="hf_mine").label == "Q8_0"
    with pytest.raises(AppError) as caught:
        find(server, "owner/model", token="hf_other")
    assert caught.value.code is ErrorCode.REMOTE_DENIED
