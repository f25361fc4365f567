"""What a loaded model can do, as its engine says: its template, and what its projector takes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from desktop.core.engine.server import EngineServer
from desktop.core.library.acceptance_signs import thinking_tag
from desktop.core.service import upstream
from desktop.core.service.api_errors import ApiError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Abilities:
    """None: nobody said.

    Attributes:
        tools: its template describes tools and knows calls.
        effort: its template has levels of reasoning effort.
        forms: the engine holds its answers in a chat to a form of JSON.
        template: the chat template itself.
    """

    tools: bool | None = None
    vision: bool | None = None
    audio: bool | None = None
    thinking: bool | None = None
    effort: bool | None = None
    forms: bool | None = None
    template: str = ""

    @classmethod
    def of(cls, props: dict[str, Any]) -> Abilities:
        """From the engine's `/props` (tools/server/README.md of llama.cpp 0c1e570)."""
        caps, takes = _mapping(props, "chat_template_caps"), _mapping(props, "modalities")
        texts = (props.get("chat_template"), props.get("chat_template_tool_use"))
        template = "\n".join(text for text in texts if isinstance(text, str))
        return cls(
            tools=_both(caps.get("supports_tools"), caps.get("supports_tool_calls")),
            vision=_known(takes.get("vision")),
            audio=_known(takes.get("audio")),
            thinking=_thinks(template) if template else None,
            effort=_known(caps.get("supports_reasoning_effort")),
            forms=_holds_forms(template) if template else None,
            template=template,
        )


NOTHING_SAID = Abilities()

# Templates for which the engine has parsers of their own that know nothing of forms and say nothing
# (Kimi K2 and K3, Ling 3, Functionary 3.2, GigaChat 3; common/chat.cpp and common/parsers of
# llama.cpp 0c1e570; tried with Kimi K2's).
_WITHOUT_FORMS = (
    ("<|tool_calls_section_begin|>", "<|tool_call_begin|>"),
    ("<|open|>", "<|close|>", "<|end_of_msg|>"),
    ("<role>ASSISTANT</role>", "<arg_key>"),
    (">>>all", ">>>${recipient}"),
    ("<|role_sep|>", "<|message_sep|>"),
)


class AbilityBook:
    """Asks each engine once."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[EngineServer, Abilities] = WeakKeyDictionary()

    async def of(self, server: EngineServer) -> Abilities:
        """What the engine's model can do; nothing is said where the engine does not tell.

        Raises:
            EngineSilent: it is gone.
        """
        found = self._known.get(server)
        if found is None:
            try:
                found = Abilities.of(await upstream.get(server, "/props"))
            except ApiError as error:
                log.info("an engine does not say what it can do", extra={"why": str(error)})
                found = NOTHING_SAID
            self._known[server] = found
        return found


def _mapping(props: dict[str, Any], name: str) -> dict[str, Any]:
    found = props.get(name)
    return found if isinstance(found, dict) else {}


def _known(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _both(one: Any, other: Any) -> bool | None:
    return one and other if isinstance(one, bool) and isinstance(other, bool) else None


def _holds_forms(template: str) -> bool:
    return not any(all(sign in template for sign in signs) for signs in _WITHOUT_FORMS)


def _thinks(template: str) -> bool:
    return thinking_tag(template) is not None or "enable_thinking" in template
