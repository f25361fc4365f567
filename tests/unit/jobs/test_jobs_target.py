"""The job that looks for a recipe, with the real tools on the bundled model."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import pytest

from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress, Reporter
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.summary import ModelSummary
from desktop.core.jobs.handlers import target, target_asked
from desktop.core.jobs.handlers.target import TargetKind
from desktop.core.jobs.handlers.target_report import Standing
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.table import Job, JobState
from desktop.core.notices import NOTICES
from desktop.core.paths import Paths, demo_model, paths
from quantize import make, tool, trials
from quantize import target as search
from quantize.make import sidecar_of
from quantize.recipe import Recipe, plan
from quantize.target import Found
from quantize.trials import DECODE, PREFILL, Files
from tests.helpers.told import Told

Json = dict[str, Any]
Q4_K_M_BYTES = 3_019_000  # its file of the bundled model, with its header


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = environment_folder()
    assert folder is not None
    return read_runtime("environment", folder, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def whole(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "guide-f16.gguf"
    command: list[str | Path] = [runtime.tool("llama-quantize"), "--allow-requantize"]
    tool.run([*command, demo_model(), path, "F16"], CancelToken())
    return path


@pytest.fixture
def where(own_environment: Path) -> Paths:
    return paths().ensure()


@pytest.fixture
def kind(runtime: Runtime, where: Paths) -> TargetKind:
    def read(path: Path) -> ModelSummary:
        with HeaderReader(where.cache / "headers", work_root=where.work) as reader:
            return reader.read(path)

    return TargetKind(
        where, read=read, current_runtime=lambda: runtime, wait_idle=lambda cancel: None
    )


@pytest.fixture
def params(whole: Path, tmp_path: Path) -> Json:
    return {
        "path": str(whole), "folder": str(tmp_path / "out"), "name": "guide",
        "most_bytes": Q4_K_M_BYTES, "budget_seconds": 8,
    }  # fmt: skip


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer files than a real search looks at."""
    monkeypatch.setattr(search, "PLAIN_TRIED", 2)
    monkeypatch.setattr(trials, "ROUNDS", 1)


def begin(
    kind: TargetKind,
    params: Json,
    *,
    done: Json | None = None,
    cancel: CancelToken | None = None,
    reporter: Reporter | None = None,
) -> JobContext:
    kept = {} if done is None else done
    job = Job(
        id=7, kind="target", params=params, state=JobState.RUNNING, steps=kind.plan(params),
        done=dict(kept), progress=None, result=None, error=None, created=0.0, started=None,
        finished=None, position=7.0,
    )  # fmt: skip
    cancel = cancel or CancelToken()
    return JobContext(job, reporter or NullReporter(), cancel, kept.__setitem__)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"path": "/nowhere.gguf"}, ErrorCode.PATH_NOT_FOUND),
        ({"path": str(demo_model())}, ErrorCode.QUANTIZE_AGAIN),
        ({"most_bytes": None}, ErrorCode.BAD_REQUEST),
        ({"least_tokens_per_second": 10}, ErrorCode.BAD_REQUEST),
        ({"most_bytes": -1}, ErrorCode.BAD_REQUEST),
        ({"most_bytes": True}, ErrorCode.BAD_REQUEST),
        ({"budget_seconds": "long"}, ErrorCode.BAD_REQUEST),
        ({"imatrix": "/nowhere.txt"}, ErrorCode.PATH_NOT_FOUND),
        ({"evaluate": "/nowhere.txt"}, ErrorCode.PATH_NOT_FOUND),
        ({"name": "../x"}, ErrorCode.BAD_REQUEST),
        ({"folder": None}, ErrorCode.BAD_REQUEST),
    ],
)
def test_wrong_requests_are_refused_at_once(
    kind: TargetKind, params: Json, change: Json, code: ErrorCode
) -> None:
    with pytest.raises(AppError) as caught:
        kind.plan({**params, **change})
    assert caught.value.code is code


def test_sizes_that_make_no_sense_are_told_with_those_that_do(
    kind: TargetKind, params: Json, whole: Path
) -> None:
    for size, words in ((100_000, "smallest file"), (whole.stat().st_size, "nothing is to be")):
        with pytest.raises(AppError) as caught:
            kind.plan({**params, "most_bytes": size})
        assert caught.value.code is ErrorCode.SETTING_INVALID
        assert words in str(caught.value.params["reason"])


def test_a_file_that_exists_is_not_replaced(kind: TargetKind, params: Json, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    there = tmp_path / "out" / "guide-best-3.02MB.gguf"
    there.write_bytes(b"precious")
    with pytest.raises(AppError) as caught:
        kind.plan(params)
    assert caught.value.code is ErrorCode.OUTPUT_EXISTS
    assert kind.plan({**params, "replace": True})


def test_texts_are_the_bundled_ones_unless_said_otherwise(params: Json, tmp_path: Path) -> None:
    usual = target_asked.read(params)
    assert usual.imatrix == usual.search and usual.search.name == "importance.txt"
    assert usual.evaluate.name == "evaluation.txt"
    none = target_asked.read({**params, "imatrix": False})
    assert none.imatrix is None and none.search == usual.search
    matrix, own = tmp_path / "own.gguf", tmp_path / "own.txt"
    matrix.touch()
    own.touch()
    given = target_asked.read({**params, "imatrix": str(matrix), "evaluate": str(own)})
    assert given.imatrix == matrix and given.search == usual.search and given.evaluate == own
    assert target_asked.read({**params, "imatrix": str(own)}).search == own


def test_time_and_disk_are_shared_out() -> None:
    there = {"imatrix": 170, "few": 25, "rest": 50, "check": 100, "judge": 170}
    usual = target_asked.chunks_of(900.0, 0.05, there, 10_000)
    assert usual == {"imatrix": 170, "few": 8, "rest": 16, "check": 40, "judge": 100}
    slow = target_asked.chunks_of(900.0, 4.0, there, 10_000)
    assert slow == {"imatrix": 18, "few": 3, "rest": 4, "check": 8, "judge": 14}
    large = target_asked.chunks_of(900.0, 0.05, there, 32)
    assert sum(large.values()) - large["imatrix"] <= 32 and min(large.values()) >= 1
    short = target_asked.chunks_of(900.0, 0.05, {**there, "check": 3}, 10_000)
    assert short["check"] == 3


def test_its_progress_says_how_the_search_stands() -> None:
    told, spent = Told(), 70.0
    standing = Standing(told, lambda: spent, 320.0)
    standing.tell(0, None, None)
    standing.tell(11, 0.01234, 3_100_000)
    spent = 75.5
    standing.progress(Progress("evaluating trial", 3, 8, "chunks"))
    spent = 400.0
    standing.progress(Progress("evaluating trial", 4, 8, "chunks"))
    texts = [step.what for step in told.steps]
    assert texts[1] == "trial 12, best KLD 0.0123 at 3.10 MB, time left 4:10"
    assert texts[2] == "trial 12, best KLD 0.0123 at 3.10 MB, time left 4:04"
    assert [step.done for step in told.steps] == [70.0, 70.0, 75.5, 320.0]
    assert told.steps[1].detail == {
        "trial": 12, "kld_mean": 0.01234, "size_bytes": 3_100_000, "seconds_left": 250.0
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_found_file_beats_the_plain_type_of_its_size(
    kind: TargetKind, params: Json, runtime: Runtime, whole: Path, tmp_path: Path
) -> None:
    told = Told()
    done: Json = {}
    params["budget_seconds"] = 90
    result = kind.run(begin(kind, params, done=done, reporter=told))
    found, plain = result["target"]["found"], result["target"]["plain"]
    assert result["target"]["better"] and result["target"]["tried"] >= 2
    assert found["size_bytes"] <= Q4_K_M_BYTES and plain["size_bytes"] <= Q4_K_M_BYTES
    assert found["kld_mean"] < plain["kld_mean"]  # "better": by more than chance explains
    file = tmp_path / "out" / "guide-best-3.02MB.gguf"
    kept = [each for each in result["outputs"] if each["path"] is not None]
    assert [each["label"] for each in kept] == ["best-3.02MB"]
    assert kept[0]["path"] == str(file) and kept[0]["size_bytes"] == file.stat().st_size
    assert kept[0]["kld_mean"] == found["kld_mean"]
    assert {"Q4_K_M", "Q4_K_S"} & {each["label"] for each in result["outputs"]}
    recipe = Recipe.from_dict(result["target"]["recipe"])
    made = plan(runtime.tool("llama-quantize"), whole, recipe, CancelToken())
    assert made.size_bytes == pytest.approx(file.stat().st_size, abs=200_000)
    facts = json.loads(sidecar_of(file).read_text("utf-8"))
    assert facts["made_from"]["source_sha256"] == result["source_sha256"]
    assert result["base"]["chunks"] == result["base"]["planned_chunks"] > 0
    advice = result["recommendation"]
    assert advice["path"] == str(file)
    assert found["label"] in NOTICES[advice["code"]].format_map(advice["params"])
    assert not Path(done["work"]).exists(), "no trial is left"
    assert [path.name for path in (tmp_path / "out").iterdir()].count(file.name) == 1
    trials = [step for step in told.steps if step.what.startswith("trial ")]
    assert trials and "best KLD 0.0" in trials[-1].what and "time left" in trials[-1].what
    assert all(step.total == 90 for step in trials)


class Judged:
    """Files of which it is known what they lose."""

    seconds = 1.0

    def __init__(self, losses: dict[str, float]) -> None:
        self.losses = losses

    def ask(self, recipe: Recipe, *names: str) -> Generator[Json, None, None]:
        label = "own" if recipe.tensor_types else recipe.quant_type
        yield {"kld_mean": self.losses[label], "kld_error": 0.0001, "size_bytes": 5}
        yield {DECODE: 9.0, PREFILL: 90.0}

    def first(self, recipe: None, name: str) -> Json:
        return {DECODE: 4.0, PREFILL: 40.0}

    def race(self, recipes: list[Recipe]) -> list[float]:
        return [float(number) for number, _ in enumerate(recipes, 1)]


@pytest.mark.parametrize(
    ("own", "plain", "kept"),
    [
        (0.010, ("Q4_K_S", "Q4_K_M"), "best-3.02MB"),
        (0.0149, ("Q4_K_S", "Q4_K_M"), "Q4_K_M"),  # better, but not surely
        (0.0149, ("Q4_K_S",), "best-3.02MB"),
        (0.050, ("Q4_K_S", "Q4_K_M"), "Q4_K_M"),
        (None, ("Q4_K_S", "Q4_K_M"), "Q4_K_M"),
        (0.050, (), "best-3.02MB"),
    ],
)
def test_what_is_kept_is_never_worse_than_a_plain_type(
    params: Json, own: float | None, plain: tuple[str, ...], kept: str
) -> None:
    losses = {"Q4_K_S": 0.02, "Q4_K_M": 0.015, "Q5_0": 0.001, "own": own or 0.0}
    recipe = None if own is None else Recipe("Q4_K_S", tensor_types=(("attn_v", "Q6_K"),))
    found = Found(recipe, plain, "Q5_0" if recipe else None, 3, "knapsack")
    result = target._judged(target_asked.read(params), cast(Files, Judged(losses)), found)
    assert result["kept"] == kept
    assert result["best"] == (min(plain, key=losses.__getitem__) if plain else None)
    assert set(result["plain"]) == {*plain, *(["Q5_0"] if recipe else [])}
    if recipe is not None and plain:  # these two were measured in turns
        assert (result["found"][DECODE], result["plain"][result["best"]][DECODE]) == (1.0, 2.0)


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_without_a_surely_better_recipe_the_plain_file_is_given(
    kind: TargetKind, params: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "better", lambda found, plain: False)
    result = kind.run(begin(kind, params))
    assert result["target"]["better"] is False
    kept = [each for each in result["outputs"] if each["path"] is not None]
    assert len(kept) == 1
    assert kept[0]["recipe"] == Recipe(kept[0]["label"]).to_dict() == result["target"]["recipe"]
    assert result["target"]["found"] == result["target"]["plain"]
    plain = [each for each in result["outputs"] if each["size_bytes"] <= Q4_K_M_BYTES
             and each["label"] == each["quant_type"]]  # fmt: skip
    assert kept[0]["kld_mean"] == min(each["kld_mean"] for each in plain)
    assert Path(kept[0]["path"]).stat().st_size <= Q4_K_M_BYTES
    advice = result["recommendation"]
    assert advice["code"] == "target_plain" and advice["label"] == kept[0]["label"]
    assert kept[0]["label"] in NOTICES["target_plain"].format_map(advice["params"])


@pytest.mark.usefixtures("brief")
def test_an_interrupted_job_goes_on_and_a_cancelled_one_leaves_nothing(
    kind: TargetKind, params: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel, done = CancelToken(), dict[str, Any]()
    made: list[str] = []
    real = make.make

    def counted(*args: Any, **more: Any) -> make.Made:
        made.append(json.dumps(args[3].to_dict()))
        if len(made) == 6:
            cancel.cancel()
        return real(*args, **more)

    monkeypatch.setattr(make, "make", counted)
    with pytest.raises(AppError) as caught:
        kind.run(begin(kind, params, done=done, cancel=cancel))
    assert caught.value.code is ErrorCode.CANCELLED
    work = Path(done["work"])
    assert work.exists() and not list(work.glob("trial*")) and not (tmp_path / "out").exists()
    first = made[:5]
    made.clear()
    result = kind.run(begin(kind, params, done=done))
    assert result["outputs"] and not work.exists()
    again = [each for each in first if made.count(each) > 0]
    assert len(again) <= 3, "only what is asked more of later is made again"
    work.mkdir(parents=True)
    (work / "measured.jsonl").touch()
    kind.cancelled(params, done)
    assert not work.exists()


def test_a_model_that_changes_meanwhile_is_told(
    kind: TargetKind, params: Json, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(whole.read_bytes())
    real: Callable[..., make.Made] = make.make

    def touched(*args: Any, **more: Any) -> make.Made:
        copy.touch()
        return real(*args, **more)

    monkeypatch.setattr(make, "make", touched)
    with pytest.raises(AppError) as caught:
        kind.run(begin(kind, {**params, "path": str(copy)}))
    assert caught.value.code is ErrorCode.SOURCE_CHANGED
    assert not (tmp_path / "out").exists()
