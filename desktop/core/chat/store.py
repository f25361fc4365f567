"""Where conversations are kept: two tables, written by the service alone.

A conversation is a tree: a message that is edited or an answer that is made anew becomes a sibling,
and `current` names the end of the branch that is shown. Nothing that was said is overwritten.
"""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from desktop.core.chat import messages as tree
from desktop.core.chat import rules
from desktop.core.chat.messages import UNFINISHED, Conversation, Message, MessageState
from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode

KEEP_DELETED_SECONDS = 30 * 24 * 3600.0
# As the parent of a message: it begins a branch of its own, such as a first message edited.
ROOT = 0
_PREVIEW_CHARS = 160

# The newest words of the branch shown: an answer that has none yet leaves the question's.
_LIST = """
SELECT c.*,
    (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id) AS message_count,
    coalesce(
        nullif((SELECT substr(content, 1, 1000) FROM messages WHERE id = c.current), ''),
        (SELECT substr(q.content, 1, 1000) FROM messages a JOIN messages q ON q.id = a.parent_id
            WHERE a.id = c.current),
        '') AS preview
FROM conversations c
"""
_MATCHES = """
AND (c.title LIKE ?1 ESCAPE '\\' OR EXISTS (
    SELECT 1 FROM messages m WHERE m.conversation_id = c.id AND m.content LIKE ?1 ESCAPE '\\'))
"""


class ConversationStore:
    """The tables `conversations` and `messages`; usable from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- conversations ------------------------------------------------------------------------

    def create(
        self,
        title: str = "",
        model_id: str | None = None,
        system: str = "",
        sampling: object = None,
    ) -> Conversation:
        """Begin a conversation; without a title it gets the first words of its first message.

        Raises:
            AppError: SETTING_INVALID, BAD_REQUEST.
        """
        now = time.time()
        values = _checked({"title": title, "system": system, "sampling": sampling or {}})
        conversation_id = self._database.execute(
            "INSERT INTO conversations (title, model_id, system, sampling, created, updated)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (values["title"], model_id, values["system"], values["sampling"], now, now),
        )
        return self.get(conversation_id)

    def get(self, conversation_id: int, deleted: bool = False) -> Conversation:
        """One conversation; one that was deleted only when asked for.

        Raises:
            AppError: CONVERSATION_NOT_FOUND.
        """
        rows = self._database.query(f"{_LIST} WHERE c.id = ?", (conversation_id,))
        if not rows or (rows[0]["deleted"] is not None and not deleted):
            raise AppError(ErrorCode.CONVERSATION_NOT_FOUND, conversation=conversation_id)
        return _conversation(rows[0])

    def change(self, conversation_id: int, changes: dict[str, Any]) -> Conversation:
        """Change title, model_id, system, sampling or current.

        Args:
            changes: `current` may be any message: the newest branch through it is shown.

        Raises:
            AppError: CONVERSATION_NOT_FOUND, MESSAGE_NOT_FOUND, SETTING_INVALID, BAD_REQUEST.
        """
        self.get(conversation_id)
        values = _checked(changes)
        if "current" in values:
            values["current"] = self._leaf(conversation_id, values["current"])
        if values:
            names = ", ".join(f"{name} = ?" for name in values)
            self._database.execute(
                f"UPDATE conversations SET {names} WHERE id = ?",
                (*values.values(), conversation_id),
            )
        return self.get(conversation_id)

    def _leaf(self, conversation_id: int, message_id: object) -> int:
        found = self.messages(conversation_id)
        if message_id not in [message.id for message in found] or not isinstance(message_id, int):
            raise AppError(ErrorCode.MESSAGE_NOT_FOUND, message=message_id)
        return tree.leaf_below(found, message_id)

    def delete(self, conversation_id: int) -> Conversation:
        """Put a conversation aside; `restore` brings it back until it is purged."""
        self.get(conversation_id)
        self._set_deleted(conversation_id, time.time())
        return self.get(conversation_id, deleted=True)

    def restore(self, conversation_id: int) -> Conversation:
        self.get(conversation_id, deleted=True)
        self._set_deleted(conversation_id, None)
        return self.get(conversation_id)

    def _set_deleted(self, conversation_id: int, when: float | None) -> None:
        self._database.execute(
            "UPDATE conversations SET deleted = ? WHERE id = ?", (when, conversation_id)
        )

    def purge(self, older_than_seconds: float = KEEP_DELETED_SECONDS) -> int:
        """Forget for good what was deleted that long ago; returns how many."""
        with self._database.transaction() as connection:
            return connection.execute(
                "DELETE FROM conversations WHERE deleted <= ?", (time.time() - older_than_seconds,)
            ).rowcount

    # --- messages -----------------------------------------------------------------------------

    def messages(self, conversation_id: int) -> list[Message]:
        """The messages of all branches, the oldest first."""
        rows = self._database.query(
            "SELECT * FROM messages WHERE conversation_id = ? ORDER BY id", (conversation_id,)
        )
        return [Message.of_row(row) for row in rows]

    def message(self, message_id: int) -> Message:
        """
        Raises:
            AppError: MESSAGE_NOT_FOUND.
        """
        rows = self._database.query("SELECT * FROM messages WHERE id = ?", (message_id,))
        if not rows:
            raise AppError(ErrorCode.MESSAGE_NOT_FOUND, message=message_id)
        return Message.of_row(rows[0])

    def path_to(self, message_id: int) -> list[Message]:
        """The branch that ends with a message, from its first message on."""
        message = self.message(message_id)
        return tree.path_to(self.messages(message.conversation_id), message_id)

    def add_turn(
        self, conversation_id: int, content: str, parent_id: int | None, model_id: str
    ) -> tuple[Conversation, Message, Message]:
        """A person's message and the answer that is to come, which becomes the current one.

        Args:
            parent_id: the answer it follows; None: the current one; ROOT: it begins a branch.

        Raises:
            AppError: CONVERSATION_NOT_FOUND, MESSAGE_NOT_FOUND, BAD_REQUEST.
        """
        content = rules.checked_message(content)
        conversation = self.get(conversation_id)
        if parent_id is None:
            parent_id = conversation.current
        elif parent_id == ROOT:
            parent_id = None
        else:
            self._check_parent(conversation_id, parent_id)
        with self._database.transaction() as connection:
            question = _insert_question(connection, conversation_id, parent_id, content)
            answer = _insert_answer(connection, conversation_id, question, model_id)
            title = conversation.title or rules.title_of(content)
            connection.execute(
                "UPDATE conversations SET title = ?, model_id = coalesce(model_id, ?) WHERE id = ?",
                (title, model_id, conversation_id),
            )
        return self.get(conversation_id), self.message(question), self.message(answer)

    def _check_parent(self, conversation_id: int, parent_id: int) -> None:
        parent = self.message(parent_id)
        if parent.conversation_id != conversation_id:
            raise AppError(ErrorCode.MESSAGE_NOT_FOUND, message=parent_id)
        if parent.role != "assistant":
            reason = f"A message follows an answer, and {parent_id} is none."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)

    def add_reply(self, question_id: int, model_id: str) -> tuple[Conversation, Message]:
        """One more answer to a person's message; it becomes the current one.

        Raises:
            AppError: MESSAGE_NOT_FOUND, CONVERSATION_NOT_FOUND, BAD_REQUEST.
        """
        question = self.message(question_id)
        self.get(question.conversation_id)
        if question.role != "user":
            raise AppError(ErrorCode.BAD_REQUEST, reason=f"{question_id} is an answer itself.")
        with self._database.transaction() as connection:
            answer = _insert_answer(connection, question.conversation_id, question_id, model_id)
        return self.get(question.conversation_id), self.message(answer)

    def update_reply(self, message: Message) -> None:
        """Store how far an answer is: its text, reasoning, state, figures and error."""
        values = (
            message.content,
            message.reasoning,
            message.state.value,
            json.dumps(message.figures) if message.figures is not None else None,
            json.dumps(message.error) if message.error is not None else None,
        )
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE messages SET content = ?, reasoning = ?, state = ?, figures = ?, error = ?"
                " WHERE id = ?",
                (*values, message.id),
            )
            if message.state not in UNFINISHED:
                connection.execute(
                    "UPDATE conversations SET updated = ? WHERE id = ?",
                    (time.time(), message.conversation_id),
                )

    def interrupted(self) -> int:
        """Mark the answers that an earlier run of the service left unfinished; how many."""
        with self._database.transaction() as connection:
            return connection.execute(
                "UPDATE messages SET state = ? WHERE state IN ('waiting', 'streaming')",
                (MessageState.INTERRUPTED.value,),
            ).rowcount

    def list(self, query: str = "") -> list[Conversation]:  # last: its name hides the builtin
        """The newest first.

        Args:
            query: only those with it in their title or in any message, of any branch.
        """
        text = query.strip()
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = self._database.query(
            f"{_LIST} WHERE c.deleted IS NULL {_MATCHES if text else ''}"
            " ORDER BY c.updated DESC, c.id DESC",
            [f"%{escaped}%"] if text else [],
        )
        return [_conversation(row) for row in rows]


def _checked(changes: dict[str, Any]) -> dict[str, Any]:
    """Columns and their values."""
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "title":
            values[name] = rules.checked_title(value)
        elif name == "system":
            values[name] = rules.checked_text(name, value or "", rules.SYSTEM_BYTES)
        elif name == "sampling":
            values[name] = json.dumps(rules.checked_sampling(value))
        elif name in ("model_id", "current"):
            values[name] = value
        else:
            raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” cannot be changed.")
    return values


_INSERT = (
    "INSERT INTO messages (conversation_id, parent_id, role, content, state, model_id, created)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


def _insert_question(
    connection: sqlite3.Connection, conversation_id: int, parent_id: int | None, content: str
) -> int:
    state = MessageState.DONE.value
    values = (conversation_id, parent_id, "user", content, state, None, time.time())
    return int(connection.execute(_INSERT, values).lastrowid or 0)


def _insert_answer(
    connection: sqlite3.Connection, conversation_id: int, question_id: int, model_id: str
) -> int:
    """An answer that is to come; its branch becomes the current one."""
    now, state = time.time(), MessageState.WAITING.value
    values = (conversation_id, question_id, "assistant", "", state, model_id, now)
    added = int(connection.execute(_INSERT, values).lastrowid or 0)
    connection.execute(
        "UPDATE conversations SET current = ?, updated = ? WHERE id = ?",
        (added, now, conversation_id),
    )
    return added


def _conversation(row: sqlite3.Row) -> Conversation:
    return Conversation(
        id=row["id"],
        title=row["title"],
        model_id=row["model_id"],
        system=row["system"],
        sampling=json.loads(row["sampling"]),
        current=row["current"],
        created=row["created"],
        updated=row["updated"],
        deleted=row["deleted"],
        preview=" ".join(row["preview"].split())[:_PREVIEW_CHARS],
        message_count=row["message_count"],
    )
