"""`paddock recommend`: for this machine, for another one, and the other way round."""

from __future__ import annotations

import pytest

from tests.helpers.file_server import FileServer
from tests.helpers.model_zoo import Spec, zoo
from tests.unit.cli.conftest import Paddock

BOX = "ram=32,gpu=RTX_4090"


def test_json_says_what_to_load_and_why(paddock: Paddock) -> None:
    ran = paddock("recommend", "--simulate", BOX, "--limit", "5", "--json")
    assert ran.code == 0, ran.err
    document = ran.document
    assert document["use"] == "chat" and document["context_tokens"] == 8192
    assert document["wished_tokens_per_second"] == 15
    assert document["machine"]["simulated"] is True
    assert document["machine"]["gpu"]["name"] == "GeForce RTX 4090"
    assert document["catalog"]["date"] >= "2026-11-21"
    assert len(document["models"]) == 5 and document["left_out"]
    first = document["models"][0]
    assert first["verdict"] == "gpu" and first["repository"].count("/") == 1
    size, speed = first["size_bytes"], first["decode_tokens_per_second"]
    assert size["low"] <= size["value"] <= size["high"]
    assert speed["low"] < speed["value"] < speed["high"]
    assert speed["source"] == "seed_table" and speed["value"] >= 15
    assert first["quality"]["kld_mean"]["source"] == "seed_table"
    assert first["settings"]["context_tokens"] == 8192
    for reason in first["reasons"]:
        assert reason["text"] and set(reason) == {"code", "params", "text"}


def test_people_get_a_table_with_the_reason_and_the_catalogues_date(paddock: Paddock) -> None:
    ran = paddock("recommend", "--simulate", BOX, "--use", "code", "--limit", "3")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].split()[:3] == ["MODEL", "QUANT", "SIZE"]
    assert len(lines) == 4 and all("tok/s" in line for line in lines[1:])
    assert "For code on a machine" in ran.err
    assert "Catalogue of 2026-11-21" in ran.err and "more fit" in ran.err


def test_quiet_prints_what_can_be_pulled(paddock: Paddock) -> None:
    ran = paddock("recommend", "--simulate", BOX, "--limit", "2", "--quiet")
    assert ran.code == 0 and ran.err == ""
    assert len(ran.out.splitlines()) == 2
    for line in ran.out.splitlines():
        repository, _, quant = line.partition(":")
        assert "/" in repository and quant


def test_wishes_change_the_answer(paddock: Paddock) -> None:
    slow = paddock("recommend", "--simulate", "ram=64,gpu=RTX 4060", "--speed", "2", "--json")
    fast = paddock("recommend", "--simulate", "ram=64,gpu=RTX 4060", "--speed", "70", "--json")
    sizes = [ran.document["models"][0]["size_bytes"]["value"] for ran in (slow, fast)]
    assert sizes[0] > sizes[1]
    assert fast.document["models"][0]["speed_class"] == "A"
    long = paddock("recommend", "--simulate", BOX, "--ctx", "131072", "--json")
    assert {e["settings"]["context_tokens"] for e in long.document["models"]} == {131_072}
    codes = {each["reason"]["code"] for each in long.document["left_out"]}
    assert "context_too_long" in codes


def test_this_machine_is_looked_at(paddock: Paddock, own_environment: object) -> None:
    ran = paddock("recommend", "--json", "--limit", "3")
    assert ran.code == 0, ran.err
    machine = ran.document["machine"]
    assert machine["simulated"] is False and machine["ram_gb_per_second"] > 1
    assert ran.document["models"], "something of the catalogue fits everywhere tests run"


def test_hardware_for_a_model(paddock: Paddock) -> None:
    ran = paddock("recommend", "--hardware", "gpt-oss-120b", "--speed", "20", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["id"] == "openai/gpt-oss-120b" and ran.document["hardware"]
    for each in ran.document["hardware"]:
        assert each["decode_tokens_per_second"]["value"] >= 20
        assert each["quant_type"] == "MXFP4" and each["ram_gib"] >= 8
    shown = paddock("recommend", "--hardware", "llama 3.2 3b:q8_0", "--speed", "30")
    assert shown.code == 0 and "GeForce" in shown.out and "Q8_0" in shown.out
    nothing = paddock("recommend", "--hardware", "zai-org/GLM-4.7", "--speed", "500")
    assert nothing.code == 0 and "Nothing known runs" in nothing.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--simulate", "ram=0"), 1, "simulation_invalid"),
        (("--simulate", "ram=-8,vram=8"), 1, "simulation_invalid"),
        (("--simulate", "32"), 1, "simulation_invalid"),
        (("--simulate", "ram=32,gpu=RTX 4060 Ti"), 1, "gpu_unknown"),
        (("--hardware", "no such model"), 1, "model_not_found"),
        (("--hardware", "qwen3"), 1, "model_ambiguous"),
        (("--hardware", "plamo"), 1, "bad_request"),
        (("--hardware", "llama 3.1 8b:Q9"), 1, "hub_quant_unknown"),
        (("--speed", "0"), 2, "bad_request"),
        (("--speed", "nan"), 2, "bad_request"),
        (("--ctx", "0"), 2, "bad_request"),
        (("--use", "poetry"), 2, "bad_request"),
    ],
)
def test_what_makes_no_sense_is_told(
    paddock: Paddock, words: tuple[str, ...], code: int, told: str
) -> None:
    ran = paddock("recommend", *words, "--json")
    assert ran.code == code
    assert ran.document["error"]["code"] == told


def test_the_best_file_of_a_repository(paddock: Paddock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    spec = Spec("llama", layers=16, hidden=2048, heads=32, kv_heads=8, ff=8192, kind="Q8_0")
    made = zoo(spec)
    head = made.header()
    size = len(head) + sum(-(-t.size // 32) * 32 for t in made.tensors)
    with FileServer() as server:
        server.add_listing("owner/Model-GGUF", {"Model-Q8_0.gguf": size})
        server.add(f"/owner/Model-GGUF/resolve/{'c' * 40}/Model-Q8_0.gguf", head, size=size)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        ran = paddock("recommend", "owner/Model-GGUF", "--simulate", BOX, "--json")
        shown = paddock("recommend", "owner/Model-GGUF", "--simulate", BOX)
    assert ran.code == 0, ran.err
    (model,) = ran.document["models"]
    assert model["id"] == "owner/Model-GGUF" and model["quant_type"] == "Q8_0"
    assert model["size_bytes"]["value"] == size and not model["size_bytes"]["predicted"]
    assert shown.code == 0 and "Q8_0" in shown.out
    wrong = paddock("recommend", "no-owner", "--simulate", BOX, "--json")
    assert wrong.code == 1 and wrong.document["error"]["code"] == "bad_request"
