"""The chat page, driven by mouse and keyboard, with a service that says what the test sets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.tabs.chat.message import FIRST_CHARS, AnswerMessage, UserMessage
from desktop.ui.tabs.chat.view import ChatPage
from desktop.ui.widgets.base import IconButton
from desktop.ui.widgets.richtext import MarkdownView, TextView
from tests.helpers.window import RecordingContext

Json = dict[str, Any]
DEMO = {
    "id": "paddock-guide:q8_0",
    "kind": "model",
    "broken": False,
    "embedding": False,
    "bundled": True,
    "context_tokens": 2048,
}
OTHER = {**DEMO, "id": "other:q4_k_m", "bundled": False, "context_tokens": 4096}
FIGURES = {
    "ttft_seconds": 0.5,
    "tokens_per_second": 41.0,
    "completion_tokens": 20,
    "prompt_tokens": 12,
    "finish_reason": "stop",
}


def message(number: int, role: str, parent: int | None, content: str = "", **more: Any) -> Json:
    return {
        "id": number,
        "conversation_id": 1,
        "parent_id": parent,
        "role": role,
        "content": content,
        "reasoning": "",
        "state": "done",
        "model_id": DEMO["id"] if role == "assistant" else None,
        "figures": dict(FIGURES) if role == "assistant" else None,
        "error": None,
        "created": 0.0,
        **more,
    }


def conversation(number: int = 1, current: int | None = None, **more: Any) -> Json:
    return {
        "id": number,
        "title": f"Conversation {number}",
        "model_id": DEMO["id"],
        "system": "",
        "sampling": {},
        "current": current,
        "created": 0.0,
        "updated": float(number),
        "deleted": None,
        "preview": "last words",
        "message_count": 2,
        **more,
    }


@pytest.fixture
def page(context: RecordingContext, qtbot: QtBot) -> Iterator[ChatPage]:
    context.client.models = [DEMO, OTHER]
    context.client.conversations = [conversation(2), conversation(1, 4)]
    page = ChatPage(context)
    page.retranslate()
    page.resize(1200, 780)
    page.show()
    page.shown()
    qtbot.waitUntil(lambda: page.presenter.choice.read and page.presenter.listing.read)
    page.presenter.choice.choose(DEMO["id"])
    yield page
    page.hidden()
    page.close()
    page.deleteLater()


def open_branch(page: ChatPage, qtbot: QtBot, messages: list[Json], **more: Any) -> None:
    client = page.context.link.client
    client.conversation = {
        **conversation(1, messages[-1]["id"], **more),
        "messages": messages,
    }
    row = page.sidebar.model.row_of(1)
    rect = page.sidebar.list.visualRect(page.sidebar.model.index(row))
    qtbot.mouseClick(page.sidebar.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    qtbot.waitUntil(lambda: page.presenter.current is not None)


TWO = [message(1, "user", None, "Hello"), message(2, "assistant", 1, "**Good** day")]


def texts(page: ChatPage) -> list[str]:
    found = []
    for view in page.thread_view.messages.views():
        kind = view.findChild(MarkdownView) if isinstance(view, AnswerMessage) else view
        found += [each.toPlainText().strip() for each in kind.findChildren(TextView)]
    return found


def buttons(view: Any) -> dict[str, IconButton]:
    return {each.accessibleName(): each for each in view.findChildren(IconButton)}


def follow_with(lines: list[Json], go_on: threading.Event | None = None) -> Any:
    def follow(number: int, cancel: Any) -> Iterator[Json]:
        for line in lines:
            yield line
            if go_on is not None and "snapshot" in line:
                while not go_on.wait(0.01) and not cancel.cancelled:
                    pass

    return follow


def test_a_question_is_sent_and_its_answer_streams_in(
    page: ChatPage, context: RecordingContext, qtbot: QtBot
) -> None:
    client, go_on = context.client, threading.Event()
    waiting = message(2, "assistant", 1, state="waiting", figures=None)
    client.create_conversation = conversation(1)
    client.send_turn = {
        "conversation": conversation(1, 2, title="What?"),
        "user": message(1, "user", None, "What?"),
        "assistant": waiting,
    }
    done = message(2, "assistant", 1, "It is **this**.")
    client.follow_message = follow_with(
        [
            {"snapshot": waiting},
            {"text": "It is ", "reasoning": ""},
            {"text": "**this**.", "reasoning": ""},
            {"done": done},
        ],
        go_on,
    )
    assert page.welcome.isVisible()
    qtbot.keyClicks(page.composer.field, "What?")
    qtbot.keyClick(page.composer.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.presenter.answering)
    assert page.composer.field.toPlainText() == ""
    assert page.composer.button.text() == "Stop"
    go_on.set()
    qtbot.waitUntil(lambda: not page.presenter.answering)
    qtbot.waitUntil(lambda: texts(page) == ["What?", "It is this."])
    assert page.composer.button.text() == "Send"
    (call,) = client.called("send_turn")
    assert call.args == (1, "What?", None, DEMO["id"])


def test_shift_enter_begins_a_line_and_the_field_grows(page: ChatPage, qtbot: QtBot) -> None:
    field = page.composer.field
    before = field.height()
    for _ in range(20):
        qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert field.toPlainText() == "\n" * 20
    lines = (field.height() - 8) / field.fontMetrics().lineSpacing()
    assert field.height() > before
    assert lines == 8


def test_a_refused_message_stays_in_the_composer(
    page: ChatPage, context: RecordingContext, qtbot: QtBot
) -> None:
    context.client.create_conversation = conversation(1)
    context.client.send_turn = AppError(ErrorCode.SERVICE_STOPPING)
    context.client.delete_conversation = conversation(1, deleted=1.0)
    qtbot.keyClicks(page.composer.field, "Hello")
    qtbot.mouseClick(page.composer.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(context.errors) == 1)
    assert page.composer.field.toPlainText() == "Hello"
    assert context.client.called("delete_conversation")
    assert page.composer.button.isEnabled()


def test_an_answer_in_progress_is_followed_when_opened_and_stopped_by_escape(
    page: ChatPage, context: RecordingContext, qtbot: QtBot
) -> None:
    go_on = threading.Event()
    half = message(2, "assistant", 1, "Half", state="streaming", figures=None)
    stopped = {**half, "state": "stopped", "content": "Half a"}

    def stop(number: int) -> Json:
        go_on.set()
        return stopped

    context.client.stop_message = stop
    context.client.follow_message = follow_with([{"snapshot": half}, {"done": stopped}], go_on)
    open_branch(page, qtbot, [TWO[0], half])
    qtbot.waitUntil(lambda: texts(page) == ["Hello", "Half"])
    qtbot.keyClick(page.composer.field, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not page.presenter.answering)
    assert texts(page) == ["Hello", "Half a"]


def test_leaving_the_page_ends_the_stream(
    page: ChatPage, context: RecordingContext, qtbot: QtBot
) -> None:
    half = message(2, "assistant", 1, "Half", state="streaming", figures=None)
    context.client.follow_message = follow_with([{"snapshot": half}], threading.Event())
    open_branch(page, qtbot, [TWO[0], half])
    qtbot.waitUntil(lambda: bool(context.client.called("follow_message")))
    page.hidden()
    qtbot.waitUntil(
        lambda: not any(t.name.startswith("chat-stream") for t in threading.enumerate())
    )


def test_branches_are_switched(page: ChatPage, context: RecordingContext, qtbot: QtBot) -> None:
    context.client.change_conversation = conversation(1, 2)
    open_branch(page, qtbot, [*TWO, message(3, "assistant", 1, "Second")])
    last = page.thread_view.messages.views()[-1]
    qtbot.mouseClick(buttons(last)["Earlier version"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: texts(page) == ["Hello", "Good day"])
    qtbot.waitUntil(lambda: bool(context.client.called("change_conversation")))
    assert context.client.called("change_conversation")[0].kwargs == {"current": 2}


def test_an_answer_is_copied_and_asked_for_again(
    page: ChatPage, context: RecordingContext, qtbot: QtBot
) -> None:
    again = message(3, "assistant", 1, "New", state="done")
    context.client.regenerate = {"assistant": again}
    open_branch(page, qtbot, TWO)
    last = page.thread_view.messages.views()[-1]
    qtbot.mouseClick(buttons(last)["Copy the message"], Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "**Good** day"
    qtbot.mouseClick(buttons(last)["Answer again"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: texts(page) == ["Hello", "New"])


def test_a_message_is_changed_and_sent_again(
    page: ChatPage, context: RecordingContext, qtbot: QtBot
) -> None:
    context.client.send_turn = {
        "conversation": conversation(1, 4),
        "user": message(3, "user", None, "Hello there"),
        "assistant": message(4, "assistant", 3, "Hi"),
    }
    open_branch(page, qtbot, TWO)
    qtbot.keyClick(page.composer.field, Qt.Key.Key_Up)
    first = page.thread_view.messages.views()[0]
    assert isinstance(first, UserMessage)
    editor = first._editor
    assert editor is not None
    qtbot.keyClicks(editor._edit, " there")
    qtbot.keyClick(editor._edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(context.client.called("send_turn")))
    qtbot.waitUntil(lambda: texts(page)[:2] == ["Hello there", "Hi"])
    assert context.client.called("send_turn")[0].args == (1, "Hello there", 0, DEMO["id"])


def test_a_failed_answer_says_why_and_offers_retry(page: ChatPage, qtbot: QtBot) -> None:
    error = AppError(ErrorCode.SERVICE_STOPPING).to_dict()
    open_branch(page, qtbot, [TWO[0], message(2, "assistant", 1, state="failed", error=error)])
    view = page.thread_view.messages.views()[-1]
    assert isinstance(view, AnswerMessage)
    assert view._banner is not None
    assert error["title"] in view._banner.accessibleName()
    with qtbot.waitSignal(page.thread_view.regenerate_asked):
        page.context.link.client.regenerate = {"assistant": message(3, "assistant", 1, "New")}
        qtbot.mouseClick(view._banner._button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: texts(page) == ["Hello", "New"])


def test_reasoning_is_folded(page: ChatPage, qtbot: QtBot) -> None:
    open_branch(page, qtbot, [TWO[0], message(2, "assistant", 1, "Yes", reasoning="Because.")])
    view = page.thread_view.messages.views()[-1]
    assert isinstance(view, AnswerMessage)
    assert view._reasoning.isHidden()
    qtbot.mouseClick(view._fold, Qt.MouseButton.LeftButton)
    assert view._reasoning.isVisible()
    assert view._reasoning.toPlainText() == "Because."


def test_a_load_shows_its_stages_and_can_be_given_up(
    page: ChatPage, context: RecordingContext, qtbot: QtBot
) -> None:
    waiting = message(2, "assistant", 1, state="waiting", figures=None)
    context.client.follow_message = follow_with([{"snapshot": waiting}], threading.Event())
    context.client.stop_message = {**waiting, "state": "stopped"}
    context.client.unload = {}
    open_branch(page, qtbot, [TWO[0], waiting])
    loading = {"id": DEMO["id"], "state": "loading", "stage": "placing layers", "progress": 0.4}
    context.link.tell("model.changed", {**loading, "settings": None})
    view = page.thread_view.messages.views()[-1]
    assert isinstance(view, AnswerMessage)
    assert view._load.isVisible()
    qtbot.mouseClick(view._cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(context.client.called("unload")))
    assert context.client.called("stop_message")[0].args == (2,)


def test_delete_can_be_undone(page: ChatPage, context: RecordingContext, qtbot: QtBot) -> None:
    context.client.delete_conversation = conversation(2, deleted=9.0)
    context.client.restore_conversation = conversation(2)
    page.sidebar.list.setCurrentIndex(page.sidebar.model.index(0))
    qtbot.keyClick(page.sidebar.list, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: len(context.toasts) == 1)
    assert page.sidebar.model.row_of(2) == -1
    context.toasts[0][2][1]()
    qtbot.waitUntil(lambda: page.sidebar.model.row_of(2) >= 0)


def test_f2_renames(page: ChatPage, context: RecordingContext, qtbot: QtBot) -> None:
    context.client.change_conversation = conversation(2, title="Horses")
    listing = page.sidebar.list
    listing.setFocus()
    listing.setCurrentIndex(page.sidebar.model.index(0))
    listing.edit(page.sidebar.model.index(0))
    editor = listing.findChild(type(page.sidebar.search))
    assert editor is not None
    editor.selectAll()
    QTest.keyClicks(editor, "Horses")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(context.client.called("change_conversation")))
    assert context.client.called("change_conversation")[0].kwargs == {"title": "Horses"}


def test_search_asks_the_service(page: ChatPage, context: RecordingContext, qtbot: QtBot) -> None:
    context.client.conversations = []
    qtbot.keyClicks(page.sidebar.search, "horse")
    qtbot.waitUntil(lambda: page.sidebar.model.rowCount() == 0)
    assert context.client.called("conversations")[-1].args == ("horse",)


def test_a_megabyte_is_shown_in_parts(page: ChatPage, qtbot: QtBot) -> None:
    open_branch(page, qtbot, [message(1, "user", None, "horse " * 180_000), TWO[1]])
    view = page.thread_view.messages.views()[0]
    assert isinstance(view, UserMessage)
    assert len(view._text.toPlainText()) == FIRST_CHARS
    qtbot.mouseClick(view._more, Qt.MouseButton.LeftButton)
    assert len(view.findChildren(TextView)) == 2


def test_a_long_paste_stays_beside_the_field(page: ChatPage, qtbot: QtBot) -> None:
    QGuiApplication.clipboard().setText("x" * 1_000_000)
    page.composer.field.paste()
    assert page.composer.field.toPlainText() == ""
    assert page.composer._paste.isVisible()
    assert page.composer.text() == "x" * 1_000_000


def many(count: int, words: str = "Words") -> list[Json]:
    return [
        message(n, "user" if n % 2 else "assistant", n - 1 or None, f"{words} {n}")
        for n in range(1, count + 1)
    ]


def numbers(page: ChatPage) -> list[int]:
    """The messages that have a view, from the top."""
    return [view.message["id"] for view in page.thread_view.messages.views()]


def in_sight(page: ChatPage) -> dict[int, int]:
    """Where the messages that are seen stand: top edges in the viewport."""
    viewport = page.thread_view.viewport()
    tops = {
        view.message["id"]: view.mapTo(viewport, view.rect().topLeft()).y()
        for view in page.thread_view.messages.views()
    }
    return {number: top for number, top in tops.items() if 0 <= top < viewport.height() - 20}


def test_of_a_thousand_messages_only_those_near_exist(page: ChatPage, qtbot: QtBot) -> None:
    open_branch(page, qtbot, many(1000))
    bar = page.thread_view.verticalScrollBar()
    qtbot.waitUntil(lambda: 1000 in in_sight(page))
    assert len(numbers(page)) < 60
    bar.setValue(0)
    qtbot.waitUntil(lambda: 1 in in_sight(page))
    assert len(numbers(page)) < 60
    assert numbers(page)[:3] == [1, 2, 3]
    assert numbers(page)[-1] == 1000, "the newest stays: what grows is there"
    bar.setValue(bar.maximum() // 2)
    qtbot.waitUntil(lambda: bool(in_sight(page)))
    assert 1 not in numbers(page)
    page.thread_view.to_bottom()
    qtbot.waitUntil(lambda: 1000 in in_sight(page))


def test_what_is_read_stays_in_place_while_heights_above_become_known(
    page: ChatPage, qtbot: QtBot
) -> None:
    # The estimate is far off: a list is much taller than as many letters of plain text.
    content = "".join(f"- {n}\n" for n in range(30))
    open_branch(page, qtbot, many(60, content))
    bar = page.thread_view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.value() == bar.maximum() > 0)
    for _ in range(40):
        bar.setValue(bar.value() - 150)
        before = in_sight(page)
        QTest.qWait(1)  # what was made in the meantime is measured
        after = in_sight(page)
        for number in before.keys() & after.keys():
            assert abs(before[number] - after[number]) <= 1


def test_a_view_that_comes_back_is_as_it_was_opened(page: ChatPage, qtbot: QtBot) -> None:
    messages = many(300)
    messages[0]["content"] = "x" * 5_000
    messages[1]["reasoning"] = "Because."
    open_branch(page, qtbot, messages)
    bar = page.thread_view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.value() == bar.maximum() > 0)
    bar.setValue(0)
    qtbot.waitUntil(lambda: numbers(page)[:2] == [1, 2])
    first, second = page.thread_view.messages.views()[:2]
    qtbot.mouseClick(first._more, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(second._fold, Qt.MouseButton.LeftButton)
    page.composer.field.setFocus()
    page.thread_view.to_bottom()
    qtbot.waitUntil(lambda: 1 not in numbers(page) and 2 not in numbers(page))
    bar.setValue(0)
    qtbot.waitUntil(lambda: numbers(page)[:2] == [1, 2])
    again, answer = page.thread_view.messages.views()[:2]
    assert again is not first
    assert again._shown_chars == 5_000
    assert answer._fold.isChecked() and answer._reasoning.isVisible()


def test_a_message_that_is_being_changed_stays(page: ChatPage, qtbot: QtBot) -> None:
    open_branch(page, qtbot, many(300))
    bar = page.thread_view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.value() == bar.maximum() > 0)
    bar.setValue(0)
    qtbot.waitUntil(lambda: 1 in numbers(page))
    page.thread_view.messages.views()[0].edit()
    page.composer.field.setFocus()
    page.thread_view.to_bottom()
    qtbot.waitUntil(lambda: 1000 not in numbers(page) and 300 in in_sight(page))
    assert 1 in numbers(page) and 3 not in numbers(page)


def test_an_answer_of_a_hundred_thousand_tokens_costs_what_is_seen(
    page: ChatPage, qtbot: QtBot
) -> None:
    text = "".join(f"Paragraph {n} has words.\n\n```py\nx = {n}\n```\n\n" for n in range(6000))
    messages = [*many(3), message(4, "assistant", 3, text)]
    open_branch(page, qtbot, messages)
    view = page.thread_view.messages.views()[-1].findChild(MarkdownView)
    qtbot.waitUntil(lambda: view.count == 12_000, timeout=30_000)
    page.thread_view.to_bottom()

    def shown() -> list[str]:
        return [each.toPlainText() for each in view.widgets() if isinstance(each, TextView)]

    qtbot.waitUntil(lambda: any("Paragraph 5999 " in text for text in shown()))
    assert len(view.widgets()) < 200
    page.thread_view.verticalScrollBar().setValue(0)
    qtbot.waitUntil(lambda: any("Paragraph 0 " in text for text in shown()))
    assert len(view.widgets()) < 200


def test_the_bundled_model_keeps_its_temperature(page: ChatPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.composer.options_button, Qt.MouseButton.LeftButton)
    assert page.options.isVisible()
    assert not page.options.temperature.isEnabled()
    assert page.options._reason.text()
    page.presenter.choice.choose(OTHER["id"])
    assert page.options.temperature.isEnabled()
    page.options.temperature.setValue(0.7)
    page.options.flush()
    assert page.presenter.sampling == {"temperature": 0.7}


def test_it_speaks_japanese(page: ChatPage, context: RecordingContext, qtbot: QtBot) -> None:
    context.language.set("ja")
    qtbot.waitUntil(lambda: page.new_button.text() == "新しいチャット")
    assert page.composer.field.placeholderText() == "質問を書いてください"


def test_control_n_begins_a_new_chat(page: ChatPage, qtbot: QtBot) -> None:
    open_branch(page, qtbot, TWO)
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    page.composer.field.setFocus()
    qtbot.keyClick(page.composer.field, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.presenter.current is None)
    assert page.welcome.isVisible()


def test_the_model_that_is_chosen_is_asked(
    page: ChatPage, context: RecordingContext, qtbot: QtBot
) -> None:
    context.client.regenerate = {"assistant": message(3, "assistant", 1, "New")}
    open_branch(page, qtbot, TWO)
    page.composer.model_chosen.emit(OTHER["id"])
    assert page.composer.model_button.text() == OTHER["id"]
    qtbot.mouseClick(
        buttons(page.thread_view.messages.views()[-1])["Answer again"], Qt.MouseButton.LeftButton
    )
    qtbot.waitUntil(lambda: bool(context.client.called("regenerate")))
    assert context.client.called("regenerate")[0].args == (2, OTHER["id"])
    assert not context.client.called("load")
    qtbot.waitUntil(lambda: not page.presenter.sending)


def test_several_models_answer_and_a_choice_is_kept(
    page: ChatPage, context: RecordingContext, qtbot: QtBot
) -> None:
    def ready(name: str, used: float) -> dict[str, Any]:
        settings = {"context_tokens": 2048}
        return {"id": name, "state": "ready", "last_used": used, "settings": settings}

    choice = page.presenter.choice
    page.presenter.new()
    context.link.tell("model.changed", ready(OTHER["id"], 5.0))
    assert choice.model_id == OTHER["id"]  # what is loaded answers at once
    context.link.tell("model.changed", ready(DEMO["id"], 9.0))
    assert choice.model_id == OTHER["id"]  # it is still there
    assert choice.loaded_ids == {OTHER["id"], DEMO["id"]}
    assert choice.context_tokens() == 2048
    qtbot.mouseClick(page.composer.model_button, Qt.MouseButton.LeftButton)
    [menu] = [each for each in page.composer.findChildren(QMenu) if each.isVisible()]
    assert sum("loaded" in action.text() for action in menu.actions()) == 2
    menu.close()
    choice.choose(DEMO["id"])
    context.link.tell("model.unloaded", {"id": DEMO["id"], "reason": "idle"})
    assert choice.model_id == DEMO["id"]  # it was chosen: it is loaded when it is asked
