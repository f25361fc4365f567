"""Calls about downloads and their place in the queue of jobs."""

from __future__ import annotations

from desktop.core.client.transport import Json, Transport


class DownloadCalls(Transport):
    """The part of the client that gets models, and that pauses, resumes and moves jobs."""

    def pull(
        self,
        model: str,
        *,
        projector: bool = True,
        draft: bool = False,
        limit_mib_per_second: float | None = None,
    ) -> Json:
        """Put a download at the end of the queue; returns its job.

        Where the same download waits or is paused already, that one is meant: it goes on.

        Args:
            model: "owner/name:QUANT" or "owner/name/file.gguf".
            projector: with the file that gives it eyes or ears, where there is one.
            draft: with a small model that proposes tokens, where one is known.
            limit_mib_per_second: for this download, beside the one of the settings.
        """
        params: Json = {"model": model, "projector": projector, "draft": draft}
        if limit_mib_per_second is not None:
            params["limit_mib_per_second"] = limit_mib_per_second
        return self._post("/jobs", {"kind": "download", "params": params}, None)

    def pause_job(self, job_id: int) -> Json:
        """It stops soon after, and keeps what it has until it is resumed or cancelled."""
        return self._post(f"/jobs/{job_id}/pause", {})

    def resume_job(self, job_id: int) -> Json:
        """Go on with a paused job, or try one again that failed."""
        return self._post(f"/jobs/{job_id}/resume", {})

    def move_job(self, job_id: int, before: int | None) -> Json:
        """Let a job come before another one; at the end of the queue where that is None."""
        return self._post(f"/jobs/{job_id}/move", {"before": before})
