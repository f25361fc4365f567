"""What models are called, and who is meant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.summary import ModelSummary
from desktop.core.library.entry import Kind, ModelEntry
from desktop.core.library.ids import assign, natural_id, place_of, slug, split_file_name
from desktop.core.library.resolve import resolve
from desktop.core.library.scan import Source


def entry(
    path: str = "/models/model.gguf",
    *,
    id: str = "",
    name: str | None = None,
    basename: str | None = None,
    size: str | None = None,
    finetune: str | None = None,
    quant: str | None = "Q4_K_M",
    fingerprint: str | None = None,
    kind: Kind = "model",
    source: Source = "folder",
    repo: str | None = None,
    repo_file: str | None = None,
    broken: bool = False,
) -> ModelEntry:
    where = Path(path)
    error = AppError(ErrorCode.GGUF_EMPTY, path=path) if broken else None
    summary = ModelSummary(
        architecture="llama",
        name=name,
        basename=basename,
        size_label=size,
        finetune=finetune,
        quant_type=quant,
    )
    return ModelEntry(
        id=id,
        path=where,
        shard_paths=(where,),
        size_bytes=1,
        fingerprint=path if fingerprint is None else fingerprint,
        summary=None if broken else summary,
        error=error,
        kind=kind,
        source=source,
        root=where.parent,
        repo=repo,
        repo_file=repo_file,
    )


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (entry(name="Qwen3 8B"), "qwen3-8b:q4_k_m"),
        (entry(name="Meta Llama 3.1 8B Instruct"), "meta-llama-3.1-8b-instruct:q4_k_m"),
        (entry(name="LLaMA v2", size="7B", quant="Q8_0"), "llama-v2-7b:q8_0"),
        (entry(name="Gpt Oss 20b", size="32x2.4B", quant="MXFP4_MOE"), "gpt-oss-20b:mxfp4_moe"),
        (entry(name="Mixtral 8X7B", size="7B"), "mixtral-8x7b:q4_k_m"),
        (entry(name="Foo-GGUF", quant="F16"), "foo:f16"),
        (entry(name="Foo 3B Q4_K_M", quant="Q4_K_M"), "foo-3b:q4_k_m"),
        (
            entry(name="Models", basename="Qwen2.5", size="7B", finetune="Instruct"),
            "qwen2.5-7b-instruct:q4_k_m",
        ),
        (entry("/m/Phi-3-mini-Q4_K_M.gguf", name="0123456789abcdef" * 2), "phi-3-mini:q4_k_m"),
        (entry("/m/Qwen3-4B-GGUF-UD-Q4_K_XL.gguf"), "qwen3-4b:q4_k_m"),
        (entry("/m/big-70b.i1-IQ2_XS-00001-of-00003.gguf", quant="IQ2_XS"), "big-70b:iq2_xs"),
        (entry("/m/Swallow-8B.gguf", name="日本語モデル"), "swallow-8b:q4_k_m"),
        (entry("/m/Café-7B.gguf", name="Llama 日本語"), "cafe-7b:q4_k_m"),
        (entry("/m/v.gguf", name="Qwen VL", quant="F16", kind="projector"), "mmproj-qwen-vl:f16"),
        (entry("/m/Broken-Q5_K_M.gguf", broken=True), "broken:q5_k_m"),
        (entry("/m/plain.gguf", quant=None), "plain"),
        (entry("/x/y.gguf", name="Anything", source="bundled"), "paddock-guide:q8_0"),
    ],
)
def test_natural_ids(made: ModelEntry, wanted: str) -> None:
    assert natural_id(made) == wanted


def test_a_name_without_any_usable_letter() -> None:
    made = natural_id(entry("/m/モデル.gguf", name="日本語", fingerprint="quick-1"))
    assert made == natural_id(entry("/other/模型.gguf", name="中文", fingerprint="quick-1"))
    assert made.startswith("model-") and len(made) == len("model-12345678:q4_k_m")


def test_slugs() -> None:
    assert slug("  --A  b/c:d..e_f--  ") == "a-b-c-d..e_f"
    assert slug("🦙🦙") == "" == slug("...")
    assert len(slug("x" * 500)) == 80
    assert split_file_name(Path("a.Q8_0.gguf")) == ("a", "q8_0")
    assert split_file_name(Path("gguf.gguf")) == ("gguf", "")


def ids(entries: list[ModelEntry], stored: Mapping[str, str] | None = None) -> list[str]:
    given = assign(entries, stored or {}, {})
    return [given[place] for place in range(len(entries))]


def test_collisions_are_numbered_and_ids_stay() -> None:
    made = [entry(f"/m/{n}.gguf", name="Qwen3 8B") for n in range(3)]
    first = ids(made)
    assert first == ["qwen3-8b:q4_k_m", "qwen3-8b:q4_k_m-2", "qwen3-8b:q4_k_m-3"]
    stored = {one.fingerprint: name for one, name in zip(made, first, strict=True)}
    assert ids(made[::-1], stored) == first[::-1]
    assert ids(made[1:], stored) == first[1:]
    # the id of a model that is not there now is not given to another one
    assert ids([entry("/m/new.gguf", name="Qwen3 8B")], stored) == ["qwen3-8b:q4_k_m-4"]


def test_the_bundled_models_id_is_its_own() -> None:
    bundled = entry("/r/guide.gguf", source="bundled", fingerprint="b")
    other = entry("/m/guide.gguf", name="Paddock Guide", quant="Q8_0")
    assert ids([bundled, other]) == ["paddock-guide:q8_0", "paddock-guide:q8_0-2"]
    assert ids([other]) == ["paddock-guide:q8_0-2"]
    assert ids([other], {other.fingerprint: "paddock-guide:q8_0"}) == ["paddock-guide:q8_0-2"]


def test_broken_files_take_no_good_files_name() -> None:
    made = [entry("/m/a-Q4_K_M.gguf", broken=True), entry("/m/z.gguf", name="a")]
    assert ids(made) == ["a:q4_k_m-2", "a:q4_k_m"]


def test_a_newer_state_of_a_file_keeps_its_id() -> None:
    old = entry("/m/a.gguf", name="A", fingerprint="old", id="a:q4_k_m")
    stored, before = {"old": "a:q4_k_m"}, {place_of(old): old}
    new = entry("/m/a.gguf", name="A", fingerprint="new")
    assert assign([new], stored, before) == {0: "a:q4_k_m"}
    other = entry("/m/a.gguf", name="B", fingerprint="new")
    assert assign([other], stored, before) == {0: "b:q4_k_m"}


# --- who is meant

LIBRARY = [
    entry(
        "/hub/qwen3-8b-Q4_K_M.gguf",
        id="qwen3-8b:q4_k_m",
        repo="Qwen/Qwen3-8B-GGUF",
        repo_file="qwen3-8b-Q4_K_M.gguf",
    ),
    entry(
        "/hub/sub/qwen3-8b-Q8_0.gguf",
        id="qwen3-8b:q8_0",
        quant="Q8_0",
        repo="Qwen/Qwen3-8B-GGUF",
        repo_file="sub/qwen3-8b-Q8_0.gguf",
    ),
    entry(
        "/hub/G-UD-Q4_K_M.gguf",
        id="g-4b:q4_k_m-2",
        repo="unsloth/G-GGUF",
        repo_file="G-UD-Q4_K_M.gguf",
    ),
    entry("/hub/G-Q4_K_M.gguf", id="g-4b:q4_k_m", repo="unsloth/G-GGUF", repo_file="G-Q4_K_M.gguf"),
    entry("/m/Solo.gguf", id="solo-1b:q4_0", quant="Q4_0"),
    entry("/m/mmproj.gguf", id="mmproj-solo:f16", kind="projector", quant="F16"),
    entry("/m/twin-a.gguf", id="twin:q4_k_m"),
    entry("/m/x/twin.gguf", id="twin:q4_k_m-2", broken=True),
]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("qwen3-8b:q4_k_m", "qwen3-8b:q4_k_m"),
        (" QWEN3-8B:Q8_0 ", "qwen3-8b:q8_0"),
        ("mine", "solo-1b:q4_0"),
        ("MINE", "solo-1b:q4_0"),
        ("/m/Solo.gguf", "solo-1b:q4_0"),
        ("/m/../m/Solo.gguf", "solo-1b:q4_0"),
        ("solo.gguf", "solo-1b:q4_0"),
        ("QWEN3-8B-Q8_0", "qwen3-8b:q8_0"),
        ("Qwen/Qwen3-8B-GGUF:Q4_K_M", "qwen3-8b:q4_k_m"),
        ("hf.co/qwen/qwen3-8b-gguf:q8_0", "qwen3-8b:q8_0"),
        ("https://huggingface.co/Qwen/Qwen3-8B-GGUF:Q8_0", "qwen3-8b:q8_0"),
        ("unsloth/G-GGUF:Q4_K_M", "g-4b:q4_k_m"),
        ("unsloth/G-GGUF:UD-Q4_K_M", "g-4b:q4_k_m-2"),
        ("Qwen/Qwen3-8B-GGUF/sub/qwen3-8b-q8_0.gguf", "qwen3-8b:q8_0"),
        (
            "https://huggingface.co/Qwen/Qwen3-8B-GGUF/resolve/main/qwen3-8b-Q4_K_M.gguf",
            "qwen3-8b:q4_k_m",
        ),
        ("solo-1b", "solo-1b:q4_0"),
        ("solo-1b:latest", "solo-1b:q4_0"),
        ("solo:1b", "solo-1b:q4_0"),
        ("qwen3:8b-q8_0", "qwen3-8b:q8_0"),
        ("twin", "twin:q4_k_m"),
        ("mmproj-solo:f16", "mmproj-solo:f16"),
    ],
)
def test_names_that_resolve(name: str, wanted: str) -> None:
    aliases = {"Mine": "solo-1b:q4_0", "stale": "gone:q8_0"}
    assert resolve(name, LIBRARY, aliases).id == wanted


@pytest.mark.parametrize("name", ["qwen3-8b", "qwen3:8b", "Qwen/Qwen3-8B-GGUF", "qwen3-8b:latest"])
def test_names_that_can_mean_two(name: str) -> None:
    with pytest.raises(AppError) as caught:
        resolve(name, LIBRARY, {})
    assert caught.value.code is ErrorCode.MODEL_AMBIGUOUS
    assert caught.value.params["ids"] == ["qwen3-8b:q4_k_m", "qwen3-8b:q8_0"]


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "gpt-4", "qwen3", "stale", "q4_k_m", ":", "/", "*", "../Solo.gguf", "~nobody/x"),
        *("mmproj-solo", "/m/none.gguf", "/m/a\0b", "qwen3-8b:q2_k", "Qwen/Qwen3-8B-GGUF:Q2_K"),
    ],
)
def test_unknown_names_are_never_a_default(name: str) -> None:
    with pytest.raises(AppError) as caught:
        resolve(name, LIBRARY, {"stale": "gone:q8_0"})
    assert caught.value.code is ErrorCode.MODEL_NOT_FOUND
