"""Plans of what is not a file yet, and what they know of this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.speed import SpeedFigure
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.summary import ModelSummary
from desktop.core.jobs.handlers.quantize_plan import QuantizePlans
from desktop.core.jobs.table import JobState, JobTable
from desktop.core.paths import Paths, demo_model, resources
from tests.helpers.hub import LocalHub
from tests.unit.jobs.converting import Hub

Json = dict[str, Any]
TEXT = resources() / "texts" / "evaluation.txt"


class Here:
    """A machine of which this is known."""

    def __init__(self, where: Paths, cache: Path) -> None:
        folder = environment_folder()
        assert folder is not None
        self._runtime = read_runtime("environment", folder, cache)
        self._where = where
        self.known: list[Json] = []
        self.speed: SpeedFigure | None = None

    def current_runtime(self) -> Runtime:
        return self._runtime

    def read(self, path: Path) -> ModelSummary:
        with HeaderReader(None, work_root=self._where.work) as reader:
            return reader.read(path)

    def results(self) -> list[Json]:
        return self.known

    def prefill(self, path: Path) -> SpeedFigure | None:
        return self.speed


@pytest.fixture
def here(home: Paths, tmp_path_factory: pytest.TempPathFactory) -> Here:
    return Here(home, tmp_path_factory.mktemp("cache"))


def plans(home: Paths, here: Here, address: str = "http://127.0.0.1:9") -> QuantizePlans:
    return QuantizePlans(home, here, Hub(home, address))


def test_a_repository_is_sized_by_its_files(
    home: Paths, here: Here, hub: LocalHub, tmp_path: Path
) -> None:
    weights = bytes(2 * 1_000_000)
    hub.add_repo("maker/guide", {"model.safetensors": weights, "config.json": b"{}"})
    asked: Json = {
        "checkpoint": {"repo": "maker/guide"}, "folder": str(tmp_path), "types": ["Q8_0", "Q4_0"],
        "evaluate": str(TEXT),
    }  # fmt: skip
    plan = plans(home, here, hub.url).plan(asked)
    assert [each["code"] for each in plan["warnings"]] == ["quant_sizes_estimated"]
    sizes = [each["size_bytes"] for each in plan["outputs"]]
    # A million weights at 8.5 and 4.65 bits, and an outline's header.
    assert sizes[0] == pytest.approx(1_062_500, rel=0.03) and sizes[1] < 0.6 * sizes[0]
    assert Path(plan["outputs"][1]["path"]).name == "guide-Q4_0.gguf"
    assert plan["source"]["parameters"] == pytest.approx(1_000_000, rel=0.01)
    assert plan["source"]["size_bytes"] == pytest.approx(2_000_000, rel=0.01)
    assert not list((home.data / "hub").rglob("*.safetensors")), "nothing is fetched for a plan"
    hub.add_repo("maker/gguf", {"model.gguf": b"GGUF", "config.json": b"{}"})
    with pytest.raises(AppError) as caught:
        plans(home, here, hub.url).plan({**asked, "checkpoint": {"repo": "maker/gguf"}})
    assert caught.value.code is ErrorCode.CHECKPOINT_INVALID


def test_a_hub_that_does_not_answer_leaves_sizes_for_later(
    home: Paths, here: Here, tmp_path: Path
) -> None:
    asked = {"checkpoint": {"repo": "maker/x"}, "folder": str(tmp_path), "types": ["Q4_0"]}
    plan = plans(home, here).plan(asked)
    (output,) = plan["outputs"]
    assert output["size_bytes"] is None and output["path"] == str(tmp_path / "x-Q4_0.gguf")
    assert plan["disk_bytes"] is None and plan["seconds"] is None
    why, later = (each["code"] for each in plan["warnings"])
    assert why.startswith(("remote", "hub")) and later == "quant_sizes_later"


def test_time_is_expected_before_anything_was_read_here(
    home: Paths, here: Here, tmp_path: Path
) -> None:
    asked: Json = {
        "path": str(demo_model()), "folder": str(tmp_path), "types": ["Q4_0"], "requantize": True,
        "evaluate": str(TEXT), "chunks": 10,
    }  # fmt: skip
    assert plans(home, here).plan(asked)["seconds"] is None
    here.speed = SpeedFigure(5000.0, 4000.0, 6000.0, "calibrated")
    guessed = plans(home, here).plan(asked)["seconds"]
    assert guessed["source"] == "seed_table"  # of a type that was never made here
    assert guessed["value"] > 2 * 10 * 512 / 5000
    here.speed = None
    base = {"label": "Q8_0", "size_bytes": 4_700_000, "bits_per_weight": 8.5}
    file = {"label": "Q4_0", "quant_type": "Q4_0", "size_bytes": 2_500_000, "bits_per_weight": 4.5}
    here.known = [
        {"base": {**base, "prefill_tokens_per_second": 10_000.0},
         "outputs": [{**file, "seconds": 2.0, "prefill_tokens_per_second": 12_000.0}]}
    ]  # fmt: skip
    learned = plans(home, here).plan(asked)["seconds"]
    assert learned["source"] == "measured" and 2.0 < learned["value"] < 6.0


def test_what_makes_vectors_is_not_compared(
    home: Paths, here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = here.read(demo_model())
    monkeypatch.setattr(here, "read", lambda path: replace(known, is_embedding=True))
    asked = {"path": str(demo_model()), "folder": str(tmp_path), "types": ["Q4_0"]}
    assert plans(home, here).plan(asked)["outputs"]
    with pytest.raises(AppError) as caught:
        plans(home, here).plan({**asked, "evaluate": str(TEXT)})
    assert caught.value.code is ErrorCode.BAD_REQUEST


def test_only_what_jobs_came_to_counts(table: JobTable) -> None:
    for kind, state, result in (
        ("quantize", JobState.DONE, {"n": 1}), ("convert", JobState.DONE, {"n": 2}),
        ("target", JobState.DONE, {"n": 3}), ("quantize", JobState.FAILED, None),
    ):  # fmt: skip
        table.finish(table.add(kind, {}, []).id, state, result=result)
    assert table.results_of(("quantize", "target")) == [{"n": 3}, {"n": 1}]
    assert table.results_of(("quantize", "target"), limit=1) == [{"n": 3}]
