"""The Quantize page in the real window: from a model to files, with what each of them lost."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop.core.engine.runtime import environment_folder
from desktop.core.paths import demo_model
from desktop.ui.tabs.quantize import results_words
from tests.helpers.atspi import Role
from tests.helpers.paddock_window import LONG, Window, paddock_window, skip_first_run
from tests.helpers.screen import screen
from tests.helpers.service import wait_for

MODEL = "paddock-guide"
_QUANTIZING = 180.0


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    """A window whose library has the bundled model as F16, in a folder of its own."""
    folder = tmp_path / "models"
    folder.mkdir()
    engine = environment_folder()
    assert engine is not None
    tool = engine / "bin" / "llama-quantize"
    command = [tool, "--allow-requantize", demo_model(), folder / f"{MODEL}-F16.gguf", "F16"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with screen(reader=True) as on, paddock_window(on, tmp_path / "home") as made:
        skip_first_run(made)
        made.client().add_models(str(folder))
        yield made


def job(window: Window) -> dict[str, Any]:
    """The newest quantize job."""
    found = [each for each in window.client().jobs() if each["kind"] == "quantize"]
    return max(found, key=lambda each: each["id"], default={"steps_done": [], "finished": None})


def wait_for_words(window: Window, text: str) -> None:
    """As `window.wait_for`, where a text may be broken into lines within its words."""

    def shown() -> bool:
        parts = window.screen.parts(window.pid)
        return any(text in part.name.replace("\u200b", "") for part in parts)

    wait_for(shown, f"the window shows “{text}”", LONG)


def begin(window: Window) -> None:
    """By mouse: the F16 file is chosen already, Q4_K_M too; Q8_0 besides, then Start."""
    window.screen.keys("ctrl+6")
    wait_for_words(window, "Q4_K_M.gguf")
    window.click("Q8_0", Role.CHECK_BOX)
    wait_for_words(window, "Q8_0.gguf")
    window.click("Start", Role.BUTTON)


@pytest.mark.timeout(400)
def test_files_are_made_and_what_each_lost_is_shown(window: Window, tmp_path: Path) -> None:
    begin(window)
    wait_for(lambda: job(window)["finished"], "the job ends", _QUANTIZING)
    done = job(window)
    assert done["state"] == "done", done["error"]
    outputs = {each["label"]: each for each in done["result"]["outputs"]}
    assert set(outputs) == {"Q8_0", "Q4_K_M"}
    assert outputs["Q4_K_M"]["kld_mean"] > outputs["Q8_0"]["kld_mean"] > 0
    window.click("Results", Role.BUTTON)
    for output in outputs.values():
        assert Path(output["path"]).parent == tmp_path / "models"
        window.wait_for(results_words.kld(output["kld_mean"]))
    window.keep_picture("quantized")
    made = {Path(each["path"]).name for each in window.client().models()}
    assert made >= {f"{MODEL}-Q8_0.gguf", f"{MODEL}-Q4_K_M.gguf"}


@pytest.mark.timeout(400)
def test_a_job_goes_on_after_its_service_was_killed(window: Window, tmp_path: Path) -> None:
    begin(window)
    wait_for(lambda: "quantize Q8_0" in job(window)["steps_done"], "a file is made", _QUANTIZING)
    before, service = job(window), psutil.Process(window.client().endpoint.pid)
    assert before["finished"] is None
    made = tmp_path / "models" / f"{MODEL}-Q8_0.gguf"
    written = made.stat().st_mtime_ns
    service.send_signal(signal.SIGKILL)
    service.wait(30)
    wait_for(lambda: window.client().endpoint.pid != service.pid, "another service came", LONG)
    wait_for(lambda: job(window)["finished"], "the job ends", _QUANTIZING)
    done = job(window)
    assert (done["id"], done["state"]) == (before["id"], "done"), done["error"]
    assert made.stat().st_mtime_ns == written, "what was made is not made again"
    assert len(window.client().jobs()) == 1
    window.click("Results", Role.BUTTON)
    for output in done["result"]["outputs"]:
        window.wait_for(results_words.kld(output["kld_mean"]))
    window.process.terminate()
    assert window.process.wait(30) == 0, window.output.read_text()
