"""`paddock quantize`: what it asks the service for, and what it says of plans and results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop.cli.commands.quantize import _bytes
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import resources
from tests.helpers.quant_results import FOREIGN, QUANTIZED, TARGET
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import AppErrorReply, FakeFace, model
from tests.unit.cli.test_cli_jobs import accept, job

Json = dict[str, Any]
Submitted = Callable[..., Json]
RECIPES = [
    {"name": "Small", "recipe": {"quant_type": "Q4_K_M", "output_type": "Q8_0"}},
    {"name": "odd one", "recipe": {"quant_type": "Q2_K", "tensor_types": [["ffn", "q3_k"]]}},
]
PLAN: Json = {
    "outputs": [
        {"label": "Q4_K_M", "quant_type": "Q4_K_M", "size_bytes": 3 << 30, "bits_per_weight": 4.89,
         "fallbacks": ["a", "b"], "path": "/o/x-Q4_K_M.gguf", "exists": True},
        {"label": "Q8_0", "quant_type": "Q8_0", "size_bytes": None, "bits_per_weight": None,
         "fallbacks": [], "path": "/o/x-Q8_0.gguf", "exists": False},
    ],
    "disk_bytes": 4 << 30, "disk_free_bytes": 9 << 30, "memory_bytes": 5 << 30,
    "memory_available_bytes": 2 << 30, "chunks": 40,
    "seconds": {"value": 600.0, "low": 200.0, "high": 1800.0, "source": "seed_table"},
    "warnings": [
        {"code": "output_exists", "params": {"path": "/o/x-Q4_K_M.gguf"}},
        {"code": "quant_memory", "params": {"need_gib": 5.0, "free_gib": 2.0}},
    ],
    "source": {},
}  # fmt: skip


@pytest.fixture
def submitted(face: FakeFace, paddock: Paddock, tmp_path: Path) -> Submitted:
    """Run a command to its end and return the one job it asked for."""
    (tmp_path / "m-f16.gguf").write_bytes(b"GGUF")
    face.routes["/quantize/recipes"] = lambda body: {"recipes": RECIPES}

    def run(*words: str, result: Json = QUANTIZED, source: str = "") -> Json:
        accept(face, job("done", kind="quantize", result=result))
        ran = paddock("quantize", source or str(tmp_path / "m-f16.gguf"), *words)
        assert ran.code == 0, ran.err
        (asked,) = face.called("/jobs")
        return {**asked, "out": ran.out, "err": ran.err}

    return run


def test_plain_types_go_to_the_folder_of_the_file(submitted: Submitted, tmp_path: Path) -> None:
    asked = submitted("--types", "q4_k_m, Q8_0")
    assert asked["kind"] == "quantize"
    assert asked["params"] == {
        "path": str(tmp_path / "m-f16.gguf"), "folder": str(tmp_path),
        "types": ["Q4_K_M", "Q8_0"], "requantize": False, "replace": False,
    }  # fmt: skip


def test_all_that_can_be_asked_for(submitted: Submitted, tmp_path: Path) -> None:
    asked = submitted(
        "--types", "Q4_K_M", "--recipe", "small,ODD ONE", "--embedding-type", "Q8_0", "--tensor",
        "attn_v=q6_k", "--imatrix", "--compare", str(tmp_path / "other.gguf"), "--budget", "15",
        "--chunks", "30", "--name", "guide", "-o", str(tmp_path / "out"), "--replace",
        "--requantize",
    )  # fmt: skip
    params = asked["params"]
    assert params["recipes"] == [
        {"quant_type": "Q4_K_M", "embedding_type": "Q8_0", "tensor_types": [["attn_v", "q6_k"]]},
        {**RECIPES[0]["recipe"], "name": "Small"},
        {**RECIPES[1]["recipe"], "name": "odd one"},
    ]
    assert "types" not in params and params["compare"] == [str(tmp_path / "other.gguf")]
    assert params["imatrix"] == str(resources() / "texts" / "importance.txt")
    # To compare anything a text is needed: ours, where none is named.
    assert params["evaluate"] == str(resources() / "texts" / "evaluation.txt")
    assert (params["budget_seconds"], params["chunks"], params["name"]) == (900.0, 30, "guide")
    assert params["replace"] and params["requantize"]


def test_a_model_by_its_id_and_a_checkpoint(
    submitted: Submitted, face: FakeFace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face.models = [model("guide:f16", path="/models/guide-f16.gguf")]
    assert submitted("--types", "Q8_0", source="guide:f16")["params"]["folder"] == "/models"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for source, key, value in (
        ("folder", "path", str(tmp_path / "folder")), ("maker/name", "repo", "maker/name"),
    ):  # fmt: skip
        face.calls.clear()
        params = submitted("--types", "Q8_0", "--convert-type", "bf16", source=source)["params"]
        assert params["checkpoint"] == {key: value, "type": "bf16", "allow_pickle": False}
        assert params["folder"] == str(tmp_path) and "path" not in params


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (["--best-under", "4.2G"], {"most_bytes": 4_200_000_000}),
        (["--at-least", "12.5"], {"least_tokens_per_second": 12.5}),
    ],
)
def test_a_search_is_a_job_of_its_own(submitted: Submitted, words: list[str], limit: Json) -> None:
    asked = submitted(*words, "--budget", "30", result=TARGET)
    assert asked["kind"] == "target"
    params = asked["params"]
    assert {**params, **limit, "budget_seconds": 1800.0} == params
    assert "types" not in params and "evaluate" not in params
    if "most_bytes" in limit:
        assert "4.200 GB, which are 3.912 GiB" in asked["err"]
    found = TARGET["target"]["found"]
    assert f"Found: {found['label']}" in asked["out"]


def test_sizes_in_both_kinds_of_units() -> None:
    known = {"4.2GB": 4_200_000_000, "4GiB": 4 << 30, "900m": 900_000_000, "512 MiB": 512 << 20}
    assert {text: _bytes(text) for text in known} == known
    for wrong in ("", "4.2X", "-1G", "0", "GB", "1e9"):
        with pytest.raises(Exception, match="no size"):
            _bytes(wrong)


@pytest.mark.parametrize(
    "words",
    [
        [], ["F"], ["--types", "Q4_0"], ["F", "--types", "Q4_0", "--best-under", "1G"],
        ["F", "--best-under", "1G", "--at-least", "3"], ["F", "--best-under", "1G", "--dry-run"],
        ["F", "--recipes"], ["--recipes", "--list-types"], ["F", "--save-recipe", "x"],
        ["--types", "Q4_0,Q8_0", "--save-recipe", "x"], ["F", "--recipe", "x", "--pure"],
        ["F", "--types", "Q4_0", "--budget", "0"], ["F", "--best-under", "much"],
    ],
)  # fmt: skip
def test_words_that_make_no_sense(paddock: Paddock, words: list[str]) -> None:
    assert paddock("quantize", *words).code == 2


# --- what it says ---------------------------------------------------------------------------------


def test_the_table_has_intervals_speeds_and_advice(submitted: Submitted) -> None:
    asked = submitted("--types", "Q4_K_M", "--evaluate", result=FOREIGN)
    lines = asked["out"].splitlines()
    head = next(line for line in lines if line.startswith("FILE"))
    assert "95 %" in head and "PREFILL TOK/S" in head
    q4 = next(line for line in lines if line.startswith("paddock-guide-Q4_K_M.gguf"))
    assert "✓ 0.0178" in q4 and "0.0171–0.0185" in q4 and "39,863.0" in q4
    foreign = next(line for line in lines if line.startswith("paddock-guide.Q4_K_M.gguf"))
    assert foreign.endswith("not made here")
    q5 = next(line for line in lines if line.startswith("paddock-guide-Q5_K_M.gguf"))
    assert q5.endswith("recommended") and lines[-1].startswith("Q5_K_M")
    assert "24 × 512 tokens" in asked["err"]


def test_the_table_goes_to_files(submitted: Submitted, tmp_path: Path) -> None:
    places = (tmp_path / "t.csv", tmp_path / "t.md")
    submitted("--types", "Q4_K_M", "--csv", str(places[0]), "--markdown", str(places[1]))
    assert places[0].read_text("utf-8").startswith("label,kind,")
    assert "| paddock-guide-Q4\\_K\\_M.gguf |" in places[1].read_text("utf-8")


def test_a_file_that_cannot_be_is_told_before_the_work(
    face: FakeFace, paddock: Paddock, tmp_path: Path
) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    target = str(tmp_path / "none" / "t.csv")
    ran = paddock("quantize", str(tmp_path / "m.gguf"), "--types", "Q4_0", "--csv", target)
    assert ran.code == 1 and "does not exist" in ran.err and not face.called("/jobs")


def test_a_plan_is_shown_and_nothing_begins(
    face: FakeFace, paddock: Paddock, tmp_path: Path
) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    face.routes["/quantize/plan"] = lambda body: PLAN
    words = ("quantize", str(tmp_path / "m.gguf"), "--types", "Q4_K_M,Q8_0", "--dry-run")
    ran = paddock(*words)
    assert ran.code == 0 and not face.called("/jobs")
    assert "3.0 GiB" in ran.out and "2 tensors" in ran.out and "exists" in ran.out
    assert "Disk    4.0 GiB of 9.0 GiB" in ran.out and "~ 10 min (3 min to 30 min)" in ran.out
    assert "! /o/x-Q4_K_M.gguf exists already" in ran.err
    assert "5.0 GiB of memory are needed and 2.0 GiB are free" in ran.err
    assert paddock(*words, "--json").document == PLAN
    (asked, _) = face.called("/quantize/plan")
    assert asked["types"] == ["Q4_K_M", "Q8_0"]


@pytest.mark.parametrize("words", [["--types", "list"], ["--list-types"]])
def test_types_of_the_build(face: FakeFace, paddock: Paddock, words: list[str]) -> None:
    types = [
        {"name": "Q8_0", "bits_per_weight": 8.5, "needs_imatrix": False, "text": "7.96G, +0.0026"},
        {"name": "IQ1_S", "bits_per_weight": None, "needs_imatrix": True, "text": " 1.56 bpw"},
    ]
    face.routes["/quantize/types"] = lambda body: {"types": types}
    ran = paddock("quantize", *words)
    rows = [line.split() for line in ran.out.splitlines()[1:]]
    assert rows == [["Q8_0", "8.50", "7.96G,", "+0.0026"], ["IQ1_S", "needed", "1.56", "bpw"]]
    assert paddock("quantize", *words, "--json").document == {"types": types}


# --- recipes --------------------------------------------------------------------------------------


def test_recipes_are_listed_saved_and_removed(face: FakeFace, paddock: Paddock) -> None:
    face.routes["/quantize/recipes"] = lambda body: {"recipes": RECIPES}
    face.routes["/quantize/recipes/my%20mix"] = lambda body: {"name": "my mix", **body}
    ran = paddock("quantize", "--recipes")
    assert ran.out.splitlines()[1].split() == ["Small", "Q4_K_M", "--output-type", "Q8_0"]
    assert "--tensor 'ffn=q3_k'" in ran.out
    saved = paddock(
        "quantize", "--types", "q5_k_m", "--output-type", "Q8_0", "--save-recipe", "my mix"
    )
    assert saved.code == 0 and saved.out == "Saved as my mix.\n"
    assert paddock("quantize", "--remove-recipe", "my mix").out == "Removed my mix.\n"
    (asked, _) = face.called("/quantize/recipes/my%20mix")
    recipe = {"quant_type": "Q5_K_M", "output_type": "Q8_0"}
    assert asked == {"recipe": recipe, "replace": False}


def test_a_recipe_is_saved_and_used_at_once(submitted: Submitted, face: FakeFace) -> None:
    face.routes["/quantize/recipes/mine"] = lambda body: {"name": "mine", **body}
    asked = submitted("--types", "Q4_0", "--pure", "--save-recipe", "mine", "--replace-recipe")
    assert asked["params"]["recipes"] == [{"quant_type": "Q4_0", "pure": True, "name": "mine"}]
    (saved,) = face.called("/quantize/recipes/mine")
    assert saved["replace"]


def test_a_recipe_nobody_saved(face: FakeFace, paddock: Paddock, tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    face.routes["/quantize/recipes"] = lambda body: {"recipes": RECIPES}
    ran = paddock("quantize", str(tmp_path / "m.gguf"), "--recipe", "none", "--json")
    assert ran.code == 1 and ran.document["error"]["code"] == "recipe_not_found"


def test_recipes_travel_as_a_file(face: FakeFace, paddock: Paddock, tmp_path: Path) -> None:
    shown: list[Json] = []
    face.routes["/quantize/recipes"] = lambda body: {"recipes": shown}
    file = tmp_path / "recipes.json"
    file.write_text(json.dumps({"recipes": RECIPES}), "utf-8")
    saved = []
    for each in RECIPES:
        name = each["name"]

        def save(body: Json, name: object = name) -> Json:
            saved.append(name)
            return {"name": name, **body}

        face.routes[f"/quantize/recipes/{str(name).replace(' ', '%20')}"] = save
    ran = paddock("quantize", "--import-recipes", str(file))
    assert ran.code == 0 and ran.out == "Saved: Small, odd one.\n" and saved == ["Small", "odd one"]
    shown += RECIPES[:1]
    ran = paddock("quantize", "--import-recipes", str(file))
    assert ran.code == 1 and "already" in ran.err and len(saved) == 2, "all of them or none"
    assert paddock("quantize", "--import-recipes", str(file), "--replace-recipe").code == 0
    for text in ("", "[]", '{"recipes": [{"name": "x"}]}', '{"recipes": []}'):
        file.write_text(text, "utf-8")
        ran = paddock("quantize", "--import-recipes", str(file))
        assert ran.code == 1 and "holds no recipes" in ran.err
    assert paddock("quantize", "--import-recipes", str(tmp_path / "none")).code == 1


def test_what_the_service_refuses_is_told(face: FakeFace, paddock: Paddock) -> None:
    def refuse(body: Json) -> Json:
        raise AppErrorReply(AppError(ErrorCode.RECIPE_EXISTS, recipe="mine").to_dict())

    face.routes["/quantize/recipes/mine"] = refuse
    ran = paddock("quantize", "--types", "Q4_0", "--save-recipe", "mine")
    assert ran.code == 1 and "--replace-recipe" in ran.err
