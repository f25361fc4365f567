"""Logs: one rotating file of JSON lines per process kind; never a prompt or a key in them."""

from __future__ import annotations

import json
import logging
import logging.handlers
import time
from pathlib import Path

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message and whatever `extra` held."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({k: v for k, v in record.__dict__.items() if k not in _STANDARD})
        if record.exc_info and _quotes_a_stranger(record):
            line["exception"] = type(record.exc_info[1]).__name__
        elif record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _quotes_a_stranger(record: logging.LogRecord) -> bool:
    """Whether the exception says what came instead of HTTP: it may hold a key or a prompt."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is not None and kind.__module__ == "aiohttp.http_exceptions"


def set_up(folder: Path, name: str, level: int = logging.INFO) -> Path:
    """Send this process's log to `folder/name.log` (5 MB, three old ones kept)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=5 << 20, backupCount=3, encoding="utf-8", delay=True
    )
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.raiseExceptions = False  # a full disk must not end up on somebody's terminal
    return path
