"""What a download is doing, in words: beside bars, in plain lines, in `status`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop.cli.units import duration, size

KIND = "download"
_STEPS = {"resolve": "asking the hub", "fetch": "beginning", "register": "adding it to the library"}


def amount(progress: Mapping[str, Any]) -> str:
    """How much of how much: "1.2 GiB of 4.7 GiB"."""
    total = progress.get("total")
    done = size(progress["done"])
    return f"{done} of {size(total)}" if total else done


def pace(progress: Mapping[str, Any]) -> str:
    """How fast it is and how long it takes still; empty where that is not known."""
    detail = progress.get("detail") or {}
    speed, left = detail.get("bytes_per_second"), detail.get("seconds_left")
    words = [f"{size(speed)}/s"] if speed else []
    if speed and left is not None:
        words.append(f"{duration(left)} left")
    return ", ".join(words)


def job_line(job: Mapping[str, Any]) -> str:
    """One line on a download's job: "Download 3: owner/name:Q4_K_M, paused at 1.2 of 4.7 GiB"."""
    return f"Download {job['id']}: {job['params'].get('model')}, {standing(job)}"


def standing(job: Mapping[str, Any]) -> str:
    """Where it stands in the queue, or how far it is."""
    state, progress = job["state"], job.get("progress")
    known = progress is not None and progress.get("unit") == "bytes"
    if state == "running":
        if not known:
            return step(job)
        assert progress is not None
        return ", ".join(filter(None, (amount(progress), pace(progress))))
    words = {"queued": "waits for its turn", "paused": "paused"}.get(state, state)
    return f"{words} at {amount(progress)}" if known and progress is not None else words


def step(job: Mapping[str, Any]) -> str:
    """What it does before and after the bytes come."""
    done = job.get("steps_done") or ()
    current = next((step for step in job.get("steps") or () if step not in done), "")
    return _STEPS.get(current, "beginning")
