"""Markdown of a model: shown right, whatever it is, and never active."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QTextDocument
from pytestqt.qtbot import QtBot

from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.markdown import (
    LIST_ABOVE_CHARS,
    PLAIN_ABOVE_CHARS,
    CodePart,
    Growing,
    Part,
    TextPart,
    is_web_address,
    joined,
    parse,
    sound,
)
from desktop.ui.widgets.richtext import CodeView, MarkdownView, TextView

PIECES = [
    "# Heading\n",
    "plain words ",
    "**bold",
    "*",
    "_",
    "`code",
    "```python\nprint('x')\n",
    "```\n",
    "~~~",
    "- item\n",
    "  1. deep\n",
    "> quote\n",
    "| a | b |\n|---|--:|\n| 1 | 2 |\n",
    "|",
    "[link](https://example.org)",
    "[bad](javascript:alert(1))",
    "[file](file:///etc/passwd)",
    "[half](http://",
    "![pic](http://example.org/x.png)",
    "![pic](file:///etc/passwd)",
    "![](data:image/png;base64,AAAA)",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="file:///etc">x</a>',
    "<iframe src='http://example.org'>",
    "<style>* {background: url(http://example.org)}</style>",
    '"><b',
    "&lt;script&gt;",
    "&#60;img&#62;",
    "[ref]: file:///etc/passwd 'x'\n",
    "[ref]",
    "<http://example.org>",
    "<file:///etc/passwd>",
    "\0",
    "\ud800",
    "\u2028",
    "\u202e",
    "\r",
    "\n\n",
    "---\n",
    "\\",
    "日本語の**太字**です。",
    "🐎",
    "    indented\n",
    "\t",
]
hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=25).map("".join)


def html_of(source: str) -> str:
    growing = Growing()
    growing.append(sound(source))
    return "".join(part.html for part in growing.parts if isinstance(part, TextPart))


def assert_inert(html: str) -> None:
    low = html.lower()
    for tag in ("<script", "<img", "<iframe", "<style", "<link", "<object", "<input", "<form"):
        assert tag not in low
    assert 'href="file' not in low
    assert 'href="javascript' not in low
    assert 'href="data' not in low
    for link in low.split('href="')[1:]:
        assert link.startswith(("http://", "https://"))


@given(hostile)
@settings(max_examples=150, deadline=None)
def test_every_prefix_is_inert(source: str) -> None:
    for end in range(0, len(source) + 1, max(1, len(source) // 12)):
        assert_inert(html_of(source[:end]))


@given(hostile, st.integers(1, 9))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_growing_view_takes_anything(qtbot: QtBot, theme: Theme, source: str, step: int) -> None:
    view = MarkdownView(theme)
    for start in range(0, len(source), step * 7):
        view.append(source[start : start + step * 7])
    assert view.source == source
    view.deleteLater()


DOCUMENT = """# Title

Some *words* and `code`.

- one
- two

```python
def f():
    return 1
```

| a | b |
|---|---|
| 1 | 2 |

> quoted

The end."""


def grown(source: str, step: int) -> list[Part]:
    """A text read piece by piece."""
    growing = Growing()
    parts: list[Part] = []
    for start in range(0, len(source), step):
        first = growing.append(source[start : start + step])
        assert growing.parts[:first] == parts[:first], "what is settled stays"
        parts = growing.parts
    return parts


@pytest.mark.parametrize("step", [1, 3, 17])
def test_growing_ends_as_if_read_at_once(step: int) -> None:
    parts = grown(DOCUMENT, step)
    assert parts == grown(DOCUMENT, len(DOCUMENT))
    assert parts == joined([part for part, _ in parse(DOCUMENT)])
    assert CodePart("python", "def f():\n    return 1") in parts


FENCES = ["```", "````", "~~~", "``", "` ", "   ```", "    ```", "\t```", "```py", "~~~ a`b"]
code_like = st.lists(
    st.sampled_from([*FENCES, "\n", "\n", "x = 1", "  y", "", " ", "- item", "> ", "text"]),
    max_size=14,
).map("".join)


@given(code_like, st.integers(1, 5))
@settings(max_examples=400, deadline=None)
def test_code_blocks_grow_as_if_read_at_once(source: str, step: int) -> None:
    def code(parts: list[Part]) -> list[CodePart]:
        return [part for part in parts if isinstance(part, CodePart)]

    # Whole lines: the beginning of a line that may close a block is not shown as code.
    source += "\n"
    assert code(grown(source, step)) == code([part for part, _ in parse(source)])


def test_a_long_code_block_stays_one_and_what_follows_is_text() -> None:
    body = "\n".join(f"value_{n} = {n}" for n in range(4000))
    source = f"Before\n\n```python\n{body}\n```\nAfter **all**"
    assert len(body) > 2 * PLAIN_ABOVE_CHARS
    parts = grown(source, 1000)
    assert parts[1] == CodePart("python", body)
    assert parts[2] == TextPart("<p>After <b>all</b></p>")


def _count_reading(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    read: list[int] = []

    def counting(source: str, real: Callable[[str], object] = parse) -> object:
        read.append(len(source))
        return real(source)

    monkeypatch.setattr("desktop.ui.widgets.markdown.parse", counting)
    return read


def test_only_the_last_block_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read = _count_reading(monkeypatch)
    growing = Growing()
    for number in range(200):
        growing.append(f"Paragraph {number}.\n\n")
    assert max(read) < 100


def test_of_a_long_list_only_the_last_item_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read = _count_reading(monkeypatch)
    growing = Growing()
    for number in range(1, 1001):
        growing.append(f"{number}. Item **{number}** of the list\n")
    html = "".join(part.html for part in growing.parts if isinstance(part, TextPart))
    assert html.count("<li>") == 1000
    assert max(read) < LIST_ABOVE_CHARS + 100
    starts = re.findall(r'<ol start="(\d+)">', html)
    before = re.split(r'<ol start="\d+">', html)
    counted = [piece.count("<li>") for piece in itertools.accumulate(before)]
    assert [int(start) - 1 for start in starts] == counted[:-1], "the numbers go on"


def test_what_is_written_is_shown() -> None:
    html = html_of(
        "**b** *i* `c` [x](https://example.org) ![alt](https://example.org/p.png) <b>raw</b>"
    )
    assert "<b>b</b>" in html
    assert "<i>i</i>" in html
    assert "<code>c</code>" in html
    assert '<a href="https://example.org">x</a>' in html
    assert "alt (https://example.org/p.png)" in html
    assert "&lt;b&gt;raw&lt;/b&gt;" in html


def test_a_huge_block_is_shown_as_it_is() -> None:
    source = "[" * (PLAIN_ABOVE_CHARS + 1)
    assert parse(source) == [(TextPart(f"<p>{source}</p>"), 0)]


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://example.org/a", True),
        ("HTTP://example.org", True),
        ("https://", False),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
        ("//example.org", False),
        ("http://[", False),
    ],
)
def test_links_that_may_be_followed(address: str, good: bool) -> None:
    assert is_web_address(address) is good


def test_a_click_opens_only_the_web(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    view = TextView(theme)
    qtbot.addWidget(view)
    view.set_html('<p><a href="https://example.org/">open</a></p>')
    view.resize(200, 50)
    view.show()
    place = view.cursorRect().center()
    place.setX(8)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    view.anchorClicked.emit(QUrl("file:///etc/passwd"))
    assert set(opened) == {"https://example.org/"}


def test_nothing_is_loaded(qtbot: QtBot, theme: Theme) -> None:
    view = TextView(theme)
    qtbot.addWidget(view)
    kind = QTextDocument.ResourceType.ImageResource.value
    assert view.loadResource(kind, QUrl("file:///etc/passwd")) is None


def test_code_has_its_language_and_colours(qtbot: QtBot, theme: Theme) -> None:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    view.heightForWidth(400)  # as a layout asks
    view.look(0, 300)
    view.set_source("Look:\n\n```python\nx = 'horse 🐎'  # neigh\nreturn x\n```\n")
    code = view.findChild(CodeView)
    assert code is not None
    text = code.findChild(type(code._text))
    assert text is not None
    assert text.toPlainText() == "x = 'horse 🐎'  # neigh\nreturn x"
    cursor = text.textCursor()
    cursor.setPosition(text.toPlainText().index("return") + 3)  # one wide letter before it
    assert cursor.charFormat().foreground().color().name().upper() == theme.tokens.series[3]


def test_a_long_text_is_read_in_slices_and_only_what_is_seen_is_built(
    qtbot: QtBot, theme: Theme
) -> None:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    source = "".join(f"Paragraph {n}.\n\n" for n in range(3000))
    view.heightForWidth(400)  # as a layout asks
    view.look(0, 300)
    with qtbot.waitSignal(view.settled, timeout=20_000):
        view.set_source(source)
    height = view.heightForWidth(400)
    assert height > 20_000
    assert len(view.findChildren(TextView)) < view.count / 2

    def texts(top: int) -> list[str]:
        view.look(top, top + 300)
        return [each.toPlainText() for each in view.widgets() if isinstance(each, TextView)]

    assert texts(0)[0].startswith("Paragraph 0.")
    # Heights that were estimates are known when one is there: the end moves.
    qtbot.waitUntil(
        lambda: texts(view.heightForWidth(400) - 300)[-1].strip().endswith("Paragraph 2999.")
    )
    assert not any(
        text.startswith("Paragraph 0.") for text in texts(view.heightForWidth(400) - 300)
    )
