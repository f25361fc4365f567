"""Pictures of the window: light, dark, contrast x English, Japanese x 100 %, 200 %.

    uv run python benchmarks/screenshots.py FOLDER [--size 1200x780] [--pages chat,library]
    uv run python benchmarks/screenshots.py FOLDER --states [--size 960x600] [--pages toasts]
    uv run python benchmarks/screenshots.py packaging/pictures --readme

Without more, every page as it is after a first try: a service of its own, in a home of its own, has
answered a question and measured its model. With --states, every state of `tests/visual/scenes.py`,
of a service that is made up. With --readme, the README's pictures, made from those too, in 256
colours. Each scale is a process of its own (Qt reads it once), drawn without a screen.
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

PAGES = ("chat", "discover", "library", "server", "bench", "quantize", "machine")
MODES = ("light", "dark", "contrast")
LANGUAGES = ("en", "ja")
SCALES = ("1", "2")
README = (("chat-thread", "light", "en"), ("discover-panel", "light", "en"))
README += (("library-loaded", "dark", "en"), ("bench-compared", "light", "en"))
README += (("server-on", "dark", "ja"),)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="1200x780", help="of the window, in unscaled pixels")
    parser.add_argument("--pages", help="which pages, or states")
    parser.add_argument("--states", action="store_true", help="every state, of made-up data")
    parser.add_argument("--readme", action="store_true", help="the README's pictures")
    parser.add_argument("--scale", help=argparse.SUPPRESS)  # set for the child that draws
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    pages = (options.pages or ",".join(PAGES)).split(",")
    if options.scale:
        return draw(folder, options.size, pages, options.scale)
    if options.readme:
        return draw_readme(folder)
    if options.states:
        for scale in SCALES:
            wanted = ["--scenes", options.pages] if options.pages else []
            walk(folder, scale, "--size", options.size, *wanted)
        print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")
        return 0
    with tempfile.TemporaryDirectory(prefix="paddock-screenshots-") as home:
        environ = {**os.environ, "PADDOCK_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
        os.environ["PADDOCK_HOME"] = home
        prepare()
        try:
            for scale in SCALES:
                subprocess.run(
                    [
                        *(sys.executable, __file__, str(folder), "--size", options.size),
                        *("--pages", ",".join(pages), "--scale", scale),
                    ],
                    env={**environ, "QT_SCALE_FACTOR": scale},
                    check=True,
                )
        finally:
            finish()
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")
    return 0


def walk(folder: Path, scale: str, *more: str, looks: str = "", languages: str = "") -> None:
    """Draw scenes, in a process of their own."""
    subprocess.run(
        [
            *(sys.executable, "-m", "tests.visual.walk", "--pictures", str(folder)),
            *("--look", looks or ",".join(MODES), "--language", languages or ",".join(LANGUAGES)),
            *more,
        ],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": scale},
        check=True,
    )


def draw_readme(folder: Path) -> int:
    for scene, look, language in README:
        walk(folder, "1", "--scenes", scene, looks=look, languages=language)
        drawn = folder / f"{scene}-{look}-{language}-100.png"
        reduce_colours(drawn, folder / f"{scene.split('-')[0]}.png")
        drawn.unlink()
    return 0


def reduce_colours(source: Path, target: Path) -> None:
    """Keep 256 colours and give every other pixel the nearest of them: the commonest ones, then one
    by one what would be wrong most, so that a single red word stays red."""
    import numpy as np
    from PySide6.QtGui import QImage

    image = QImage(str(source)).convertToFormat(QImage.Format.Format_RGB32)
    height, width = image.height(), image.width()
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(height, width) & 0xFFFFFF
    colours, places, counts = np.unique(pixels, return_inverse=True, return_counts=True)
    parts = np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], -1).astype(int)

    def apart(number: int) -> np.ndarray:
        return ((parts - parts[number]) ** 2).sum(-1)

    chosen = [int(number) for number in np.argsort(counts)[::-1][:64]]
    nearest = np.min([apart(number) for number in chosen], axis=0)
    while len(chosen) < min(256, len(colours)):
        chosen.append(int((nearest * np.sqrt(counts)).argmax()))
        nearest = np.minimum(nearest, apart(chosen[-1]))
    kept = colours[chosen]
    best = np.stack([apart(number) for number in chosen]).argmin(0)
    indices = best.astype(np.uint8)[places].reshape(height, width)
    reduced = QImage(
        np.ascontiguousarray(indices).data, width, height, width, QImage.Format.Format_Indexed8
    )
    reduced.setColorTable([int(colour) | 0xFF000000 for colour in kept])
    if not reduced.save(str(target), "PNG", 0):  # 0: as small as can be
        raise SystemExit(f"{target} cannot be written")


def prepare() -> None:
    """A service with a model loaded, a conversation and a result."""
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
    client.submit("bench", {"model": model, "prompt": [128], "gen": [32], "repeat": 3})
    while any(job["finished"] is None for job in client.jobs()):
        if time.monotonic() > deadline + 120:
            raise SystemExit("the benchmark did not end within three minutes")
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
