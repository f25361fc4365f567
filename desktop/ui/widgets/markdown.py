"""Markdown of a model as blocks that are safe to show: HTML of our own making, and code.

What a model writes is hostile: every character of it is escaped, its HTML is text, its images are
their description and address, and of its links only those to http and https are links. Text that
still grows is read again only from its last block on: an earlier one cannot change any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

# A block longer than this is shown as it is: some input makes any Markdown parser slow.
PLAIN_ABOVE_CHARS = 20_000
# Texts are joined until they are this long: one document to lay out again while it grows.
JOIN_CHARS = 3_000
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
    found: list[tuple[Part, int]] = []
    tokens = _parser().parse(source)
    begin = 0
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting <= 0:
            group = tokens[begin : index + 1]
            begin = index + 1
            line = group[0].map[0] if group[0].map else 0
            found.append((_part(group), line))
    return found


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


class Growing:
    """A text that is appended to, as parts. `settled` parts stay; the rest may change."""

    def __init__(self) -> None:
        self.settled: list[Part] = []
        self._tail = ""

    def append(self, text: str) -> list[Part]:
        """Read more; returns all parts now."""
        self._tail += text.replace("\r", "")
        blocks = parse(self._tail)
        if len(blocks) > 1:
            self.settled = joined([*self.settled, *(part for part, _ in blocks[:-1])])
            self._tail = "\n".join(self._tail.split("\n")[blocks[-1][1] :])
            blocks = blocks[-1:]
        elif len(self._tail) > PLAIN_ABOVE_CHARS:
            self.settled.append(_plain(self._tail))
            self._tail, blocks = "", []
        return joined([*self.settled, *(part for part, _ in blocks)])


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
