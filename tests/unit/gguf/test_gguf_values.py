"""A header's keys and values for those who want to see them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.header import Header, Skipped
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.values import MAX_CHARS, values_of
from tests.helpers.gguf_files import CHAT_TEMPLATE, tiny_llama


def header(**values: Any) -> Header:
    return Header(3, 32, values, (), 0, 0)


def test_the_values_of_a_file(tmp_path: Path) -> None:
    path = tiny_llama(name="Tiny").write(tmp_path / "tiny.gguf")
    with HeaderReader(None) as reader:
        values = reader.read_values(path)
        with pytest.raises(AppError) as raised:
            reader.read_values(tmp_path / "nothing.gguf")
    assert (values["general.architecture"], values["general.name"]) == ("llama", "Tiny")
    assert values["llama.context_length"] == 2048
    assert values["tokenizer.chat_template"] == CHAT_TEMPLATE
    assert values["tokenizer.ggml.tokens"] is None, "a vocabulary is not sent"
    assert raised.value.code is ErrorCode.PATH_NOT_FOUND


def test_long_and_odd_values_are_bounded() -> None:
    found = values_of(
        header(
            text="x" * 10_000,
            half="\ud800",
            skipped=Skipped(8, 5),
            list=(1, 2),
            long=tuple(range(65)),
            nan=float("nan"),
            yes=True,
        )
    )
    assert (len(found["text"]), found["half"]) == (500, "?")
    assert (found["skipped"], found["long"], found["nan"]) == (None, None, None)
    assert (found["list"], found["yes"]) == ([1, 2], True)
    many = values_of(header(**{f"key{number}": "\u65e5" * 500 for number in range(1000)}))
    assert 200 < len(many) < 300, "as many as one reply holds"
    assert len(json.dumps(many)) < 1 << 20 and MAX_CHARS * 6 < 1 << 20
