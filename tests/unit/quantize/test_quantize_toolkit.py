"""What the toolkit is made of is what the app is made of; what it is told, and what it tells."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from quantize import pins, source, toolkit
from tests.helpers.package_index import source_package

ROOT = Path(__file__).resolve().parents[3]
PLACE = "llama_cpp_python-0.3.36/vendor/llama.cpp"


def test_the_converter_is_the_engines_and_uv_the_one_of_the_set_up() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"{pins.ENGINE_PACKAGE}=={pins.ENGINE_VERSION}" in project["dependencies"]
    setup = (ROOT / "packaging" / "setup.sh").read_text("utf-8")
    version = re.search(r"^UV_VERSION=(\S+)", setup, re.MULTILINE)
    assert version is not None and f"uv=={version[1]}" in project["dependencies"]
    assert not [each for each in project["dependencies"] if each.startswith("torch")]


def test_every_package_is_pinned_once() -> None:
    packages = pins.pins()["packages"]
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", each) for each in packages)
    names = [each.partition("==")[0] for each in packages]
    assert len(set(names)) == len(names)


def test_uv_reads_the_users_settings_also_those_for_pip() -> None:
    given = {
        "PIP_INDEX_URL": "https://index.example/simple",
        "PIP_FIND_LINKS": "/one /two",
        "PIP_CERT": "/certs.pem",
        "UV_INDEX_MINE_PASSWORD": "secret",
        "HF_TOKEN": "secret",
        "VIRTUAL_ENV": "/mine",
        "HTTPS_PROXY": "http://proxy.example",
    }
    kept = toolkit.index_environment(given)
    assert kept["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert kept["UV_FIND_LINKS"] == "/one,/two" and kept["SSL_CERT_FILE"] == "/certs.pem"
    assert kept["UV_INDEX_MINE_PASSWORD"] == "secret", "it is for uv"
    assert kept["HTTPS_PROXY"] == "http://proxy.example"
    assert not {"HF_TOKEN", "VIRTUAL_ENV"} & set(kept)
    own = toolkit.index_environment({**given, "UV_DEFAULT_INDEX": "https://other.example"})
    assert own["UV_DEFAULT_INDEX"] == "https://other.example"
    older = toolkit.index_environment({**given, "UV_INDEX_URL": "https://other.example"})
    assert "UV_DEFAULT_INDEX" not in older


def test_what_the_converter_lists_is_read() -> None:
    lines = [
        "ERROR:hf-to-gguf:Supported models:", "ERROR:hf-to-gguf:TEXT models:",
        "ERROR:hf-to-gguf:  - AfmoeForCausalLM", "ERROR:hf-to-gguf:  - LlamaForCausalLM",
        "ERROR:hf-to-gguf:MMPROJ models:", "ERROR:hf-to-gguf:  - LlavaForConditionalGeneration",
    ]  # fmt: skip
    assert toolkit.read_models(lines) == {
        "text": ["AfmoeForCausalLM", "LlamaForCausalLM"],
        "projector": ["LlavaForConditionalGeneration"],
    }


def test_only_the_converters_files_are_unpacked(tmp_path: Path) -> None:
    archive, target = tmp_path / "source.tar.gz", tmp_path / "to" / "llama.cpp"
    wanted = [
        "convert_hf_to_gguf.py", "convert_lora_to_gguf.py", "LICENSE", "conversion/base.py",
        "gguf-py/gguf/constants.py",
    ]  # fmt: skip
    others = [
        "gguf-py/tests/test.py", "ggml/src/ggml.c", "conversion/../../../out.py",
        "conversion/..\\out.py", "conversion//out.py", "conversion/c:out.py",
    ]  # fmt: skip
    files = {f"{PLACE}/{name}": name.encode() for name in (*wanted, *others)}
    files |= {"/etc/vendor/llama.cpp/conversion": b"", "llama_cpp_python-0.3.36/setup.py": b""}
    archive.write_bytes(source_package(files))
    source.extract(archive, target, CancelToken())
    there = [path for path in tmp_path.rglob("*") if path.is_file() and path != archive]
    assert {path.relative_to(target).as_posix() for path in there} == set(wanted)
    assert all(path.read_text() == path.relative_to(target).as_posix() for path in there)


@pytest.mark.parametrize("broken", ["cut off", "no archive", "no converter", "too large"])
def test_a_broken_source_package_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    archive, target = tmp_path / "source.tar.gz", tmp_path / "llama.cpp"
    name = "README" if broken == "no converter" else "convert_hf_to_gguf.py"
    content = source_package({f"{PLACE}/{name}": b"x" * 100_000})
    if broken == "too large":
        monkeypatch.setattr(source, "_MOST_BYTES", 1000)
    shapes = {"cut off": content[: len(content) // 2], "no archive": b"<html>"}
    archive.write_bytes(shapes.get(broken, content))
    with pytest.raises(AppError) as caught:
        source.extract(archive, target, CancelToken())
    assert caught.value.code is ErrorCode.TOOLKIT_FAILED
    assert list(tmp_path.iterdir()) == [archive]
