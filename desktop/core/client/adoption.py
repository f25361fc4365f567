"""Calls about other programs' models, the same file twice, and Modelfiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.core.client.transport import Json, Transport


class AdoptionCalls(Transport):
    """The part of the client that takes in what other programs have."""

    def adoptable(self) -> Json:
        """What other programs have on this machine.

        Returns: {"apps": [{"app", "title", "folder", "further", "size_bytes", "adopted", "error",
            "models": [{"name", "path", "files", "size_bytes", "card", "load_defaults", "left_out",
            "problem"}]}], "folders": those that were adopted}.
        """
        return self.call("GET", "/adoptable", timeout_seconds=None)

    def adopt(self, app: str | None = None, *, path: str | Path | None = None) -> Json:
        """Take in all folders of a program, or a folder or file. They are read in place.

        Returns: {"added", "removed", "changed": ids, "folders", "models": those that lie there}.
        """
        body = {"app": app} if path is None else {"path": str(path)}
        return self._post("/adopt", body, None)

    def forget_folder(self, path: str | Path) -> Json:
        """Look into a folder no more; returns {"added", "removed", "changed", "folders"}."""
        return self._post("/adopt/forget", {"path": str(path)}, None)

    def duplicates(self) -> Json:
        """Begin to look for files with the same content; returns the job.

        Its result: {"saved_bytes", "groups": [{"sha256", "size_bytes", "saved_bytes", "read",
        "files": [{"path", "names", "models", "app", "disk_bytes"}]}]}.
        """
        return self._post("/jobs", {"kind": "duplicates", "params": {}}, None)

    def link_duplicates(self, groups: Sequence[Sequence[str]]) -> Json:
        """Begin to make one file of each group of paths, by hard links; there is no way back.
        Returns the job.

        Its result: {"freed_bytes", "disks": [{"kept", "linked", "refused": [{"path", "error"}],
        "freed_bytes"}]}.
        """
        params = {"groups": [list(group) for group in groups]}
        return self._post("/jobs", {"kind": "link", "params": params}, None)

    def import_modelfile(self, text: str, name: str, folder: str | Path) -> Json:
        """Make a model out of a Modelfile.

        Args:
            folder: that paths in it are relative to.

        Returns: {"id", "variant_of", "left_out": [{"name", "value", "reason"}],
            "notices": [{"code", "text"}]}.
        """
        body = {"modelfile": text, "name": name, "folder": str(folder)}
        return self._post("/modelfile/import", body, None)

    def export_modelfile(self, model: str) -> Json:
        """A model as a Modelfile: {"model", "modelfile", "left_out"}."""
        return self._post("/modelfile/export", {"model": model}, None)
