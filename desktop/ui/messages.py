"""Errors in the user's language: title, cause and remedy of an AppError.

The English words stand beside the codes (`core/errors.py`) and are the keys of the catalogue, under
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
        return " ".join(part for part in (self.cause, self.remedy) if part)


def message(error: AppError) -> Message:
    words = WORDS[error.code]
    return Message(
        *(
            error.fill(QCoreApplication.translate("Errors", text))
            for text in (words.title, words.cause, words.remedy)
        )
    )
