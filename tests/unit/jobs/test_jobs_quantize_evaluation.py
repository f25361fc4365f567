"""Quantized files compared with the whole model: what they lose, how fast they are, on how much."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import ErrorCode
from desktop.core.events import CancelToken
from desktop.core.jobs.handlers import quantize_evaluation
from desktop.core.jobs.handlers.quantize import QuantizeKind
from desktop.core.jobs.handlers.quantize_speed import Model
from desktop.core.paths import Paths, demo_model
from quantize import evaluate, tool
from quantize.kept import Kept
from tests.helpers.told import Told
from tests.unit.jobs.quantizing import (
    TEXT,
    Host,
    Json,
    asked,
    begin,
    code_of,
    names_in,
)


def test_loss_rises_as_bits_fall(
    kind: QuantizeKind, whole: Path, tmp_path: Path, host: Host
) -> None:
    folder = tmp_path / "out"
    params = asked(
        whole, folder, types=["Q8_0", "Q4_K_M", "Q2_K"], imatrix=str(TEXT), evaluate=str(TEXT),
        chunks=6, compare=[str(demo_model())],
    )  # fmt: skip
    context = begin(kind, params)
    assert context.job.steps == [
        "hash", "imatrix", "quantize Q8_0", "quantize Q4_K_M", "quantize Q2_K", "speed", "base",
        "evaluate Q8_0", "evaluate Q4_K_M", "evaluate Q2_K", f"evaluate {demo_model().stem}",
    ]  # fmt: skip
    result = kind.run(context)
    json.dumps(result, allow_nan=False)
    *made, foreign = result["outputs"]
    losses = [each["kld_mean"] for each in made]
    assert 0 <= losses[0] < losses[1] < losses[2]
    sizes = [each["size_bytes"] for each in made]
    assert sizes == sorted(sizes, reverse=True)
    assert made[0]["same_top_rate"] > made[2]["same_top_rate"] > 0.3
    for each in result["outputs"]:
        assert each["kld_low"] <= each["kld_mean"] <= each["kld_high"]
        assert each["chunks"] in (5, 6), "on a busy machine the tool may lose its last lines"
        assert each["decode_tokens_per_second"] > 0 and each["prefill_tokens_per_second"] > 0
    assert made[1]["kld_high"] < made[2]["kld_low"], "2 and 4 bits are told apart"
    assert names_in(folder)[::2] == ["guide-Q2_K.gguf", "guide-Q4_K_M.gguf", "guide-Q8_0.gguf"]
    # The bundled file is the whole model's own: made of it without a loss beyond 8 bits.
    assert foreign["foreign"] and foreign["path"] == str(demo_model())
    assert foreign["kld_mean"] == pytest.approx(losses[0], abs=0.001)
    base = result["base"]
    assert base["label"] == "F16" and base["chunks"] == base["planned_chunks"] == 6
    assert base["decode_tokens_per_second"] > 0 and base["perplexity"] > 1
    assert result["source_size_bytes"] == whole.stat().st_size
    # Each of five models twice, with nobody answering before or after.
    assert host.waited == 20
    # The smallest of those that nobody can tell from the whole model.
    assert result["recommendation"]["code"].startswith("quant_")
    assert {each for each in host.kept} == {
        *(Path(each["path"]).name for each in made), demo_model().name
    }  # fmt: skip
    loss, speeds = host.kept["guide-Q2_K.gguf"]
    assert (
        loss is not None
        and loss.kld_mean == made[2]["kld_mean"]
        and loss.chunks == made[2]["chunks"]
    )
    assert speeds["decode"] == (64, made[2]["decode_tokens_per_second"])
    assert code_of(lambda: kind.plan(params)).code is ErrorCode.OUTPUT_EXISTS


def test_what_takes_long_is_kept_for_the_next_job(
    kind: QuantizeKind, whole: Path, tmp_path: Path, plain_home: Paths
) -> None:
    params = asked(whole, tmp_path / "out", imatrix=str(TEXT), evaluate=str(TEXT), chunks=5)
    first = kind.run(begin(kind, params))
    kept = {path: path.stat().st_ino for path in (plain_home.cache / "quantize").iterdir()}
    assert len(kept) == 4, "answers and matrix, each with its hash"

    told = Told()
    again = kind.run(begin(kind, {**params, "replace": True}, told=told))
    assert sum("kept from before" in line for line in told.lines) == 2
    assert {path: path.stat().st_ino for path in kept} == kept
    loss = pytest.approx(first["outputs"][0]["kld_mean"], rel=0.1)
    assert again["outputs"][0]["kld_mean"] == loss

    # Somebody writes into the answers: they are made again, and the figures are as before.
    answers = next(path for path in kept if path.suffix == ".logits")
    content = bytearray(answers.read_bytes())
    content[len(content) // 2] ^= 1
    answers.write_bytes(content)
    told = Told()
    third = kind.run(begin(kind, {**params, "replace": True}, told=told))
    assert sum("kept from before" in line for line in told.lines) == 1
    assert answers.read_bytes() != content
    assert third["outputs"][0]["kld_mean"] == loss


def _paced(
    monkeypatch: pytest.MonkeyPatch, whole: Path, *, probe: tuple[float, float], seconds: float
) -> None:
    """As slow as some model on some machine: what is planned must not depend on this one."""
    monkeypatch.setattr(evaluate, "probe", lambda *args, **kwargs: probe)

    def speeds(models: Sequence[Model], *args: object, **kwargs: object) -> Json:
        return {
            "speeds": {
                each.label: {
                    "prefill_tokens_per_second": 400.0 if each.path == whole else 800.0,
                    "decode_tokens_per_second": 20.0,
                }
                for each in models
            },
            "fits": {each.label: True for each in models},
            "seconds": seconds,
        }

    monkeypatch.setattr(quantize_evaluation, "speeds", speeds)


def test_chunks_are_planned_to_the_time_that_is_given(
    kind: QuantizeKind, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _paced(monkeypatch, whole, probe=(1.0, 2.0), seconds=10.0)
    told = Told()
    params = asked(
        whole, tmp_path / "out", types=["Q8_0", "Q4_0"], evaluate=str(TEXT), budget_seconds=60
    )
    result = kind.run(begin(kind, params, told=told))
    # (50 s × 0.9 - 1 s for each file by its size) / (2 s + twice 1 s) = 10 or 11.
    planned = result["base"]["planned_chunks"]
    assert planned in (10, 11) and result["base"]["chunks"] == planned
    assert all(planned - 1 <= each["chunks"] <= planned for each in result["outputs"])
    line = next(line for line in told.lines if "chunks of the text are compared" in line)
    assert line.startswith(f"{planned} of 100") and "too short" not in line

    # The answers are there now: a job with less time for them compares as many.
    told = Told()
    again = kind.run(begin(kind, {**params, "budget_seconds": 50, "replace": True}, told=told))
    assert again["base"]["planned_chunks"] == planned
    assert any("was read before" in line for line in told.lines)

    told = Told()
    params |= {"budget_seconds": 11, "replace": True, "types": ["Q4_0"]}
    short = kind.run(begin(kind, params, told=told))
    assert short["base"]["planned_chunks"] == 5
    assert any("The time is too short" in line for line in told.lines)


def test_a_file_that_is_slower_than_planned_is_compared_on_less(
    kind: QuantizeKind, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _paced(monkeypatch, whole, probe=(0.0, 1e-4), seconds=0.0)
    told = Told()
    params = asked(whole, tmp_path / "out", evaluate=str(TEXT), chunks=40, budget_seconds=0.3)
    result = kind.run(begin(kind, params, told=told))
    output = result["outputs"][0]
    assert result["base"]["planned_chunks"] == 40 and 5 <= output["chunks"] < 40
    assert output["kld_mean"] > 0 and output["kld_99"] is None
    assert any("did not fit into the time" in line for line in told.lines)


def test_files_of_another_model_are_refused(
    kind: QuantizeKind, whole: Path, tmp_path: Path, runtime: Runtime
) -> None:
    folder = tmp_path / "out"
    other = tmp_path / "other.gguf"
    command = [str(runtime.tool("llama-quantize")), "--allow-requantize"]
    command += ["--override-kv", "tokenizer.ggml.pre=str:qwen2", str(whole), str(other), "Q8_0"]
    tool.run(command, CancelToken())
    params = asked(whole, folder, evaluate=str(TEXT), compare=[str(other)])
    error = code_of(lambda: kind.run(begin(kind, params)))
    assert error.code is ErrorCode.MODELS_DIFFER
    assert str(other) in error.title and str(whole) in error.title and "qwen2" in error.cause
    assert not folder.exists(), "it is noticed before anything is made"


def test_no_space_for_the_answers_names_the_need(
    kind: QuantizeKind,
    whole: Path,
    tmp_path: Path,
    plain_home: Paths,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, cache = tmp_path / "out", str(plain_home.cache)
    real = shutil.disk_usage

    def disk_usage(path: Path) -> Any:
        found = real(path)
        return found._replace(free=1 << 20) if str(path).startswith(cache) else found

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    params = asked(whole, folder, evaluate=str(TEXT), chunks=20)
    error = code_of(lambda: kind.run(begin(kind, params)))
    assert error.code is ErrorCode.DISK_FULL and "0.10 GiB are needed" in error.cause
    assert names_in(folder) == ["guide-Q4_K_M.gguf", "guide-Q4_K_M.gguf.made.json"]
    assert not list(plain_home.cache.rglob("*.logits"))


def test_a_speed_is_measured_again_when_somebody_was_answered_meanwhile(
    kind: QuantizeKind, whole: Path, tmp_path: Path, host: Host
) -> None:
    host.answers_at = {2}
    told = Told()
    params = asked(whole, tmp_path / "out", evaluate=str(TEXT), chunks=2)
    kind.run(begin(kind, params, told=told))
    assert host.waited == 9, "two models twice and one once more"
    assert sum("while answers were given" in line for line in told.lines) == 1


def test_a_lossy_base_says_nothing_of_the_model_itself(
    kind: QuantizeKind, tmp_path: Path, host: Host
) -> None:
    params = asked(demo_model(), tmp_path / "out", requantize=True, evaluate=str(TEXT), chunks=2)
    kind.run(begin(kind, params))
    [(loss, speeds)] = host.kept.values()
    assert loss is None and set(speeds) == {"prefill", "decode"}


def test_what_is_kept_is_bounded_and_what_was_used_last_stays(tmp_path: Path) -> None:
    kept, cancel = Kept(tmp_path / "kept", most_bytes=250), CancelToken()
    places = [kept.place("answers", {"chunks": number}, ".logits") for number in range(4)]
    for number, place in enumerate(places[:2]):
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(bytes(100))
        kept.put(place, {"number": number}, cancel)
        os.utime(place, (number, number))
    assert kept.find(places[0], cancel) == {"number": 0}, "it is the one used last now"
    (tmp_path / "kept" / "left.unfinished").write_bytes(b"by a killed job")
    places[2].write_bytes(bytes(100))
    kept.put(places[2], {"number": 2}, cancel)
    assert [kept.find(place, cancel) for place in places] == [
        {"number": 0}, None, {"number": 2}, None,
    ]  # fmt: skip
    assert len(list((tmp_path / "kept").iterdir())) == 4
