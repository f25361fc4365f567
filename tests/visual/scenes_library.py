"""What is done to a model besides loading it, in every state worth seeing."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea, QWidget

from desktop.core.errors import AppError, ErrorCode
from desktop.core.notices import notice
from desktop.ui.dialogs.adopting import AdoptingDialog
from desktop.ui.dialogs.duplicates import DuplicatesDialog
from desktop.ui.dialogs.removing import RemovingDialog
from tests.visual import data
from tests.visual.scenes import READY, scene
from tests.visual.stage import Stage


def _show(stage: Stage, model: str, part: str, **state: Any) -> Any:
    """The panel of a model, scrolled so that one of its parts is on top."""
    page = stage.page("library")
    stage.settle(lambda: page.list.filter.rowCount() == len(data.LIBRARY))
    page.list.select(model)
    page.list.opened.emit()
    stage.settle()
    title: QWidget = getattr(page.detail, part)
    area = page.split.panel.findChild(QScrollArea)
    area.verticalScrollBar().setValue(title.mapTo(page.detail, title.rect().topLeft()).y() - 12)
    stage.settle()
    return page


@scene
def library_marks(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    _show(stage, data.MODEL, "_marks_title")


@scene
def library_not_tried(stage: Stage, width: int, height: int) -> None:
    job = _job(4, "acceptance", "gpt-oss-20b:mxfp4", "queued")
    stage.open("library", width, height, jobs=[job])
    _show(stage, "gpt-oss-20b:mxfp4", "_marks_title")


@scene
def library_decided(stage: Stage, width: int, height: int) -> None:
    """A load that took less than one would expect, and is told in the panel and beside it."""
    words = {"model": data.MODEL, "need": "19.4 GiB", "available": "7.4 GiB"}
    problem = AppError(ErrorCode.LOAD_WONT_FIT, device="this machine's memory", **words)
    reduced = vars(notice("context_reduced", problem, tokens=8192, wanted=32768))
    loaded = data.loaded(notices=[reduced])
    stage.open("library", width, height, models=[data.loading(data.MODEL, "warming up", None)])
    stage.link.tell("model.changed", loaded)
    _show(stage, data.MODEL, "_title")


@scene
def library_card(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height, **READY)
    page = _show(stage, data.MODEL, "_card_title")
    page.detail.card.tags.setText("work, 日本語, rust")
    page.detail.card.tags.textEdited.emit("")
    stage.settle()


@scene
def library_facts(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    _show(stage, "llama3.2:3b", "_facts_title")


@scene
def library_checking(stage: Stage, width: int, height: int) -> None:
    progress = {"what": "reading", "done": 31, "total": 100, "unit": "bytes", "detail": {}}
    job = _job(3, "verify", data.MODEL, "running", progress=progress)
    stage.open("library", width, height, jobs=[job])
    page = stage.page("library")
    stage.settle(lambda: page.list.filter.rowCount() == len(data.LIBRARY))
    page.list.select(data.MODEL)
    page.list.opened.emit()
    stage.settle()


@scene
def library_kept_menu(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    page = stage.page("library")
    stage.settle(lambda: page.list.filter.rowCount() == len(data.LIBRARY))
    page.bar.choose("app", "ollama")
    QTest.mouseClick(page.bar.kept, Qt.MouseButton.LeftButton)
    stage.settle()


@scene
def library_removing(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    paths = [f"{data.HUB}/models--a/snapshots/1/{data.HUGE}-{n:05}-of-00009.gguf" for n in range(9)]
    removal = {
        "model": data.HUGE,
        "freed_bytes": 39 * data.GIB,
        "removed": [
            {"path": path, "part": "model", "size_bytes": 1, "freed_bytes": 1, "linked": n == 1}
            for n, path in enumerate(paths)
        ],
        "kept": [
            {
                "path": f"{data.HUB}/models--a/snapshots/1/mmproj-f16.gguf",
                "code": "used_by",
                "reason": "",
                "params": {"models": data.MODEL},
            }
        ],
        "hidden": False,
        "remains": True,
        "needed_by": [data.MODEL],
    }
    _open(stage, RemovingDialog(stage.context, stage.window, removal))


@scene
def library_adopting(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    error = AppError(ErrorCode.GGUF_TRUNCATED, path="x", have_bytes=1, need_bytes=2).to_dict()
    models = [{"name": f"phi-{n}", "problem": error if n < 7 else None} for n in range(12)]
    apps = [
        _app("ollama", "Ollama", f"{data.HOME}/.ollama/models", models[7:8]),
        _app("lmstudio", "LM Studio", f"{data.HOME}/.lmstudio/models", models),
        _app("jan", "Jan", f"{data.HOME}/jan/models", models[8:], adopted=True),
    ]
    _open(stage, AdoptingDialog(stage.context, stage.window, apps))


@scene
def library_adopting_nothing(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    _open(stage, AdoptingDialog(stage.context, stage.window, []))


@scene
def library_duplicates(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    dialog = DuplicatesDialog(stage.context, stage.window)
    _open(stage, dialog)
    groups = [
        {
            "sha256": "0" * 64,
            "size_bytes": (n + 1) * data.GIB,
            "saved_bytes": n * data.GIB,
            "files": [
                {"path": f"{data.HOME}/.ollama/models/blobs/sha256-{'dde5aa3f' * 8}"},
                {"path": f"{data.HUB}/models--a/snapshots/1/{data.MODEL}.gguf"},
            ],
        }
        for n in range(3)
    ]
    dialog.show_groups({"saved_bytes": 3 * data.GIB, "groups": groups})
    dialog.ticks[1].setChecked(True)
    stage.settle()


@scene
def library_duplicates_searching(stage: Stage, width: int, height: int) -> None:
    stage.open("library", width, height)
    dialog = DuplicatesDialog(stage.context, stage.window)
    dialog.show_progress({"what": "reading", "done": 31, "total": 100, "unit": "bytes"})
    _open(stage, dialog)


def _job(number: int, kind: str, model: str, state: str, **more: Any) -> data.Json:
    return {
        "id": number,
        "kind": kind,
        "params": {"model": model},
        "state": state,
        "position": number,
        "progress": None,
        "result": None,
        "error": None,
        "finished": None,
        **more,
    }


def _app(name: str, title: str, folder: str, models: list[data.Json], **more: Any) -> data.Json:
    return {
        "app": name,
        "title": title,
        "folder": folder,
        "further": [],
        "size_bytes": 12 * data.GIB,
        "adopted": False,
        "error": None,
        "models": models,
        **more,
    }


def _open(stage: Stage, dialog: Any) -> None:
    dialog.open()
    stage.top = dialog
    stage.settle()
