"""Every page, dialog, menu and state of the window, looked over at every size people use it in.

`tests/visual/walk.py` does the looking, as a program of its own: Qt reads its scale once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LARGE, SMALL = "1200x780", "960x600"  # the size at first start, and the smallest there is


def rest(*values: str) -> object:
    """Looked over with the slow tests: a walk takes two minutes beside other tests."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("size", "font", "scale", "look"),
    [
        (LARGE, "1", "1", "light"),
        (LARGE, "1", "1", "dark"),
        (SMALL, "2", "1", "light"),
        rest(LARGE, "1", "1", "contrast"),
        rest(SMALL, "1", "1", "light"),
        rest(SMALL, "1", "2", "light"),
        rest(LARGE, "2", "1", "dark"),
    ],
)
def test_nothing_is_cut_covered_unnamed_untranslated_or_faint(
    size: str, font: str, scale: str, look: str
) -> None:
    walked = subprocess.run(
        [
            *(sys.executable, "-m", "tests.visual.walk", "--size", size, "--font", font),
            *("--look", look, "--language", "en,ja"),
        ],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": scale},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert walked.returncode == 0, walked.stderr[-4000:]
    found = defaultdict(list)
    for line in walked.stdout.splitlines():
        problem = json.loads(line)
        found[problem["kind"], problem["where"], problem["what"]].append(problem["scene"])
    told = [f"{': '.join(words)} ({', '.join(scenes)})" for words, scenes in found.items()]
    assert not told, "\n".join(told)
