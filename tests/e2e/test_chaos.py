"""`kill -9` at random moments: no process left, a clean database, a service that starts again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from desktop.core.client.client import ChatFailed, Client
from desktop.core.db import read_only
from desktop.core.errors import AppError, ErrorCode
from tests.helpers.service import RunningService, gone, running_service, wait_for

RUNS = int(os.environ.get("CHAOS_RUNS", "200"))
HELLO = [{"role": "user", "content": "hello"}]


def chat(client: Client, model: str) -> None:
    for _ in client.chat({"model": model, "messages": HELLO, "max_tokens": 400}):
        pass


def load(client: Client, model: str) -> None:
    client.unload(model)
    client.load(model)


def bench(client: Client, model: str) -> None:
    params = {"model": model, "prompt": [16], "gen": [8], "concurrency": [1], "repeat": 2}
    job = client.submit("bench", params)
    client.follow_job(job["id"], lambda event: None)


def write(client: Client, model: str) -> None:
    for number in range(50):
        client.create_key(f"{time.time_ns()} {number}")


ACTIONS: list[Callable[[Client, str], None]] = [chat, load, bench, write]


def act(action: Callable[[Client, str], None], client: Client, model: str, odd: list[str]) -> None:
    """Do it, expecting that it may be cut off, and only in the ways a client can understand."""
    try:
        action(client, model)
    except (AppError, ChatFailed) as error:
        if isinstance(error, AppError) and error.code is ErrorCode.INTERNAL:
            odd.append(str(error))


def check_database(service: RunningService) -> None:
    with read_only(service.paths.database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_kill_at_random_moments(tmp_path: Path, tiny_model: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", str(time.time_ns() % 1_000_000)))
    print(f"CHAOS_SEED={seed} CHAOS_RUNS={RUNS}")
    rng = random.Random(seed)
    odd: list[str] = []
    killed = {"service": 0, "engine": 0}
    with running_service(tmp_path / "own") as service:
        service.client.add_models(str(tiny_model))
        model = next(m["id"] for m in service.client.models() if m["path"] == str(tiny_model))
        for _ in range(RUNS):
            action = rng.choice(ACTIONS)
            busy = threading.Thread(target=act, args=(action, service.client, model, odd))
            busy.start()
            time.sleep(rng.uniform(0, 0.8))  # the random moment
            if rng.random() < 0.5:
                killed["service"] += 1
                below = service.kill()
                wait_for(lambda left=below: gone(left), "no process is left", 5)
                check_database(service)
                service.restart()
            else:
                killed["engine"] += 1
                for engine in service.engines():
                    with contextlib.suppress(psutil.NoSuchProcess):
                        engine.send_signal(signal.SIGKILL)
            for job in service.client.state()["jobs"]:
                with contextlib.suppress(AppError):
                    service.client.cancel_job(job["id"])
            busy.join(60)
            assert not busy.is_alive(), f"{action.__name__} hangs"
            assert odd == []
        print(f"killed {killed}")
        answer = list(service.client.chat({"model": model, "messages": HELLO, "max_tokens": 2}))
        assert answer[-1]["usage"]["completion_tokens"] == 2
        service.stop()
        check_database(service)
