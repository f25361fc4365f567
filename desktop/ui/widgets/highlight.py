"""Code in colours of the theme: pygments says what a piece is, the chart series give the colour."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from PySide6.QtGui import QColor

from desktop.ui.theme.theme import Theme

# Longer code is shown in one colour: it is read in one go on the main thread.
MOST_CHARS = 20_000
# Kinds of pygments by the beginning of their name, the more special first → token or series number.
_COLOURS: tuple[tuple[str, str | int], ...] = (
    ("Token.Comment", "secondary"),
    ("Token.Keyword", 3),
    ("Token.Literal.String", 0),
    ("Token.Literal.Number", 2),
    ("Token.Name.Function", 1),
    ("Token.Name.Class", 1),
    ("Token.Name.Builtin", 4),
    ("Token.Name.Decorator", 5),
    ("Token.Name.Tag", 3),
    ("Token.Name.Attribute", 4),
    ("Token.Operator.Word", 3),
    ("Token.Generic.Deleted", "error"),
    ("Token.Generic.Inserted", 0),
    ("Token.Generic.Heading", 1),
)


@lru_cache(maxsize=128)
def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=256)
def _colour_name(kind: str) -> str | int | None:
    return next((colour for start, colour in _COLOURS if kind.startswith(start)), None)


def runs(theme: Theme, language: str, code: str) -> list[tuple[int, int, QColor]]:
    """What of the code is coloured: beginning, length and colour; nothing for unknown languages."""
    lexer = _lexer(language.lower()) if language and len(code) <= MOST_CHARS else None
    if lexer is None:
        return []
    found: list[tuple[int, int, QColor]] = []
    for start, kind, text in lexer.get_tokens_unprocessed(code):
        name = _colour_name(str(kind))
        if name is None or not text.strip():
            continue
        colour = theme.tokens.series[name] if isinstance(name, int) else None
        found.append((start, len(text), QColor(colour) if colour else theme.colour(str(name))))
    return found
