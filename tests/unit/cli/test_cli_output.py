"""The sink: what goes where in each mode."""

from __future__ import annotations

import io
import json

import pytest

from desktop.cli.output import Mode, Output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def sink(
    mode: Mode, terminal: bool = False, **environ: str
) -> tuple[Output, io.StringIO, io.StringIO]:
    out = Terminal() if terminal else io.StringIO()
    err = Terminal() if terminal else io.StringIO()
    return Output(mode, out, err, environ), out, err


def everything(out: Output) -> None:
    out.line("a line")
    out.write("a piece")
    out.note("a note")
    out.aside("a thought")
    with out.progress() as show:
        show({"what": "work", "done": 1, "total": 2, "unit": "steps"})
    out.result({"answer": 1}, lambda: out.line("for people"))


def test_json_prints_one_document_and_nothing_else_on_stdout() -> None:
    sunk, out, err = sink(Mode.JSON)
    everything(sunk)
    assert json.loads(out.getvalue()) == {"answer": 1}
    assert "a note" in err.getvalue()


def test_human_prints_results_on_stdout_and_the_rest_on_stderr() -> None:
    sunk, out, err = sink(Mode.HUMAN)
    everything(sunk)
    assert out.getvalue() == "a line\na piecefor people\n"
    assert err.getvalue() == "a note\na thoughtwork: 50 %\n"


def test_quiet_prints_the_result_alone() -> None:
    sunk, out, err = sink(Mode.QUIET)
    everything(sunk)
    assert out.getvalue() == "a line\na piecefor people\n"
    assert err.getvalue() == ""


def test_names_that_are_no_valid_text_survive_in_json() -> None:
    sunk, out, _ = sink(Mode.JSON)
    sunk.result({"path": "/models/\udcff.gguf"})
    assert out.getvalue().isascii()
    assert json.loads(out.getvalue()) == {"path": "/models/\udcff.gguf"}


def test_a_table_is_aligned_by_width_not_by_count() -> None:
    sunk, out, _ = sink(Mode.HUMAN)
    sunk.table(("NAME", ">SIZE"), [("日本語", "5"), ("abcdef", "10")])
    assert out.getvalue().splitlines() == ["NAME    SIZE", "日本語     5", "abcdef    10"]


def test_a_table_in_a_pipe_is_neither_cut_nor_wrapped_and_takes_brackets_as_they_are() -> None:
    sunk, out, _ = sink(Mode.HUMAN)
    sunk.table(("NAME", "NOTE"), [("x" * 300, "[bold]" + "y" * 300)])
    assert out.getvalue().splitlines()[1] == "x" * 300 + "  [bold]" + "y" * 300


def test_a_quiet_table_is_its_first_column() -> None:
    sunk, out, _ = sink(Mode.QUIET)
    sunk.table(("NAME", "SIZE"), [("a", 1), ("b", 2)])
    assert out.getvalue() == "a\nb\n"


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(environ: dict[str, str], coloured: bool) -> None:
    sunk, out, err = sink(Mode.HUMAN, terminal=True, **environ)
    sunk.aside("hm")
    sunk.table(("NAME",), [("a",)])
    assert ("\x1b[2m" in err.getvalue()) is coloured
    assert "\x1b[3" not in out.getvalue() or coloured


def test_a_models_text_cannot_drive_the_terminal() -> None:
    sunk, out, _ = sink(Mode.HUMAN, terminal=True)
    sunk.write("ok\x1b[2Jgone\a\n\tend")
    assert out.getvalue() == "ok[2Jgone\n\tend"


def test_progress_in_a_log_is_a_line_a_step_and_a_line_a_quarter() -> None:
    sunk, _, err = sink(Mode.HUMAN)
    with sunk.progress() as show:
        for done in range(101):
            show({"what": "loading", "done": done, "total": 100, "unit": "steps"})
        show({"what": "warming up", "done": 0, "total": None})
        show({"what": "warming up", "done": 0, "total": None})
    assert err.getvalue().splitlines() == [
        "loading",
        "loading: 25 %",
        "loading: 50 %",
        "loading: 75 %",
        "loading: 100 %",
        "warming up",
    ]


def test_progress_on_a_terminal_is_a_bar_that_goes_away() -> None:
    sunk, out, err = sink(Mode.HUMAN, terminal=True, TERM="xterm")
    with sunk.progress() as show:
        assert err.getvalue() == ""
        show({"what": "loading", "done": 1 << 30, "total": 2 << 30, "unit": "bytes"})
        sunk.note("[by the way]")
    sunk.note("after it")
    assert "loading" in err.getvalue()
    assert "1.00/2.00 GiB" in err.getvalue()
    assert "[by the way]\n" in err.getvalue()
    assert err.getvalue().endswith("after it\n")
    assert out.getvalue() == ""


def test_a_notice_is_told_once_even_when_quiet() -> None:
    sunk, _, err = sink(Mode.QUIET)
    sunk.once("The settings were damaged.")
    sunk.once("The settings were damaged.")
    assert err.getvalue() == "paddock: The settings were damaged.\n"
