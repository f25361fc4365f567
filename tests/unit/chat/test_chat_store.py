"""Conversations in a real database: branches, search, undo, interruption."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.chat.messages import Message, MessageState, prompt
from desktop.core.chat.rules import MESSAGE_BYTES
from desktop.core.chat.store import ROOT, ConversationStore
from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "paddock.db", tmp_path / "backups")
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> ConversationStore:
    return ConversationStore(database)


def say(
    store: ConversationStore,
    conversation: int,
    question: str,
    answer: str,
    after: int | None = None,
) -> tuple[Message, Message]:
    """A whole turn."""
    _, asked, reply = store.add_turn(conversation, question, after, "tiny")
    done = replace(reply, content=answer, state=MessageState.DONE)
    store.update_reply(done)
    return asked, done


def texts(path: list[Message]) -> list[str]:
    return [message.content for message in path]


def test_a_turn_is_a_question_and_a_waiting_answer(store: ConversationStore) -> None:
    made = store.create(system="Be brief.", sampling={"temperature": 0.2, "top_k": None})
    changed, asked, reply = store.add_turn(made.id, "Hello there", None, "tiny")
    assert (asked.role, asked.state, asked.parent_id) == ("user", MessageState.DONE, None)
    assert (reply.role, reply.state, reply.parent_id) == (
        "assistant",
        MessageState.WAITING,
        asked.id,
    )
    assert (changed.title, changed.model_id, changed.current) == ("Hello there", "tiny", reply.id)
    assert (changed.message_count, changed.preview) == (2, "Hello there")
    assert (changed.system, changed.sampling) == ("Be brief.", {"temperature": 0.2})
    told = replace(
        reply,
        content="Hi.\n\nWhat now?",
        reasoning="A greeting.",
        state=MessageState.DONE,
        figures={"completion_tokens": 3},
    )
    store.update_reply(told)
    assert store.message(reply.id) == told
    assert store.get(made.id).preview == "Hi. What now?"


def test_branches(store: ConversationStore) -> None:
    made = store.create().id
    first, answer = say(store, made, "one", "1")
    _, second = say(store, made, "two", "2")
    assert texts(store.path_to(second.id)) == ["one", "1", "two", "2"]

    _, other = say(store, made, "zwei", "II", after=answer.id)  # "two", edited
    assert texts(store.path_to(other.id)) == ["one", "1", "zwei", "II"]
    _, root = say(store, made, "eins", "I", after=ROOT)  # "one", edited
    assert texts(store.path_to(root.id)) == ["eins", "I"]
    changed, again = store.add_reply(first.id, "other")
    assert (again.parent_id, again.model_id, changed.current) == (first.id, "other", again.id)
    assert (changed.title, changed.model_id, changed.message_count) == ("one", "tiny", 9)

    assert store.change(made, {"current": second.id}).current == second.id
    assert store.change(made, {"current": first.id}).current == again.id, "its newest branch"
    assert store.change(made, {"current": answer.id}).current == other.id


def test_who_can_be_a_parent(store: ConversationStore) -> None:
    one, two = store.create().id, store.create().id
    asked, answer = say(store, one, "q", "a")
    for conversation, parent, code in (
        (two, answer.id, ErrorCode.MESSAGE_NOT_FOUND),
        (one, 999, ErrorCode.MESSAGE_NOT_FOUND),
        (one, asked.id, ErrorCode.BAD_REQUEST),
        (999, None, ErrorCode.CONVERSATION_NOT_FOUND),
    ):
        with pytest.raises(AppError) as caught:
            store.add_turn(conversation, "more", parent, "tiny")
        assert caught.value.code is code
    with pytest.raises(AppError) as caught:
        store.add_reply(answer.id, "tiny")
    assert caught.value.code is ErrorCode.BAD_REQUEST
    with pytest.raises(AppError) as caught:
        store.change(two, {"current": answer.id})
    assert caught.value.code is ErrorCode.MESSAGE_NOT_FOUND
    assert (len(store.messages(one)), len(store.messages(two))) == (2, 0)


def test_search_and_order(store: ConversationStore) -> None:
    percent = store.create(title="100% sure_thing").id
    japanese = store.create().id
    _, first = say(store, japanese, "東京の天気を教えてください。", "晴れです。")
    say(store, japanese, "別の枝", "はい", after=ROOT)
    english = store.create().id
    say(store, english, "Explain QUANTIZATION", "It rounds \\ weights.")
    assert [c.id for c in store.list()] == [english, japanese, percent]
    for query, found in (
        ("quantization", [english]),
        ("rounds \\", [english]),
        ("天気", [japanese]),
        ("晴", [japanese]),
        ("0%", [percent]),
        ("e_t", [percent]),
        ("%", [percent]),
        ("_", [percent]),
        ("nowhere", []),
        ("  ", [english, japanese, percent]),
    ):
        assert [c.id for c in store.list(query)] == found, query
    store.update_reply(replace(first, content="雨です。"))
    assert store.list()[0].id == japanese, "the last one to say something"


def test_undo_and_purge(store: ConversationStore, database: Database) -> None:
    kept, gone = store.create(title="kept").id, store.create(title="gone").id
    say(store, gone, "q", "a")
    assert store.delete(gone).deleted is not None
    assert [c.id for c in store.list()] == [kept]
    assert store.list("gone") == []
    with pytest.raises(AppError) as caught:
        store.get(gone)
    assert caught.value.code is ErrorCode.CONVERSATION_NOT_FOUND
    assert store.restore(gone).deleted is None
    assert len(store.messages(gone)) == 2

    store.delete(gone)
    assert store.purge() == 0
    assert store.purge(older_than_seconds=0) == 1
    assert database.query("SELECT * FROM messages") == []
    with pytest.raises(AppError):
        store.restore(gone)
    assert store.create().id > gone, "a number is never used again"


def test_what_a_crash_left_is_interrupted(store: ConversationStore) -> None:
    made = store.create().id
    say(store, made, "q", "whole")
    _, _, cut = store.add_turn(made, "more", None, "tiny")
    store.update_reply(replace(cut, content="half an", state=MessageState.STREAMING))
    assert store.interrupted() == 1
    assert store.interrupted() == 0
    found = store.message(cut.id)
    assert (found.state, found.content) == (MessageState.INTERRUPTED, "half an")


def test_changes_are_checked(store: ConversationStore) -> None:
    made = store.create(title="  two\nlines ").id
    assert store.get(made).title == "two lines"
    for changes, code in (
        ({"sampling": {"temperature": 9}}, ErrorCode.SETTING_INVALID),
        ({"id": 5}, ErrorCode.BAD_REQUEST),
        ({"title": "fine", "system": 5}, ErrorCode.BAD_REQUEST),
        ({"title": "\ud800"}, ErrorCode.BAD_REQUEST),
    ):
        with pytest.raises(AppError) as caught:
            store.change(made, changes)
        assert caught.value.code is code
    assert store.get(made).title == "two lines"
    assert store.change(made, {}).title == "two lines"


def test_sizes_of_messages(store: ConversationStore) -> None:
    made = store.create().id
    _, asked, _ = store.add_turn(made, "あ" * (MESSAGE_BYTES // 3), None, "tiny")
    assert len(store.message(asked.id).content) == MESSAGE_BYTES // 3
    for content in ("x" * (MESSAGE_BYTES + 1), " \n", "\udfff"):
        with pytest.raises(AppError) as caught:
            store.add_turn(made, content, None, "tiny")
        assert caught.value.code is ErrorCode.BAD_REQUEST
    assert len(store.messages(made)) == 2


def test_the_prompt_of_a_branch(store: ConversationStore) -> None:
    made = store.create().id
    say(store, made, "one", "1")
    say(store, made, "lost", "")  # failed before its first word
    asked, _ = say(store, made, "two", "2")
    assert prompt("Be brief.", store.path_to(asked.id)) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "lost\n\ntwo"},
    ]
