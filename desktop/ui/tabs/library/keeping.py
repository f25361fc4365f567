"""What is done to a model besides loading it: names, checks, newer uploads, removing."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.models.state import ServiceState
from desktop.ui.tabs.library.jobs import JobFollower

Json = dict[str, Any]


class Keeper(QObject):
    """Asks the service, and says what came of it; the list itself follows `library.changed`.

    Signals:
        removal_known: an entry and what its removal would do (`Client.removal`): to be confirmed.
        exported: id, and the model as a Modelfile.
    """

    removal_known = Signal(dict, dict)
    exported = Signal(str, str)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._jobs = JobFollower(context, self)

    # --- what is said of it -------------------------------------------------------------------

    def change_card(self, model: str, changes: Json) -> None:
        """Args: changes: as `Client.change_card` takes them."""
        self._context.ask(lambda client: client.change_card(model, changes))

    # --- checks -------------------------------------------------------------------------------

    def verify(self, model: str) -> None:
        """Read its files whole and compare them; the result is told."""
        self._begin(lambda client: client.verify_model(model))

    def try_once(self, model: str) -> None:
        """Load it once and look whether it works."""
        params = {"model": model, "asked": True}
        self._begin(lambda client: client.submit("acceptance", params))

    def _begin(self, work: Any) -> None:
        self._context.ask(work, self._on_begun)

    def _on_begun(self, job: Json) -> None:
        self._jobs.follow(job, self._on_ended)

    def _on_ended(self, job: Json) -> None:
        model, result = job["params"]["model"], job["result"]
        if result is None:
            return
        if job["kind"] == "verify":
            self._tell_verified(model, result)
        elif result["outcome"] == "skipped":  # marks are told by the model's card
            self._tell_not_tried(model, result["error"])

    def _tell_not_tried(self, model: str, error: Json | None) -> None:
        if error is not None:
            self._context.show_error(AppError.from_dict(error))
            return
        words = self.tr("{model} was not tried: the machine was in use all the time.")
        self._context.toast(words.format(model=model), "info")

    def _tell_verified(self, model: str, result: Json) -> None:
        words, kind = {
            "ok": (self.tr("{model}: every byte is as it was published."), "check"),
            "damaged": (self.tr("{model} is damaged. The file is kept; get it again."), "error"),
        }.get(
            result["state"],
            (self.tr("{model} can be read whole; there is no hash to compare it with."), "info"),
        )
        self._context.toast(words.format(model=model), kind)

    def job_of(self, model: str, kind: str) -> Json | None:
        """The unfinished job of this kind for the model."""
        return job_of(self._context.state, model, kind)

    # --- the hub ------------------------------------------------------------------------------

    def look_for_newer(self, model: str) -> None:
        """Ask the hub whether there is a newer upload of its files."""

        def done(repositories: list[Json]) -> None:
            newer = any(model in each["newer"] for each in repositories)
            errors = [each["error"] for each in repositories if each["error"]]
            if errors and not newer:
                self._context.show_error(AppError.from_dict(errors[0]))
                return
            words = (
                self.tr("There is a newer upload of {model}.")
                if newer
                else self.tr("{model} is the newest upload.")
            )
            self._context.toast(words.format(model=model), "info" if newer else "check")

        self._context.ask(lambda client: client.check_upstream(model), done)

    def get_newer(self, entry: Json) -> None:
        name = f"{entry['repo']}/{entry['repo_file']}"
        self._context.ask(lambda client: client.pull(name), self._on_pulled)

    def _on_pulled(self, job: Json) -> None:
        self._context.go_to("downloads")

    # --- removing -----------------------------------------------------------------------------

    def ask_removal(self, entry: Json) -> None:
        """Find out what removing it would do; then `removal_known`."""

        def known(removal: Json) -> None:
            self.removal_known.emit(entry, removal)

        self._context.ask(lambda client: client.removal(entry["id"]), known)

    def remove(self, model: str) -> None:
        self._context.ask(lambda client: client.remove_model(model), self._on_removed)

    def _on_removed(self, removal: Json) -> None:
        if removal["hidden"]:
            self._tell_hidden(removal["model"])
            return
        if not removal["removed"]:
            words = self.tr("{model} was deleted.").format(model=removal["model"])
            self._context.toast(words, "check")
            return
        words = self.tr("{model} was deleted: {size} are free again.").format(
            model=removal["model"], size=units.size(removal["freed_bytes"])
        )
        self._context.toast(words, "check")

    def hide(self, model: str) -> None:
        self._context.ask(lambda client: client.hide(model), lambda _: self._tell_hidden(model))

    def _tell_hidden(self, model: str) -> None:
        def show() -> None:
            self.show(model)

        words = self.tr("{model} is out of the list; its file is untouched.").format(model=model)
        self._context.toast(words, "check", (self.tr("Undo"), show))

    def show(self, model: str) -> None:
        """Put a hidden model back."""
        self._context.ask(lambda client: client.show(model))

    # --- Modelfile ----------------------------------------------------------------------------

    def export(self, model: str) -> None:
        def done(answer: Json) -> None:
            self.exported.emit(model, answer["modelfile"])

        self._context.ask(lambda client: client.export_modelfile(model), done)

    def import_modelfile(self, text: str, name: str, folder: str) -> None:
        def work(client: Client) -> Json:
            return client.import_modelfile(text, name, folder)

        def done(answer: Json) -> None:
            words = self.tr("{model} was made.").format(model=answer["id"])
            left = [each["name"] for each in answer["left_out"]]
            if left:
                words += " " + self.tr("Not taken over: {names}.").format(names=", ".join(left))
            self._context.toast(words, "check")

        self._context.ask(work, done)


def job_of(state: ServiceState, model: str, kind: str) -> Json | None:
    """The unfinished job of this kind for the model."""
    for job in state.jobs.values():
        if job["kind"] == kind and job["params"].get("model") == model:
            return job
    return None
