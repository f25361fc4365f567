"""Results as files, and back."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.bench import export
from desktop.core.errors import AppError, ErrorCode
from tests.unit.bench.documents import SPEED, document, result


def test_json_comes_back_as_it_was(tmp_path: Path) -> None:
    documents = [document("速い", id=4), document("two", results=[result("decode")])]
    path = tmp_path / "results.json"
    export.save(documents, path)
    assert export.read_file(path) == [document("速い"), documents[1]]
    assert "速い" in path.read_text("utf-8")


def test_one_document_or_a_list_of_them_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(document(id=9)))
    assert export.read_file(path) == [document()]
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([document()]).encode())  # Windows' Notepad
    assert export.read_file(path) == [document()]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "It is no JSON"),
        (b"\xff\xfe", "It is no UTF-8 text (byte 0)"),
        (b"[" * 200_000, "It is no JSON"),
        (b"7", "It holds no list of results."),
        (b'{"paddock_results": 1}', "It holds no list of results."),
        (b'{"paddock_results": 2, "results": []}', "It is of a newer Paddock."),
        (b"{}", "It has no schema version"),
        (b"[null]", "A result must be an object, not nothing."),
        (b'[{"schema": 1, "name": "a", "created": NaN}]', "created is not a finite number."),
        (b"[" + b"9" * 5000 + b"]", "It is no JSON"),
    ],
)
def test_what_is_no_export_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(AppError) as caught:
        export.read_file(path)
    assert caught.value.code is ErrorCode.RESULT_FILE_INVALID
    assert words in str(caught.value.params["reason"])
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        export.read_file(tmp_path / "none.json")
    assert caught.value.code is ErrorCode.PATH_NOT_FOUND
    with pytest.raises(AppError) as caught:
        export.read_file(tmp_path)
    assert caught.value.code is ErrorCode.PATH_UNREADABLE


@given(st.binary(max_size=200))
def test_no_bytes_make_it_stumble(raw: bytes) -> None:
    with pytest.raises(AppError):
        if not export.parse(raw, Path("x")):
            raise AppError(ErrorCode.RESULT_FILE_INVALID, path="x", reason="an empty list")


def test_csv_has_a_line_a_test_and_no_formulas(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    export.save([document('=HYPERLINK("x")', results=[result(), result("decode")])], path)
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))
    assert [row["test"] for row in rows] == ["prefill", "decode"]
    assert rows[0]["name"] == '\'=HYPERLINK("x")'
    assert rows[0]["created"] == "2026-11-21T11:26:45+00:00"
    assert float(rows[0]["tokens_per_second"]) == 100.0
    assert rows[0]["samples"] == "100.0 101.0 99.0"
    assert (rows[0]["gpus"], rows[0]["commit"], rows[0]["threads"]) == ("NVIDIA L4", "0c1e570", "2")
    assert (rows[0]["gpu_layers"], rows[0]["prompt_tokens"]) == ("", "")


def test_markdown_is_a_table_that_no_name_can_break() -> None:
    disturbed = result("decode", (50.25, 50.25), disturbed_requests=3)
    text = export.export_text(
        [document("a|b <img src=x>", results=[result(), disturbed], warnings=["hot [x](y)"])],
        "md",
    )
    lines = text.splitlines()
    assert lines[0] == "### a\\|b \\<img src=x\\>"
    assert "| prefill | 512 | 0 | 1 | 100.00 | 100.00 | 1.00 |" in lines
    assert "| decode (disturbed) | 128 | 0 | 1 | 50.25 | 50.25 | 1.00 |" in lines
    assert "- hot \\[x\\](y)" in lines
    assert "on AMD EPYC, engine 0.5.0 (0c1e570)" in text  # its engine had no device of the GPU


def test_published_speeds_keep_their_source_in_tables() -> None:
    speed = replace(SPEED, source="=example.org|x", notes="with care")
    label, *rows = csv.reader(io.StringIO(export.export_text([document("mine")], "csv", [speed])))
    own, prefill, decode = (dict(zip(label, row, strict=True)) for row in rows)
    assert (own["name"], own["source"], own["status"]) == ("mine", "Paddock benchmark", "measured")
    assert (own["device"], own["file"]) == ("AMD EPYC", "Qwen3-8B-Q4_K_M.gguf")
    assert prefill["name"] == "RTX 4090, Qwen3 8B Q4_K_M"
    assert (prefill["test"], prefill["tokens"]) == ("prefill", "512")
    assert float(prefill["tokens_per_second"]) == 5000.0
    assert (prefill["source"], prefill["status"]) == ("'=example.org|x", "published, read")
    assert (decode["tokens"], decode["notes"]) == ("", "tg; with care")
    table = export.export_text([document()], "md", [speed])
    assert "| RTX 4090 | llama.cpp cuda | Qwen3 8B Q4\\_K\\_M | prefill 512 | 5000.00 |" in table
    assert "=example.org\\|x" in table
    assert "RTX 4090" not in export.export_text([document()], "json", [speed])


def test_a_disturbed_figure_says_so_in_csv() -> None:
    disturbed = document(results=[result(disturbed_requests=2)])
    (row,) = csv.DictReader(io.StringIO(export.export_text([disturbed], "csv")))
    assert row["status"] == "disturbed"


def test_odd_but_valid_conditions_are_exported() -> None:
    odd = document()
    odd["fingerprint"] = {"machine": {"gpus": 7, "cpu": ["x"]}, "runtime": {}, "settings": {}}
    for form in export.FORMATS:
        assert export.export_text([odd], form)


def test_the_name_decides_the_format() -> None:
    names = {"a.json": "json", "a.CSV": "csv", "a.md": "md", "a.txt": "json"}
    assert {name: export.format_of(Path(name)) for name in names} == names
