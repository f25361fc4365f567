"""The job that makes quantized files and measures what they lost, with the real tools."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.fit.losses import MeasuredLoss
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.summary import ModelSummary
from desktop.core.jobs.handlers import quantize_evaluation
from desktop.core.jobs.handlers.quantize import QuantizeKind
from desktop.core.jobs.handlers.quantize_host import Priced
from desktop.core.jobs.handlers.quantize_speed import Model
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.table import Job, JobState
from desktop.core.paths import Paths, demo_model, paths, resources
from quantize import evaluate, imatrix, tool
from quantize.kept import Kept
from tests.helpers.told import Told

Json = dict[str, Any]
TEXT = resources() / "texts" / "evaluation.txt"


class _Host:
    """Prices nothing, and remembers what it is told to keep."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[MeasuredLoss | None, dict[str, tuple[int, float]]]] = {}
        self.waited = self.answers = 0
        self.answers_at: set[int] = set()

    def price(self, files: Sequence[Path], runtime: Runtime, cancel: CancelToken) -> Priced:
        return Priced(LoadSettings(threads=2), None, fits=True)

    def keep(
        self,
        files: Sequence[Path],
        loss: MeasuredLoss | None,
        speeds: Mapping[str, tuple[int, float]],
        priced: Priced,
        runtime: Runtime,
    ) -> None:
        self.kept[files[0].name] = loss, dict(speeds)

    def wait_idle(self, cancel: CancelToken) -> None:
        self.waited += 1
        self.answers += self.waited in self.answers_at


class _Converts:
    """Stands in for the job that converts, which needs torch: the file is there at once."""

    needs = frozenset({"cpu", "toolkit"})

    def __init__(self, made: Path) -> None:
        self.made = made
        self.runs = 0

    def plan(self, params: Json) -> list[str]:
        return ["toolkit", "hash", "convert"]

    def needs_after(self, params: Json, done: Collection[str]) -> frozenset[str]:
        return self.needs if "toolkit" in done else frozenset({"toolkit"})

    def run(self, context: JobContext) -> Json:
        def convert() -> Json:
            self.runs += 1
            target = Path(context.params["output"])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.made, target)
            return {"path": str(target)}

        context.step("toolkit", lambda: "1")
        result: Json = context.step("convert", convert)
        return result

    def cancelled(self, params: Json, done: Json) -> None:
        return None


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = environment_folder()
    assert folder is not None
    return read_runtime("environment", folder, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def whole(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "guide-f16.gguf"
    quantizer = runtime.tool("llama-quantize")
    tool.run([quantizer, "--allow-requantize", demo_model(), path, "F16"], CancelToken())
    return path


@pytest.fixture
def text() -> Path:
    return TEXT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path / "home"))
    return paths().ensure()


@pytest.fixture
def host() -> _Host:
    return _Host()


@pytest.fixture
def converts(whole: Path) -> _Converts:
    return _Converts(whole)


@pytest.fixture
def kind(runtime: Runtime, home: Paths, host: _Host, converts: _Converts) -> QuantizeKind:
    def read(path: Path) -> ModelSummary:
        with HeaderReader(home.cache / "headers", work_root=home.work) as reader:
            return reader.read(path)

    return QuantizeKind(
        home,
        read=read,
        convert=converts,  # type: ignore[arg-type]
        host=host,
        current_runtime=lambda: runtime,
        wait_idle=host.wait_idle,
        requests_served=lambda: host.answers,
    )


def begin(
    kind: QuantizeKind,
    params: Json,
    *,
    done: Json | None = None,
    cancel: CancelToken | None = None,
    finished: Callable[[str, Any], None] = lambda name, value: None,
    told: Told | None = None,
) -> JobContext:
    job = Job(
        id=7, kind="quantize", params=params, state=JobState.RUNNING, steps=kind.plan(params),
        done=done or {}, progress=None, result=None, error=None, created=0.0, started=None,
        finished=None, position=7.0,
    )  # fmt: skip
    return JobContext(job, told or Told(), cancel or CancelToken(), finished)


def code_of(work: Callable[[], Any]) -> AppError:
    with pytest.raises(AppError) as caught:
        work()
    return caught.value


class _CancelAt(Told):
    """Cancels at a progress whose words begin so, when so much of it is done."""

    def __init__(self, cancel: CancelToken, what: str, done: float = 0) -> None:
        super().__init__()
        self._cancel, self._what, self._done = cancel, what, done

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        if progress.what.startswith(self._what) and progress.done >= self._done:
            self._cancel.cancel()


def asked(whole: Path, folder: Path, **more: Any) -> Json:
    return {"path": str(whole), "folder": str(folder), "types": ["Q4_K_M"], **more}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_loss_rises_as_bits_fall(
    kind: QuantizeKind, whole: Path, tmp_path: Path, host: _Host
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
    kind: QuantizeKind, whole: Path, tmp_path: Path, home: Paths
) -> None:
    params = asked(whole, tmp_path / "out", imatrix=str(TEXT), evaluate=str(TEXT), chunks=5)
    first = kind.run(begin(kind, params))
    kept = {path: path.stat().st_ino for path in (home.cache / "quantize").iterdir()}
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


def test_it_goes_on_from_its_last_whole_step(
    kind: QuantizeKind, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    params = asked(whole, folder, types=["Q8_0", "Q4_0"], evaluate=str(TEXT), chunks=2)
    cancel, done = CancelToken(), {}

    def finished(name: str, value: Any) -> None:
        done[name] = value
        if name == "quantize Q8_0":
            cancel.cancel()

    with pytest.raises(AppError):
        kind.run(begin(kind, params, cancel=cancel, finished=finished))
    first = folder / "guide-Q8_0.gguf"
    before = first.stat().st_ino
    assert not (folder / "guide-Q4_0.gguf").exists()
    again = begin(kind, {**params, "replace": True}, done=done)
    again.params = params
    result = kind.run(again)
    assert first.stat().st_ino == before, "what was finished is not made again"
    assert [each["quant_type"] for each in result["outputs"]] == ["Q8_0", "Q4_0"]


@pytest.mark.parametrize(
    "at",
    [
        ("importance matrix", 8), ("quantizing", 5), ("measuring speed", 1),
        ("trying how fast", 1), ("evaluating the whole", 2), ("evaluating guide", 2),
    ],
)  # fmt: skip
def test_a_cancel_at_any_step_leaves_nothing_half(
    kind: QuantizeKind, whole: Path, tmp_path: Path, home: Paths, at: tuple[str, int]
) -> None:
    folder = tmp_path / "out"
    params = asked(
        whole, folder, imatrix=str(TEXT), evaluate=str(TEXT), chunks=12, budget_seconds=600
    )
    cancel = CancelToken()
    told = _CancelAt(cancel, *at)
    context = begin(kind, params, cancel=cancel, told=told)
    assert code_of(lambda: kind.run(context)).code is ErrorCode.CANCELLED
    kind.cancelled(params, context.done)
    assert any(step.what.startswith(at[0]) for step in told.steps)
    finished = ["guide-Q4_K_M.gguf", "guide-Q4_K_M.gguf.made.json"]
    assert names_in(folder) in ([], finished)
    assert all(path.suffix in (".logits", ".gguf", ".json") for path in home.cache.rglob("*-*"))
    assert not list(home.cache.rglob("*.part*")) and not list(tmp_path.rglob("*.unfinished"))


def test_a_killed_matrix_goes_on_from_its_last_part(
    kind: QuantizeKind, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imatrix, "PART_SECONDS", 0.0)
    params = asked(whole, tmp_path / "out", imatrix=str(TEXT), chunks=40)
    cancel = CancelToken()
    context = begin(kind, params, cancel=cancel, told=_CancelAt(cancel, "importance", 16))
    assert code_of(lambda: kind.run(context)).code is ErrorCode.CANCELLED

    told = Told()
    again = begin(kind, params, done=context.done, told=told)
    kind.run(again)
    steps = [step.done for step in told.steps if step.what == "importance matrix"]
    assert steps == [16, 24, 32, 40], "what was computed before is not computed again"
    matrix = Path(again.done["matrix"])
    assert imatrix.chunks_of(matrix) == 40
    at_once = tmp_path / "at-once.gguf"
    monkeypatch.setattr(imatrix, "FIRST_CHUNKS", 1000)
    runner = environment_folder()
    assert runner is not None
    imatrix.compute(
        runner / "bin" / "llama-imatrix", whole, TEXT, at_once, chunks=40, threads=2,
        reporter=Told(), cancel=CancelToken(),
    )  # fmt: skip
    assert _numbers(matrix) == _numbers(at_once), "each chunk counts once, for each tensor"


def _numbers(path: Path) -> bytes:
    """All a matrix counts: what lies behind its header."""
    from desktop.core.gguf.local import read_header

    header = read_header(path)
    assert header.tensors
    return path.read_bytes()[header.data_offset :]


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


def test_two_jobs_on_one_output(kind: QuantizeKind, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    first, second = begin(kind, asked(whole, folder)), begin(kind, asked(whole, folder))
    other = begin(kind, asked(whole, folder, imatrix=str(TEXT), chunks=8))
    kind.run(first)
    target = folder / "guide-Q4_K_M.gguf"
    before = target.stat().st_ino
    assert kind.run(second)["outputs"] == kind.run(first)["outputs"], "the same is taken"
    error = code_of(lambda: kind.run(other))
    assert error.code is ErrorCode.OUTPUT_EXISTS, "another one is not replaced unasked"
    assert target.stat().st_ino == before
    target.write_bytes(target.read_bytes() + b"more")
    third = JobContext(second.job, Told(), CancelToken(), lambda name, value: None)
    assert code_of(lambda: kind.run(third)).code is ErrorCode.OUTPUT_EXISTS


def test_a_source_that_changes_between_steps_is_noticed(
    kind: QuantizeKind, whole: Path, tmp_path: Path
) -> None:
    source, folder = tmp_path / "mine-f16.gguf", tmp_path / "out"
    shutil.copyfile(whole, source)

    def finished(name: str, value: Any) -> None:
        if name == "quantize Q8_0":
            os.utime(source, ns=(1, 1))

    params = asked(source, folder, types=["Q8_0", "Q4_0"])
    error = code_of(lambda: kind.run(begin(kind, params, finished=finished)))
    assert error.code is ErrorCode.SOURCE_CHANGED and str(source) in error.title
    assert names_in(folder) == ["mine-Q8_0.gguf", "mine-Q8_0.gguf.made.json"]


def test_no_space_for_the_answers_names_the_need(
    kind: QuantizeKind, whole: Path, tmp_path: Path, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    usage = shutil.disk_usage(tmp_path)
    real = shutil.disk_usage

    def disk_usage(path: Path) -> Any:
        return usage._replace(free=1 << 20) if str(path).startswith(str(home.cache)) else real(path)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    params = asked(whole, folder, evaluate=str(TEXT), chunks=20)
    error = code_of(lambda: kind.run(begin(kind, params)))
    assert error.code is ErrorCode.DISK_FULL and "0.10 GiB are needed" in error.cause
    assert names_in(folder) == ["guide-Q4_K_M.gguf", "guide-Q4_K_M.gguf.made.json"]
    assert not list(home.cache.rglob("*.logits"))


def test_a_speed_is_measured_again_when_somebody_was_answered_meanwhile(
    kind: QuantizeKind, whole: Path, tmp_path: Path, host: _Host
) -> None:
    host.answers_at = {2}
    told = Told()
    params = asked(whole, tmp_path / "out", evaluate=str(TEXT), chunks=2)
    kind.run(begin(kind, params, told=told))
    assert host.waited == 9, "two models twice and one once more"
    assert sum("while answers were given" in line for line in told.lines) == 1


def test_where_things_lie_here_is_told_to_nobody(
    kind: QuantizeKind, whole: Path, tmp_path: Path, home: Paths
) -> None:
    text = tmp_path / "private" / "mine.txt"
    text.parent.mkdir()
    shutil.copyfile(TEXT, text)
    kind.run(begin(kind, asked(whole, tmp_path / "out", imatrix=str(text), chunks=3)))
    made = (tmp_path / "out" / "guide-Q4_K_M.gguf").read_bytes()
    assert b"mine.txt" in made and str(tmp_path).encode() not in made
    assert str(home.cache).encode() not in made


def test_a_checkpoint_is_converted_first(
    kind: QuantizeKind, converts: _Converts, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    checkpoint = {"path": str(tmp_path / "guide-1.5"), "type": "f16"}
    params = {"checkpoint": checkpoint, "folder": str(folder), "types": ["Q4_0", "Q8_0"]}
    cancel, done = CancelToken(), {}

    def finished(name: str, value: Any) -> None:
        done[name] = value
        if name == "quantize Q4_0":
            cancel.cancel()

    context = begin(kind, params, cancel=cancel, finished=finished)
    assert context.job.steps == [
        "checkpoint toolkit", "checkpoint hash", "checkpoint convert", "hash", "quantize Q4_0",
        "quantize Q8_0",
    ]  # fmt: skip
    assert kind.needs_after(params, set()) == {"toolkit"}
    assert kind.needs_after(params, {"checkpoint toolkit"}) == {"cpu", "toolkit"}
    assert kind.needs_after(params, {"checkpoint toolkit", "checkpoint convert"}) == {"cpu"}
    with pytest.raises(AppError):
        kind.run(context)
    again = JobContext(context.job, Told(), CancelToken(), lambda name, value: None)
    again.done.update(done)
    result = kind.run(again)
    assert converts.runs == 1 and result["source"] == str(folder / "guide-1.5-F16.gguf")
    assert [Path(each["path"]).name for each in result["outputs"]] == [
        "guide-1.5-Q4_0.gguf", "guide-1.5-Q8_0.gguf",
    ]  # fmt: skip


def test_a_lossy_base_says_nothing_of_the_model_itself(
    kind: QuantizeKind, tmp_path: Path, host: _Host
) -> None:
    params = asked(demo_model(), tmp_path / "out", requantize=True, evaluate=str(TEXT), chunks=2)
    kind.run(begin(kind, params))
    [(loss, speeds)] = host.kept.values()
    assert loss is None and set(speeds) == {"prefill", "decode"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"types": ["IQ2_XXS"]}, ErrorCode.IMATRIX_NEEDED),
        ({"types": ["NOPE"]}, ErrorCode.SETTING_INVALID),
        ({"types": []}, ErrorCode.SETTING_INVALID),
        ({"types": "Q4_0"}, ErrorCode.BAD_REQUEST),
        ({"path": "/nowhere.gguf"}, ErrorCode.PATH_NOT_FOUND),
        ({"path": str(demo_model())}, ErrorCode.QUANTIZE_AGAIN),
        ({"evaluate": "/nowhere.txt"}, ErrorCode.PATH_NOT_FOUND),
        ({"name": "../x"}, ErrorCode.BAD_REQUEST),
        ({"folder": None}, ErrorCode.BAD_REQUEST),
        ({"types": ["Q4_0"], "recipes": [{"quant_type": "Q4_0"}]}, ErrorCode.BAD_REQUEST),
        ({"recipes": [{"quant_type": "Q4_0", "name": "a/b"}]}, ErrorCode.SETTING_INVALID),
        ({"checkpoint": {"path": "x"}}, ErrorCode.BAD_REQUEST),
        ({"chunks": 0}, ErrorCode.BAD_REQUEST),
        ({"budget_seconds": float("nan")}, ErrorCode.BAD_REQUEST),
        ({"compare": [str(demo_model())]}, ErrorCode.BAD_REQUEST),
        ({"compare": ["/nowhere.gguf"], "evaluate": str(TEXT)}, ErrorCode.PATH_NOT_FOUND),
    ],
)
def test_wrong_requests_are_refused_at_once(
    kind: QuantizeKind, whole: Path, tmp_path: Path, change: Json, code: ErrorCode
) -> None:
    params = {**asked(whole, tmp_path), **change}
    assert code_of(lambda: kind.plan(params)).code is code


@pytest.mark.parametrize("name", ["imatrix", "evaluate"])
def test_a_text_that_is_too_short_is_told_before_anything_is_made(
    kind: QuantizeKind, whole: Path, tmp_path: Path, name: str
) -> None:
    short = tmp_path / "short.txt"
    short.write_text("Too short.", encoding="utf-8")
    params = asked(whole, tmp_path / "out", **{name: str(short)})
    error = code_of(lambda: kind.run(begin(kind, params)))
    assert error.code is ErrorCode.TEXT_TOO_SHORT and "1024 are needed" in error.cause
    assert not (tmp_path / "out").exists()


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
