"""Planning and recipes over the private face of the real service, with the real engine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.runtime import environment_folder
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.paths import demo_model, own_command, resources
from quantize import tool
from tests.helpers.service import RunningService, running_service

Json = dict[str, Any]
TEXTS = resources() / "texts"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = environment_folder()
    assert folder is not None
    path = tmp_path_factory.mktemp("whole") / "guide-f16.gguf"
    quantizer = folder / "bin" / "llama-quantize"
    tool.run([quantizer, "--allow-requantize", demo_model(), path, "F16"], CancelToken())
    return path


def paddock(service: RunningService, *arguments: str, code: int = 0) -> Json:
    done = subprocess.run(
        own_command(*arguments, "--json"), env=service.environ, capture_output=True, check=False
    )
    assert done.returncode == code, done.stderr.decode()
    document: Json = json.loads(done.stdout)
    return document


def test_a_plan_is_what_the_job_then_makes(
    service: RunningService, whole: Path, tmp_path: Path
) -> None:
    words = ["quantize", str(whole), "--types", "Q4_0,Q2_K", "-o", str(tmp_path)]
    plan = paddock(service, *words, "--dry-run")
    assert plan["warnings"] == [] and list(tmp_path.iterdir()) == []
    assert plan["seconds"]["source"] == "seed_table"
    assert plan["source"]["architecture"] == "llama" and not plan["source"]["quantized"]
    made = paddock(service, *words)["outputs"]
    for told, each in zip(plan["outputs"], made, strict=True):
        assert told["path"] == each["path"] and told["label"] == each["label"]
        assert abs(told["size_bytes"] - each["size_bytes"]) < 1024
    again = paddock(service, *words, "--dry-run")
    assert [each["code"] for each in again["warnings"]] == ["output_exists"] * 2
    assert all(each["exists"] for each in again["outputs"])


def test_the_text_decides_how_much_is_compared(service: RunningService, whole: Path) -> None:
    params = {"path": str(whole), "folder": str(whole.parent), "types": ["Q4_0"]}
    params |= {"evaluate": str(TEXTS / "evaluation.txt")}
    few = service.client.quant_plan({**params, "chunks": 7})
    most = service.client.quant_plan(params)
    assert few["chunks"] == 7 < most["chunks"]
    assert few["disk_bytes"] < most["disk_bytes"] and few["memory_bytes"] > whole.stat().st_size
    short = whole.parent / "short.txt"
    short.write_text("Too little.", "utf-8")
    with pytest.raises(AppError) as caught:
        service.client.quant_plan({**params, "evaluate": str(short)})
    assert caught.value.code is ErrorCode.TEXT_TOO_SHORT


def test_a_model_that_was_quantized_and_types_that_need_a_matrix(
    service: RunningService, tmp_path: Path
) -> None:
    params: Json = {"path": str(demo_model()), "folder": str(tmp_path), "types": ["IQ2_S", "Q4_0"]}
    plan = service.client.quant_plan(params)
    codes = {each["code"]: each["params"] for each in plan["warnings"]}
    assert set(codes) == {"quantize_again", "imatrix_needed"} and plan["source"]["quantized"]
    assert codes["imatrix_needed"] == {"types": "IQ2_S"}
    allowed = {"requantize": True, "imatrix": str(TEXTS / "importance.txt")}
    assert service.client.quant_plan({**params, **allowed})["warnings"] == []
    for wrong, code in (
        ({"types": ["Q9_X"]}, ErrorCode.SETTING_INVALID),
        ({"types": []}, ErrorCode.SETTING_INVALID),
        ({"path": str(tmp_path / "none.gguf")}, ErrorCode.PATH_NOT_FOUND),
        ({"folder": None}, ErrorCode.BAD_REQUEST),
        ({"recipes": [{"quant_type": "Q4_0", "output_type": "Q4_K_M"}]}, ErrorCode.SETTING_INVALID),
    ):
        with pytest.raises(AppError) as caught:
            service.client.quant_plan({**params, **wrong})
        assert caught.value.code is code, wrong


def test_a_checkpoint_is_planned_by_its_shape(
    service: RunningService, tmp_path: Path, whole: Path
) -> None:
    """A llama of the guide's own dimensions: its files are planned as large as the guide's."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    config = {
        "architectures": ["LlamaForCausalLM"], "hidden_size": 256, "num_hidden_layers": 4,
        "intermediate_size": 768, "num_attention_heads": 4, "num_key_value_heads": 4,
        "vocab_size": 4096, "tie_word_embeddings": True,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    ours = service.client.quant_plan(
        {"path": str(whole), "folder": str(tmp_path), "types": ["Q4_K_M"]}
    )
    weights = ours["source"]["parameters"]
    head = json.dumps(
        {"w": {"dtype": "F16", "shape": [weights], "data_offsets": [0, 2 * weights]}}
    ).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.truncate(8 + len(head) + 2 * weights)
    asked = {"checkpoint": {"path": str(folder)}, "folder": str(tmp_path), "types": ["Q4_K_M"]}
    plan = service.client.quant_plan(asked)
    assert [each["code"] for each in plan["warnings"]] == ["quant_sizes_estimated"]
    (told,), (real,) = plan["outputs"], ours["outputs"]
    assert Path(told["path"]).name == "checkpoint-Q4_K_M.gguf"
    # The header is another one: the guide's has a vocabulary in it.
    assert told["size_bytes"] == pytest.approx(real["size_bytes"], rel=0.06)
    assert plan["disk_bytes"] - ours["disk_bytes"] == pytest.approx(2 * weights, rel=0.06)


def test_recipes_are_kept_under_names(service: RunningService, whole: Path, tmp_path: Path) -> None:
    client = service.client
    assert client.quant_recipes() == []
    recipe = {"quant_type": "q4_k_m", "output_type": "Q8_0", "tensor_types": [["ffn_down", "q6_k"]]}
    saved = client.save_quant_recipe("My mix", recipe)
    assert saved["recipe"]["quant_type"] == "Q4_K_M"
    with pytest.raises(AppError) as caught:
        client.save_quant_recipe("my MIX", {"quant_type": "Q8_0"})
    assert caught.value.code is ErrorCode.RECIPE_EXISTS
    client.save_quant_recipe("my MIX", {**recipe, "pure": True}, replace=True)
    (only,) = client.quant_recipes()
    assert only["name"] == "my MIX" and only["recipe"]["pure"] is True
    for name, wrong in (
        ("x", {"quant_type": "Q9"}), ("Q8_0", recipe), ("a/b", recipe), ("", recipe),
        ("x", {**recipe, "tensor_types": [["(", "q6_k"]]}),
    ):  # fmt: skip
        with pytest.raises(AppError):
            client.save_quant_recipe(name, wrong)
    listed = paddock(service, "quantize", "--recipes")["recipes"]
    assert listed == [only]
    words = ["quantize", str(whole), "--recipe", "my mix", "-o", str(tmp_path)]
    (made,) = paddock(service, *words)["outputs"]
    assert Path(made["path"]).name == "guide-my MIX.gguf" and made["label"] == "my MIX"
    assert made["recipe"] == only["recipe"]
    client.remove_quant_recipe("MY mix")
    assert client.quant_recipes() == []
    error = paddock(service, "quantize", "--remove-recipe", "my mix", code=1)["error"]
    assert error["code"] == "recipe_not_found"


def test_types_are_those_of_the_engine(service: RunningService) -> None:
    types = paddock(service, "quantize", "--list-types")["types"]
    known = {each["name"]: each for each in types}
    assert known["Q4_K_M"]["bits_per_weight"] == pytest.approx(4.89, abs=0.01)
    assert known["IQ3_XXS"]["needs_imatrix"] and not known["IQ4_XS"]["needs_imatrix"]
