"""The one error type of the core; its codes and their words stand beside it.

`core` and `quantize` raise `AppError(ErrorCode.X, **params)`. The English words of each code stand
in `words_*.py`: a title (what happened), a cause (why) and a remedy (what to do). The command line
and the API print them; the window translates them by code. `params` fill the words' `{fields}`.
"""

from __future__ import annotations

from typing import Any

from desktop.core.errors.codes import ErrorCode
from desktop.core.errors.words import Words
from desktop.core.errors.words_data import WORDS_DATA
from desktop.core.errors.words_library import WORDS_LIBRARY
from desktop.core.errors.words_models import WORDS_MODELS
from desktop.core.errors.words_running import WORDS_RUNNING

__all__ = ["WORDS", "AppError", "ErrorCode", "Words"]

WORDS: dict[ErrorCode, Words] = {
    **WORDS_MODELS,
    **WORDS_LIBRARY,
    **WORDS_RUNNING,
    **WORDS_DATA,
}


class _Params(dict[str, Any]):
    """Leaves a field without a value readable instead of failing inside an error message."""

    def __missing__(self, key: str) -> str:
        return f"({key})"


class AppError(Exception):
    """An error a person can act on.

    Args:
        code: what happened.
        params: plain values (str, int, float, list of str) that fill the words' fields.
    """

    def __init__(self, code: ErrorCode, **params: Any) -> None:
        self.code = code
        self.params = params
        super().__init__(str(self))

    def fill(self, text: str) -> str:
        """`text`, in whatever language, with its {fields} filled from this error's params."""
        return text.format_map(_Params(self.params))

    @property
    def title(self) -> str:
        return self.fill(WORDS[self.code].title)

    @property
    def cause(self) -> str:
        return self.fill(WORDS[self.code].cause)

    @property
    def remedy(self) -> str:
        return self.fill(WORDS[self.code].remedy)

    def __str__(self) -> str:
        return f"{self.title}. {self.cause}".strip()

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON: code, filled words, and the raw params for a translated text."""
        return {
            "code": self.code.value,
            "title": self.title,
            "cause": self.cause,
            "remedy": self.remedy,
            "params": self.params,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AppError:
        """The inverse of `to_dict`; an unknown code (a newer service's) becomes INTERNAL."""
        try:
            code = ErrorCode(data["code"])
        except (KeyError, ValueError):
            return cls(ErrorCode.INTERNAL, reason=str(data.get("title") or data))
        return cls(code, **data.get("params", {}))
