"""What the menus of the Library page do: dialogs, files, and asking before anything is deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import write_atomic
from desktop.ui.context import Context
from desktop.ui.dialogs.adopting import AdoptingDialog
from desktop.ui.dialogs.removing import RemovingDialog
from desktop.ui.tabs.library.duplicates import Duplicates
from desktop.ui.tabs.library.keeping import Keeper

Json = dict[str, Any]
_MODELFILE_LIMIT = 4 << 20


class LibraryActions(QObject):
    """Opens what an action needs before the service is asked.

    Signals:
        paths_chosen: files and folders to be added.
        taken_in: ids that came from other programs.
        hidden_toggled: whether hidden models are to be listed.
        names_asked: the names and tags of the model shown are to be changed.
    """

    paths_chosen = Signal(list)
    taken_in = Signal(list)
    hidden_toggled = Signal(bool)
    names_asked = Signal()

    def __init__(self, context: Context, keeper: Keeper, page: QWidget) -> None:
        super().__init__(page)
        self._context, self._keeper, self._page = context, keeper, page
        self.menu = QMenu(page)
        self.add_folder, self.add_file = QAction(self), QAction(self)
        self.adopt, self.modelfile = QAction(self), QAction(self)
        self.duplicates = QAction(self)
        self._duplicates = Duplicates(context, page)
        self.hidden = QAction(self)
        self.hidden.setCheckable(True)
        for action, slot in (
            (self.add_folder, self._on_add_folder),
            (self.add_file, self._on_add_file),
            (self.adopt, self._on_adopt),
            (self.modelfile, self._on_modelfile),
            (self.duplicates, self._duplicates.open),
        ):
            action.triggered.connect(slot)
        self.hidden.toggled.connect(self.hidden_toggled)
        self.menu.addActions([self.add_folder, self.add_file, self.adopt, self.modelfile])
        self.menu.addSeparator()
        self.menu.addActions([self.duplicates, self.hidden])
        keeper.removal_known.connect(self._on_removal_known)
        keeper.exported.connect(self._on_exported)

    def retranslate(self) -> None:
        self.add_folder.setText(self.tr("Add folder…"))
        self.add_file.setText(self.tr("Add file…"))
        self.adopt.setText(self.tr("From other programs…"))
        self.modelfile.setText(self.tr("From a Modelfile…"))
        self.duplicates.setText(self.tr("Find duplicates…"))
        self.hidden.setText(self.tr("Show hidden models"))

    # --- one model ----------------------------------------------------------------------------

    def do(self, what: str, entry: Json) -> None:
        """Args: what: as `ModelMenu.chosen`; loading is the page's own."""
        model = entry["id"]
        if what == "chat":
            self._context.go_to("chat", model)
        elif what in ("copy_id", "copy_path"):
            self.copy(model if what == "copy_id" else entry["path"])
        elif what == "folder":
            self.open_folder(entry["path"])
        elif what == "names":
            self.names_asked.emit()
        elif what == "try":
            self._keeper.try_once(model)
        elif what == "verify":
            self._keeper.verify(model)
        elif what == "newer":
            self._keeper.look_for_newer(model)
        elif what == "get_newer":
            self._keeper.get_newer(entry)
        elif what == "export":
            self._keeper.export(model)
        elif what == "hide":
            self._keeper.hide(model)
        elif what == "show":
            self._keeper.show(model)
        elif what == "remove":
            self._keeper.ask_removal(entry)

    def copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self._context.toast(self.tr("Copied."), "check")

    def open_folder(self, path: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(path).parent)))

    def _on_removal_known(self, entry: Json, removal: Json) -> None:
        dialog = RemovingDialog(self._context, self._page, removal, entry["variant_of"])
        dialog.confirmed.connect(self._keeper.remove)
        dialog.open()

    def _on_exported(self, model: str, text: str) -> None:
        dialog = QFileDialog(self._page, self.tr("Save the Modelfile"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile("Modelfile")

        def chosen(path: str) -> None:
            self._write(Path(path), text)

        dialog.fileSelected.connect(chosen)
        dialog.open()

    def _write(self, path: Path, text: str) -> None:
        try:
            write_atomic(path, text.encode("utf-8"))
        except AppError as error:
            self._context.show_error(error)
        except OSError as error:
            reason = error.strerror or str(error)
            self._context.show_error(
                AppError(ErrorCode.PATH_UNREADABLE, path=str(path), reason=reason)
            )
        else:
            self._context.toast(self.tr("Saved as {path}.").format(path=path), "check")

    # --- taking in ----------------------------------------------------------------------------

    def _on_add_folder(self) -> None:
        dialog = QFileDialog(self._page, self.tr("Add a folder with models"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        self._open(dialog)

    def _on_add_file(self) -> None:
        dialog = QFileDialog(self._page, self.tr("Add model files"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilter(self.tr("GGUF models (*.gguf)"))
        self._open(dialog)

    def _open(self, dialog: QFileDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(self._on_files_selected)
        dialog.open()

    def _on_files_selected(self, paths: list[str]) -> None:
        self.paths_chosen.emit(list(paths))

    def _on_adopt(self) -> None:
        def found(answer: Json) -> None:
            dialog = AdoptingDialog(self._context, self._page, answer["apps"])
            dialog.confirmed.connect(self._on_apps_confirmed)
            dialog.open()

        self._context.ask(lambda client: client.adoptable(), found)

    def _on_apps_confirmed(self, apps: list[str]) -> None:
        def work(client: Client) -> list[str]:
            added: list[str] = []
            for app in dict.fromkeys(apps):  # a program may have several folders
                added += client.adopt(app)["added"]
            return added

        self._context.ask(work, self.taken_in.emit)

    def _on_modelfile(self) -> None:
        dialog = QFileDialog(self._page, self.tr("Make a model out of a Modelfile"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self._on_modelfile_chosen)
        dialog.open()

    def _on_modelfile_chosen(self, name: str) -> None:
        path = Path(name)
        try:
            with path.open("rb") as stream:
                text = stream.read(_MODELFILE_LIMIT).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "It is no text in UTF-8."
            self._context.show_error(AppError(ErrorCode.PATH_UNREADABLE, path=name, reason=reason))
            return
        own = path.stem if path.stem.lower() != "modelfile" else path.parent.name
        self._keeper.import_modelfile(text, own, str(path.parent))
