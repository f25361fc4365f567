"""Modelfiles: how Ollama writes down a model made from another one.

Source of the syntax: `parser/parser.go` of ollama/ollama. A command is a word, a blank and a value;
words are not case-sensitive. A value ends with its line unless it begins with a quotation mark
(or three): then it ends with the next line that ends with the same. Nothing is escaped inside.
`#` begins a comment where a command could begin.

One thing is done otherwise: Ollama drops every character that Go does not call printable, an
ideographic space and the joiner inside an emoji among them. Here all of a text is kept.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean

MAX_BYTES = 4 << 20
MAX_COMMANDS = 10_000
WORDS = (
    *("from", "parameter", "template", "system", "adapter", "message", "license"),
    *("draft", "renderer", "parser", "requires"),
)
ROLES = ("system", "user", "assistant")
_BLANKS = " \t"
_NEWLINES = "\r\n"
# What `strings.TrimSpace` of Go takes away.
_SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_MARKS = ('"""', '"')
_WORD = re.compile(r"[A-Za-z]+")
_NAME = re.compile(r"[A-Za-z0-9_]+")
_LINE = re.compile(r"[^\r\n]*")


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        word: in small letters, one of `WORDS`.
        name: of a parameter, or the role of a message; else empty.
        line: where it begins, from 1; 0 where it comes from no file.
    """

    word: str
    value: str
    name: str = ""
    line: int = 0


def parse(text: str | bytes) -> tuple[Command, ...]:
    """The commands of a Modelfile, in order.

    Raises:
        AppError: MODELFILE_INVALID with the line, also where there is no FROM.
    """
    return _Parser(decoded(text)).commands()


def decoded(text: str | bytes) -> str:
    """The text of a Modelfile's bytes, in UTF-8 or with a mark of UTF-16.

    Raises:
        AppError: MODELFILE_INVALID.
    """
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES:
        _fail(1, f"It has more than {MAX_BYTES:,} bytes.")
    try:
        wide = text.startswith((b"\xff\xfe", b"\xfe\xff"))
        return text.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        _fail(line, "It is no text in UTF-8.", error)


def _fail(line: int, reason: str, cause: Exception | None = None) -> NoReturn:
    raise AppError(ErrorCode.MODELFILE_INVALID, line=line, reason=reason) from cause


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1

    def commands(self) -> tuple[Command, ...]:
        found: list[Command] = []
        while self._skip():
            found.append(self._command())
            if len(found) > MAX_COMMANDS:
                _fail(self._line, f"It has more than {MAX_COMMANDS:,} commands.")
        if not any(command.word == "from" for command in found):
            _fail(self._line, "There is no FROM line, which says what the model is made of.")
        return tuple(found)

    # --- moving on

    @property
    def ended(self) -> bool:
        return self._at >= len(self._text)

    def _newline(self) -> None:
        """Over one end of a line: a return and a line feed together are one."""
        two = self._text.startswith("\r\n", self._at)
        self._at += 2 if two else 1
        self._line += 1

    def _skip(self) -> bool:
        """Over blanks, empty lines and comments; whether a command follows."""
        while not self.ended:
            letter = self._text[self._at]
            if letter in _NEWLINES:
                self._newline()
            elif letter == "#":
                self._rest_of_line()
            elif letter in _BLANKS:
                self._at += 1
            else:
                return True
        return False

    def _rest_of_line(self) -> str:
        """The text up to the end of the line, which stays ahead."""
        match = _LINE.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return match[0]

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return match[0] if match else ""

    def _blanks(self) -> bool:
        start = self._at
        while not self.ended and self._text[self._at] in _BLANKS:
            self._at += 1
        return self._at > start

    # --- one command

    def _command(self) -> Command:
        line = self._line
        word = self._take(_WORD)
        if word.lower() not in WORDS or not self._ends_here():
            shown = clean(word + self._rest_of_line(), 60)
            known = ", ".join(each.upper() for each in WORDS)
            _fail(line, f"“{shown}” begins with no command. Known are {known}.")
        word = word.lower()
        if not self._blanks():
            _fail(line, f"{word.upper()} has no value.")
        name = self._name(word, line)
        value = self.value(line)
        if word == "from" and not value:
            _fail(line, "FROM has no value.")
        return Command(word, value, name, line)

    def _ends_here(self) -> bool:
        return self.ended or self._text[self._at] in _BLANKS + _NEWLINES

    def _name(self, word: str, line: int) -> str:
        if word == "parameter":
            name = self._take(_NAME)
            if not name or not self._blanks():
                _fail(line, "PARAMETER is followed by a name and a value.")
            return name.lower()
        if word == "message":
            role = self._take(_WORD).lower()
            if role not in ROLES or not self._ends_here():
                _fail(line, f"MESSAGE is followed by a role, one of {', '.join(ROLES)}.")
            self._blanks()
            return role
        return ""

    def value(self, line: int) -> str:
        """The value from here on, over as many lines as its quotation marks ask for."""
        first = self._rest_of_line()
        plain = first.strip(_SPACES)
        mark = next((each for each in _MARKS if plain.startswith(each)), None)
        if mark is None:
            return plain
        start = self._at - len(first) + first.index(mark)
        begins = start
        while True:
            # What TrimSpace leaves of all of it ends where this line's last letter does.
            last = begins + len(self._text[begins : self._at].rstrip(_SPACES))
            if last - start >= 2 * len(mark) and self._text.endswith(mark, begins, last):
                return self._text[start + len(mark) : last - len(mark)]
            if self.ended:
                _fail(line, "The quotation marks that begin here are never closed.")
            self._newline()
            begins = self._at
            self._rest_of_line()


# --- writing


def format_modelfile(commands: Iterable[Command], comments: Sequence[str] = ()) -> str:
    """The text of these commands; `parse` gives them back.

    Args:
        comments: lines in front of them.

    Raises:
        AppError: MODELFILE_UNUSABLE, where a value has a line in its midst that ends with three
            quotation marks: no Modelfile can hold that.
    """
    lines = [f"# {clean(comment, 500)}" for comment in comments]
    for command in commands:
        name = f"{command.name} " if command.name else ""
        lines.append(f"{command.word.upper()} {name}{quoted(command.value)}")
    return "\n".join([*lines, ""])


def quoted(value: str) -> str:
    """A value as it must stand in a Modelfile, with as few quotation marks as will do.

    Raises:
        AppError: as `format_modelfile`.
    """
    plain = not any(letter in value for letter in _NEWLINES) and not value.startswith('"')
    if plain and value and value == value.strip(_SPACES):
        return value
    for mark in _MARKS if '"' in value else reversed(_MARKS):
        text = f"{mark}{value}{mark}"
        reader = _Parser(text)
        with contextlib.suppress(AppError):
            if reader.value(1) == value and reader.ended:
                return text
    raise AppError(
        ErrorCode.MODELFILE_UNUSABLE,
        reason="A text in it has a line that ends with three quotation marks.",
    )
