"""`paddock search`, `paddock info` and `paddock hub-token` against a hub on loopback."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.hub import LocalHub
from tests.helpers.model_zoo import Spec, zoo
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import FakeFace

REPO = "maker/Tiny-8B-GGUF"
Q8 = zoo(Spec("llama", layers=4, hidden=256, heads=4, kv_heads=4, ff=512, vocab=512, kind="Q8_0"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with LocalHub(tmp_path / "hub") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        content = Q8.to_bytes()
        hub.add_repo(
            REPO,
            {
                "tiny-Q8_0.gguf": content,
                "tiny-BF16-00001-of-00002.gguf": content[:-1],
                "tiny-BF16-00002-of-00002.gguf": content[:-2],
                "mmproj-f16.gguf": b"GGUF",
            },
            downloads=1234,
            likes=56,
            pipeline_tag="text-generation",
            base_model="lab/Tiny-8B",
            gguf={"total": 8_030_261_248, "architecture": "llama", "context_length": 4096},
        )
        hub.add_repo("lab/Tiny-8B", {"model.safetensors": b"w" * 50}, license="mit", downloads=9)
        hub.add_repo("lab/Guarded-GGUF", {"g-Q8_0.gguf": content}, gated=True, downloads=2)
        hub.add_repo("lab/Hidden-GGUF", {"h-Q8_0.gguf": content}, private=True)
        yield hub


# --- search


def test_search_shows_a_table(paddock: Paddock, hub: LocalHub) -> None:
    ran = paddock("search", "gguf", "--sort", "downloads")
    assert ran.code == 0, ran.err
    head, first, second = ran.out.splitlines()
    assert head.split()[:4] == ["REPOSITORY", "SIZE", "DOWNLOADS", "LIKES"]
    assert first.split()[:4] == [REPO, "8B", "1,234", "56"] and "apache-2.0" in first
    assert second.split()[0] == "lab/Guarded-GGUF" and "gated" in second
    assert "paddock info" in ran.err


def test_search_as_json(paddock: Paddock, hub: LocalHub) -> None:
    words = ("search", "Tiny", "8b", "--author", "maker", "--smallest", "5B", "--largest", "9000M")
    document = paddock(*words, "--json").document
    (model,) = document["models"]
    assert model["repo"] == REPO and model["parameters"] == 8_030_261_248
    assert (document["source"], document["problem"]) == ("hub", None)
    assert "num_parameters=min:5B,max:9B" in hub.requests[-1].query
    checkpoints = paddock("search", "tiny", "--checkpoints", "--json").document["models"]
    assert [each["repo"] for each in checkpoints] == ["lab/Tiny-8B"]
    everything = paddock("search", "tiny", "--all", "--license", "mit", "--json").document
    assert [each["repo"] for each in everything["models"]] == ["lab/Tiny-8B"]


def test_quiet_search_prints_names(paddock: Paddock, hub: LocalHub) -> None:
    ran = paddock("search", "--quiet", "--sort", "downloads", "--limit", "1")
    assert (ran.out, ran.err) == (f"{REPO}\n", "")


def test_search_without_a_find(paddock: Paddock, hub: LocalHub) -> None:
    ran = paddock("search", "nothing-like-it")
    assert ran.code == 0 and ran.out == "" and "Nothing was found" in ran.err


@pytest.mark.parametrize("mode", [(), ("--json",), ("--quiet",)])
def test_an_earlier_answer_says_so_in_every_mode(
    paddock: Paddock, hub: LocalHub, mode: tuple[str, ...]
) -> None:
    assert paddock("search", "tiny").code == 0
    hub.faults.down = "closed"
    ran = paddock("search", "tiny", *mode)
    assert ran.code == 0 and REPO in ran.out
    assert "cannot be reached" in ran.err and "This is what the hub said on 20" in ran.err
    if mode == ("--json",):
        assert ran.document["source"] == "cache"
        assert ran.document["problem"]["code"] == "remote_unreachable"


def test_offline_without_an_earlier_answer(
    paddock: Paddock, hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for words in (("search", "tiny"), ("info", REPO, "--no-fit")):
        ran = paddock(*words, "--json")
        assert ran.code == 1 and ran.document["error"]["code"] == "hub_offline"
    assert hub.requests == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--sort", "size"), 2),
        (("--limit", "0"), 2),
        (("--smallest", "huge"), 2),
        (("--smallest", "0"), 2),
        (("--smallest", "9B", "--largest", "3B"), 1),
    ],
)
def test_searches_that_make_no_sense(paddock: Paddock, words: tuple[str, ...], code: int) -> None:
    ran = paddock("search", "x", *words, "--json")
    assert ran.code == code and ran.document["error"]["code"] == "bad_request"


# --- info


def test_info_says_what_runs_here(paddock: Paddock, hub: LocalHub) -> None:
    hub.faults.claimed_size("tiny-BF16-00001-of-00002.gguf", 1 << 50)
    document = paddock("info", REPO, "--ctx", "512", "--json").document
    assert document["repo"] == REPO and document["recommended"] == "Q8_0"
    assert document["page"] == f"{hub.url}/{REPO}"
    small, large = document["quants"]
    assert (small["label"], small["name"]) == ("Q8_0", f"{REPO}:Q8_0")
    assert small["fit"]["verdict"] in ("cpu", "gpu")
    assert small["fit"]["decode_tokens_per_second"]["value"] > 1
    assert small["fit"]["settings"]["context_tokens"] == 512
    assert (large["label"], len(large["files"])) == ("BF16", 2)
    assert (
        large["fit"]["verdict"] == "wont_fit" and "does not fit" in large["fit"]["reason"]["text"]
    )
    shown = paddock("info", REPO, "--ctx", "512")
    assert shown.code == 0, shown.err
    assert "8B parameters, llama, 4,096 tokens of context, text-generation" in shown.out
    assert "Made of lab/Tiny-8B." in shown.out and "1,234 downloads, 56 likes" in shown.out
    rows = {line.split()[0]: line for line in shown.out.splitlines() if line.strip()}
    assert "the best here" in rows["Q8_0"] and "~" in rows["Q8_0"]
    assert "won't fit" in rows["BF16"]
    assert "projector mmproj-f16.gguf" in shown.out
    assert f"paddock pull {REPO}:Q8_0" in shown.err


def test_info_without_reading_a_header(paddock: Paddock, hub: LocalHub) -> None:
    ran = paddock("info", REPO, "--no-fit", "--json")
    assert [quant["fit"] for quant in ran.document["quants"]] == [None, None]
    assert hub.sent_bytes == 0 and len(hub.requests) == 1
    quiet = paddock("info", f"{REPO}:bf16", "--no-fit", "--quiet")
    assert (quiet.out, quiet.err) == (f"{REPO}:BF16\n", "")
    wrong = paddock("info", f"{REPO}:Q2_K", "--no-fit", "--json")
    assert wrong.code == 1 and wrong.document["error"]["code"] == "hub_quant_unknown"


def test_info_of_a_gated_one_says_what_to_do(paddock: Paddock, hub: LocalHub) -> None:
    ran = paddock("info", "lab/Guarded-GGUF")
    assert ran.code == 0, ran.err
    assert "Q8_0" in ran.out
    assert f"Accept its terms at {hub.url}/lab/Guarded-GGUF" in ran.err
    assert "paddock hub-token" in ran.err and "cannot be told" in ran.err
    document = paddock("info", "lab/Guarded-GGUF", "--json").document
    assert document["gated"] == "manual" and document["fit_problem"]["code"] == "remote_denied"


def test_info_of_a_checkpoint(paddock: Paddock, hub: LocalHub) -> None:
    ran = paddock("info", "lab/Tiny-8B")
    assert ran.code == 0 and "a file of safetensors" in ran.out
    assert "paddock convert lab/Tiny-8B" in ran.err


def test_info_from_the_cache_says_so(paddock: Paddock, hub: LocalHub) -> None:
    assert paddock("info", REPO, "--no-fit").code == 0
    hub.faults.down = "closed"
    ran = paddock("info", REPO, "--no-fit")
    assert ran.code == 0 and "Q8_0" in ran.out
    assert "This is what the hub said on 20" in ran.err


@pytest.mark.parametrize("asked", ["maker/Tiny-8B-GUFF", "maker/Tini-8B-GGUF", "tiny"])
def test_a_mistyped_name_is_told_what_was_meant(
    paddock: Paddock, hub: LocalHub, asked: str
) -> None:
    ran = paddock("info", asked, "--json")
    assert ran.code == 1
    error = ran.document["error"]
    if asked != "maker/Tini-8B-GGUF":
        assert error["code"] == "hub_repo_unknown" and REPO in error["params"]["names"]
        assert f"Did you mean {REPO}" in error["remedy"]
    else:  # nothing there has such a name
        assert error["code"] == "remote_not_found"


@pytest.mark.parametrize("asked", ["zzz", "a/b/c", f"{REPO}/tiny-Q8_0.gguf"])
def test_what_names_no_repository(paddock: Paddock, hub: LocalHub, asked: str) -> None:
    ran = paddock("info", asked, "--json")
    assert ran.code == 1 and ran.document["error"]["code"] == "bad_request"


# --- the token


def stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_token_is_read_from_standard_input(
    paddock: Paddock, face: FakeFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    face.routes["/secrets"] = lambda body: {"name": "hub_token", "backend": "file"}
    stdin(monkeypatch, " hf_mine\n")
    ran = paddock("hub-token")
    assert ran.code == 0, ran.err
    assert "only you can read" in ran.out and "hf_mine" not in ran.out + ran.err
    assert face.called("/secrets") == [{"name": "hub_token", "value": "hf_mine"}]
    monkeypatch.setenv("HF_TOKEN", "hf_env")
    ran = paddock("hub-token", "--remove", "--json")
    assert ran.document == {"stored": False, "backend": "file"}
    assert face.called("/secrets")[-1] == {"name": "hub_token", "value": None}
    assert "HF_TOKEN is set" in ran.err


@pytest.mark.parametrize("text", ["", "\n", "two words\n", "hf_ü\n", "abc\n"])
def test_what_is_no_token_is_not_stored(
    paddock: Paddock, face: FakeFace, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    stdin(monkeypatch, text)
    ran = paddock("hub-token", "--json")
    assert ran.code == 1 and ran.document["error"]["code"] == "bad_request"
    assert face.called("/secrets") == []
