"""Markdown of a model as blocks that are safe to show: HTML of our own making, and code.

What a model writes is hostile: every character of it is escaped, its HTML is text, its images are
their description and address, and of its links only those to http and https are links. Text that
still grows is read again only from its last block on: an earlier one cannot change any more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

# A block longer than this is shown as it is: some input makes any Markdown parser slow.
PLAIN_ABOVE_CHARS = 20_000
# Of a list longer than this, all items but the last are settled while it grows.
LIST_ABOVE_CHARS = 4_000
# Texts are joined until they are this long: one document to lay out again while it grows.
JOIN_CHARS = 1_500
_LINK_SCHEMES = ("http", "https")
_TAGS = {
    "strong_open": "<b>",
    "strong_close": "</b>",
    "em_open": "<i>",
    "em_close": "</i>",
    "s_open": "<s>",
    "s_close": "</s>",
    "softbreak": "<br/>",
    "hardbreak": "<br/>",
    "blockquote_open": "<blockquote>",
    "blockquote_close": "</blockquote>",
    "bullet_list_open": "<ul>",
    "bullet_list_close": "</ul>",
    "ordered_list_close": "</ol>",
    "list_item_open": "<li>",
    "list_item_close": "</li>",
    "table_open": '<table border="1" cellspacing="0" cellpadding="6">',
    "table_close": "</table>",
    "thead_open": "<thead>",
    "thead_close": "</thead>",
    "tbody_open": "<tbody>",
    "tbody_close": "</tbody>",
    "tr_open": "<tr>",
    "tr_close": "</tr>",
    "th_close": "</th>",
    "td_close": "</td>",
    "hr": "<hr/>",
}


@dataclass(frozen=True)
class TextPart:
    """Some blocks of text as HTML."""

    html: str


@dataclass(frozen=True)
class CodePart:
    """A code block. `language` is what the fence says, and may be anything."""

    language: str
    code: str


Part = TextPart | CodePart


def sound(text: str) -> str:
    """The text without what Qt cannot take: half characters and NULs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\ufffd")


def is_web_address(address: str) -> bool:
    """Whether a link may be followed: http or https, with a host."""
    try:
        parts = urlsplit(address)
        return parts.scheme.lower() in _LINK_SCHEMES and bool(parts.hostname)
    except ValueError:
        return False


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def parse(source: str) -> list[tuple[Part, int]]:
    """The top-level blocks of a text, each with the line it begins at."""
    if len(source) > PLAIN_ABOVE_CHARS:
        return [(_plain(source), 0)]
    return [(_part(group), _line_of(group[0])) for group in _groups(source)]


def _groups(source: str) -> list[list[Token]]:
    """The tokens of each top-level block."""
    found: list[list[Token]] = []
    tokens = _parser().parse(source)
    begin = 0
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting <= 0:
            found.append(tokens[begin : index + 1])
            begin = index + 1
    return found


def _line_of(token: Token) -> int:
    return token.map[0] if token.map else 0


def last_item(source: str) -> int:
    """The line at which the last item of the list begins that a text begins with; 0: no list."""
    groups = _groups(source)
    items = [t for t in groups[0] if t.type == "list_item_open" and t.level == 1] if groups else []
    return _line_of(items[-1]) if items else 0


def joined(parts: Sequence[Part]) -> list[Part]:
    """Neighbouring texts as one, up to JOIN_CHARS."""
    result: list[Part] = []
    for part in parts:
        last = result[-1] if result else None
        if (
            isinstance(part, TextPart)
            and isinstance(last, TextPart)
            and len(last.html) < JOIN_CHARS
        ):
            result[-1] = TextPart(last.html + part.html)
        else:
            result.append(part)
    return result


class _Fence:
    """A code block that is not closed yet: whole lines are taken, none is read twice."""

    def __init__(self, marker: str, info: str) -> None:
        words = info.split()
        self.language = words[0][:40] if words else ""
        # CommonMark 0.31, 4.5: closed by as many of the same marker, alone on a line
        self._closing = re.compile(rf" {{0,3}}{marker[0]}{{{len(marker)},}}[ \t]*")
        self._may_close = re.compile(rf" {{0,3}}{marker[0]}*[ \t]*")
        self._whole: str | None = None
        self._lines: list[str] = []

    def take(self, text: str) -> tuple[bool, str]:
        """Take whole lines of a text; whether it is closed now, and what is left."""
        *lines, rest = text.split("\n")
        for index, line in enumerate(lines):
            if self._closing.fullmatch(line):
                return True, "\n".join([*lines[index + 1 :], rest])
            self._lines.append(line)
        return False, rest

    def part(self, rest: str) -> CodePart:
        """The code so far; the beginning of a line that may close it is left out."""
        if self._lines:
            before = [] if self._whole is None else [self._whole]
            self._whole = "\n".join([*before, *self._lines])
            self._lines = []
        lines = [] if self._whole is None else [self._whole]
        if rest and not self._may_close.fullmatch(rest):
            lines.append(rest)
        return CodePart(self.language, "\n".join(lines))


# A fence at the margin; one that is indented, or in a list, is read like everything else.
_OPENING = re.compile(r"(`{3,})([^`\n]*)\n|(~{3,})([^\n]*)\n")


class Growing:
    """A text that is appended to, as parts. What cannot change any more is settled; the rest is
    read again: the last block, of a long list its last item, and of a code block nothing."""

    def __init__(self) -> None:
        self._settled: list[Part] = []
        self._open: Part | None = None
        self._tail = ""
        self._fence: _Fence | None = None

    @property
    def parts(self) -> list[Part]:
        """All of it now."""
        if self._open is None:
            return list(self._settled)
        return [*self._settled[:-1], *joined([*self._settled[-1:], self._open])]

    def append(self, text: str) -> int:
        """Read more; returns the index of the first part that may be another now."""
        first = max(0, len(self._settled) - 1)
        self._tail += text.replace("\r", "")
        while self._advance():
            pass
        return first

    def _advance(self) -> bool:
        """Settle what can be; whether there may be more to settle."""
        if self._fence is not None:
            closed, self._tail = self._fence.take(self._tail)
            self._open = self._fence.part("" if closed else self._tail)
            if closed:
                self._fence = None
                self._settle(self._open)
            return closed
        blocks = parse(self._tail)
        if len(blocks) > 1:
            self._settle(*(part for part, _ in blocks[:-1]))
            self._tail = _from_line(self._tail, blocks[-1][1])
        opening = _OPENING.match(self._tail)
        if opening is not None:
            self._fence = _Fence(opening[1] or opening[3], opening[2] or opening[4] or "")
            self._tail = self._tail[opening.end() :]
            return True
        if len(self._tail) > PLAIN_ABOVE_CHARS:
            self._settle(_plain(self._tail))
            self._tail, self._open = "", None
        elif len(self._tail) > LIST_ABOVE_CHARS and (line := last_item(self._tail)):
            rest = _from_line(self._tail, line)
            self._settle(*(part for part, _ in parse(self._tail[: -len(rest)])))
            self._tail = rest
            self._open = parse(rest)[0][0]
        else:
            self._open = blocks[-1][0] if blocks else None
        return False

    def _settle(self, *parts: Part) -> None:
        self._settled[-1:] = joined([*self._settled[-1:], *parts])
        self._open = None


def _from_line(text: str, line: int) -> str:
    return "\n".join(text.split("\n")[line:])


def _plain(source: str) -> TextPart:
    return TextPart(f"<p>{escape(source).replace(chr(10), '<br/>')}</p>")


def _part(group: Sequence[Token]) -> Part:
    first = group[0]
    if first.type == "fence":
        words = first.info.split()
        return CodePart(words[0][:40] if words else "", first.content.removesuffix("\n"))
    if first.type == "code_block":
        return CodePart("", first.content.removesuffix("\n"))
    return TextPart("".join(_block(token) for token in group))


def _block(token: Token) -> str:
    kind = token.type
    if kind == "inline":
        return _line(token.children or ())
    if kind in ("paragraph_open", "paragraph_close"):
        if token.hidden:  # in a tight list
            return ""
        return "<p>" if kind == "paragraph_open" else "</p>"
    if kind in ("heading_open", "heading_close"):
        slash = "/" if kind == "heading_close" else ""
        return f"<{slash}{token.tag}>" if token.tag in ("h1", "h2", "h3") else f"<{slash}h4>"
    if kind == "ordered_list_open":
        start = token.attrGet("start")
        return f'<ol start="{start}">' if isinstance(start, int) and start < 10**9 else "<ol>"
    if kind in ("th_open", "td_open"):
        style = str(token.attrGet("style") or "")
        side = next((side for side in ("right", "center") if style.endswith(side)), "left")
        return f'<{token.tag[:2]} align="{side}">'
    if kind in ("fence", "code_block"):
        return f"<pre>{escape(token.content)}</pre>"
    return _TAGS.get(kind) or escape(token.content)


def _line(tokens: Sequence[Token]) -> str:
    html: list[str] = []
    open_links: list[str] = []  # what closes each
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrGet("href") or "")
            followed = is_web_address(address)
            html.append(f'<a href="{escape(address)}">' if followed else "<u>")
            open_links.append("</a>" if followed else f"</u> ({escape(address)})")
        elif token.type == "link_close":
            html.append(open_links.pop() if open_links else "")
        else:
            html.append(_inline(token))
    return "".join(html)


def _inline(token: Token) -> str:
    if token.type == "code_inline":
        return f"<code>{escape(token.content)}</code>"
    if token.type == "image":
        address = str(token.attrGet("src") or "")
        words = f"{token.content} ({address})" if token.content else address
        return f"<i>{escape(words)}</i>"
    return _TAGS.get(token.type) or escape(token.content)
