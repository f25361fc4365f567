"""Calls about the local models: what is said of them, what they take, removing them."""

from __future__ import annotations

from desktop.core.client.transport import Json, Transport


class LibraryCalls(Transport):
    """The part of the client that looks after the library.

    A model is named by its id, an alias, a path, or whatever else names just one.
    """

    def models(self, *, hidden: bool = False) -> list[Json]:
        """Every model, as `ModelEntry.to_dict` has it.

        Args:
            hidden: those that are hidden, too.
        """
        path = "/models?hidden=1" if hidden else "/models"
        found: list[Json] = self.call("GET", path, timeout_seconds=None)["models"]
        return found

    def scan(self) -> Json:
        """Look through all folders; returns the ids {"added", "removed", "changed"}."""
        return self._post("/models/scan", {}, None)

    def add_models(self, path: str) -> Json:
        return self._post("/models/add", {"path": path}, None)

    def model_settings(self, model: str) -> Json:
        """What is saved for every load of a model, by the names of `load`'s arguments."""
        saved: Json = self._post("/models/settings", {"model": model}, None)["settings"]
        return saved

    def change_model_settings(self, model: str, changes: Json) -> Json:
        """Save values for every later load of a model; None removes one. Returns all of them."""
        body = {"model": model, "changes": changes}
        saved: Json = self._post("/models/settings", body, None)["settings"]
        return saved

    # --- cards --------------------------------------------------------------------------------

    def card(self, model: str) -> Json:
        """The model as in the list, also a hidden one."""
        return self._post("/models/card", {"model": model}, None)

    def change_card(self, model: str, changes: Json) -> Json:
        """Change what is said of a model; returns it as in the list.

        Args:
            changes: any of "aliases", "tags" (whole lists), "system", "sampling", "template",
                "license", "messages", "adapters", "notes"; None takes one away.
        """
        return self._post("/models/card", {"model": model, "changes": changes}, None)

    def hide(self, model: str) -> Json:
        """Take a model out of the lists; its file is untouched."""
        return self._post("/models/hide", {"model": model}, None)

    def show(self, model: str) -> Json:
        """Put a hidden model back into the lists."""
        return self._post("/models/show", {"model": model}, None)

    # --- removing -----------------------------------------------------------------------------

    def removal(self, model: str, *, keep_file: bool = False) -> Json:
        """What `remove_model` would do; nothing is done.

        Returns: {"model", "freed_bytes", "removed": [{"path", "part", "size_bytes", "freed_bytes",
            "linked"}], "kept": [{"path", "code", "reason", "params"}], "hidden": whether it is
            only taken out of the list, "remains": whether it also lies in another place,
            "needed_by": ids of models that are loaded with it}.
        """
        return self._post("/models/removal", {"model": model, "keep_file": keep_file}, None)

    def remove_model(self, model: str, *, keep_file: bool = False) -> Json:
        """Delete what Paddock fetched of a model, for good; hide one of which it fetched nothing.

        Returns: as `removal`; "freed_bytes" is what has become free.
        """
        return self._post("/models/remove", {"model": model, "keep_file": keep_file}, None)

    # --- disk and hub -------------------------------------------------------------------------

    def disk_use(self) -> Json:
        """{"total_bytes", "places": [{"folder", "app", "bundled", "models", "disk_bytes",
        "free_bytes"}]}, each content counted once."""
        return self.call("GET", "/models/disk", timeout_seconds=None)

    def check_upstream(self, model: str | None = None) -> list[Json]:
        """Ask the hub for newer files of a model, or of all that came from it.

        Returns: of each repository {"repo", "models", "newer": ids, "error"}.
        """
        found: list[Json] = self._post("/models/upstream", {"model": model}, None)["repositories"]
        return found

    def verify_model(self, model: str) -> Json:
        """Begin to read a model's files whole and to compare them; returns the job."""
        return self._post("/jobs", {"kind": "verify", "params": {"model": model}}, None)

    def move_models(self, folder: str | None) -> Json:
        """Begin to move what was downloaded to another folder, None being the hub's own; returns
        the job."""
        return self._post("/jobs", {"kind": "move_models", "params": {"folder": folder}}, None)
