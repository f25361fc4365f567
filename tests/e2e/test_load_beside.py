"""Adapters, draft models, n-grams and projectors with the real engine: priced, loaded, reported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.enginelog import log_name
from desktop.core.errors import AppError, ErrorCode
from tests.helpers.gguf_files import (
    spm_vocab,
    write_lora,
    write_projector,
    write_tiny_llama,
)
from tests.helpers.service import RunningService, wait_for

SMALL: dict[str, Any] = {"context_tokens": 512, "slots": 1}


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lora(tmp_path_factory.mktemp("lora") / "o,d:d name.gguf", n_layers=8)


def answer(service: RunningService, model: str, tokens: int = 24) -> str:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "hello world"}],
        "temperature": 0,
        "max_tokens": tokens,
    }
    chunks = service.client.chat(body)
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]
    )


def engine_log(service: RunningService, model: str) -> str:
    return (service.paths.logs / log_name(model)).read_text("utf-8", "replace")


def within_one_percent(loaded: dict[str, Any]) -> None:
    """Every part the engine reports was predicted."""
    rows = {row["part"]: row for row in loaded["parts"]}
    for part in ("weights_bytes", "kv_bytes", "compute_bytes"):
        predicted, real = rows[part]["predicted"]["value"], rows[part]["real_bytes"]
        assert abs(predicted / real - 1) < 0.01, (part, predicted, real)
    assert rows["overhead_bytes"]["real_bytes"] is None


def test_an_adapter_works_as_strongly_as_it_is_told(
    service: RunningService, tiny: str, lora: Path
) -> None:
    plain = service.client.load(tiny, **SMALL)
    within_one_percent(plain)
    bare = answer(service, tiny)
    spoken = {}
    for scale in (1.0, 0.0):
        adapters = [{"path": str(lora), "scale": scale}]
        loaded = service.client.load(tiny, **SMALL, adapters=adapters)
        assert loaded["settings"]["adapters"] == adapters
        assert loaded["estimate"]["beside"]["adapters_bytes"] == lora.stat().st_size
        within_one_percent(loaded)
        more = loaded["parts"][0]["real_bytes"] - plain["parts"][0]["real_bytes"]
        assert abs(more - lora.stat().st_size) < 16_384  # the engine prints 2 decimals of a MiB
        spoken[scale] = answer(service, tiny)
    assert spoken[0.0] == bare != spoken[1.0]


def test_a_draft_model_proposes_tokens(service: RunningService) -> None:
    guide = next(model["id"] for model in service.client.models() if model["bundled"])
    bare = service.client.load(guide, **SMALL)
    alone = answer(service, guide, 48)
    loaded = service.client.load(guide, **SMALL, draft=guide, draft_gpu_layers=0)
    within_one_percent(loaded)
    assert loaded["settings"]["draft"].endswith(".gguf")
    for part in (0, 1, 2):  # its weights, cache and work are there twice
        twice = loaded["parts"][part]["real_bytes"] / bare["parts"][part]["real_bytes"]
        assert abs(twice - 2) < 0.05
    assert answer(service, guide, 48) == alone
    assert "adding speculative implementation 'draft-simple'" in engine_log(service, guide)

    def accepted() -> list[str]:
        return re.findall(r"draft acceptance = ([\d.]+)", engine_log(service, guide))

    wait_for(accepted, "the engine tells how many tokens it took")
    assert float(accepted()[-1]) > 0.5  # a trained model agrees with itself


@pytest.mark.parametrize("kind", ["ngram-mod", "ngram-simple", "ngram-map-k", "ngram-map-k4v"])
def test_n_grams_of_every_kind(service: RunningService, tiny: str, kind: str) -> None:
    loaded = service.client.load(tiny, **SMALL, ngram=kind)
    within_one_percent(loaded)
    assert f"adding speculative implementation '{kind}'" in engine_log(service, tiny)
    tables = {"ngram-mod": 16 << 20, "ngram-simple": 0}.get(kind, 1 << 20)
    assert loaded["estimate"]["beside"]["ngram_bytes"] == tables
    assert answer(service, tiny)


def refused(service: RunningService, model: str, **asked: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        service.client.load(model, **SMALL, **asked)
    return caught.value


def test_files_of_other_models_are_refused_before_the_load(
    service: RunningService, tiny: str, tmp_path: Path
) -> None:
    narrow = write_lora(tmp_path / "narrow.gguf", hidden=128)
    other = write_tiny_llama(tmp_path / "other.gguf", vocab=spm_vocab(["▁x"] * 200))
    eye = write_projector(tmp_path / "eye.gguf", projection_dim=999)
    loaded = service.client.load(tiny, **SMALL)
    for asked, said in (
        ({"adapters": [{"path": str(narrow)}]}, "has another shape than the model's"),
        ({"adapters": [{"path": str(other)}]}, "It is no LoRA adapter but a model (llama)."),
        ({"draft": str(other)}, "Its vocabulary is another one (500 tokens"),
        ({"draft": str(narrow)}, "It is no model that can propose tokens but an adapter."),
        ({"mmproj": str(eye)}, "It makes vectors of 999 numbers; the model takes 256"),
        ({"mmproj": str(other)}, "It is no projector but a model (llama)."),
    ):
        error = refused(service, tiny, **asked)
        assert error.code is ErrorCode.LOAD_MISMATCH
        assert said in error.cause and tiny in error.title
    missing = refused(service, tiny, adapters=[{"path": str(tmp_path / "gone.gguf")}])
    assert missing.code is ErrorCode.PATH_NOT_FOUND
    assert refused(service, tiny, draft="nobody").code is ErrorCode.MODEL_NOT_FOUND
    log = engine_log(service, tiny)
    assert "narrow.gguf" not in log and "other.gguf" not in log  # no engine was started for them
    (still,) = [each for each in service.client.state()["models"] if each["id"] == tiny]
    assert (still["pid"], still["state"]) == (loaded["pid"], "ready"), "it was not taken out"


def test_the_projector_beside_a_model_can_be_left_out(
    service: RunningService, tmp_path: Path
) -> None:
    model = write_tiny_llama(tmp_path / "seeing-llama-f16.gguf", name="Seeing", seed=5)
    eye = write_projector(tmp_path / "mmproj-seeing.gguf")  # of the right width, but hollow
    service.client.add_models(str(tmp_path))
    found = next(m for m in service.client.models() if m["path"] == str(model))
    assert found["mmproj"] == str(eye)
    with pytest.raises(AppError):
        service.client.load(found["id"], **SMALL)  # the engine takes it, and cannot use it
    loaded = service.client.load(found["id"], **SMALL, mmproj="none")
    assert loaded["state"] == "ready" and loaded["settings"]["mmproj"] is None
    service.client.change_model_settings(found["id"], {"mmproj": "none"})
    service.client.unload(found["id"])
    assert service.client.load(found["id"], **SMALL)["state"] == "ready"


def test_fit_tells_the_price_that_the_load_shows(
    service: RunningService, tiny: str, lora: Path
) -> None:
    options = ["--ctx", "512", "--parallel", "1", "--lora", str(lora), "--draft", tiny, "--ngram"]
    ran = subprocess.run(
        [sys.executable, "-m", "desktop.cli", "fit", tiny, *options, "--json"],
        env=service.environ,
        capture_output=True,
        timeout=120,
        check=True,
    )
    fitting = json.loads(ran.stdout)
    adapters = [{"path": str(lora), "scale": 1.0}]
    loaded = service.client.load(tiny, **SMALL, adapters=adapters, draft=tiny, ngram="ngram-mod")
    assert fitting["parts"] == loaded["estimate"]["parts"]
    assert fitting["beside"] == loaded["estimate"]["beside"]
    assert all(fitting["beside"][f"{name}_bytes"] for name in ("adapters", "draft", "ngram"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"adapters": "all"},
        {"adapters": [{"path": ""}]},
        {"adapters": [{"path": "a", "scale": float("1e9")}]},
        {"ngram": "magic"},
        {"ubatch": 0},
        {"draft_gpu_layers": -1},
        {"mmproj": 7},
    ],
)
def test_values_that_make_no_sense_are_refused(
    service: RunningService, tiny: str, wrong: dict[str, Any]
) -> None:
    assert refused(service, tiny, **wrong).code is ErrorCode.SETTING_INVALID
