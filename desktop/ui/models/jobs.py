"""What is asked of a job, as the service tells of it, in more than one place."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_WAITING = "waiting"  # how `jobs/handlers/acceptance.WAITING` begins, which a test compares


def waits_for_idle(job: Json) -> bool:
    """Whether it is the test of a model that waits until nothing else uses the machine."""
    if job["kind"] != "acceptance":
        return False
    progress = job.get("progress")
    waits = progress is None or progress["what"].startswith(_WAITING)
    return job["state"] != "running" or waits
