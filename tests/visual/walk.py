"""Walk through every scene and tell what is wrong, or draw what is there.

    python -m tests.visual.walk --size 960x600 --font 2 --look dark --language ja
    python -m tests.visual.walk --pictures FOLDER --look light --language en --scenes library,chat

A program of its own, because Qt reads its scale (QT_SCALE_FACTOR) once. Prints one line of JSON per
finding: scene, kind, where, what.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before the first import of Qt

from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from desktop.core.paths import resources
from desktop.ui.i18n import Language, read_catalogue
from desktop.ui.theme.theme import Theme
from tests.visual import (  # noqa: F401 - scenes of theirs
    data,
    data_quantize,
    data_server,
    scenes_library,
    scenes_models,
    scenes_quantize,
    scenes_results,
)
from tests.visual.checks import English, Problem, faint, problems, visible_tree
from tests.visual.scenes import SCENES
from tests.visual.stage import Stage


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", default=",".join(SCENES))
    parser.add_argument("--size", default="1200x780")
    parser.add_argument("--font", type=float, default=1.0, help="times the system's size")
    parser.add_argument("--look", default="light", help="light, dark, contrast; or several")
    parser.add_argument("--language", default="en", help="en, ja; or both")
    parser.add_argument("--pictures", type=Path, help="save pictures here instead of checking")
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    faulthandler.enable()  # what ends the program in Qt is told, too
    application = QApplication([])
    font = application.font()
    font.setPointSizeF(font.pointSizeF() * options.font)
    application.setFont(font)
    looks = options.look.split(",")
    theme, language = Theme(application, looks[0]), Language(application, "en")
    english = English(
        read_catalogue(resources() / "i18n" / "ja"),
        data.NAMES | data_server.NAMES | data_quantize.NAMES,
    )
    for code in options.language.split(","):
        language.set(code)
        for name in options.scenes.split(","):
            with tempfile.TemporaryDirectory(prefix="paddock-scene-") as home:
                os.environ["PADDOCK_HOME"] = home
                stage = Stage(application, theme, language)
                try:
                    SCENES[name](stage, width, height)
                    for number, look in enumerate(looks):
                        theme.set_mode(look)
                        stage.settle()
                        if options.pictures:
                            picture(stage).save(str(_path(options, name, look, code)))
                        else:
                            found = look_over(stage, english if code == "ja" else None, number)
                            for problem in found:
                                line = {"scene": f"{name} {look} {code}", **asdict(problem)}
                                print(json.dumps(line, ensure_ascii=False))
                finally:
                    stage.close()
    return 0


def _path(options: argparse.Namespace, scene: str, look: str, code: str) -> Path:
    options.pictures.mkdir(parents=True, exist_ok=True)
    scale = round(100 * options.font * float(os.environ.get("QT_SCALE_FACTOR", "1")))
    found: Path = options.pictures / f"{scene}-{look}-{code}-{scale}.png"
    return found


def tops(stage: Stage) -> list[QWidget]:
    """The window and what is open over it: a dialog, a menu."""
    over = [
        each
        for each in QApplication.topLevelWidgets()
        if each.isVisible() and each is not stage.window and each.objectName() != "qtooltip_label"
    ]
    return [stage.window, *over]


def look_over(stage: Stage, english: English | None, number: int) -> list[Problem]:
    """All problems in the first look; in the others places and words are the same."""
    tokens, found = stage.theme.tokens, []
    for top in tops(stage):
        if number == 0:
            found += problems(top, tokens, english)
        else:
            found += faint(top, visible_tree(top), tokens)
    return found


def picture(stage: Stage) -> QPixmap:
    """The window with its menus and dialogs where they are."""
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QPainter

    window, *over = tops(stage)
    shown = window.grab()
    painter = QPainter(shown)
    for each in over:
        painter.drawPixmap(each.mapToGlobal(QPoint()) - window.mapToGlobal(QPoint()), each.grab())
    painter.end()
    return shown


if __name__ == "__main__":
    sys.exit(main())
