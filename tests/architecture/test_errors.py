"""Every error code has words, and every error is raised with what its words need."""

from __future__ import annotations

import ast
from string import Formatter

from desktop.core.errors import WORDS, ErrorCode
from tests.architecture.tree import modules, report


def _fields(code: ErrorCode) -> set[str]:
    words = WORDS[code]
    parts = (words.title, words.cause, words.remedy)
    return {field for part in parts for _, field, _, _ in Formatter().parse(part) if field}


def test_every_code_has_words_and_nothing_else_has() -> None:
    assert set(WORDS) == set(ErrorCode)
    for code, words in WORDS.items():
        assert words.title.strip() and words.cause.strip() and words.remedy.strip(), code


def _code_of(node: ast.expr) -> ErrorCode | None:
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("ErrorCode", "C")
    ):
        return ErrorCode[node.attr]
    return None


def test_every_error_gives_the_fields_of_its_words() -> None:
    problems = []
    for module in modules():
        for node in ast.walk(module.tree):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "AppError"
                and node.args
            ):
                continue
            code = _code_of(node.args[0])
            given = {keyword.arg for keyword in node.keywords}
            if code is None or None in given:  # a variable, or **fields: seen only when it runs
                continue
            missing = sorted(_fields(code) - given)
            if missing:
                where = module.at(node)
                problems.append(f"{where}: {code.name} needs {', '.join(missing)} for its words")
    report(problems)
