"""Calls about stored benchmarks. They are read from the database; only changes go this way."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.client.transport import Json, Transport


class ResultCalls(Transport):
    """The part of the client that changes what was measured before.

    A result is named by its number or its name, as in `paddock results`.
    """

    def import_results(self, documents: list[Json]) -> Json:
        """Returns {"added": how many were not here yet}."""
        return self._post("/results/import", {"results": documents})

    def rename_result(self, result: int | str, name: str) -> Json:
        """Returns {"id", "name"}."""
        return self._post("/results/rename", {"result": result, "name": name})

    def delete_results(self, results: Sequence[int | str]) -> list[Json]:
        """They can be restored for 30 days; returns the {"id", "name"} of each."""
        found: list[Json] = self._post("/results/delete", {"results": list(results)})["deleted"]
        return found

    def restore_results(self, numbers: Sequence[int]) -> list[Json]:
        """Bring deleted results back; returns the {"id", "name"} of each."""
        found: list[Json] = self._post("/results/restore", {"results": list(numbers)})["restored"]
        return found
