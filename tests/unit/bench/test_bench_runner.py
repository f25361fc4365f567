"""Which tests a job runs, and what a result says of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.bench import runner
from desktop.core.bench.document import make_document
from desktop.core.bench.fingerprint import conditions, fingerprint
from desktop.core.bench.schema import validate
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import EngineDevice
from desktop.core.errors import AppError, ErrorCode
from tests.unit.bench.fakes import MACHINE, embedding_entry, entry, runtime


def names(params: dict[str, Any], **more: Any) -> list[str]:
    return [test.name for test in runner.plan(params, **more).tests]


def test_the_usual_plan() -> None:
    assert names({"model": "m"}) == ["prefill 512 @ 0", "decode 128 @ 0"]
    assert runner.plan({}).repeat == 3


def test_every_combination_is_a_test_and_none_is_run_twice() -> None:
    assert names({"prompt": [512, 64, 512], "gen": 32, "depth": [0, 4096]}) == [
        "prefill 512 @ 0",
        "prefill 64 @ 0",
        "prefill 512 @ 4096",
        "prefill 64 @ 4096",
        "decode 32 @ 0",
        "decode 32 @ 4096",
    ]


def test_load_tests_run_where_there_is_more_than_one_at_once() -> None:
    given = {"prompt": [512, 64], "gen": [32, 16]}
    assert names({**given, "concurrency": [1, 4]})[-2:] == ["load 512+32 x 1", "load 512+32 x 4"]
    for alone in (1, [1], []):
        assert not [name for name in names({**given, "concurrency": alone}) if "load" in name]


def test_parts_can_be_left_out() -> None:
    assert names({"prompt": 0}) == ["decode 128 @ 0"]
    assert names({"gen": []}) == ["prefill 512 @ 0"]


def test_an_embedding_model_only_reads() -> None:
    plan = runner.plan({"depth": [0, 64], "concurrency": 4}, embedding=True)
    assert [test.name for test in plan.tests] == ["prefill 512 @ 0"]
    assert plan.notes


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"prompt": -1}, "prompt"),
        ({"prompt": 1_000_001}, "prompt"),
        ({"prompt": "512"}, "prompt"),
        ({"prompt": True}, "prompt"),
        ({"gen": [1.5]}, "gen"),
        ({"gen": {"n": 1}}, "gen"),
        ({"depth": [-1]}, "depth"),
        ({"depth": list(range(21))}, "depth"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": [1, 257]}, "concurrency"),
        ({"concurrency": 2, "gen": 0}, "concurrency"),
        ({"repeat": 0}, "repeat"),
        ({"repeat": [3]}, "repeat"),
        ({"prompt": 0, "gen": 0}, "prompt"),
        ({"prompt": list(range(1, 21)), "depth": list(range(20))}, "depth"),
        ({"kv": "q8_0"}, "kv"),
        ({"name": "7"}, "name"),
        ({"name": 7}, "name"),
    ],
)
def test_what_makes_no_sense_is_refused(params: dict[str, Any], name: str) -> None:
    with pytest.raises(AppError) as caught:
        runner.plan(params)
    assert caught.value.code is ErrorCode.SETTING_INVALID
    assert caught.value.params["name"] == name


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
keys = st.sampled_from(["prompt", "gen", "depth", "concurrency", "repeat", "name"]) | st.text()


@given(st.dictionaries(keys, anything, max_size=4), st.booleans())
def test_no_parameters_make_it_stumble(params: dict[str, Any], embedding: bool) -> None:
    try:
        plan = runner.plan(params, embedding=embedding)
    except AppError as error:
        assert error.code is ErrorCode.SETTING_INVALID
    else:
        assert 1 <= len({test.name for test in plan.tests}) == len(plan.tests)


def step(samples: tuple[float, ...], disturbed: int = 0, test: str = "decode") -> dict[str, Any]:
    made = runner._entry(runner.Test(test, 128), samples, sum(samples) / len(samples))
    return {"result": made, "settings": {}, "build": {}, "disturbed_requests": disturbed}


def made(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    conditions_now = fingerprint(MACHINE, runtime(), LoadSettings(threads=2), 3, steps)
    options = {"sha256": None, "name": None, "warnings": (), "now": 1_795_260_405.0, **more}
    return make_document(entry(), steps, fingerprint=conditions_now, **options)


def test_one_stray_repeat_is_told_and_the_median_stands_beside_the_mean() -> None:
    document = validate(made(step((100.0, 101.0, 30.0))))
    result = document["results"][0]
    assert result["median_tokens_per_second"] == 100.0
    assert result["tokens_per_second"] == pytest.approx(77.0)
    assert result["stddev"] == pytest.approx(40.706, abs=0.001)
    assert "decode 128 at depth 0 spread by 53%" in document["warnings"][0]
    assert validate(made(step((100.0, 101.0, 99.0))))["warnings"] == []
    assert validate(made(step((100.0,))))["results"][0]["stddev"] is None


def test_a_disturbed_test_is_told() -> None:
    document = validate(made(step((1.0, 1.0)), step((1.0, 1.0), 2), step((1.0, 1.0), 1)))
    assert document["disturbed"] == {"requests": 3}
    assert [each["disturbed_requests"] for each in document["results"]] == [0, 2, 1]
    assert len(document["warnings"]) == 2
    assert made(step((1.0, 1.0)))["disturbed"] is None


def test_the_largest_plan_there_can_be_is_a_valid_document() -> None:
    many = [step(tuple(float(n % 7 + 1) for n in range(runner.MOST_REPEATS)), 1)] * 200
    assert len(validate(made(*many))["warnings"]) == 400


def test_a_strange_file_name_does_not_spoil_the_document() -> None:
    strange = entry().path.with_name("a\nb\\c\udcff" + "x" * 200 + ".gguf")
    fingerprint_now = fingerprint(MACHINE, runtime(), LoadSettings(), 3, [])
    document = make_document(
        entry(strange),
        [step((1.0, 1.0))],
        fingerprint=fingerprint_now,
        sha256=None,
        name="n" * 500,
        warnings=(),
    )
    assert validate(document)["model"]["file"].startswith("a b_c x")


def test_the_fingerprint_says_what_was_used() -> None:
    said = {"n_threads": 6, "flash_attn": 1, "n_gpu_layers": 99, "devices": "CUDA0"}
    gpu = EngineDevice("CUDA0", "NVIDIA L4", "cuda", 24 << 30, 20 << 30)
    steps = [{"settings": said, "build": {"backends": "CUDA"}}, {"settings": {}, "build": {}}]
    found = fingerprint(MACHINE, runtime(devices=(gpu,)), LoadSettings(threads=2), 5, steps)
    assert found["settings"]["threads"] == 6
    assert found["settings"]["flash_attention"] == "on"
    assert found["settings"]["gpu_layers"] == 99
    assert found["settings"]["kv_type_k"] == "f16"
    assert found["settings"]["repeat"] == 5
    assert found["machine"]["bandwidth_gb_per_second"] == 20.5
    assert found["machine"]["cpu"] == "AMD EPYC"
    assert found["runtime"]["commit"] == "0c1e570"
    assert found["runtime"]["backends_used"] == "CUDA"
    assert "free_bytes" not in found["runtime"]["devices"][0]


def test_a_probe_that_found_nothing_is_no_obstacle() -> None:
    found = fingerprint({}, runtime(), LoadSettings(), 3, [])
    assert found["machine"]["cpu"] is None and found["machine"]["gpus"] == []
    assert conditions(entry(), {}, runtime(), runner.plan({}).tests) == []


def test_doubtful_conditions_are_told() -> None:
    machine = {
        **MACHINE,
        "gpus": [{"name": "NVIDIA L4"}],
        "host": {"power_saver": "governor powersave", "battery": {"plugged_in": False}},
    }
    tests = runner.plan({"prompt": 512, "depth": 2048}).tests
    told = "\n".join(conditions(entry(), machine, runtime(), tests))
    assert "governor powersave" in told and "battery" in told
    assert "cannot drive it" in told and "2560 tokens are more than the 2048" in told


def test_an_encoder_reads_its_input_in_one_go() -> None:
    settings = runner.settings_for(embedding_entry(), MACHINE, runner.Test("prefill", 2000))
    assert (settings.ubatch, settings.batch, settings.embedding) == (2000, 2000, True)
    plain = runner.settings_for(entry(), MACHINE, runner.Test("prefill", 2000))
    assert (plain.ubatch, plain.threads, plain.embedding) == (512, 2, False)
