"""Every text has its Japanese, with the same fields, and a switch of language shows it at once."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from string import Formatter
from xml.etree import ElementTree

import pytest
from pytestqt.qtbot import QtBot

from desktop.core.errors import WORDS, AppError, ErrorCode
from desktop.core.fit.pricing import LIMIT_WORDS
from desktop.core.library import acceptance_words
from desktop.core.library.acceptance_words import TITLES
from desktop.core.library.removal import REASONS
from desktop.core.notices import FOR_THAT, NOTICES, notice
from desktop.core.paths import resources
from desktop.ui.dialogs.settings import SettingsDialog
from desktop.ui.i18n import Language, read_catalogue
from desktop.ui.messages import message, notice_words
from desktop.ui.shell.window import MainWindow
from tests.architecture.tree import Module, modules
from tests.helpers.window import RecordingContext

FOLDER = resources() / "i18n" / "ja"


@dataclass(frozen=True)
class Source:
    """A text to translate, with the class (context) that asks for it."""

    context: str
    text: str
    where: str


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _sources_of(module: Module) -> tuple[list[Source], list[str]]:
    """The texts of a module, and the places where a text is not written out."""
    found: list[Source] = []
    problems: list[str] = []

    def visit(node: ast.AST, context: str) -> None:
        if isinstance(node, ast.ClassDef):
            context = node.name
        if isinstance(node, ast.Call) and node.args:
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            if name == "tr":
                text = _constant(node.args[0])
                if text is None:
                    problems.append(f"{module.at(node)}: tr() of a text that is not written there")
                else:
                    found.append(Source(context, text, module.at(node)))
            elif name in ("translate", "QT_TRANSLATE_NOOP") and len(node.args) >= 2:
                where, text = _constant(node.args[0]), _constant(node.args[1])
                if where is not None and text is not None:
                    found.append(Source(where, text, module.at(node)))
        for child in ast.iter_child_nodes(node):
            visit(child, context)

    visit(module.tree, "")
    return found, problems


def _sources() -> tuple[list[Source], list[str]]:
    found: list[Source] = []
    problems: list[str] = []
    for module in modules():
        if module.within("desktop.ui"):
            texts, wrong = _sources_of(module)
            found += texts
            problems += wrong
    return found, problems


def _fields(text: str) -> list[str]:
    named = [field for _, field, _, _ in Formatter().parse(text) if field is not None]
    return sorted([*named, *["%n"] * text.count("%n")])


@pytest.fixture(scope="module")
def catalogue() -> dict[tuple[str, str], str]:
    return read_catalogue(FOLDER)


def test_every_text_of_the_window_has_its_japanese(catalogue: dict[tuple[str, str], str]) -> None:
    sources, problems = _sources()
    assert len(sources) > 40, "the texts are not found"
    anywhere = {source for _, source in catalogue}
    problems += [
        f"{each.where}: {each.context}: {each.text!r}"
        for each in sources
        if (each.context, each.text) not in catalogue and each.text not in anywhere
    ]
    assert not problems, "without Japanese:\n  " + "\n  ".join(problems)


def test_every_error_has_its_japanese(catalogue: dict[tuple[str, str], str]) -> None:
    missing = [
        f"{code.name}: {text!r}"
        for code, words in WORDS.items()
        for text in (words.title, words.cause, words.remedy)
        if ("Errors", text) not in catalogue
    ]
    assert not missing, "\n  ".join(missing)


def test_words_of_marks_removals_and_notices_have_their_japanese(
    catalogue: dict[tuple[str, str], str],
) -> None:
    said = [("Acceptance", title) for title in TITLES.values()]
    for words in acceptance_words.WORDS.values():
        said += [("Acceptance", text) for text in (words.title, words.cause, words.remedy) if text]
    said += [("Removal", reason) for reason in REASONS.values()]
    said += [("Notices", words) for words in (*NOTICES.values(), FOR_THAT)]
    missing = [f"{context}: {text!r}" for context, text in said if (context, text) not in catalogue]
    assert not missing, "\n  ".join(missing)


def test_translations_have_the_fields_of_their_source(
    catalogue: dict[tuple[str, str], str],
) -> None:
    wrong = [
        f"{context}: {source!r} → {text!r}"
        for (context, source), text in catalogue.items()
        if _fields(source) != _fields(text)
    ]
    assert not wrong, "\n  ".join(wrong)


def test_nothing_is_translated_that_no_code_says(catalogue: dict[tuple[str, str], str]) -> None:
    # Words of errors, of the doctor and of tables stand beside their codes, far from any tr().
    said = {
        node.value.lower()  # names of parts are capitalised for the screen
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    idle = sorted(
        f"{context}: {source!r}" for context, source in catalogue if source.lower() not in said
    )
    assert not idle, "texts of no code:\n  " + "\n  ".join(idle)


def test_one_text_has_one_translation_in_a_context() -> None:
    """A second one would win or lose by the order of the files."""
    seen: dict[tuple[str, str], str] = {}
    for path in sorted(FOLDER.glob("*.ts")):
        root = ElementTree.parse(path).getroot()
        assert root.get("language") == "ja", path.name
        for context in root.iter("context"):
            for each in context.iter("message"):
                key = (context.findtext("name") or "", each.findtext("source") or "")
                text = each.findtext("translation") or ""
                assert seen.setdefault(key, text) == text, f"{path.name}: {key}"


def test_a_switch_changes_what_is_on_the_screen(
    qtbot: QtBot, window: MainWindow, context: RecordingContext
) -> None:
    dialog = SettingsDialog(context, window)
    dialog.show()
    rail = window.findChild(object, "rail-library")
    address = window.findChild(object, "status-address")
    english = (rail.text(), address.text(), dialog.windowTitle())
    assert english == ("Library", "Server off", "Settings")
    context.language.set("ja")
    qtbot.waitUntil(lambda: dialog.windowTitle() == "設定")
    japanese = (rail.text(), address.text())
    assert all(not text.isascii() for text in japanese), japanese
    context.language.set("en")
    qtbot.waitUntil(lambda: dialog.windowTitle() == "Settings")
    assert (rail.text(), address.text()) == english[:2]


def test_errors_speak_the_language_of_the_moment(language: Language) -> None:
    error = AppError(ErrorCode.PORT_TAKEN, port=8484, host="127.0.0.1", holder="nginx")
    assert message(error).title == "Port 8484 on 127.0.0.1 is taken"
    language.set("ja")
    assert message(error).title == "127.0.0.1 のポート 8484 は使用中です"
    assert "nginx" in message(error).text
    language.set("en")
    assert message(error).title == "Port 8484 on 127.0.0.1 is taken"


@pytest.mark.parametrize("device", ["this machine's memory", LIMIT_WORDS])
def test_words_in_an_error_speak_the_language_too(language: Language, device: str) -> None:
    params = {"model": "m", "need": "9 GiB", "available": "1 GiB"}
    error = AppError(ErrorCode.LOAD_WONT_FIT, device=device, **params)
    assert device in message(error).cause
    language.set("ja")
    cause = message(error).cause
    assert device not in cause and "9 GiB" in cause
    card = AppError(ErrorCode.LOAD_WONT_FIT, device="NVIDIA GeForce RTX 4090", **params)
    assert "NVIDIA GeForce RTX 4090" in message(card).cause


def test_notices_speak_the_language_of_the_moment(language: Language) -> None:
    problem = AppError(
        ErrorCode.LOAD_WONT_FIT, model="m", need="9 GiB", available="1 GiB", device="RAM"
    )
    made = notice("context_reduced", problem, tokens=4096, wanted=32768)
    sent = json.loads(json.dumps(vars(made)))
    assert notice_words(sent) == made.text
    assert "4,096" in made.text and made.text.endswith(f"For that: {problem.cause}")
    language.set("ja")
    told = notice_words(sent)
    assert "4,096" in told and "32,768" in told and message(problem).cause in told
    assert "For that" not in told and made.text not in told
    forced = vars(notice("load_forced", problem))
    assert notice_words(forced).count(message(problem).cause) == 1
    newer = {"code": "sky_fell", "text": "The sky fell.", "params": {}}
    older = {"code": "context_reduced", "text": "The context is 4096 tokens."}
    assert [notice_words(each) for each in (newer, older)] == [newer["text"], older["text"]]


def test_a_switch_is_told_once(language: Language) -> None:
    said: list[str] = []
    language.changed.connect(lambda: said.append(language.code))
    language.set("en")
    language.set("ja")
    language.set("ja")
    assert said == ["ja"]
