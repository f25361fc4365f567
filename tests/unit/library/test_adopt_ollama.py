"""Ollama's store: names, layers, what is taken over, and what must not be believed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.adopt.ollama import OllamaModel, read_store, store_of
from desktop.core.library.adopt.ollama_listed import listed
from desktop.core.library.adopt.ollama_names import name_key, parse_name
from desktop.core.library.adopt.parameters import take_over, to_parameters
from tests.helpers.app_folders import MANIFEST, MANIFEST_LIST, MEDIA, OllamaStore, state_of
from tests.helpers.gguf_files import write_lora, write_projector, write_tiny_llama

TEMPLATE = "{{ if .System }}<|system|>{{ .System }}{{ end }}{{ .Prompt }}"


@pytest.fixture
def store(tmp_path: Path) -> OllamaStore:
    return OllamaStore(tmp_path / ".ollama" / "models")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_llama(tmp_path / "made.gguf")


def read(store: OllamaStore) -> dict[str, OllamaModel]:
    return {model.name.shown: model for model in read_store(store.root)}


def reason(model: OllamaModel) -> str:
    assert model.error is not None and model.error.code is ErrorCode.ADOPT_DAMAGED
    return str(model.error.params["reason"])


# --- names


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("llama3.2:3b", "llama3.2:3b"),
        ("mistral", "mistral:latest"),
        ("library/mistral", "mistral:latest"),
        ("registry.ollama.ai/library/mistral:7b", "mistral:7b"),
        ("ollama.com/library/mistral:7b", "mistral:7b"),
        ("me/mine:v1", "me/mine:v1"),
        ("hf.co/bartowski/Qwen3-8B-GGUF:Q4_K_M", "hf.co/bartowski/Qwen3-8B-GGUF:Q4_K_M"),
        ("localhost:5000/me/mine", "localhost:5000/me/mine:latest"),
        ("https://ollama.com/library/mistral:7b", "mistral:7b"),
    ],
)
def test_names_are_shown_as_ollama_shows_them(text: str, shown: str) -> None:
    name = parse_name(text)
    assert name is not None and name.shown == shown


@pytest.mark.parametrize(
    "text", ["", ":", "x:", "../x", "a/../b", "a//b", "a/b/c/d", "a b", "/etc/passwd", "x\0y", "ä"]
)
def test_what_can_be_no_name_is_none(text: str) -> None:
    assert parse_name(text) is None


def test_spellings_of_one_name_are_one() -> None:
    assert name_key("Mistral") == name_key("registry.ollama.ai/library/mistral:latest")
    assert name_key("mistral:7b") != name_key("mistral")
    assert name_key("hf.co/library/mistral") != name_key("mistral")


# --- what a store holds


def test_a_model_comes_with_all_that_is_said_of_it(
    store: OllamaStore, model: Path, tmp_path: Path
) -> None:
    eyes = write_projector(tmp_path / "eyes.gguf")
    adapter = write_lora(tmp_path / "adapter.gguf")
    blob = store.add(
        "llava:7b",
        model,
        system="You see.",
        params={
            "temperature": 0.25,
            "top_k": 20,
            "num_ctx": 8192,
            "num_gpu": 5,
            "stop": ["</s>", "USER:"],
            "num_thread": 8,
        },
        template=TEMPLATE,
        messages=[{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}],
        licenses=("MIT", "and another"),
        projector=eyes,
        adapter=adapter,
    )
    found = read(store)["llava:7b"]
    assert found.error is None and found.model == blob and blob.name.startswith("sha256-")
    given = found.given
    assert given.app == "ollama" and given.names == ("llava:7b",)
    assert given.card.system == "You see."
    assert given.card.sampling == {"temperature": 0.25, "top_k": 20, "stop": ["</s>", "USER:"]}
    assert given.defaults == {"context_tokens": 8192, "gpu_layers": 5}
    assert given.template == TEMPLATE and given.card.template == ""
    assert given.card.license == "MIT\n\nand another"
    assert [message["content"] for message in given.card.messages] == ["hi", "ho"]
    assert given.mmproj is not None and given.mmproj.read_bytes() == eyes.read_bytes()
    (lora,) = given.card.adapters
    assert Path(lora["path"]).read_bytes() == adapter.read_bytes() and lora["scale"] == 1.0
    assert [(left.name, left.value) for left in given.left_out] == [("num_thread", "8")]
    sizes = (path.stat().st_size for path in (model, eyes, adapter))
    assert found.size_bytes == sum(sizes)


def test_names_lie_in_folders_of_host_namespace_and_model(store: OllamaStore, model: Path) -> None:
    names = ["llama3.2:3b", "me/mine:v1", "hf.co/bartowski/Q-GGUF:Q4_K_M"]
    for name in names:
        store.add(name, model)
    (store.root / "manifests" / ".DS_Store").write_text("x")
    (store.root / "manifests" / "registry.ollama.ai" / "library" / "stray").write_text("x")
    assert sorted(read(store)) == sorted(names)


def test_newer_versions_link_to_manifests_among_the_blobs(store: OllamaStore, model: Path) -> None:
    old = store.manifest([store.layer("model", model), store.layer("system", b"old")])
    new = store.manifest([store.layer("model", model), store.layer("system", b"new")])
    store.write("mistral:7b", old)
    store.link("mistral:7b", new)
    found = read(store)
    assert list(found) == ["mistral:7b"] and found["mistral:7b"].given.card.system == "new"


def test_of_manifests_for_several_runners_the_one_in_gguf_counts(
    store: OllamaStore, model: Path
) -> None:
    tensors = store.manifest([store.layer("tensor", b"t", name="a.weight")])
    ours = store.manifest([store.layer("model", model)])
    digest = store.blob(json.dumps(ours).encode())["digest"]
    children = [
        {"mediaType": MANIFEST, "runner": "mlx", "format": "safetensors", **tensors},
        {"mediaType": MANIFEST, "runner": "ollama", "format": "gguf", "digest": digest},
    ]
    store.write("both:1b", {"schemaVersion": 2, "mediaType": MANIFEST_LIST, "manifests": children})
    store.write(
        "other:1b", {"schemaVersion": 2, "mediaType": MANIFEST_LIST, "manifests": children[:1]}
    )
    found = read(store)
    assert found["both:1b"].error is None and found["both:1b"].model is not None
    assert "no format that the engine reads" in reason(found["other:1b"])


def test_blobs_of_old_versions_have_a_colon(store: OllamaStore, model: Path) -> None:
    blob = store.add("old:1b", model)
    older = blob.with_name(blob.name.replace("sha256-", "sha256:"))
    blob.rename(older)
    assert read(store)["old:1b"].model == older


def test_what_has_no_file_here_says_why(store: OllamaStore) -> None:
    store.write("gpt-oss:120b-cloud", store.manifest([], {"remote_host": "https://ollama.com:443"}))
    store.write("flux:1b", store.manifest([store.layer("tensor", b"t")]))
    store.write("empty:1b", store.manifest([store.layer("system", b"only words")]))
    found = read(store)
    assert "servers" in reason(found["gpt-oss:120b-cloud"])
    assert "safetensors" in reason(found["flux:1b"])
    assert "no model" in reason(found["empty:1b"])
    assert all(model.model is None for model in found.values())


# --- what must not be believed


def _manifest(**layer: Any) -> Any:
    entry = {"mediaType": f"{MEDIA}model", "digest": "sha256:" + "0" * 64, "size": 1, **layer}
    return {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [entry]}


def _list_of(child: Any) -> Any:
    return {"schemaVersion": 2, "mediaType": MANIFEST_LIST, "manifests": [child]}


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (_manifest(digest="../../etc/passwd"), "digest"),
        (_manifest(digest="/etc/passwd"), "digest"),
        (_manifest(digest="sha256:../../../etc/passwd"), "digest"),
        (_manifest(digest="sha256:" + "0" * 63), "digest"),
        (_manifest(digest="sha256-" + "0" * 64 + "/../x"), "digest"),
        (_manifest(digest=None), "digest"),
        (_manifest(size=-1), "size"),
        (_manifest(size=1 << 60), "size"),
        (_manifest(size="big"), "size"),
        (_manifest(), "missing"),
        (b"no json", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no layers"),
        ({"layers": 7}, "no layers"),
        ({"layers": [7]}, "no sense"),
        ({"layers": [{}] * 20_001}, "more than"),
        (
            {"mediaType": MANIFEST_LIST, "manifests": [{"runner": "ollama", "digest": "../x"}]},
            "dig",
        ),
    ],
)
def test_a_hostile_manifest_is_told_and_harms_no_other(
    store: OllamaStore, model: Path, manifest: Any, said: str
) -> None:
    store.add("good:1b", model)
    store.write("bad:1b", manifest)
    found = read(store)
    assert found["good:1b"].error is None
    assert said in reason(found["bad:1b"])


@pytest.mark.skipif(os.name != "posix", reason="links need no rights there")
def test_links_out_of_the_store_are_not_followed(
    store: OllamaStore, model: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(store.manifest([store.layer("model", model)])))
    target = store.root / "manifests" / "registry.ollama.ai" / "library" / "linked" / "1b"
    target.parent.mkdir(parents=True)
    target.symlink_to(secret)
    words = tmp_path / "words"
    words.write_text("the content of a private file")
    digest = "sha256:" + "a" * 64
    (store.blobs / digest.replace(":", "-")).symlink_to(words)
    layers = [store.layer("model", model), {"mediaType": f"{MEDIA}system", "digest": digest}]
    store.write("talker:1b", store.manifest(layers))
    found = read(store)
    assert "link out of" in reason(found["linked:1b"])
    assert found["talker:1b"].error is None and found["talker:1b"].given.card.system == ""
    assert [left.name for left in found["talker:1b"].given.left_out] == ["system"]


@pytest.mark.skipif(os.name != "posix", reason="links need no rights there")
def test_a_model_may_be_a_link_to_another_programs_file(store: OllamaStore, model: Path) -> None:
    blob = store.add("shared:1b", model)
    blob.unlink()
    blob.symlink_to(model)
    assert read(store)["shared:1b"].error is None


def test_a_file_of_another_size_is_not_the_one(store: OllamaStore, model: Path) -> None:
    blob = store.add("cut:1b", model)
    blob.write_bytes(blob.read_bytes()[:1000])
    assert "1,000 bytes" in reason(read(store)["cut:1b"])


def test_words_that_cannot_be_taken_over_are_named(store: OllamaStore, model: Path) -> None:
    store.add(
        "talk:1b",
        model,
        system="x" * 200_000,
        messages=[{"role": "tool", "content": "x"}],
        params={"temperature": "hot"},
    )
    found = read(store)["talk:1b"]
    assert found.error is None and found.given.card.system == ""
    assert sorted(left.name for left in found.given.left_out) == [
        "messages",
        "system",
        "temperature",
    ]


def test_a_folder_without_manifests_is_no_store(store: OllamaStore) -> None:
    (store.root / "manifests").rmdir()
    (store.root / "manifests").write_text("no folder")
    assert store_of(store.root) is None
    assert read_store(store.root) == []


def test_a_store_is_known_by_its_folders(store: OllamaStore, tmp_path: Path) -> None:
    assert store_of(store.root) == store.root
    assert store_of(store.root.parent) == store.root
    assert store_of(tmp_path) is None


def test_reading_changes_nothing(store: OllamaStore, model: Path) -> None:
    store.add("llama3.2:3b", model, system="s", params={"seed": 1})
    before = state_of(store.root)
    read(store)
    assert state_of(store.root) == before


# --- names of one file


def test_one_file_under_names_that_mean_the_same_is_one(store: OllamaStore, model: Path) -> None:
    for name in ("llama3.2:latest", "llama3.2:3b"):
        store.add(name, model, params={"stop": ["x"]})
    (one,) = listed(read_store(store.root))
    assert one.given.names == ("llama3.2:3b", "llama3.2:latest") and one.variant is None


def test_other_settings_under_another_name_are_a_variant(store: OllamaStore, model: Path) -> None:
    blob = store.add("mario:latest", model, system="It is me.", parent="llama3.2:3b")
    store.add("luigi:latest", model, system="It is I.", parent="llama3.2:3b")
    store.add("llama3.2:3b", model)
    found = listed(read_store(store.root))
    assert {one.path for one in found} == {blob}
    assert [(one.variant, one.given.names, one.given.card.system) for one in found] == [
        (None, ("llama3.2:3b",), ""),
        ("luigi:latest", ("luigi:latest",), "It is I."),
        ("mario:latest", ("mario:latest",), "It is me."),
    ]


# --- parameters


def test_parameters_of_a_modelfile_are_texts() -> None:
    taken = take_over({"temperature": "0.7", "top_k": "40", "num_ctx": "4096", "seed": "42"})
    assert taken.sampling == {"temperature": 0.7, "top_k": 40, "seed": 42}
    assert taken.defaults == {"context_tokens": 4096} and not taken.left_out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_ctx", 1),
        ("num_ctx", "many"),
        ("num_ctx", True),
        ("num_gpu", -7),
        ("num_predict", -2),
        ("temperature", 99),
        ("temperature", "nan"),
        ("top_k", 1.5),
        ("stop", [""]),
        ("num_batch", 512),
        ("mystery", "x"),
        ("x" * 1000, "\x1b[31m"),
    ],
)
def test_what_cannot_be_taken_over_is_named_with_its_reason(name: str, value: Any) -> None:
    taken = take_over({name: value})
    assert not taken.sampling and not taken.defaults
    (left,) = taken.left_out
    assert left.name[:5] == name[:5] and left.reason and len(left.name) <= 80
    assert left.value.isprintable()


def test_what_leaves_it_to_the_program_is_no_setting() -> None:
    taken = take_over({"num_gpu": -1, "num_predict": -1})
    assert taken == take_over({})


def test_parameters_come_back_as_they_went() -> None:
    given = {
        "num_ctx": 2048,
        "num_gpu": 0,
        "temperature": 0.5,
        "num_predict": 7,
        "stop": ["a", "b"],
    }
    taken = take_over(given)
    lines = to_parameters(taken.defaults, taken.sampling)
    assert sorted(lines) == sorted(
        [
            ("num_ctx", "2048"),
            ("num_gpu", "0"),
            ("temperature", "0.5"),
            ("num_predict", "7"),
            ("stop", "a"),
            ("stop", "b"),
        ]
    )


def test_cancelling_stops_the_reading(store: OllamaStore, model: Path) -> None:
    from desktop.core.events import CancelToken

    store.add("llama3.2:3b", model)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(AppError) as caught:
        read_store(store.root, cancel)
    assert caught.value.code is ErrorCode.CANCELLED
