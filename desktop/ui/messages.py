"""Errors in the user's language: title, cause and remedy of an AppError.

The English words stand beside the codes (`core/errors`) and are the keys of the catalogue, under
the context "Errors"; their `{fields}` are filled after the translation.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from desktop.core.errors import WORDS, AppError


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


def message(error: AppError) -> Message:
    words = WORDS[error.code]
    return Message(
        *(
            error.fill(QCoreApplication.translate("Errors", text))
            for text in (words.title, words.cause, words.remedy)
        )
    )
