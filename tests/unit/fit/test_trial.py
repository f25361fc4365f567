"""A file's price while its settings are being chosen: quick, exact, and what would be better."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import Database
from desktop.core.errors import ErrorCode
from desktop.core.fit.candidates import Candidate, catalog_candidates
from desktop.core.fit.catalog import Catalog, load_catalog
from desktop.core.fit.estimate import HOST
from desktop.core.fit.pricing import Wishes
from desktop.core.fit.recommend import Wish, recommend
from desktop.core.fit.simulate import Machine, parse_machine, seeded_speeds
from desktop.core.fit.trial import Place, PricedFile, Trial, held_bytes, trials_of, wishes_of
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.paths import paths
from desktop.core.service import trials
from desktop.core.service.model_settings import ModelSettingsStore
from desktop.core.service.trials import TrialSources
from tests.helpers.model_zoo import Spec, write_stub

BOXES = ("ram=32,gpu=RTX_4090", "ram=64,gpu=RTX 4060", "ram=16", "ram=64,gpu=Apple M4 Max")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def candidates(catalog: Catalog) -> dict[str, Candidate]:
    return {each.id: each for each in catalog_candidates(catalog)[0]}


def place(machine: Machine) -> Place:
    return Place.of_machine(machine, seeded_speeds(machine))


@pytest.mark.parametrize("box", BOXES)
def test_the_panel_says_what_the_list_said(
    box: str, catalog: Catalog, candidates: dict[str, Candidate]
) -> None:
    machine = parse_machine(box)
    speeds = seeded_speeds(machine)
    ranking = recommend(
        list(candidates.values()), machine, speeds, Wish(), today=date(2026, 11, 27)
    )
    assert len(ranking.items) > 30
    for each in ranking.items[::4]:
        choice = each.choice
        trial = Trial(PricedFile.of_option(each.candidate, choice.option), place(machine))
        price = trial.quick(wishes_of(choice))
        listed = choice.placement.gpu_bytes + choice.placement.host_bytes
        assert price.verdict == each.verdict, each.candidate.id
        assert price.total_bytes == pytest.approx(listed, rel=0.06), each.candidate.id
        if choice.decode is not None:
            assert price.speed.decode is not None
            assert price.speed.decode.value == pytest.approx(choice.decode.value, rel=0.15)


def test_layers_left_open_fill_the_gpu_and_those_chosen_stay(
    candidates: dict[str, Candidate],
) -> None:
    machine = parse_machine("ram=64,vram=8,gpu=RTX 4060")
    trial = trials_of(candidates["Qwen/Qwen3-14B"], place(machine))["Q8_0"]
    price = trial.quick(Wishes(context_tokens=8192))
    assert price.verdict == "partial" and price.settings.gpu_layers
    more = trial.quick(Wishes(context_tokens=8192, gpu_layers=price.settings.gpu_layers + 1))
    assert more.verdict == "wont_fit" and more.problem is not None
    assert more.problem.code is ErrorCode.LOAD_WONT_FIT
    fewer = trial.quick(Wishes(context_tokens=8192, gpu_layers=3))
    assert fewer.settings.gpu_layers == 3 and fewer.verdict == "partial"
    assert fewer.speed.decode is not None and price.speed.decode is not None
    assert fewer.speed.decode.value < price.speed.decode.value


def test_experts_go_to_the_cpu_where_that_is_faster(candidates: dict[str, Candidate]) -> None:
    machine = parse_machine("ram=64,gpu=RTX 4060")
    trial = trials_of(candidates["openai/gpt-oss-20b"], place(machine))["MXFP4"]
    assert trial.file.has_experts
    none = trial.quick(Wishes(context_tokens=8192, experts_on_cpu=False))
    assert none.settings.experts_on_cpu is False
    every = trial.quick(Wishes(context_tokens=8192, experts_on_cpu=True, gpu_layers=25))
    assert every.verdict == "experts_on_cpu"


def test_a_small_machine_has_a_reason_and_nothing_smaller(
    candidates: dict[str, Candidate],
) -> None:
    trial = trials_of(candidates["Qwen/Qwen3-14B"], place(parse_machine("ram=4")))["Q4_K_M"]
    price = trial.quick(Wishes(context_tokens=8192))
    assert price.verdict == "wont_fit"
    binding = price.binding
    assert binding is not None and binding.name == HOST
    assert binding.need_bytes > binding.room_bytes
    assert trial.smaller_choice(price) is None


def test_next_choices_change_one_thing_and_tell_its_price(
    candidates: dict[str, Candidate],
) -> None:
    trial = trials_of(candidates["Qwen/Qwen3-8B"], place(parse_machine("ram=16")))["Q4_K_M"]
    price = trial.quick(Wishes(context_tokens=8192, slots=2))
    assert price.verdict == "cpu"
    larger, smaller = trial.larger_context(price), trial.smaller_choice(price)
    assert larger is not None and larger.settings.context_tokens == 16_384
    assert larger.total_bytes > price.total_bytes
    assert smaller is not None and smaller.total_bytes < price.total_bytes
    whole = trial.quick(Wishes(context_tokens=trial.file.context_tokens))
    assert trial.larger_context(whole) is None
    tight = trial.quick(Wishes(context_tokens=40_960, slots=8))
    assert tight.verdict == "wont_fit"
    better = trial.smaller_choice(tight)
    assert better is not None and better.verdict == "cpu"


def _entry(path: Path) -> dict[str, Any]:
    return {"id": "llama:q8_0", "path": str(path), "shard_paths": [str(path)], "mmproj": None}


@pytest.fixture
def local(tmp_path: Path) -> Trial:
    path = tmp_path / "llama.gguf"
    write_stub(path, Spec("llama", hidden=256, layers=4))
    return TrialSources(paths().ensure()).local(_entry(path), {})


def test_the_engine_confirms_what_the_formula_said(local: Trial) -> None:
    wishes = Wishes(context_tokens=2048, slots=2, kv_type="q8_0")
    quick, exact = local.quick(wishes), local.exact(wishes)
    assert (quick.exact, exact.exact) == (False, True)
    assert quick.settings == exact.settings
    assert quick.total_bytes == pytest.approx(exact.total_bytes, rel=0.02)
    assert quick.verdict == exact.verdict == "cpu"


def test_what_the_loaded_model_holds_counts_as_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "llama.gguf"
    write_stub(path, Spec("llama", hidden=256, layers=4))
    entry = _entry(path)
    memory = MemoryInfo(16 << 30, 6 << 30, 16 << 30, "ram", "ram", 0, 0)
    monkeypatch.setattr(trials, "probe_memory", lambda: memory)
    part = {"name": "CPU", "weights_bytes": 1 << 30, "kv_bytes": 1 << 29, "compute_bytes": 0}
    held = held_bytes([{"memory": [part]}, {"memory": [part], "pinned": True}])
    assert held == {"CPU": 3 << 29} and held_bytes([]) == {}
    sources = TrialSources(paths().ensure())
    one, other = sources.local(entry, {}), sources.local(entry, held)
    grown = [trial.place.available[0].available_bytes for trial in (one, other)]
    assert grown[1] - grown[0] == 3 << 29


def test_what_is_saved_for_a_model_holds_where_nothing_is_chosen(tmp_path: Path) -> None:
    path = write_stub(tmp_path / "llama.gguf", Spec("llama", hidden=256, layers=4))
    entry = _entry(path)
    sources = TrialSources(paths().ensure())
    before = sources.local(entry, {}).quick(Wishes())
    fingerprint = sources.local(entry, {}).file.fingerprint
    assert fingerprint is not None
    with closing(Database(paths().database, paths().backups)) as database:
        ModelSettingsStore(database).change(
            fingerprint, {"context_tokens": 1024, "kv_type": "q8_0"}
        )
    saved = sources.local(entry, {})
    after = saved.quick(Wishes())
    assert before.settings.context_tokens != 1024
    assert (after.settings.context_tokens, after.settings.kv_type_k) == (1024, "q8_0")
    chosen = saved.quick(Wishes(context_tokens=2048))
    assert (chosen.settings.context_tokens, chosen.settings.kv_type_k) == (2048, "q8_0")
