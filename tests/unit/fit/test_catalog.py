"""The catalogue that ships, the script that builds it, and sizes computed from recipes."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import json
import re
import statistics
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from desktop.core.engine.runtime import environment_folder
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.catalog import SIZE_BAND, Catalog, CatalogModel, load_catalog
from desktop.core.fit.recipes import RECIPES, bits_per_weight, fitted, odd_roles, role_counts
from desktop.core.gguf.facts import facts_of
from desktop.core.gguf.header import parse_header
from desktop.core.gguf.shape import ModelShape
from tests.architecture.tree import ROOT
from tests.helpers.model_zoo import Spec, write_stub


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalog_script", ROOT / "packaging/catalog.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shipped_catalogue_is_whole_and_dated(catalog: Catalog) -> None:
    assert len(catalog.models) >= 119
    assert catalog.collected.year >= 2026 and catalog.sizes_collected <= catalog.collected
    assert len({model.id for model in catalog.models}) == len(catalog.models)
    for model in catalog.models:
        assert model.source.strip(), model.id
        assert model.capabilities, model.id
        assert list(model.sizes.values()) == sorted(model.sizes.values()), model.id


def test_each_row_says_how_sure_it_is(catalog: Catalog) -> None:
    remembered = [model for model in catalog.models if model.remembered]
    assert 20 <= len(remembered) < len(catalog.models) / 2
    assert catalog.find("Llama 3.1 8B").remembered is False
    assert catalog.find("Ministral 3 8B").remembered is True
    # its shape was read in another model's config
    assert catalog.find("Qwen3.8 27B").dims_of_sibling is True
    assert catalog.find("Qwen3.5 9B").dims_of_sibling is False
    assert catalog.find("meta-llama/Llama-3.1-8B-Instruct").dims_of_sibling is True


def test_the_shapes_give_the_cache_the_table_states(catalog: Catalog) -> None:
    """Two ways to the same figure: the dimensions, and the bytes per token that were read."""
    off = {}
    compared = 0
    for model in catalog.models:
        if model.shape is None or not model.kv_bytes_per_token:
            continue
        compared += 1
        bytes_per_token = model.shape.kv_bytes_per_token()
        if bytes_per_token != pytest.approx(model.kv_bytes_per_token, rel=0.001):
            off[model.architecture] = bytes_per_token / model.kv_bytes_per_token
    assert compared > 75
    # The table counts Llama 4's chunked layers in full, and says so; the engine alone can price
    # DeepSeek 3.2's cache.
    assert set(off) == {"llama4", "deepseek32"}


def test_gemma_4_layers_slide_and_share_as_its_config_says(catalog: Catalog) -> None:
    shape = catalog.find("google/gemma-4-E2B-it").shape
    assert shape is not None
    own = [layer for layer in shape.layers if layer.own_cache]
    assert len(own) == 15 and sum(layer.attention == "full" for layer in own) == 3
    sliding = next(layer for layer in own if layer.attention == "sliding")
    assert (sliding.n_kv_heads, sliding.head_dim_k) == (1, 256)


def test_weights_of_dense_rows_are_what_their_shapes_hold(catalog: Catalog) -> None:
    model = catalog.find("Llama 3.1 8B")
    assert model.shape is not None and not model.shape.tied
    assert model.shape.weights_bytes == pytest.approx(2 * 8.03e9, rel=0.01)
    for tied in ("Llama 3.2 1B", "Qwen3 0.6B", "google/gemma-3-1b-it", "SmolLM2 360M"):
        shape = catalog.find(tied).shape
        assert shape is not None and shape.tied, tied


def test_a_read_size_comes_with_its_rounding_a_computed_one_with_its_band(
    catalog: Catalog,
) -> None:
    model = catalog.find("Llama 3.1 8B")
    read, computed = model.size("Q4_K_M"), model.size("Q5_K_M")
    assert read is not None and computed is not None
    assert (read.value, read.predicted) == (4_940_000_000, False)
    assert read.high - read.value == pytest.approx(0.05 * 2**30, rel=0.01)
    # bartowski's file has 5,732,987,136 bytes
    assert computed.predicted and computed.value == pytest.approx(5_732_987_136, rel=0.01)
    assert computed.low < 5_732_987_136 < computed.high
    assert model.size("TQ1_0") is None


def test_a_model_of_a_native_type_has_no_other_sizes(catalog: Catalog) -> None:
    model = catalog.find("gpt-oss-20b")
    assert model.native_quant == "MXFP4"
    assert model.size("Q5_K_M") is None
    native = model.size("MXFP4")
    assert native is not None and native.value == 12_100_000_000


def test_computed_sizes_are_as_near_as_their_band_says(catalog: Catalog) -> None:
    """Each known Q4_K_M size, computed as if it were not known."""
    errors = []
    for model in catalog.models:
        known = model.sizes.get("Q4_K_M")
        if known is None or model.shape is None:
            continue
        others = {quant: size for quant, size in model.sizes.items() if quant != "Q4_K_M"}
        size = dataclasses.replace(model, sizes=others).size("Q4_K_M")
        assert size is not None
        errors.append(abs(size.value / known - 1))
    assert len(errors) >= 70
    assert statistics.mean(errors) < 0.02
    assert sum(error <= SIZE_BAND for error in errors) / len(errors) >= 0.9


@pytest.fixture(scope="module", params=["llama", "gqa_none", "qwen3moe", "odd"])
def stub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    specs = {
        "llama": Spec(
            "llama",
            layers=32,
            hidden=4096,
            heads=32,
            kv_heads=8,
            head_dim=128,
            ff=14336,
            vocab=128_256,
            kind="F16",
        ),
        "gqa_none": Spec(
            "llama",
            layers=16,
            hidden=2048,
            heads=16,
            kv_heads=16,
            head_dim=128,
            ff=5632,
            vocab=32_000,
            kind="F16",
            output=False,
        ),
        "qwen3moe": Spec(
            "qwen3moe",
            layers=24,
            hidden=2048,
            heads=32,
            kv_heads=4,
            head_dim=128,
            experts=64,
            used=8,
            expert_ff=768,
            vocab=151_936,
            kind="F16",
        ),
        "odd": Spec(
            "llama",
            layers=12,
            hidden=576,
            heads=9,
            kv_heads=3,
            head_dim=64,
            ff=1536,
            vocab=49_152,
            kind="F16",
            output=False,
        ),
    }
    return write_stub(tmp_path_factory.mktemp("stub") / "stub.gguf", specs[request.param])


# The i-quants are left out: without an importance matrix the tool takes more for some tensors.
@pytest.mark.parametrize("quant", sorted(q for q in RECIPES if q[0] == "Q"))
def test_a_recipes_size_is_the_engines(quant: str, stub: Path) -> None:
    folder = environment_folder()
    assert folder is not None
    done = subprocess.run(
        [str(folder / "bin" / "llama-quantize"), "--dry-run", str(stub), quant],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = re.search(r"quant size\s+=\s+([\d.]+) MiB", done.stdout + done.stderr)
    assert told is not None
    with stub.open("rb") as stream:
        header = parse_header(stream.read(8 << 20), stub.stat().st_size)
    shape = ModelShape.of(facts_of(header))
    assert shape is not None
    counts = role_counts(shape)
    bits = bits_per_weight(fitted(RECIPES[quant], odd_roles(shape)), counts)
    assert bits * sum(counts.values()) / 8 == pytest.approx(
        float(told[1]) * 2**20, rel=0.025
    )  # a model without grouped queries is the furthest off


def test_names_are_found_exactly_then_by_their_words(catalog: Catalog) -> None:
    assert catalog.find("qwen/QWEN3-8B").name == "Qwen3 8B"
    assert catalog.find("devstral small").id == "mistralai/Devstral-Small-2-24B-Instruct-2512"
    with pytest.raises(AppError) as many:
        catalog.find("qwen3")
    assert many.value.code is ErrorCode.MODEL_AMBIGUOUS
    for nothing in ("no such model", "", "  "):
        with pytest.raises(AppError) as none:
            catalog.find(nothing)
        assert none.value.code is ErrorCode.MODEL_NOT_FOUND


ROW = {
    "model_id": "someone/Model-1B",
    "display_name": "Model 1B",
    "family": "Model",
    "publisher": "Someone",
    "license": "MIT",
    "release": "2026-05",
    "params_total_b": "1.24",
    "params_active_b": "",
    "gguf_repo": "someone/Model-1B-GGUF",
    "architecture": "llama",
    "n_layers": "16",
    "d_model": "2048",
    "n_heads": "32",
    "n_kv_heads": "8",
    "head_dim": "64",
    "ffn_dim": "8192",
    "n_experts": "",
    "n_experts_used": "",
    "sliding_window": "",
    "context_max": "131072",
    "vocab_size": "128256",
    "kv_bytes_per_token_f16": "32768",
    "capabilities": "chat|tools",
    "languages_strong": "en,multi(140+)",
    "size_q4_k_m_gb": "0.81",
    "size_q8_0_gb": "1.29",
    "size_f16_gb": "2.47",
    "quality_note": "",
    "source": "example.org",
    "confidence": "read",
    "n_attn_layers_full": "16",
    "kv_swa_bytes_per_token_f16": "",
    "mmproj_gb": "",
    "size_note": "",
    "arch_note": "",
    "check_params_b": "1.24",
    "dims_from": "someone/Model-1B",
    "gguf_downloads_2026_08": "12",
}


def _table(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "catalog.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(ROW))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_script_keeps_what_a_row_says(script: ModuleType, tmp_path: Path) -> None:
    (made,) = script.build(_table(tmp_path, ROW))
    assert made["sizes"] == {"Q4_K_M": 810_000_000, "Q8_0": 1_290_000_000, "F16": 2_470_000_000}
    assert made["capabilities"] == ["chat", "tools"]
    assert made["parameters"] == 1_240_000_000 and made["active_parameters"] is None
    assert made["source"] == "example.org" and made["confidence"] == "read"
    from datetime import date

    path = tmp_path / "models.json"
    path.write_text(script.text_of([made], date(2026, 5, 6), date(2026, 5, 1)), "utf-8")
    catalog = load_catalog(path)
    assert catalog.collected == date(2026, 5, 6)
    assert isinstance(catalog.models[0], CatalogModel)


def test_the_script_names_the_real_type_of_the_four_bit_file(
    script: ModuleType, tmp_path: Path
) -> None:
    native = {**ROW, "size_note": "native MXFP4: the full file; q4 column is MXFP4"}
    (made,) = script.build(_table(tmp_path, native))
    assert list(made["sizes"]) == ["MXFP4", "Q8_0", "F16"]
    assert made["native_quant"] == "MXFP4"


def test_a_model_that_only_translates_is_no_chat_model(
    script: ModuleType, tmp_path: Path, catalog: Catalog
) -> None:
    row = {**ROW, "display_name": "Model 1B (translation)", "capabilities": "chat"}
    (made,) = script.build(_table(tmp_path, row))
    assert made["capabilities"] == ["translation"]
    assert catalog.find("tencent/Hy-MT2-7B").capabilities == ("translation",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model_id": "no owner"},
        {"release": "2026-13"},
        {"params_total_b": "0"},
        {"params_total_b": ""},
        {"params_active_b": "2"},
        {"capabilities": "chat|telepathy"},
        {"languages_strong": "english"},
        {"confidence": "hoped"},
        {"source": " "},
        {"n_layers": "-3"},
        {"n_attn_layers_full": "17"},
        {"size_q8_0_gb": "0.5"},
        {"vocab_size": "many"},
    ],
)
def test_a_row_that_makes_no_sense_ends_the_build(
    script: ModuleType, tmp_path: Path, wrong: dict[str, str]
) -> None:
    with pytest.raises((script.DataError, ValueError)):
        script.build(_table(tmp_path, {**ROW, **wrong}))


def test_a_row_that_stands_there_twice_ends_the_build(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(script.DataError, match="twice"):
        script.build(_table(tmp_path, ROW, ROW))


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 9, "models": []}', "[1]"])
def test_a_broken_catalogue_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "models.json"
    path.write_text(text, "utf-8")
    with pytest.raises(AppError) as caught:
        load_catalog(path)
    assert caught.value.code is ErrorCode.INTERNAL and str(path) in caught.value.cause


def test_a_row_without_a_field_or_with_an_empty_file_is_told(tmp_path: Path) -> None:
    shipped = json.loads((ROOT / "resources/catalog/models.json").read_text("utf-8"))
    first = shipped["models"][0]
    path = tmp_path / "models.json"
    for wrong in (
        {name: value for name, value in first.items() if name != "license"},
        {**first, "sizes": {"Q8_0": 0}},
        {**first, "confidence": "hoped"},
    ):
        path.write_text(json.dumps({**shipped, "models": [wrong]}), "utf-8")
        with pytest.raises(AppError):
            load_catalog(path)
