"""Files made and measured by the real service: what they lose is what every estimate says then."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.runtime import environment_folder
from desktop.core.events import CancelToken
from desktop.core.fit.speed_book import SpeedBook
from desktop.core.library.identity import quick_fingerprint
from desktop.core.paths import demo_model, own_command, resources
from quantize import tool
from tests.helpers.service import RunningService, gone, running_service, wait_for

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


def paddock(service: RunningService, *arguments: str) -> Json:
    done = subprocess.run(
        own_command(*arguments, "--json"), env=service.environ, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    document: Json = json.loads(done.stdout)
    return document


def result_of(service: RunningService, job: Json) -> Json:
    wait_for(
        lambda: service.client.job(job["id"])["state"] not in ("queued", "running"), "it ends", 120
    )
    ended = service.client.job(job["id"])
    assert ended["state"] == "done", ended["error"]
    result: Json = ended["result"]
    return result


def test_what_was_measured_is_what_is_said_from_then_on(
    service: RunningService, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    params = {
        "path": str(whole), "folder": str(folder), "types": ["Q4_0", "Q2_K"],
        "evaluate": str(TEXTS / "evaluation.txt"), "chunks": 8,
    }  # fmt: skip
    result = result_of(service, service.client.submit("quantize", params))
    four, two = result["outputs"]
    assert result["recommendation"]["label"] in ("Q4_0", "Q2_K")

    before = paddock(service, "fit", str(whole))
    assert before["quality"]["kld_mean"]["source"] == "seed_table", "nobody measured it"
    fit = paddock(service, "fit", four["path"])
    assert fit["quality"]["kld_mean"] == {
        "value": four["kld_mean"], "low": four["kld_low"], "high": four["kld_high"],
        "source": "measured",
    }  # fmt: skip
    assert fit["quality"]["same_top_rate"]["value"] == four["same_top_rate"]
    assert fit["prefill_tokens_per_second"]["source"] == "measured"
    runs = [run for run in SpeedBook.open(service.paths).runs if run.test == "decode"]
    prints = {quick_fingerprint(Path(each["path"])) for each in (four, two)}
    assert {run.fingerprint for run in runs} == prints
    assert {run.real for run in runs} == {
        each["decode_tokens_per_second"] for each in (four, two)
    }  # fmt: skip

    # In the library, too, where the file belongs to it.
    service.client.add_models(str(folder))
    entry = next(m for m in service.client.models() if m["path"] == four["path"])
    assert entry["quality"] == fit["quality"]
    assert entry["decode_tokens_per_second"]["value"] == four["decode_tokens_per_second"]

    # Another file under that name was not measured.
    result_of(service, service.client.submit("quantize", {
        "path": str(whole), "folder": str(folder), "replace": True,
        "recipes": [{"quant_type": "Q4_0", "output_type": "Q8_0", "name": "Q4_0"}],
    }))  # fmt: skip
    after = paddock(service, "fit", four["path"])
    assert after["quality"]["kld_mean"]["source"] == "seed_table"
    assert paddock(service, "fit", two["path"])["quality"]["kld_mean"]["source"] == "measured"


def test_a_killed_service_goes_on_with_the_matrix_it_had(whole: Path, tmp_path: Path) -> None:
    params = {
        "path": str(whole), "folder": str(tmp_path / "made"), "types": ["IQ2_S"],
        "imatrix": str(TEXTS / "importance.txt"),
    }  # fmt: skip
    with running_service(tmp_path / "home") as service:
        job = service.client.submit("quantize", params)
        kept = service.paths.cache / "quantize"
        wait_for(lambda: list(kept.glob("*.part.gguf")), "a part of the matrix is stored", 60)
        below = service.kill()
        wait_for(lambda: gone(below), "no tool is left")
        service.restart()
        result = result_of(service, job)
        assert Path(result["outputs"][0]["path"]).is_file()
        lines = [each for each in service.events() if each["type"] == "job.log"]
        assert any("goes on after" in each["data"]["line"] for each in lines)
        assert not list(kept.glob("*.part.gguf"))
