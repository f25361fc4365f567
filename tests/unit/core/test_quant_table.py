"""The table of a result: its rows, and what other programs get of it."""

from __future__ import annotations

import csv
import io

from desktop.core.quant_table import CSV_COLUMNS, advice, table_rows, to_csv, to_markdown
from tests.helpers.quant_results import FOREIGN, QUANTIZED, TARGET


def test_the_whole_model_comes_first_then_the_largest() -> None:
    rows = table_rows(FOREIGN)
    assert rows[0]["kind"] == "base" and rows[0]["kld_mean"] is None
    sizes = [row["size_bytes"] for row in rows[1:]]
    assert sizes == sorted(sizes, reverse=True) and len(rows) == len(FOREIGN["outputs"]) + 1
    kinds = {row["label"]: row["kind"] for row in rows}
    assert kinds["paddock-guide.Q4_K_M"] == "foreign" and kinds["Q4_K_M"] == "made"
    assert [row["label"] for row in rows if row["recommended"]] == ["Q5_K_M"]
    assert {row["source_sha256"] for row in rows} == {FOREIGN["source_sha256"]}


def test_files_that_were_not_kept_are_rows_too() -> None:
    kinds = {row["kind"] for row in table_rows(TARGET)}
    assert "tried" in kinds and "made" in kinds
    bare = {**QUANTIZED, "recommendation": None}
    del bare["base"]
    assert advice(bare) is None
    assert {row["kind"] for row in table_rows(bare)} == {"made"}


def test_a_spreadsheet_reads_it() -> None:
    outputs = [{**QUANTIZED["outputs"][0], "label": "=1+1", "fallbacks": ["a.weight", "b.weight"]}]
    rows = list(csv.DictReader(io.StringIO(to_csv({**QUANTIZED, "outputs": outputs}))))
    assert tuple(rows[0]) == CSV_COLUMNS and len(rows) == 2
    made = rows[1]
    assert made["label"] == "'=1+1", "no formula comes of a stranger's name"
    assert float(made["kld_mean"]) == outputs[0]["kld_mean"]
    assert float(made["kld_low"]) < float(made["kld_mean"]) < float(made["kld_high"])
    assert made["fallbacks"] == "a.weight b.weight" and rows[0]["kld_mean"] == ""


def test_markdown_is_a_table_with_where_it_comes_from() -> None:
    text = to_markdown(FOREIGN)
    lines = text.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 1 + len(FOREIGN["outputs"])
    assert len({line.count("|") for line in table}) == 1
    assert "paddock-guide-F16.gguf (whole)" in table[2]
    assert "(not made here)" in text and "0.01780" in text and "92.40%" in text
    words = advice(FOREIGN)
    assert words is not None and words.startswith("Q5_K_M")
    assert "24 chunks of 512 tokens of evaluation.txt" in text and FOREIGN["source_sha256"] in text
    hostile = {**QUANTIZED, "source": "/x/<img src=x>|`a`.gguf"}
    assert "<img" not in to_markdown(hostile).replace("\\<img", "")


def test_less_is_said_of_what_was_not_measured() -> None:
    bare = {**QUANTIZED, "recommendation": None, "outputs": [
        {**each, "kld_mean": None, "kld_low": None, "fallbacks": ["x"]}
        for each in QUANTIZED["outputs"][:1]
    ]}  # fmt: skip
    del bare["base"]
    text = to_markdown(bare)
    assert "KLD" not in text and "1 tensor got another type" in text
