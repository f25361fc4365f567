"""What strangers send does not end up in the log, not even what is no HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from desktop.core import logs


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    before, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    yield logs.set_up(tmp_path, "service")
    for handler in root.handlers:
        handler.close()
    root.handlers[:], logging.raiseExceptions = before, raises
    root.setLevel(level)


def lines(log_file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_file.read_text("utf-8").splitlines()]


async def test_a_bad_request_is_not_quoted(log_file: Path) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nAuthori zation: Bearer pk-secret\r\n\r\n")
    assert b"400" in await reader.readline()
    writer.close()
    await runner.cleanup()
    [line] = [each for each in lines(log_file) if each["logger"] == "aiohttp.server"]
    assert line["exception"] == "BadHttpMessage"
    assert "secret" not in str(lines(log_file))


def test_a_fault_of_our_own_is_told_whole(log_file: Path) -> None:
    try:
        raise ValueError("a fault")
    except ValueError:
        logging.getLogger("desktop").exception("it failed")
    [line] = lines(log_file)
    assert "ValueError: a fault" in line["exception"]
