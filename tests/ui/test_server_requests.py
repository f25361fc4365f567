"""The list of requests: pages of the ledger, its filter, one in detail, the chart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.ui.tabs.server import requests_model as columns
from desktop.ui.tabs.server import requests_presenter, snippets
from desktop.ui.tabs.server.requests_model import KEPT, RequestsModel
from desktop.ui.tabs.server.requests_pane import RequestsPane
from desktop.ui.tabs.server.requests_presenter import PAGE, Wanted, read_page
from desktop.ui.tabs.server.throughput import SLICES, slices
from desktop.ui.tabs.server.timeline import Timeline, parts
from desktop.ui.theme.theme import Theme
from tests.helpers.window import RecordingContext

LEFT = Qt.MouseButton.LeftButton
BEGIN = 1_700_000_000.0


def request(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"req_{number:024x}",
        "api": "openai",
        "route": "/v1/chat/completions",
        "model": "qwen3-8b:q4_k_m",
        "key": None,
        "stream": True,
        "arrived": BEGIN + number,
        "wait_seconds": 0.05,
        "ttft_seconds": 0.25,
        "total_seconds": 2.0,
        "prompt_tokens": 1234,
        "completion_tokens": 56,
        "tokens_per_second": 41.2,
        "status": 200,
        "error": None,
        "error_code": None,
        **more,
    }


class Ledger:
    """Answers as the service's route does: the newest first, by pages."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = sorted(rows, key=lambda row: row["arrived"], reverse=True)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, after: str | None = None, limit: int = 100, **wanted: Any) -> dict[str, Any]:
        self.asked.append({"after": after, "limit": limit, **wanted})
        found = [
            row
            for row in self.rows
            if all(
                wanted.get(name) is None or (row[name] or "") == wanted[name]
                for name in ("model", "key")
            )
            and (wanted.get("since") is None or row["arrived"] >= wanted["since"])
            and {"ok": row["status"] < 400, "error": row["status"] >= 400}.get(
                wanted.get("status") or "", True
            )
        ]
        begin = int(after or 0)
        end = begin + limit
        return {"requests": found[begin:end], "next": str(end) if end < len(found) else None}


@pytest.fixture
def ledger(context: RecordingContext) -> Ledger:
    ledger = Ledger([request(number) for number in range(3)])
    context.client.ledger = ledger
    context.client.ledger_request = lambda name: {"request": None, "answer": None}
    return ledger


@pytest.fixture
def pane(context: RecordingContext, ledger: Ledger, qtbot: QtBot) -> Iterator[RequestsPane]:
    pane = RequestsPane(context)
    qtbot.addWidget(pane)
    pane.retranslate()
    pane.resize(1300, 900)
    pane.show()
    pane.shown()
    qtbot.waitUntil(lambda: not pane.presenter.reading and len(pane.chart.plots) == 2)
    yield pane
    pane.hidden()


def names(pane: RequestsPane) -> list[str]:
    model = pane.presenter.model
    return [model.request(row)["id"] for row in range(model.rowCount())]


def test_requests_are_read_and_appear_as_they_end(
    pane: RequestsPane, context: RecordingContext, qtbot: QtBot
) -> None:
    assert names(pane) == [request(n)["id"] for n in (2, 1, 0)]
    context.link.tell("request.finished", request(3))
    failed = request(4, status=404, error="There is no <b>such</b> model.")
    context.link.tell("request.finished", failed)
    context.link.tell("request.finished", request(2))  # it is there already
    qtbot.waitUntil(lambda: pane.presenter.model.rowCount() == 5)
    model = pane.presenter.model
    told = model.index(0, columns.STATUS)
    assert told.data().startswith("✕ 404 There is no")
    assert "<b>" not in told.data(Qt.ItemDataRole.ToolTipRole)
    assert model.index(1, columns.SPEED).data() == "41.2"
    left = model.index(1, columns.STATUS)
    assert left.data() == "✓ done"


def test_what_ends_while_one_reads_further_down_waits(
    pane: RequestsPane, context: RecordingContext, ledger: Ledger, qtbot: QtBot
) -> None:
    ledger.rows = [request(number) for number in range(99, -1, -1)]
    pane.presenter.read()
    qtbot.waitUntil(lambda: pane.presenter.model.rowCount() == 100)
    pane.table.verticalScrollBar().setValue(200)
    context.link.tell("request.finished", request(100))
    context.link.tell("request.finished", request(101))
    qtbot.waitUntil(pane.more.isVisible)
    assert "2" in pane.more.text() and pane.presenter.model.rowCount() == 100
    qtbot.mouseClick(pane.more, LEFT)
    assert names(pane)[:2] == [request(101)["id"], request(100)["id"]]
    assert not pane.more.isVisible() and pane.table.verticalScrollBar().value() == 0


def test_pages_are_read_as_they_are_scrolled_to(
    pane: RequestsPane, ledger: Ledger, qtbot: QtBot
) -> None:
    ledger.rows = [request(number) for number in range(3 * PAGE - 1, -1, -1)]
    pane.presenter.read()
    model = pane.presenter.model
    qtbot.waitUntil(lambda: model.rowCount() == PAGE)
    asked = len(ledger.asked)
    pane.table.scrollToBottom()
    qtbot.waitUntil(lambda: model.rowCount() == 2 * PAGE)
    assert len([each for each in ledger.asked[asked:] if each["after"]]) == 1
    pane.table.scrollToBottom()
    qtbot.waitUntil(lambda: model.complete)
    assert names(pane) == [row["id"] for row in ledger.rows]


def test_the_filter_asks_the_ledger_and_holds_for_what_ends(
    pane: RequestsPane, context: RecordingContext, ledger: Ledger, qtbot: QtBot
) -> None:
    ledger.rows = [
        request(3, model="other", key="editor"),
        request(2, status=500, error="It fell."),
        request(1, key="editor"),
        request(0),
    ]
    pane.set_names(["qwen3-8b:q4_k_m", "other"], ["editor"])
    pane.model_box.setCurrentText("qwen3-8b:q4_k_m")
    pane.key_box.setCurrentText("editor")
    qtbot.waitUntil(lambda: names(pane) == [request(1)["id"]])
    context.link.tell("request.finished", request(9))  # without the key
    context.link.tell("request.finished", request(10, key="editor"))
    qtbot.waitUntil(lambda: names(pane) == [request(10)["id"], request(1)["id"]])
    pane.model_box.setCurrentIndex(0)
    pane.key_box.setCurrentText("Without a key")
    qtbot.mouseClick(pane.status.button("error"), LEFT)
    qtbot.waitUntil(lambda: names(pane) == [request(2)["id"]])
    qtbot.mouseClick(pane.status.button("ok"), LEFT)
    qtbot.waitUntil(lambda: names(pane) == [request(0)["id"]])
    pane.key_box.setCurrentIndex(0)
    qtbot.mouseClick(pane.status.button("all"), LEFT)
    pane.words.setFocus()
    qtbot.keyClicks(pane.words, "FELL 500")
    qtbot.waitUntil(lambda: names(pane) == [request(2)["id"]])
    qtbot.keyClick(pane.words, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: len(names(pane)) == 4)


def test_words_are_looked_for_in_page_after_page() -> None:
    rows = [request(number) for number in range(2500, -1, -1)]
    rows[2200]["error"] = "needle in it"
    ledger = Ledger(rows)

    class Client:
        @staticmethod
        def ledger(*args: Any, **wanted: Any) -> dict[str, Any]:
            return ledger(*args, **wanted)

    cancel = CancelToken()
    found = read_page(Client(), Wanted(text="needle"), None, cancel)  # type: ignore[arg-type]
    assert [each["id"] for each in found.requests] == [rows[2200]["id"]]
    assert found.following is None and len(ledger.asked) == 3
    cancel.cancel()
    with pytest.raises(AppError) as caught:
        read_page(Client(), Wanted(text="needle"), None, cancel)  # type: ignore[arg-type]
    assert caught.value.code is ErrorCode.CANCELLED


def test_a_list_that_cannot_be_read_says_why_and_is_read_again(
    pane: RequestsPane, context: RecordingContext, ledger: Ledger, qtbot: QtBot
) -> None:
    context.client.ledger = AppError(ErrorCode.SERVICE_UNREACHABLE, reason="gone")
    pane.presenter.read()
    qtbot.waitUntil(pane.banner.isVisible)
    context.client.ledger = ledger
    pane.banner.pressed.emit()
    qtbot.waitUntil(lambda: not pane.banner.isVisible() and len(names(pane)) == 3)


def test_nothing_is_read_while_nobody_looks(
    pane: RequestsPane, context: RecordingContext, ledger: Ledger, qtbot: QtBot
) -> None:
    pane.hidden()
    asked = len(ledger.asked)
    ledger.rows.insert(0, request(7))
    context.link.tell("request.finished", request(7))
    assert len(ledger.asked) == asked and not pane.presenter._together.isActive()
    pane.shown()
    qtbot.waitUntil(lambda: names(pane)[0] == request(7)["id"])


def test_one_in_detail_with_its_time_and_curl(
    pane: RequestsPane, context: RecordingContext, ledger: Ledger, qtbot: QtBot
) -> None:
    stored = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
    texts = {"request": json.dumps(stored), "answer": "Because."}
    context.client.ledger_request = lambda name: texts
    pane.set_url("http://127.0.0.1:8484")
    pane.table.setFocus()
    place = pane.table.visualRect(pane.presenter.model.index(1, columns.TOTAL)).center()
    qtbot.mouseClick(pane.table.viewport(), LEFT, pos=place)
    detail = pane.detail
    assert detail.isVisible() and detail.timeline.words()[1] == "Reading the prompt 0.20 s"
    qtbot.waitUntil(detail.answered.isVisible)
    assert detail.answered.text() == "Because."
    qtbot.mouseClick(detail.curl, LEFT)
    copied = QGuiApplication.clipboard().text()
    assert "http://127.0.0.1:8484/v1/chat/completions" in copied and "Why?" in copied
    assert "$PADDOCK_API_KEY" in copied and context.toasts
    qtbot.keyClick(pane.table, Qt.Key.Key_Up)
    assert detail.request is not None and detail.request["id"] == request(2)["id"]
    qtbot.keyClick(pane.table, Qt.Key.Key_Escape)
    assert not detail.isVisible()


@pytest.mark.parametrize(
    ("more", "title"),
    [
        ({"status": 429, "error_code": "queue_full"}, "limit"),
        ({"status": 404, "error_code": "not_found", "route": "GET /v1/x"}, "no such route"),
        ({"status": 404, "error_code": "model_not_found"}, "no such model"),
        ({"status": 403, "error_code": "origin_not_allowed"}, "web page"),
        ({"status": 499}, "client left"),
        ({"status": 502, "error": "It ended."}, "failed"),
        ({"status": 400, "error": "No."}, "not valid"),
    ],
)
def test_what_went_wrong_is_said(pane: RequestsPane, more: dict[str, Any], title: str) -> None:
    pane.split.open_panel()
    pane.detail.show_request(request(1, **more), "http://127.0.0.1:8484")
    assert pane.detail.banner.isVisible()
    assert title in pane.detail.banner.accessibleName()


def test_curl_never_tells_what_was_not_stored() -> None:
    told = snippets.curl_of(request(1), "http://127.0.0.1:8484", platform="linux")
    assert '"content": "Hello"' in told and '"stream": true' in told
    embedding = request(1, route="/v1/embeddings", stream=False)
    assert '"input": "Hello"' in snippets.curl_of(embedding, "http://h", platform="win32").replace(
        '\\"', '"'
    )


def test_curl_of_a_request_that_was_refused_at_the_door() -> None:
    listed = snippets.curl_of(request(1, route="GET /v1/models", model=None), "http://h")
    assert listed.startswith("curl -X GET http://h/v1/models -H ")
    hostile = request(1, route='/v1/x y"; rm -rf ~ & $(id) %PATH%', model=None)
    told = snippets.curl_of(hostile, "http://h", platform="linux").splitlines()[0]
    assert told == "curl http://h/v1/x%20y%22%3B%20rm%20-rf%20~%20%26%20%24%28id%29%20%25PATH%25 \\"
    method = snippets.curl_of(request(1, route="`id`|a&b$c /v1/x", model=None), "http://h")
    assert method.startswith("curl -X %60id%60%7Ca%26b%24c http://h/v1/x -H ")


# --- the model and the figures --------------------------------------------------------------------


def test_the_model_keeps_qts_rules(qtbot: QtBot) -> None:
    model = RequestsModel()
    QAbstractItemModelTester(model, model)
    wanted: list[str] = []
    model.page_wanted.connect(wanted.append)
    model.show_page([request(3), request(2)], "2")
    model.fetchMore(QModelIndex())  # as the tester has done, too
    assert wanted == ["2"] and not model.complete
    model.page_failed()
    assert model.canFetchMore(QModelIndex())
    model.append_page([request(2), request(1)], None)  # one moved on by a new one
    model.add([request(4), request(5)])
    assert [model.request(row)["id"] for row in range(5)] == [
        request(number)["id"] for number in (5, 4, 3, 2, 1)
    ]
    assert model.complete and not model.canFetchMore(QModelIndex())
    model.deleteLater()


def test_a_long_list_is_let_go_a_piece_at_a_time(qtbot: QtBot) -> None:
    model = RequestsModel()
    model.show_page([request(number) for number in range(5000)], None)
    model.show_page([request(1)], None)
    assert model.rowCount() == 1 and len(model._old) == 5000
    model._on_let_go_timeout()
    assert 0 < len(model._old) < 5000
    qtbot.waitUntil(lambda: not model._old and not model._let_go.isActive())


def test_a_long_list_is_read_anew_instead_of_growing(
    pane: RequestsPane, context: RecordingContext, ledger: Ledger, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert KEPT >= 10 * PAGE
    monkeypatch.setattr(requests_presenter, "KEPT", 4)
    ledger.rows = [request(number) for number in range(9, 6, -1)]
    for number in (7, 8, 9):
        context.link.tell("request.finished", request(number))
    qtbot.waitUntil(lambda: names(pane) == [request(n)["id"] for n in (9, 8, 7)])


def test_tokens_are_spread_over_the_time_they_came_in() -> None:
    now = BEGIN + 900
    span, width = 600.0, 600.0 / SLICES
    begin = (now // width + 1) * width - span
    one = request(0, arrived=begin + 2 * width - 1, ttft_seconds=1.0, total_seconds=1.0 + 2 * width)
    found = slices([{**one, "completion_tokens": 100}], now, span)
    assert len(found) == SLICES and found[0].begin == begin
    assert found[2].tokens_per_second == found[3].tokens_per_second == pytest.approx(50 / width)
    assert sum(each.tokens_per_second for each in found) * width == pytest.approx(100)
    assert [n for n, each in enumerate(found) if each.requests] == [4]
    failed = request(0, arrived=now - 1, total_seconds=0.1, status=500, completion_tokens=None)
    assert slices([failed], now, span)[-2].failed == 1
    old = request(0, arrived=begin - 100, total_seconds=1.0)
    assert not any(each.requests for each in slices([old], now, span))


def test_the_chart_has_a_table_twin(pane: RequestsPane) -> None:
    now = BEGIN + 900
    pane.chart.show_slices(slices([request(890)], now, 900))
    pane.chart.as_table.setChecked(True)
    assert pane.chart.table.isVisible() and not pane.chart.plots[0].isVisible()
    lines = pane.chart.table.text().splitlines()
    assert lines[0].startswith("From") and len(lines) == 2
    plot = pane.chart.plots[0]
    assert "tok/s" in plot.tip_at(plot.rect().center())


def test_parts_of_a_request_add_up() -> None:
    assert parts(request(1)) == [
        ("wait", 0.05), ("prefill", pytest.approx(0.2)), ("decode", 1.75)
    ]  # fmt: skip
    refused = request(1, wait_seconds=None, ttft_seconds=None, total_seconds=0.01)
    assert parts(refused) == [("wait", 0.01)]
    died = request(1, ttft_seconds=None)
    assert parts(died) == [("wait", 0.05), ("prefill", 1.95)]
    odd = request(1, wait_seconds=9.0, ttft_seconds=3.0, total_seconds=2.0)  # clocks of two kinds
    assert sum(took for _, took in parts(odd)) == 2.0


def test_the_bar_shows_every_part_that_took_time(theme: Theme, qtbot: QtBot) -> None:
    line = Timeline(theme)
    qtbot.addWidget(line)
    line.resize(400, 100)
    line.show_request(request(1, wait_seconds=0.0001))
    boxes = line.boxes()
    assert [name for name, _ in boxes] == ["wait", "prefill", "decode"]
    assert all(box.width() >= 3 for _, box in boxes)
    assert boxes[-1][1].right() == pytest.approx(399.5)
    assert not line.grab().toImage().isNull()
    assert "Answering 1.8 s" in line.accessibleName()
    assert "Waiting 0 ms" in line.accessibleName()
