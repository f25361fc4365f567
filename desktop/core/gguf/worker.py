"""The child that reads headers: `_gguf_worker`, one JSON line in, one JSON line out.

A file that brings it down takes nothing with it. It imports next to nothing, so that a fresh one
is there in a moment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf import companions
from desktop.core.gguf.facts import facts_of
from desktop.core.gguf.header import NeedMoreBytes
from desktop.core.gguf.local import read_header
from desktop.core.gguf.summary import summarize
from desktop.core.gguf.values import values_of
from desktop.core.gguf.words import shown


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """`{"path"}` → `{"summary", "facts", "header_bytes"}` or `{"error"}`.

    With `{"file_size", "name"}` the path holds a file's first bytes: also → `{"need_bytes"}`.
    With `{"goes_with", "models"}` → `{"problem"}`: why it does not go with that model.
    With `{"values"}` → `{"values"}`: its keys and values.
    """
    path, name = Path(request["path"]), request.get("name")
    try:
        if "goes_with" in request:
            models = [Path(each) for each in request["models"]]
            return {"problem": companions.problem(request["goes_with"], models, path)}
        header = read_header(path, request.get("file_size"), name)
        if "values" in request:
            return {"values": values_of(header)}
        return {
            "summary": summarize(header).to_dict(),
            "facts": facts_of(header).to_dict(),
            "header_bytes": header.data_offset,
        }
    except NeedMoreBytes as more:
        return {"need_bytes": more.count}
    except AppError as error:
        return {"error": error.to_dict()}
    except MemoryError:
        reason = "it takes too much memory to read"
        too_much = AppError(ErrorCode.GGUF_HOSTILE, path=name or shown(path), reason=reason)
        return {"error": too_much.to_dict()}


def main(arguments: list[str]) -> int:
    for line in sys.stdin.buffer:
        reply = json.dumps(answer(json.loads(line)))  # ASCII: a name's odd bytes come through
        sys.stdout.buffer.write(reply.encode("ascii") + b"\n")
        sys.stdout.buffer.flush()
    return 0
