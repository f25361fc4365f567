"""The real toolkit from the package index makes a file of the bundled checkpoint, and it is right.

It gets about 300 MB the first time; uv keeps them for the next.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.engine.server import EngineServer
from desktop.core.events import CancelToken
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.summary import ModelSummary
from desktop.core.jobs.handlers.convert import ConvertKind
from desktop.core.jobs.handlers.toolkit import ToolkitKind, root_of
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.table import Job, JobState
from desktop.core.paths import demo_model, paths, resources
from desktop.core.settings import Settings
from desktop.core.web import WebSettings
from quantize import evaluate, tool, toolkit
from tests.helpers.told import Told

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests" / "data" / "convert"
QUESTION, ANSWER = "What is Q4_K_M?", "4-bit"
Params = dict[str, object]


def context(kind: ConvertKind | ToolkitKind, params: Params, told: Told) -> JobContext:
    job = Job(
        id=3, kind=kind.name, params=params, state=JobState.RUNNING, steps=kind.plan(params),
        done={}, progress=None, result=None, error=None, created=0.0, started=None, finished=None,
        position=3.0,
    )  # fmt: skip
    return JobContext(job, told, CancelToken(), lambda name, value: None)


class _NoHub:
    """Nothing is asked of the hub here."""

    def settings(self) -> Settings:
        return Settings()

    def network(self) -> WebSettings:
        return WebSettings(offline=True)

    def cache(self) -> Path:
        raise AssertionError("nothing is fetched")


@dataclass(frozen=True)
class Bench:
    """Where a file is held against its checkpoint."""

    python: Path
    runtime: Runtime
    folder: Path

    def compare(self, made: Path, checkpoint: Path, same_top: float) -> None:
        """Both give the same answers to a text of this project, but for near ties."""
        text, base = self.folder / "text.txt", self.folder / "base.logits"
        text.write_text((ROOT / "ARCHITECTURE.md").read_text("utf-8")[:16_000], "utf-8")
        evaluate.make_base(
            self.runtime.tool("llama-perplexity"), made, text, base, chunks=6, vocabulary=4096,
            reporter=Told(), cancel=CancelToken(),
        )  # fmt: skip
        command = [self.python, "-I", DATA / "compare.py", base, checkpoint]
        lines = tool.run(command, CancelToken())
        same = json.loads(next(line for line in lines if line.startswith("{")))
        assert same["positions"] == 6 * 255
        assert same["same_top"] >= same_top and same["worst_tie"] < 0.01, same
        assert 0 <= same["kld_mean"] < 1e-4, same


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_bundled_checkpoint_becomes_a_file_that_answers_as_transformers_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path / "home"))
    where = paths().ensure()

    def read(path: Path) -> ModelSummary:
        with HeaderReader(where.cache / "headers", work_root=where.work) as reader:
            return reader.read(path)

    # --- from a machine without a toolkit to a file
    kind = ConvertKind(where, read=read, downloads=_NoHub())
    told, target = Told(), tmp_path / "guide-f16.gguf"
    asked: Params = {"path": str(demo_model().parent), "output": str(target), "type": "f16"}
    made = kind.run(context(kind, asked, told))
    assert any("MB to get" in line for line in told.lines)
    assert read(target).quant_type == "F16" and made["size_bytes"] == target.stat().st_size
    assert not list(where.work.iterdir()), "the converter's private folder is gone"

    # --- that answers through the engine
    folder = environment_folder()
    assert folder is not None
    runtime = read_runtime("environment", folder, tmp_path / "cache")
    settings = LoadSettings(context_tokens=512, slots=1, threads=2)
    server = EngineServer(runtime, target, "guide", settings, work_root=tmp_path / "work")
    server.start()
    try:
        server.wait_ready(60)
        assert ANSWER in answer(server)
    finally:
        server.stop()

    # --- as transformers does with the checkpoint
    found = toolkit.find(root_of(where))
    assert found is not None
    python = toolkit.python_of(found.folder)
    bench = Bench(python, runtime, tmp_path)
    bench.compare(target, demo_model().parent, 0.999)

    # --- and so does a model of another family, whose attention has biases
    qwen, target = tmp_path / "qwen", tmp_path / "qwen-f16.gguf"
    maker = [python, "-I", DATA / "make_checkpoint.py", "qwen2", qwen, demo_model().parent]
    tool.run(maker, CancelToken())
    kind.run(context(kind, {"path": str(qwen), "output": str(target), "type": "f16"}, told))
    assert read(target).architecture == "qwen2"
    bench.compare(target, qwen, 0.995)  # random weights are seldom sure of anything

    # --- code that comes with a checkpoint is not run, though it is asked for
    evil, mark = tmp_path / "evil", tmp_path / "ran"
    shutil.copytree(demo_model().parent, evil, ignore=shutil.ignore_patterns("training", "*.gguf"))
    (evil / "evil.py").write_text(f"open({str(mark)!r}, 'w')\nclass Evil: pass\n", "utf-8")
    place = evil / "tokenizer_config.json"
    entry = {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}}
    place.write_text(json.dumps({**json.loads(place.read_text("utf-8")), **entry}), "utf-8")
    for guard in ([], [resources() / "toolkit" / "run_converter.py"]):
        mark.unlink(missing_ok=True)
        lines = tool.run(
            [python, "-I", *guard, DATA / "ask_for_code.py", evil],
            CancelToken(),
            environment=toolkit.environment(tmp_path),
        )
        assert mark.exists() is not bool(guard), lines
        assert any("may not connect" in line for line in lines) is bool(guard), lines

    # --- and is taken away again
    remover = ToolkitKind(where)
    gone = remover.run(context(remover, {"remove": True}, told))
    assert gone["freed_bytes"] > 500_000_000 and toolkit.find(root_of(where)) is None


def answer(server: EngineServer) -> str:
    body = {"messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    request = urllib.request.Request(
        f"{server.base_url}/v1/chat/completions",
        json.dumps({**body, "max_tokens": 80}).encode(),
        {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
        return str(json.load(reply)["choices"][0]["message"]["content"])
