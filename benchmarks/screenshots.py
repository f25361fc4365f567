"""Every page as a picture: light, dark, contrast x English, Japanese x 100 %, 200 %.

    uv run python benchmarks/screenshots.py FOLDER [--size 1200x780] [--pages chat,library]

A service of its own, in a home of its own, is asked a question first, so that there is something to
see. Each scale is a process of its own (Qt reads it once), drawn without a screen.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

PAGES = ("chat", "library", "server", "bench", "machine")
MODES = ("light", "dark", "contrast")
LANGUAGES = ("en", "ja")
SCALES = ("1", "2")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="1200x780", help="of the window, in unscaled pixels")
    parser.add_argument("--pages", default=",".join(PAGES))
    parser.add_argument("--scale", help=argparse.SUPPRESS)  # set for the child that draws
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if options.scale:
        return draw(folder, options.size, options.pages.split(","), options.scale)
    with tempfile.TemporaryDirectory(prefix="paddock-screenshots-") as home:
        environ = {**os.environ, "PADDOCK_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
        os.environ["PADDOCK_HOME"] = home
        prepare()
        try:
            for scale in SCALES:
                subprocess.run(
                    [
                        *(sys.executable, __file__, str(folder), "--size", options.size),
                        *("--pages", options.pages, "--scale", scale),
                    ],
                    env={**environ, "QT_SCALE_FACTOR": scale},
                    check=True,
                )
        finally:
            finish()
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")
    return 0


def prepare() -> None:
    """A service with a model loaded and a conversation."""
    from desktop.core.client.connect import connect_or_start
    from desktop.core.paths import paths
    from desktop.ui.shell.firstrun import mark_seen

    mark_seen(paths().ensure())
    client = connect_or_start(paths())
    model = next(each["id"] for each in client.models() if each["bundled"])
    client.load(model)
    conversation = client.create_conversation(model=model)["id"]
    client.send_turn(conversation, "What is Q4_K_M?")
    deadline = time.monotonic() + 60
    while client.conversation(conversation)["messages"][-1]["state"] in ("waiting", "streaming"):
        if time.monotonic() > deadline:
            raise SystemExit("the bundled model did not answer within a minute")
        time.sleep(0.05)


def finish() -> None:
    from desktop.core.client.connect import connect
    from desktop.core.errors import AppError
    from desktop.core.paths import paths

    try:
        pid = connect(paths()).endpoint.pid
        connect(paths()).stop()
    except AppError:
        return  # it has ended already
    import psutil  # type: ignore[import-untyped]

    deadline = time.monotonic() + 30
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)


def draw(folder: Path, size: str, pages: list[str], scale: str) -> int:
    """All pictures of one scale."""
    from PySide6.QtWidgets import QApplication

    from desktop.core.paths import paths
    from desktop.ui.app import App

    application = QApplication([])
    app = App(application, paths())
    width, height = (int(part) for part in size.split("x"))
    app.window.resize(width, height)
    app.start()
    _turn(application, lambda: app.state.online, 30)
    for page in pages:
        app.window.go_to(page)
        _turn(application, None, 4)  # what it reads at first
        for mode in MODES:
            for language in LANGUAGES:
                app.theme.set_mode(mode)  # type: ignore[arg-type]
                app.language.set(language)
                _turn(application, None, 0.4)
                name = f"{page}-{mode}-{language}-{int(scale) * 100}.png"
                app.window.grab().save(str(folder / name))
    app.quit()
    return 0


def _turn(application: object, until: Callable[[], bool] | None, seconds: float) -> None:
    """Let the window work until something holds, or for a while."""
    from PySide6.QtCore import QCoreApplication

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not (until is not None and until()):
        QCoreApplication.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
