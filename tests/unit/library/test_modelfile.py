"""Modelfiles: read as Ollama reads them, written so that they are read the same."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.modelfile import WORDS, Command, format_modelfile, parse, quoted

# The cases of Ollama's own parser tests (parser/parser_test.go), in our words.
EXAMPLE = '''# a comment
FROM llama3.2:3b
ADAPTER ./adapter.gguf
LICENSE MIT

PARAMETER temperature 0.7
parameter stop "<|end|>"
Parameter   stop   </s>
TEMPLATE """{{ .System }}
  {{ .Prompt }} """
SYSTEM You are "Mario".
   # another one
MESSAGE user Hi there
MESSAGE assistant """It is
me."""
'''


def values(text: str | bytes) -> list[tuple[str, str, str]]:
    return [(command.word, command.name, command.value) for command in parse(text)]


def refused(text: str | bytes) -> tuple[int, str]:
    with pytest.raises(AppError) as caught:
        parse(text)
    assert caught.value.code is ErrorCode.MODELFILE_INVALID
    return caught.value.params["line"], caught.value.params["reason"]


def test_every_command_is_read() -> None:
    assert values(EXAMPLE) == [
        ("from", "", "llama3.2:3b"),
        ("adapter", "", "./adapter.gguf"),
        ("license", "", "MIT"),
        ("parameter", "temperature", "0.7"),
        ("parameter", "stop", "<|end|>"),
        ("parameter", "stop", "</s>"),
        ("template", "", "{{ .System }}\n  {{ .Prompt }} "),
        ("system", "", 'You are "Mario".'),
        ("message", "user", "Hi there"),
        ("message", "assistant", "It is\nme."),
    ]
    assert [command.line for command in parse(EXAMPLE)] == [2, 3, 4, 6, 7, 8, 9, 11, 13, 14]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("  with blanks \t", "with blanks"),
        ('"quoted"', "quoted"),
        ('" kept "', " kept "),
        ('""', ""),
        ('""""""', ""),
        ('"""three"""', "three"),
        ('"""say "hi" """', 'say "hi" '),
        ('"""say "hi""""', 'say "hi"'),
        ('"two\nlines"', "two\nlines"),
        ('"""two\nlines"""', "two\nlines"),
        ('"""\nfirst empty\n"""', "\nfirst empty\n"),
        ('"""a\n# no comment\nFROM x"""', "a\n# no comment\nFROM x"),
        ('"a "b" c"', 'a "b" c'),
        ('"a" b\nc"', 'a" b\nc'),
        ('"""a"b\nc"""   \t', 'a"b\nc'),
        ("a # no comment", "a # no comment"),
        ('say "hi"', 'say "hi"'),
        ('"""mixed\r\nends"""', "mixed\r\nends"),
        ("日本\u3000語 👩\u200d💻", "日本\u3000語 👩\u200d💻"),
        ("", ""),
        ('"""\n', None),
        ('"open', None),
        ('"""open"', None),
        ('"', None),
    ],
)
def test_values_end_where_ollama_ends_them(text: str, value: str | None) -> None:
    whole = f"FROM x\nSYSTEM {text}\n"
    if value is None:
        line, reason = refused(whole)
        assert line == 2 and "never closed" in reason
    else:
        assert values(whole) == [("from", "", "x"), ("system", "", value)]


@pytest.mark.parametrize(
    "text",
    [
        "FROM x",
        "from x\n",
        "\ufeffFROM x\n",
        b"\xef\xbb\xbfFROM x\n",
        "FROM x\n".encode("utf-16"),
        "FROM x\r\n",
        "\r\n\n  FROM\tx  \r\n# end",
        '  FROM "x"\n',
    ],
)
def test_ends_of_lines_marks_and_blanks_do_not_matter(text: str | bytes) -> None:
    assert values(text) == [("from", "", "x")]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "no FROM"),
        ("# nothing\n\n", 3, "no FROM"),
        ("SYSTEM hi\n", 2, "no FROM"),
        ("FROM x\nEMBED y\n", 2, "no command"),
        ("FROM x\n\n\nWHAT\n", 4, "no command"),
        ("FROM x\r\nWHAT is\r\n", 2, "no command"),
        ("FROM x\nSYSTEM: hi\n", 2, "no command"),
        ("FROM x\n{\n", 2, "no command"),
        ("FROM\n", 1, "no value"),
        ("FROM", 1, "no value"),
        ("FROM   \n", 1, "no value"),
        ('FROM ""\n', 1, "no value"),
        ("FROM x\nPARAMETER\n", 2, "no value"),
        ("FROM x\nPARAMETER temperature\n", 2, "a name and a value"),
        ("FROM x\nPARAMETER top-k 1\n", 2, "a name and a value"),
        ("FROM x\nMESSAGE robot hi\n", 2, "role"),
        ("FROM x\nMESSAGE user: hi\n", 2, "role"),
        (b"FROM x\nSYSTEM \xff\n", 2, "UTF-8"),
        (b"FROM " + b"x" * (4 << 20), 1, "bytes"),
        ("FROM x\n" * 10_002, 10_001, "commands"),
    ],
)
def test_a_broken_line_is_named(text: str | bytes, line: int, said: str) -> None:
    assert refused(text)[0] == line and said in refused(text)[1]


def test_a_strangers_line_cannot_drive_the_terminal() -> None:
    _, reason = refused("FROM x\n\x1b[31mred" + "x" * 1000)
    assert "\x1b" not in reason and len(reason) < 300


@pytest.mark.parametrize(
    "text", ['FROM x\nSYSTEM "' + "a\n" * 1_000_000, "FROM x\n" + "\n" * 3_000_000 + "?"]
)
def test_a_long_file_is_read_in_a_moment(text: str) -> None:
    begun = time.monotonic()
    refused(text)
    assert time.monotonic() - begun < 20  # minutes, were each line looked at anew with all before


# --- writing

_TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
_QUOTES = st.lists(
    st.sampled_from(['"', '""', '"""', "\n", "\r", "\r\n", " ", "a", "\t", "#", "\xa0"])
)
_VALUES = st.one_of(_TEXTS, _QUOTES.map("".join))


@settings(max_examples=600)
@given(_VALUES)
def test_what_is_written_is_read_the_same(value: str) -> None:
    try:
        text = quoted(value)
    except AppError as error:
        assert error.code is ErrorCode.MODELFILE_UNUSABLE
        lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert any(line.rstrip().endswith('"""') or '"""' in line for line in lines[:-1])
        return
    assert values(f"FROM x\nSYSTEM {text}\nLICENSE y\n") == [
        ("from", "", "x"),
        ("system", "", value),
        ("license", "", "y"),
    ]


_COMMANDS = st.lists(
    st.one_of(
        st.builds(
            Command,
            st.sampled_from(
                [word for word in WORDS if len(word) > 4 and word not in ("parameter", "message")]
            ),
            _TEXTS,
        ),
        st.builds(
            Command, st.just("parameter"), _TEXTS, st.from_regex(r"[a-z0-9_]{1,20}", fullmatch=True)
        ),
        st.builds(
            Command, st.just("message"), _TEXTS, st.sampled_from(["system", "user", "assistant"])
        ),
    ),
    max_size=8,
)


@given(_COMMANDS, st.lists(_TEXTS, max_size=2))
def test_a_whole_file_comes_back(commands: list[Command], comments: list[str]) -> None:
    whole = [Command("from", "model.gguf"), *commands]
    try:
        text = format_modelfile(whole, comments)
    except AppError:
        return
    assert values(text) == [(each.word, each.name, each.value) for each in whole]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_its_line(text: str) -> None:
    try:
        assert parse(text)
    except AppError as error:
        assert error.code is ErrorCode.MODELFILE_INVALID
        assert 1 <= error.params["line"] <= text.count("\n") + text.count("\r") + 1


def test_few_quotation_marks_are_used() -> None:
    assert quoted("plain words") == "plain words"
    assert quoted("") == '""'
    assert quoted(" x") == '" x"'
    assert quoted("a\nb") == '"a\nb"'
    assert quoted('a "b"\nc') == '"""a "b"\nc"""'
    assert quoted('"a" b') == '""""a" b"""'
