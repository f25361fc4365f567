"""The doctor's findings in the user's language: words by code, filled with translated parts."""

from __future__ import annotations

import re

from PySide6.QtCore import QCoreApplication

from desktop.core.hardware.doctor_words import WORDS
from desktop.core.hardware.facts import Finding

# Parts of the params that are words themselves; what is no exact match stays as it is.
PATTERNS = (
    (re.compile(r"^(\d+) days ago$"), "{0} days ago"),
    (re.compile(r"^a quota in (.+)$"), "a quota in {0}"),
    (re.compile(r"^ at (.+)$"), " at {0}"),
    (re.compile(r"^(.+) is no folder\.$"), "{0} is no folder."),
    (re.compile(r"^(.+) cannot be written to\.$"), "{0} cannot be written to."),
)


def _said(text: str) -> str:
    return QCoreApplication.translate("Doctor", text) if text else ""


def part(value: str) -> str:
    """A param's value, translated where it is made of words."""
    for pattern, words in PATTERNS:
        if found := pattern.match(value):
            return _said(words).format(*found.groups())
    return _said(value)


def words_of(finding: Finding) -> tuple[str, str, str]:
    """Title, detail and remedy; what is to be typed stands in quotes, not in backquotes."""
    title, detail, remedy = (_quoted(text) for text in _words_of(finding))
    return title, detail, remedy


def _quoted(text: str) -> str:
    quotes = QCoreApplication.translate("Doctor", "“{0}”")
    return re.sub(r"`([^`]+)`", lambda found: quotes.format(found[1]), text)


def _words_of(finding: Finding) -> tuple[str, str, str]:
    if finding.code not in WORDS:  # the probe's own problems carry their words
        return _said(finding.title), _said(finding.detail), _said(finding.remedy)
    params = {name: part(value) for name, value in finding.params.items()}
    title, detail, remedy = (_said(text).format_map(params) for text in WORDS[finding.code])
    return title, detail, remedy
