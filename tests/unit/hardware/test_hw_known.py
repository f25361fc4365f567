"""The published speeds and specifications: what ships, and the script that builds it."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from desktop.core.hardware.known import Status, known_gpus, known_speeds
from tests.architecture.tree import ROOT


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("known_script", ROOT / "packaging" / "known.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SPEED = {
    "device": "RTX 4090",
    "vendor": "nvidia",
    "backend": "cuda",
    "bandwidth_gbs": "1008",
    "bandwidth_source": "disc. 4167",
    "model": "Llama 2 7B",
    "quant": "Q4_0",
    "model_size_gib": "3.56",
    "pp_test": "pp512",
    "pp_tps": "11992.7",
    "tg_test": "tg128",
    "tg_tps": "186.21",
    "build_or_date": "2241453",
    "source": "example.org/15013 (read via stored transcription id 712, 2026-09-30)",
    "status": "verified-secondary",
    "notes": "",
}
GPU = {
    "name": "Radeon 780M (iGPU)",
    "vendor": "AMD",
    "vram_gb": "",
    "bandwidth_gbs": "90",
    "fp16_tflops": "16.6",
    "tdp_w": "15",
    "year": "2023",
    "source": "example.org",
    "confidence": "mixed",
    "fp16_tensor_tflops": "",
    "unified_memory": "yes",
    "remembered_fields": "tdp_w;year",
    "note": "unified",
}


def write(folder: Path, speeds: list[dict[str, str]], gpus: list[dict[str, str]]) -> None:
    for name, rows in (("speed_table.csv", speeds), ("gpus.csv", gpus)):
        with (folder / name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def run(script: ModuleType, monkeypatch: pytest.MonkeyPatch, folder: Path) -> int:
    monkeypatch.setattr(script, "TARGET", folder / "out")
    monkeypatch.setattr(sys, "argv", ["known.py", str(folder), "--date", "2026-09-30"])
    return int(script.main())


def test_what_ships_can_be_read_and_makes_sense() -> None:
    speeds, gpus = known_speeds(), known_gpus()
    assert len(speeds.speeds) > 200 and len(gpus.gpus) > 150
    assert date(2026, 1, 1) < speeds.collected == gpus.collected
    for each in speeds.speeds:
        assert each.source and each.device and each.quant_type
        assert (each.architecture is None) == (each.parameters is None)
        assert each.prefill_tokens_per_second or each.decode_tokens_per_second
    for gpu in gpus.gpus:
        assert gpu.source and gpu.confidence in ("read", "mixed", "remembered")
        assert bool(gpu.remembered) or gpu.confidence == "read"
    assert len({(s.device, s.engine, s.backend, s.model, s.quant_type) for s in speeds.speeds}) == (
        len(speeds.speeds)
    )


def test_a_figure_of_a_source_is_the_figure_that_ships() -> None:
    """RTX 4090 in the table of llama.cpp discussion 15013."""
    (found,) = [
        each
        for each in known_speeds().speeds
        if (each.device, each.backend, each.model) == ("RTX 4090", "cuda", "Llama 2 7B")
    ]
    assert (found.prefill_tokens, found.prefill_tokens_per_second) == (512, 11992.7)
    assert (found.decode_tokens, found.decode_tokens_per_second) == (128, 186.21)
    assert (found.architecture, found.parameters) == ("llama", 6_740_000_000)
    assert found.status is Status.TRANSCRIBED and "15013" in found.source


def test_the_script_keeps_the_figures_and_makes_words_ours(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [
        SPEED,
        {**SPEED, "device": "Mac", "backend": "metal(llamafile)", "pp_test": "avg mixed pp"},
        {**SPEED, "device": "Card", "backend": "llamacpp:hip/vulkan?", "pp_tps": ""},
        {**SPEED, "device": "Box", "backend": "ollama:ollama", "model": "Llama-type 8B"},
    ]
    write(tmp_path, rows, [GPU])
    assert run(script, monkeypatch, tmp_path) == 0
    first, second, third, fourth = known_speeds(tmp_path / "out").speeds
    assert first.source == "example.org/15013 (read in a transcription, 2026-09-30)"
    assert first.bandwidth_source == "github.com/ggml-org/llama.cpp/discussions/4167"
    assert first.size_bytes == round(3.56 * 2**30) and first.engine == "llama.cpp"
    assert (second.engine, second.backend) == ("llamafile", "metal")
    assert second.prefill_tokens is None and second.prefill_test == "avg mixed pp"
    assert (third.backend, third.prefill_tokens_per_second) == ("hip/vulkan", None)
    assert (fourth.engine, fourth.backend, fourth.architecture) == ("ollama", "", None)
    (gpu,) = known_gpus(tmp_path / "out").gpus
    assert (gpu.memory_gb, gpu.unified_memory) == (None, True)
    assert gpu.remembered == ("tdp_w", "year")
    assert json.loads((tmp_path / "out" / "speeds.json").read_text())["date"] == "2026-09-30"


@pytest.mark.parametrize(
    "wrong",
    [
        {"tg_tps": "18621000"},
        {"tg_tps": "fast"},
        {"tg_tps": "", "pp_tps": ""},
        {"model": "A model nobody knows"},
        {"status": "hearsay"},
        {"source": " "},
    ],
)
def test_a_row_that_makes_no_sense_ends_the_build(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    wrong: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path, [SPEED, {**SPEED, **wrong}], [GPU])
    assert run(script, monkeypatch, tmp_path) == 1
    assert capsys.readouterr().err.startswith("known.py: ")
    assert not (tmp_path / "out").exists()
