"""Lines of llama-server's log: what they are, and which of them may be stored.

With `--log-jsonl` stdout carries JSON records, bare `cmd_child_to_router:state:` lines (from router
mode) and, when something goes badly wrong, plain text; stderr is plain text. Measured on llama.cpp
0c1e570 at `-lv 4`: load and timing lines hold no text of requests, but a body that is not JSON is
quoted in `got exception: …`, a grammar that does not parse is printed whole on stderr, and the last
four characters of the API key are printed at start. So before a model is ready all lines but the
key's are kept, and afterwards only those known to hold nothing but numbers, and errors without what
they quote.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

STATE_PREFIX = b"cmd_child_to_router:state:"
LIMIT = 500  # characters of one stored line; longer ones are cut


@dataclass(frozen=True)
class Line:
    """One line: a log record, a state of the router protocol, a memory breakdown or plain text."""

    kind: Literal["log", "state", "breakdown", "text"]
    text: str = ""
    level: str = ""
    data: dict[str, Any] = field(default_factory=dict)


def parse_line(raw: bytes) -> Line | None:
    """Read one line of output; None for an empty one. Never fails, whatever the bytes are."""
    raw = raw.strip()
    if not raw:
        return None
    if raw.startswith(STATE_PREFIX):
        data = _json_object(raw[len(STATE_PREFIX) :])
        return Line("state", data=data) if data is not None else None
    if raw.startswith(b"{"):
        record = _json_object(raw)
        if record is not None:
            inner = record.get("data")
            if record.get("type") == "fit_memory_breakdown" and isinstance(inner, dict):
                return Line("breakdown", data=inner)
            if record.get("type") == "log":
                text = str(record.get("msg", "")).rstrip("\n")
                return Line("log", text, str(record.get("level", "")))
    return Line("text", raw.decode("utf-8", "replace"))


def _json_object(raw: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


# What is written for every request and holds only numbers (tools/server/server-context.cpp,
# server-task.cpp, server-queue.cpp); nothing else of level info is stored once a model is ready.
_NUMBERS_ONLY = re.compile(
    r"^(?:slot|srv|res|que)\s+\S+ +(?:id +\d+ \| task -?\d+ \| +)?"
    r"(?:- )?(?:stop processing: n_tokens|processing task, is_child|prompt eval time|eval time|"
    r"total time|graphs reused|draft acceptance|n_gen =|prompt processing, n_tokens|"
    r"all slots are idle|new prompt, n_ctx_slot|cached n_tokens|selected slot by|"
    r"saving prompt with length|"
    r"cache state|updating prompt cache|prompt cache update took|saving idle slot|"
    r"cancel task, id_task|created context checkpoint|restored context checkpoint|"
    r"erased invalidated context checkpoint|forcing full prompt re-processing|"
    r"exit command received|EOF on stdin|operator\(\): cleaning up|need to evaluate at least|"
    r"n_past was set to|failed to find free space|slot context shift|no tokens to decode|"
    r"failed to launch slot with task|clearing prompt with|encoding mtmd batch)"
)
_ENGINE_ITSELF = re.compile(r"^(?:common_memory_breakdown|~?llama_|ggml_|sched_|graph_|~)\w*")
# An error's words that people need, and that no request can write.
_TELLING = re.compile(
    r"GGML_ASSERT|GGML_ABORT|CUDA error|ROCm error|vk::|ErrorOutOfDeviceMemory|MTL|"
    r"terminate called|what\(\):|bad_alloc|Aborted|Segmentation fault|out of memory|"
    r"insufficient memory|failed to allocate|current device:|in function|"
    r"error while loading shared|^libc\+\+abi|dyld|decode\(\) failed|Compute error|"
    r"exceeds the available context|failed to parse grammar$|Input prompt is too big|"
    r"input is too large",
    re.IGNORECASE,
)
_KEY_LINE = re.compile(r"api_keys?: ")
_EXCEPTION = re.compile(r"got (?:another )?exception:")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|“[^”]*”")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def redact(text: str) -> str:
    """An error's text without anything it quotes."""
    text = _QUOTED.sub("(…)", text.splitlines()[0] if text else "")
    for mark in ("'", '"', "`", "“"):  # a quote that is not closed runs to the end
        text = text.split(mark, 1)[0]
    return text


class Scrubber:
    """Decides what of a child's log is stored. One per child; used by its reader threads."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self.ready = False
        self.withheld = 0

    def text(self, line: Line) -> str | None:
        """The line as it may be stored, or None where it may not."""
        if line.kind in ("state", "breakdown"):
            return None
        kept = self._after_ready(line) if self.ready else self._before_ready(line)
        if kept is None:
            self.withheld += 1
            return None
        if self._secret:
            kept = kept.replace(self._secret, "(key)")
        kept = _ANSI.sub("", kept)
        kept = "".join(c if c.isprintable() else " " for c in kept)[:LIMIT].rstrip()
        return f"{line.level}: {kept}" if line.level in ("error", "warn") else kept

    def _before_ready(self, line: Line) -> str | None:
        return None if _KEY_LINE.search(line.text) else line.text

    def _after_ready(self, line: Line) -> str | None:
        text = line.text
        if _KEY_LINE.search(text):
            return None
        if _EXCEPTION.search(text):
            code = re.search(r'"code":(\d+)', text)
            return f"a request was refused with code {code[1] if code else 500}"
        if _NUMBERS_ONLY.search(text) or _ENGINE_ITSELF.match(text):
            return redact(text)
        if _TELLING.search(redact(text)):
            return redact(text)
        return None
