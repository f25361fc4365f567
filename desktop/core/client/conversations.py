"""Calls about conversations; their messages' streams can be followed by any number of programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from desktop.core.client.transport import Json, Transport
from desktop.core.events import CancelToken


class ConversationCalls(Transport):
    """The part of the client that a chat needs."""

    def conversations(self, query: str = "") -> list[Json]:
        """The newest first; with `query` those that hold it in their title or a message."""
        path = f"/conversations?query={quote(query, safe='')}"
        found: list[Json] = self.call("GET", path)["conversations"]
        return found

    def create_conversation(
        self,
        title: str = "",
        model: str | None = None,
        system: str = "",
        sampling: Json | None = None,
    ) -> Json:
        body = {"title": title, "model": model, "system": system, "sampling": sampling or {}}
        return self._post("/conversations", body, None)

    def conversation(self, conversation_id: int) -> Json:
        """The conversation with "messages": those of all its branches, the oldest first."""
        return self.call("GET", f"/conversations/{conversation_id}")

    def change_conversation(self, conversation_id: int, **changes: Any) -> Json:
        """Change title, model_id, system, sampling (as a whole) or current."""
        return self._post(f"/conversations/{conversation_id}", changes, None)

    def delete_conversation(self, conversation_id: int) -> Json:
        """It can be restored for 30 days."""
        return self._post(f"/conversations/{conversation_id}/delete", {})

    def restore_conversation(self, conversation_id: int) -> Json:
        return self._post(f"/conversations/{conversation_id}/restore", {})

    def send_turn(
        self,
        conversation_id: int,
        content: str,
        parent_id: int | None = None,
        model: str | None = None,
    ) -> Json:
        """Say something; returns as soon as it is stored, with the answer still to come.

        Args:
            parent_id: the answer it follows; None: the current one; 0: it becomes another first
                message. To change a message, send it anew with the old one's parent (or 0).
            model: who answers this time; None: the conversation's model.

        Returns:
            {"conversation", "user", "assistant"}: follow the assistant's message by its id.
        """
        body = {"content": content, "parent_id": parent_id, "model": model}
        return self._post(f"/conversations/{conversation_id}/turns", body, None)

    def regenerate(self, message_id: int, model: str | None = None) -> Json:
        """Have an answer written anew beside the old one; returns {"assistant"}."""
        return self._post(f"/messages/{message_id}/regenerate", {"model": model}, None)

    def stop_message(self, message_id: int) -> Json:
        """End an answer; returns the message with what was said so far."""
        return self._post(f"/messages/{message_id}/stop", {})

    def follow_message(self, message_id: int, cancel: CancelToken | None = None) -> Iterator[Json]:
        """A message so far, what comes, and how it ended; from the beginning for each follower.

        Yields:
            {"snapshot": message}, then {"text", "reasoning"} again and again, then
            {"done": message}, after which it ends. Where it is cancelled it ends before.

        Raises:
            AppError: MESSAGE_NOT_FOUND; SERVICE_UNREACHABLE when the stream breaks off.
        """
        for line in self._lines(f"/messages/{message_id}/stream", cancel):
            if "ping" not in line:
                yield line
            if "done" in line:
                return

    def export_conversation(self, conversation_id: int, form: str = "md") -> Json:
        """A file's name and text, {"file_name", "text"}; `form` is "md" or "json"."""
        path = f"/conversations/{conversation_id}/export?form={quote(form, safe='')}"
        return self.call("GET", path)
