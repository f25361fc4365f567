"""A download in a process of its own, that can be killed; says on stdout how far it is.

Run as `python -m tests.unit.hub.download.child`, with a JSON document on stdin.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError
from desktop.core.events import Progress
from desktop.core.hub.download.fetch import fetch
from desktop.core.hub.download.order import Limits, Order
from desktop.core.web import WebSettings

ROOT = Path(__file__).resolve().parents[4]


class Child:
    """The parent's side: starts it, follows it, kills it."""

    def __init__(
        self,
        url: str,
        cache: Path,
        order: Order,
        *,
        bytes_per_second: float | None = None,
        official: str | None = None,
    ) -> None:
        task = {
            "url": url,
            "cache": str(cache),
            "order": order.to_dict(),
            "bytes_per_second": bytes_per_second,
            "official": official,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.hub.download.child"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(task))
        self.process.stdin.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def lines(self) -> Any:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield json.loads(line)

    def until(self, done_bytes: int) -> bool:
        """Wait until so much is there; False when the child has ended before."""
        return any(line.get("done", -1) >= done_bytes for line in self.lines())

    def until_note(self, code: str) -> bool:
        return any(code in line.get("notes", ()) for line in self.lines())

    def result(self) -> dict[str, Any]:
        """Wait for the end."""
        *_, last = self.lines()
        self.process.wait()
        found: dict[str, Any] = last
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class _Teller:
    def log(self, line: str) -> None:
        return None

    def progress(self, progress: Progress) -> None:
        assert progress.detail is not None
        notes = [note["code"] for note in progress.detail["notes"]]
        print(json.dumps({"done": progress.done, "notes": notes}), flush=True)


def main() -> None:
    task = json.load(sys.stdin)
    order = Order.from_dict(task["order"])
    if task["official"] is not None:
        from huggingface_hub import hf_hub_download

        print(json.dumps({"done": 0}), flush=True)
        path = hf_hub_download(
            *(order.repo, task["official"]),
            endpoint=task["url"],
            token=False,
            cache_dir=task["cache"],
        )
        print(json.dumps({"path": path}), flush=True)
        return
    limits = Limits(bytes_per_second=lambda: task["bytes_per_second"])
    settings = WebSettings(endpoint=task["url"], idle_seconds=5.0)
    try:
        fetched = fetch(order, Path(task["cache"]), settings, limits, _Teller())
    except AppError as error:
        print(json.dumps({"error": error.code}), flush=True)
        return
    print(
        json.dumps(
            {
                "fetched": fetched.fetched_bytes,
                "present": [file.was_present for file in fetched.files],
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
