"""The local hub's own process: messages come on standard input, and it ends with them."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

from tests.helpers.hub.local import Local, send


def main() -> None:
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    works = Local(Path(sys.argv[1]))
    while True:
        try:
            message, values = pickle.load(source)
        except EOFError:
            works.close()  # whoever started us is gone
            return
        answer: tuple[bool, Any]
        try:
            answer = True, works.close() if message == "close" else works.do(message, values)
        except Exception as error:
            answer = False, error
        send(answers, answer)


if __name__ == "__main__":
    main()
