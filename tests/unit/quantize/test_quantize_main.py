"""`python -m quantize`: the package's work from a terminal, with no service."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quantize.__main__ import main

ROOT = Path(__file__).resolve().parents[3]


class Ran:
    """What one command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str | Path) -> Ran:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Ran(code, *capsys.readouterr())

    return call


def test_from_a_matrix_to_what_was_lost(
    run: Run, whole: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # paths may be relative, though tools run elsewhere
    made = run("imatrix", whole, text, "-o", "m.gguf", "--chunks", "3", "--json")
    assert made.code == 0 and made.document["chunks"] == 3 and Path("m.gguf").is_file()
    types = ("--types", "q8_0,IQ2_XXS", "-o", "out")
    told = run("plan", whole, *types, "--evaluate", text, "--chunks", "3", "--json").document
    assert [each["label"] for each in told["outputs"]] == ["Q8_0", "IQ2_XXS"]
    assert [each["code"] for each in told["warnings"]] == ["imatrix_needed"] and told["chunks"] == 3
    assert not Path("out").exists(), "a plan makes nothing"
    done = run("quantize", whole, *types, "--imatrix", "m.gguf", "--json")
    assert done.code == 0 and "quantizing to IQ2_XXS: 100 %" in done.err
    sizes = [each["size_bytes"] for each in done.document["outputs"]]
    planned = [each["size_bytes"] for each in told["outputs"]]
    assert sizes[0] == pytest.approx(planned[0], abs=1024)
    files = [Path(each["path"]) for each in done.document["outputs"]]
    losses = run("evaluate", whole, *files, "--text", text, "--chunks", "2", "--json").document
    whole_kld, small_kld = (each["kld_mean"] for each in losses["outputs"])
    assert 0 <= whole_kld < 0.01 < small_kld and losses["base"]["chunks"] == 2


def test_what_is_wrong_is_an_error_and_a_status(run: Run, whole: Path, tmp_path: Path) -> None:
    taken = tmp_path / f"{whole.stem.removesuffix('-f16')}-Q8_0.gguf"
    taken.write_bytes(b"precious")
    types = ("--types", "Q8_0", "-o", tmp_path)
    for words, code in (
        (("quantize", whole, *types), "output_exists"),
        (("quantize", whole, "--types", "IQ1_S"), "imatrix_needed"),
        (("quantize", whole, "--types", "Q8_0", "--tensor", "x=Q99"), "setting_invalid"),
        (("quantize", tmp_path / "none.gguf", *types), "path_not_found"),
        (("plan", whole, *types, "--engine", tmp_path), "engine_bad_runtime"),
        (("convert", tmp_path, "-o", tmp_path / "x.gguf"), "checkpoint_invalid"),
    ):
        ran = run(*words, "--json")
        assert ran.code == 1 and ran.document["error"]["code"] == code, words
    ran = run("quantize", whole, *types)
    assert ran.out == "" and "exists already" in ran.err
    assert taken.read_bytes() == b"precious" and list(tmp_path.iterdir()) == [taken]
    with pytest.raises(SystemExit) as ended:
        run("quantize", whole)
    assert ended.value.code == 2


def test_what_was_quantized_needs_leave(run: Run, whole: Path, tmp_path: Path) -> None:
    assert run("quantize", whole, "--types", "Q8_0", "-o", tmp_path).code == 0
    (file,) = tmp_path.glob("*.gguf")
    ran = run("quantize", file, "--types", "Q4_0", "-o", tmp_path, "--json")
    assert ran.document["error"]["code"] == "quantize_again"
    again = run("quantize", file, "--types", "Q4_0", "-o", tmp_path, "--requantize", "--json")
    assert again.code == 0 and len(list(tmp_path.glob("*.gguf"))) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C goes to a whole console")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_leaves_nothing(
    whole: Path, text: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """In the middle of a text that is long enough for that."""
    long_text, scratch = tmp_path / "long.txt", tmp_path / "scratch"
    scratch.mkdir()
    long_text.write_text(text.read_text("utf-8") * 40, "utf-8")
    command = [sys.executable, "-m", "quantize", "evaluate", whole, whole, "--text", long_text]
    with subprocess.Popen(
        [*map(str, command), "--scratch", str(scratch)],
        cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stderr is not None and child.stdout is not None
        for line in child.stderr:
            if line.startswith("evaluating"):
                assert list(scratch.iterdir())
                child.send_signal(number)
                break
        rest = child.stderr.read()
        out = child.stdout.read()
    assert child.returncode == 130, rest
    assert out == "" and list(scratch.iterdir()) == []
