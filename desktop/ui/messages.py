"""Errors in the user's language: title, cause and remedy of an AppError.

The English words stand beside the codes (`core/errors`) and are the keys of the catalogue, under
the context "Errors"; their `{fields}` are filled after the translation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from PySide6.QtCore import QCoreApplication

from desktop.core.errors import WORDS, AppError
from desktop.core.notices import FOR_THAT, NOTICES, problem_of, tells_why


@dataclass(frozen=True)
class Message:
    """What a person reads of an error."""

    title: str
    cause: str
    remedy: str

    @property
    def text(self) -> str:
        """Why, and what to do."""
        return joined(self.cause, self.remedy)

    @property
    def line(self) -> str:
        """All of it in one line, as a toast says it."""
        if not self.text:
            return self.title
        line = QCoreApplication.translate("Message", "{title}. {text}")
        return line.format(title=self.title, text=self.text)


def joined(*sentences: str) -> str:
    """Sentences after one another; where one ends as Japanese ones do, there is no space."""
    text = ""
    for sentence in sentences:
        space = " " if text and sentence and not text.endswith("。") else ""
        text += space + sentence
    return text


def notice_words(notice: Mapping[str, Any]) -> str:
    """A notice (`vars(Notice)`); one whose words are not known here as it was sent."""
    words = NOTICES.get(str(notice.get("code")))
    params = notice.get("params") or {}
    if words is None or not params.keys() >= _fields(words):
        return str(notice["text"])
    translate, problem = QCoreApplication.translate, problem_of(params)
    told = [translate("Notices", words)]
    if problem is not None and not tells_why(words):
        told.append(translate("Notices", FOR_THAT))
    filled = {**params, "why": "" if problem is None else message(problem).cause}
    return joined(*(text.format_map(filled) for text in told))


def _fields(words: str) -> set[str]:
    named = {field for _, field, _, _ in Formatter().parse(words) if field is not None}
    return {"problem" if field == "why" else field for field in named}


def message(error: AppError) -> Message:
    words, translate = WORDS[error.code], QCoreApplication.translate
    device = error.params.get("device")
    if isinstance(device, str) and device:  # a name, or words for this machine's own memory
        error = AppError(error.code, **{**error.params, "device": translate("Errors", device)})
    return Message(
        *(
            error.fill(translate("Errors", text))
            for text in (words.title, words.cause, words.remedy)
        )
    )
