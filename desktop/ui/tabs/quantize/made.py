"""What came of a job: told once, and taken into the Library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError
from desktop.ui.context import Context
from desktop.ui.tabs.quantize import words

Json = dict[str, Any]
_OWN_FOLDER = "quantized"


def made_paths(job: Json) -> list[str]:
    """The files that a job made, and kept."""
    result = job["result"] or {}
    outputs = [each for each in result.get("outputs", ()) if not each.get("foreign")]
    found = [each.get("path") for each in outputs]
    if job["kind"] == "convert":
        found.append(result.get("path"))
    return [str(path) for path in found if path]


class MadeFiles(QObject):
    """Tells of finished jobs in a toast, with a way to the files.

    Files in Paddock's own folder are listed in the Library as a matter of course. Of others outside
    the Library's folders it is asked, since everything in such a folder would be listed.

    Signals:
        results_asked: the id of a job whose results are to be shown.
    """

    results_asked = Signal(int)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.own_folder = str(context.paths.data / _OWN_FOLDER)

    def tell(self, job: Json) -> None:
        """Args: job: one that is done."""
        paths = made_paths(job)
        if job["kind"] == "toolkit":
            self._tell_toolkit(job)
        if not paths:
            return
        own = any(Path(path).is_relative_to(self.own_folder) for path in paths)

        def work(client: Client) -> list[str]:
            if own:
                client.add_models(self.own_folder)
            else:
                client.scan()
            return _ids(client.models(), paths)

        def done(ids: list[str]) -> None:
            self._tell_made(job, paths, ids)

        self._context.ask(work, done, self._on_scan_failed(job, paths))

    def _on_scan_failed(self, job: Json, paths: list[str]) -> Any:
        def failed(error: AppError) -> None:
            self._tell_made(job, paths, [])
            self._context.show_error(error)

        return failed

    def _tell_made(self, job: Json, paths: list[str], ids: list[str]) -> None:
        count, title = words.files(len(paths)), words.job_title(job)
        if ids:
            text = self.tr("{title}: {files} made. They are in the Library.")
            action = (self.tr("Show"), lambda: self._context.go_to("library", ids[0]))
            if (job["result"] or {}).get("base"):
                action = (self.tr("Results"), lambda: self.results_asked.emit(job["id"]))
        else:
            text = self.tr("{title}: {files} made. They lie outside the Library's folders.")
            folder = str(Path(paths[0]).parent)
            action = (self.tr("Add to the Library"), lambda: self.add(folder))
        self._context.toast(text.format(title=title, files=count), "check", action)

    def _tell_toolkit(self, job: Json) -> None:
        installed = bool((job["result"] or {}).get("installed"))
        there, gone = self.tr("The converter is installed."), self.tr("The converter is removed.")
        self._context.toast(there if installed else gone, "check")

    def add(self, folder: str) -> None:
        """Have the Library list what lies in a folder."""

        def done(change: Json) -> None:
            text = self.tr("{folder} is part of the Library now.").format(folder=folder)
            self._context.toast(text, "check")

        self._context.ask(lambda client: client.add_models(folder), done)

    def open_model(self, path: str) -> None:
        """Show a file in the Library, which is to know its folder."""

        def done(ids: list[str]) -> None:
            if ids:
                self._context.go_to("library", ids[0])
                return
            folder = str(Path(path).parent)
            self._context.toast(
                self.tr("{file} lies outside the Library's folders.").format(file=Path(path).name),
                "info",
                (self.tr("Add to the Library"), lambda: self.add(folder)),
            )

        self._context.ask(lambda client: _ids(client.models(), [path]), done)


def _ids(models: list[Json], paths: list[str]) -> list[str]:
    """Ids of the models at these places, in the paths' order."""
    places: dict[str, str] = {}
    for model in models:
        for place in (model["path"], *model["shard_paths"], *model["copies"]):
            places.setdefault(place, model["id"])
    return [places[path] for path in paths if path in places]
